// /api/v1/stream, read by fetch (an EventSource cannot send a token). Connects again by itself, and takes a stream that has gone silent
// for a lost one. Where the server has no room for it, something is taken to have changed at each attempt.

import { createParser } from "eventsource-parser";
import { headersWithToken, retryAfter_ms } from "./api";

/** "polling": the server answers, but has no room for another stream. */
export type Connection = "connecting" | "live" | "polling" | "lost" | "unauthorized";

export interface Pulse {
  connection: Connection;
  /** Age of the newest raw row when it was committed, as the last change said, or the engines' last minute. */
  freshness_ms: number | null;
  /** Since the last commit was seen, at `heard_ms`. */
  behind_ms: number | null;
  /** For how long `unread_source` had not been read at `heard_ms`, of all sources the longest; null: no engine has told. */
  unread_ms: number | null;
  unread_source: string | null;
  heard_ms: number;
  retry_at_ms: number | null;
}

export const kNoPulse: Pulse = {
  connection: "connecting",
  freshness_ms: null,
  behind_ms: null,
  unread_ms: null,
  unread_source: null,
  heard_ms: 0,
  retry_at_ms: null,
};

const kSilence_ms = 8_000;
const kRetry_ms = [500, 1_000, 2_000, 4_000, 5_000];
const kPoll_ms = 10_000;

/** Of the server itself; a proxy's 503 tells that the server is gone. */
function isFull({ status, headers }: Response): boolean {
  return status === 503 && (headers.get("Content-Type") ?? "").startsWith("application/problem+json");
}

export class LiveStream {
  private pulse = kNoPulse;
  private attempt = 0;
  private abort: AbortController | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly onPulse: (pulse: Pulse) => void,
    private readonly onChange: () => void,
  ) {}

  /** Also: at once again, whatever the state. */
  start(): void {
    this.abort?.abort();
    clearTimeout(this.retry);
    const abort = new AbortController();
    this.abort = abort;
    void this.run(abort);
  }

  private tell(news: Partial<Pulse>): void {
    this.pulse = { ...this.pulse, ...news };
    this.onPulse(this.pulse);
  }

  private async run(abort: AbortController): Promise<void> {
    let watch: ReturnType<typeof setTimeout> | undefined;
    const heard = () => {
      clearTimeout(watch);
      watch = setTimeout(() => abort.abort(), kSilence_ms);
    };
    let response: Response | null = null;
    try {
      heard();
      const headers = headersWithToken();
      headers.set("Accept", "text/event-stream");
      response = await fetch("/api/v1/stream", { headers, cache: "no-store", signal: abort.signal });
      if (response.ok && response.body) await this.read(response.body, heard);
    } catch {
      // Refused, aborted or broken off: all the same from here.
    } finally {
      clearTimeout(watch);
    }
    if (this.abort !== abort) return;
    if (response?.status === 401) {
      this.tell({ connection: "unauthorized", retry_at_ms: null });
    } else if (response && isFull(response)) {
      this.startLater("polling", Math.max(kPoll_ms, retryAfter_ms(response.headers)));
      this.onChange();
    } else {
      this.startLater("lost", kRetry_ms[Math.min(this.attempt++, kRetry_ms.length - 1)] ?? 5_000);
    }
  }

  private startLater(connection: Connection, delay_ms: number): void {
    this.tell({ connection, retry_at_ms: Date.now() + delay_ms });
    this.retry = setTimeout(() => this.start(), delay_ms);
  }

  private async read(body: ReadableStream<Uint8Array>, heard: () => void): Promise<void> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const parser = createParser({ onEvent: ({ event, data }) => this.take(event, data) });
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      parser.feed(decoder.decode(value, { stream: true }));
    }
  }

  private take(event: string | undefined, data: string): void {
    let fields: Partial<Pick<Pulse, "freshness_ms" | "behind_ms" | "unread_ms" | "unread_source">>;
    try {
      fields = JSON.parse(data) as typeof fields;
    } catch {
      return;
    }
    this.attempt = 0;
    const news: Partial<Pulse> = { connection: "live", retry_at_ms: null, heard_ms: Date.now() };
    if (typeof fields.freshness_ms === "number") news.freshness_ms = fields.freshness_ms;
    if (event === "change") {
      news.behind_ms = 0;
      this.tell(news);
      this.onChange();
    } else if (event === "pulse") {
      news.behind_ms = fields.behind_ms ?? null;
      news.unread_ms = fields.unread_ms ?? null;
      news.unread_source = fields.unread_source ?? null;
      this.tell(news);
    }
  }
}
