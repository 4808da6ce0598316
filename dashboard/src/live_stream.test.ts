import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { storeToken } from "./api";
import { LiveStream, type Pulse } from "./live_stream";

interface Connection {
  authorization: string | null;
  signal: AbortSignal;
  send: (piece: string | Uint8Array) => void;
  end: () => void;
}

let connections: Connection[] = [];
let status = 200;
let answered: Record<string, string> = {};
let pulses: Pulse[] = [];
let changes = 0;
let stream: LiveStream;

/** One connection, which breaks off when it is aborted, as a browser's does. */
function connect(_path: string, { headers, signal }: { headers: Headers; signal: AbortSignal }): Promise<Response> {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (made) => void (controller = made) });
  signal.addEventListener("abort", () => controller.error(new DOMException("aborted", "AbortError")));
  connections.push({
    authorization: headers.get("Authorization"),
    signal,
    send: (piece) => controller.enqueue(typeof piece === "string" ? new TextEncoder().encode(piece) : piece),
    end: () => controller.close(),
  });
  return Promise.resolve(new Response(body, { status, headers: answered }));
}

const settle = () => vi.advanceTimersByTimeAsync(0);
const newest = () => connections.at(-1);
const connection = () => pulses.at(-1)?.connection;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", connect);
  connections = [];
  status = 200;
  answered = {};
  pulses = [];
  changes = 0;
  stream = new LiveStream(
    (pulse) => pulses.push(pulse),
    () => ++changes,
  );
});

afterEach(() => {
  storeToken("");
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("the live stream", () => {
  const text =
    '\ufeffevent: change\ndata: {"freshness_ms": 380}\n\n: a comment\r\nid: 7\r\nretry: 5\r\nevent: pulse\r\ndata: {"behind_ms": 9,\r\ndata: "unread_source": "läuft"}\r\n\r\n';

  it("says the same wherever it is cut, within a line end or a letter, too", async () => {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at <= bytes.length; ++at) {
      changes = 0;
      stream.start();
      await settle();
      newest()?.send(bytes.slice(0, at));
      await settle();
      newest()?.send(bytes.slice(at));
      await settle();
      expect(changes, `cut at ${at}`).toBe(1);
      expect(pulses.at(-1), `cut at ${at}`).toMatchObject({ connection: "live", freshness_ms: 380, behind_ms: 9, unread_source: "läuft" });
      pulses = [];
    }
  });

  it("takes no half of an event into the next connection", async () => {
    stream.start();
    await settle();
    newest()?.send("event: change\ndata: {}\n");
    newest()?.end();
    await vi.advanceTimersByTimeAsync(500);
    newest()?.send("\n");
    newest()?.send("data: {}\n\n");
    await settle();
    expect(connections).toHaveLength(2);
    expect(changes).toBe(0);
  });

  it("passes over what is no JSON and events that it does not know", async () => {
    stream.start();
    await settle();
    newest()?.send('event: change\ndata: {"half\n\nevent: other\ndata: {}\n\nevent: change\ndata: {}\n\n');
    await settle();
    expect(changes).toBe(1);
    expect(connection()).toBe("live");
  });

  it("sends the token in a header", async () => {
    storeToken("a-token");
    stream.start();
    await settle();
    expect(newest()?.authorization).toBe("Bearer a-token");
  });
});

describe("a token that cannot be sent", () => {
  it("is not what a lost stream is taken for: the server asks for another", async () => {
    storeToken("a-\u200btoken");
    status = 401;
    stream.start();
    await settle();
    expect(connection()).toBe("unauthorized");
  });
});

describe("a lost stream", () => {
  it("is connected again after longer and longer, and soon again once it was live", async () => {
    stream.start();
    for (const [i, wait] of [500, 1_000, 2_000, 4_000, 5_000, 5_000].entries()) {
      await settle();
      newest()?.end();
      await settle();
      expect(connection()).toBe("lost");
      await vi.advanceTimersByTimeAsync(wait - 1);
      expect(connections, `before ${wait} ms`).toHaveLength(i + 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(connections, `after ${wait} ms`).toHaveLength(i + 2);
    }
    newest()?.send("event: pulse\ndata: {}\n\n");
    await settle();
    expect(connection()).toBe("live");
    newest()?.end();
    await vi.advanceTimersByTimeAsync(500);
    expect(connections).toHaveLength(8);
  });

  it("is what one is taken for that is silent for eight seconds; a comment is no silence", async () => {
    stream.start();
    await vi.advanceTimersByTimeAsync(7_000);
    newest()?.send(": still here\n\n");
    await vi.advanceTimersByTimeAsync(7_000);
    expect(newest()?.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(newest()?.signal.aborted).toBe(true);
    expect(connection()).toBe("lost");
  });

  it("is not connected again by itself when a token is needed", async () => {
    status = 401;
    stream.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(connections).toHaveLength(1);
    expect(connection()).toBe("unauthorized");
    status = 200;
    stream.start();
    await settle();
    newest()?.send("event: pulse\ndata: {}\n\n");
    await settle();
    expect(connection()).toBe("live");
  });

  it.each([500, 502, 503])("is connected again after %i of something in between", async (refusal) => {
    status = refusal;
    answered = { "Content-Type": "text/html" };
    stream.start();
    await vi.advanceTimersByTimeAsync(500);
    expect(connections).toHaveLength(2);
    expect(connection()).toBe("lost");
  });
});

describe("a server that has no room for another stream", () => {
  beforeEach(() => {
    status = 503;
    answered = { "Content-Type": "application/problem+json", "Retry-After": "10" };
  });

  it("is asked for its figures every ten seconds instead, and for the stream with them", async () => {
    stream.start();
    await settle();
    expect(connection()).toBe("polling");
    expect(changes).toBe(1);
    await vi.advanceTimersByTimeAsync(9_999);
    expect([connections.length, changes]).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(1);
    expect([connections.length, changes]).toEqual([2, 2]);
    expect(new Set(pulses.map((pulse) => pulse.connection))).toEqual(new Set(["polling"]));
  });

  it("is live as soon as it has", async () => {
    stream.start();
    await settle();
    status = 200;
    answered = {};
    await vi.advanceTimersByTimeAsync(10_000);
    newest()?.send("event: pulse\ndata: {}\n\n");
    await settle();
    expect(connection()).toBe("live");
    await vi.advanceTimersByTimeAsync(7_000);
    expect(changes).toBe(1);
  });

  it("is asked as late as it wants", async () => {
    answered["Retry-After"] = "30";
    stream.start();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(connections).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(connections).toHaveLength(2);
  });

  it("is told from one that is gone meanwhile", async () => {
    stream.start();
    await settle();
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("refused")));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(connection()).toBe("lost");
    expect(changes).toBe(1);
  });
});
