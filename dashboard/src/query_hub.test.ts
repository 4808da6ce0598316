import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Problem, type ApiClient } from "./api";
import { QueryHub } from "./query_hub";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function hubThatFails(status: number) {
  const asked: string[] = [];
  const client = {
    get: (path: string) => {
      asked.push(path);
      return Promise.reject(new Problem(status, "wrong", "wrong"));
    },
  } as unknown as ApiClient;
  return { hub: new QueryHub(client), asked };
}

describe("a question that fails", () => {
  it("is not asked again when the server refuses it, whatever changes meanwhile", async () => {
    const { hub, asked } = hubThatFails(400);
    hub.watch("/api/v1/kpis?company=x", () => {});
    await vi.advanceTimersByTimeAsync(10_000);
    await hub.refresh();
    await hub.refresh();
    expect(asked).toEqual(["/api/v1/kpis?company=x"]);
  });

  it("is asked once more when the address leads to it again", async () => {
    const { hub, asked } = hubThatFails(404);
    hub.watch("/a", () => {})();
    hub.watch("/a", () => {});
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toEqual(["/a", "/a"]);
  });

  it.each([0, 401, 429, 500, 503])("is asked again after %i", async (status) => {
    const { hub, asked } = hubThatFails(status);
    hub.watch("/a", () => {});
    await vi.advanceTimersByTimeAsync(9_000);
    expect(asked).toHaveLength(3);
  });
});
