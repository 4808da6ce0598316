// How far behind the figures are, and from where on they are provisional.

import { useEffect, useState } from "preact/hooks";
import { civilSeconds, clockLabel } from "../civil_time";
import { usePage } from "../context";
import { formatDuration } from "../format";
import type { Pulse } from "../live_stream";

const kFine_ms = 2_000;
const kSlow_ms = 30_000;
const kQuiet_ms = 15_000;

interface Reading {
  tone: "good" | "warn" | "bad" | "calm";
  text: string;
  title: string;
}

export function readPulse(pulse: Pulse, now_ms: number): Reading {
  if (pulse.connection === "connecting") return { tone: "calm", text: "connecting", title: "Waiting for the server" };
  if (pulse.connection === "unauthorized") return { tone: "bad", text: "token needed", title: "The server wants a token" };
  if (pulse.connection === "lost") return { tone: "bad", text: "disconnected", title: "The server does not answer" };
  if (pulse.behind_ms === null) return { tone: "calm", text: "no commit yet", title: "The engine has committed nothing so far" };
  const quiet_ms = pulse.behind_ms + Math.max(0, now_ms - pulse.heard_ms);
  if (quiet_ms >= kQuiet_ms) {
    return { tone: "calm", text: `quiet for ${formatDuration(quiet_ms)}`, title: "No commit since then: nothing new arrives, or no engine runs" };
  }
  if (pulse.freshness_ms === null) return { tone: "good", text: "live", title: "Figures change as rows are counted" };
  const tone = pulse.freshness_ms <= kFine_ms ? "good" : pulse.freshness_ms <= kSlow_ms ? "warn" : "bad";
  return { tone, text: `${pulse.freshness_ms < 50 ? "< 0.1 s" : formatDuration(pulse.freshness_ms)} behind`, title: "Age of the newest raw row when it was counted" };
}

export function Freshness({ pulse }: { pulse: Pulse }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
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
