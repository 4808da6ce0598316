// How far behind the figures are, and from where on they are provisional.

import { useEffect, useState } from "preact/hooks";
import { civilSeconds, clockLabel } from "../civil_time";
import { usePage } from "../context";
import { formatDuration } from "../format";
import type { Pulse } from "../live_stream";

const kFine_ms = 2_000;
const kSlow_ms = 30_000;
const kQuiet_ms = 15_000;
/** As the alert "Numbers stand still" has it: an engine reads all the time, whether there are rows or not. */
const kUnread_ms = 300_000;

interface Reading {
  tone: "good" | "warn" | "bad" | "calm";
  text: string;
  title: string;
}

/** For how long a source has not been read, once that is too long. */
export function unreadFor(pulse: Pulse, now_ms: number): number | null {
  if (pulse.connection !== "live" || pulse.unread_ms === null) return null;
  const unread_ms = pulse.unread_ms + Math.max(0, now_ms - pulse.heard_ms);
  return unread_ms > kUnread_ms ? unread_ms : null;
}

export function readPulse(pulse: Pulse, now_ms: number): Reading {
  if (pulse.connection === "connecting") return { tone: "calm", text: "connecting", title: "Waiting for the server" };
  if (pulse.connection === "unauthorized") return { tone: "bad", text: "token needed", title: "The server wants a token" };
  if (pulse.connection === "lost") return { tone: "bad", text: "disconnected", title: "The server does not answer" };
  if (pulse.connection === "polling") {
    return { tone: "warn", text: "not live", title: "The server has no live connection left for this page, which asks from time to time instead" };
  }
  if (unreadFor(pulse, now_ms) !== null) {
    return { tone: "bad", text: "engine not reading", title: `Nothing was read of ${pulse.unread_source ?? ""} for ${formatDuration(unreadFor(pulse, now_ms) ?? 0)}` };
  }
  if (pulse.behind_ms === null) return { tone: "calm", text: "no commit yet", title: "The engine has committed nothing so far" };
  const quiet_ms = pulse.behind_ms + Math.max(0, now_ms - pulse.heard_ms);
  if (quiet_ms >= kQuiet_ms) {
    return { tone: "calm", text: `quiet for ${formatDuration(quiet_ms)}`, title: "No commit since then: nothing new arrives" };
  }
  if (pulse.freshness_ms === null) return { tone: "good", text: "live", title: "Figures change as rows are counted" };
  const tone = pulse.freshness_ms <= kFine_ms ? "good" : pulse.freshness_ms <= kSlow_ms ? "warn" : "bad";
  return { tone, text: `${pulse.freshness_ms < 50 ? "< 0.1 s" : formatDuration(pulse.freshness_ms)} behind`, title: "Age of the newest raw row when it was counted" };
}

function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** An engine that is gone would otherwise look like a quiet night. */
export function UnreadBanner({ pulse }: { pulse: Pulse }) {
  const now = useNow();
  const unread_ms = unreadFor(pulse, Math.max(now, pulse.heard_ms));
  if (unread_ms === null) return null;
  return (
    <div class="banner bad" role="status" data-test="unread">
      <strong>Engine not reading.</strong> Nothing was read of <code>{pulse.unread_source}</code> for {formatDuration(unread_ms)}: the figures
      stand still. Is <code>hirestream run</code> running? Its log says what it waits for, and <code>hirestream doctor</code> whether source and
      warehouse answer. It catches up by itself; nothing is lost.
    </div>
  );
}

export function Freshness({ pulse }: { pulse: Pulse }) {
  const now = useNow();
  const { tone, text, title } = readPulse(pulse, Math.max(now, pulse.heard_ms));
  return (
    <span class={`freshness ${tone}`} title={title} data-test="freshness" data-connection={pulse.connection}>
      <span class="dot" aria-hidden="true" />
      {text}
    </span>
  );
}

export function SettledLine() {
  const { meta, zone } = usePage();
  if (!meta?.settled_until) return null;
  const settled = civilSeconds(meta.settled_until, zone);
  return (
    <span class="settled" title="What arrived before is recounted and settled; what came later is provisional until its slice is settled">
      settled to <time dateTime={meta.settled_until}>{clockLabel(settled, civilSeconds(Date.now(), zone)).slice(0, -3)}</time>
      <span class="settled-rest">, provisional after</span>
    </span>
  );
}
