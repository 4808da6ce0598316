import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiClient, storedToken, storeToken } from "./api";

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
});
