import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiClient, isToken, retryAfter_ms, storedToken, storeToken } from "./api";

afterEach(() => {
  storeToken("");
  vi.unstubAllGlobals();
});

describe("the token", () => {
  it.each([
    ["null", () => null],
    [
      "refused",
      () => {
        throw new DOMException("blocked", "SecurityError");
      },
    ],
  ])("is sent where the storage of the browser is %s", async (_, storage) => {
    vi.stubGlobal("sessionStorage", undefined);
    Object.defineProperty(globalThis, "sessionStorage", { configurable: true, get: storage });
    const sent: (string | null)[] = [];
    vi.stubGlobal("fetch", (_path: string, { headers }: { headers: Headers }) => {
      sent.push(headers.get("Authorization"));
      return Promise.resolve(new Response("{}"));
    });
    storeToken("a-token");
    await new ApiClient(() => {}).get("/a");
    expect(storedToken()).toBe("a-token");
    expect(sent).toEqual(["Bearer a-token"]);
  });

  it.each(["a-\u200btoken", "\ufeffa-token", "a-tökén", "a token", "a-token\n", ""])("cannot be %j", (text) => {
    expect(isToken(text)).toBe(false);
  });

  it("is any visible ASCII", () => {
    expect(isToken("!~aZ09-_=+/.")).toBe(true);
  });

  it("that cannot be sent is forgotten, and asked for again", async () => {
    storeToken("a-\u200btoken");
    const sent: (string | null)[] = [];
    vi.stubGlobal("fetch", (_path: string, { headers }: { headers: Headers }) => {
      sent.push(headers.get("Authorization"));
      return Promise.resolve(new Response("{}", { status: 401 }));
    });
    let asked = 0;
    const client = new ApiClient(() => ++asked);
    await expect(client.get("/a")).rejects.toMatchObject({ status: 401 });
    expect([sent, storedToken(), asked]).toEqual([[null], "", 1]);
  });
});

describe("Retry-After", () => {
  const now_ms = Date.parse("2026-03-01T09:00:00Z");
  it.each([
    ["5", 5_000],
    ["Sun, 01 Mar 2026 09:00:30 GMT", 30_000],
    ["Sun, 01 Mar 2026 08:00:00 GMT", 0],
    ["86400", 300_000],
    ["soon", 0],
    ["", 0],
  ])("%s", (text, expected) => {
    expect(retryAfter_ms(new Headers({ "Retry-After": text }), now_ms)).toBe(expected);
  });

  it("comes with the problem", async () => {
    vi.stubGlobal("fetch", () => Promise.resolve(new Response("{}", { status: 503, headers: { "Retry-After": "7" } })));
    await expect(new ApiClient(() => {}).get("/a")).rejects.toMatchObject({ status: 503, retryAfter_ms: 7_000 });
  });
});
