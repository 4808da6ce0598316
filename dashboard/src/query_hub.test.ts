import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Problem, type ApiClient } from "./api";
import { answerTo, kNothingShown, QueryHub, shownAfter, type Result } from "./query_hub";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function hubThatFails(status: number, retryAfter_ms = 0) {
  const asked: string[] = [];
  const client = {
    get: (path: string) => {
      asked.push(path);
      return Promise.reject(new Problem(status, "wrong", "wrong", "about:blank", retryAfter_ms));
    },
  } as unknown as ApiClient;
  return { hub: new QueryHub(client), asked };
}

/** Answers after `takes_ms`; the first `failures` answers are errors. An aborted question has no answer. */
function hubOfSlowServer(takes_ms: number, failures: number) {
  const asked: AbortSignal[] = [];
  const client = {
    get: (_path: string, signal: AbortSignal) => {
      const fails = asked.push(signal) <= failures;
      return new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
        setTimeout(() => (fails ? reject(new Problem(503, "wrong", "wrong")) : resolve("figures")), takes_ms);
      });
    },
  } as unknown as ApiClient;
  return { hub: new QueryHub(client), asked };
}

describe("a question under way", () => {
  const heardBy = (hub: QueryHub) => {
    const heard: Result[] = [];
    hub.watch("/a", (result) => heard.push(result));
    return heard;
  };

  it("is left alone until its answer comes, however long the one before has failed", async () => {
    const { hub, asked } = hubOfSlowServer(6_000, 2);
    const heard = heardBy(hub);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(heard.map(({ data }) => data)).toEqual([null, null, "figures"]);
    expect(asked).toHaveLength(3);
    expect(asked.some(({ aborted }) => aborted)).toBe(false);
  });

  it("is not asked anew by a person or a second listener, who wait for the same answer", async () => {
    const { hub, asked } = hubOfSlowServer(6_000, 1);
    const heard = heardBy(hub);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(asked).toHaveLength(2);
    let waited = false;
    void hub.retry().then(() => (waited = true));
    const second = heardBy(hub);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(waited).toBe(false);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(waited).toBe(true);
    expect(asked).toHaveLength(2);
    expect([heard.at(-1)?.data, second.at(-1)?.data]).toEqual(["figures", "figures"]);
  });

  it("is given up after a minute and a half, and asked again", async () => {
    const { hub, asked } = hubOfSlowServer(1_000_000, 0);
    const heard = heardBy(hub);
    await vi.advanceTimersByTimeAsync(89_000);
    expect(heard).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(heard[0]?.error).toMatchObject({ status: 0, title: "No answer" });
    expect(asked.map(({ aborted }) => aborted)).toEqual([true, false]);
  });
});

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

  it("is asked again after longer and longer, up to half a minute", async () => {
    const { hub, asked } = hubThatFails(503);
    hub.watch("/a", () => {});
    const counts: number[] = [];
    for (const wait_ms of [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      await vi.advanceTimersByTimeAsync(wait_ms);
      counts.push(asked.length);
    }
    expect(counts).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it("waits as long as the server wants it to, whatever changes meanwhile", async () => {
    const { hub, asked } = hubThatFails(503, 12_000);
    hub.watch("/a", () => {});
    await vi.advanceTimersByTimeAsync(11_000);
    await hub.refresh();
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toHaveLength(2);
  });

  it("is asked sooner when the data changes, but not with each change", async () => {
    const { hub, asked } = hubThatFails(500);
    hub.watch("/a", () => {});
    await vi.advanceTimersByTimeAsync(14_000);
    expect(asked).toHaveLength(4);
    for (let i = 0; i < 10; ++i) {
      await vi.advanceTimersByTimeAsync(500);
      await hub.refresh();
    }
    expect(asked).toHaveLength(6);
  });

  it("is asked at once when there is a new token", async () => {
    const { hub, asked } = hubThatFails(401);
    hub.watch("/a", () => {});
    await vi.advanceTimersByTimeAsync(1);
    await hub.askAnew();
    expect(asked).toEqual(["/a", "/a"]);
  });

  it("is asked again at once when a person wants it", async () => {
    const { hub, asked } = hubThatFails(503);
    hub.watch("/a", () => {});
    await vi.advanceTimersByTimeAsync(1);
    await hub.retry();
    expect(asked).toEqual(["/a", "/a"]);
  });
});

describe("what is shown", () => {
  const problem = new Problem(503, "No", "answer");
  const answered = (path: string, data: unknown): Result => ({ path, data, error: null });
  const failed = (path: string): Result => ({ path, data: null, error: problem });
  const shown = (...results: Result[]) => results.reduce(shownAfter<unknown>, kNothingShown);

  it("keeps the figures of the same question when a refresh fails, with the error", () => {
    expect(answerTo("/a", shown(answered("/a", 1), failed("/a")))).toEqual({ data: 1, error: problem, outdated: false });
  });

  it("never keeps the figures of another question when the new one fails", () => {
    expect(answerTo("/b", shown(answered("/a", 1), failed("/b")))).toEqual({ data: null, error: problem, outdated: false });
    expect(answerTo("/b", shown(answered("/a", 1), failed("/b"), failed("/b")))).toEqual({ data: null, error: problem, outdated: false });
  });

  it("says that the figures are of another question while the new one is under way, and not what was wrong with it", () => {
    expect(answerTo("/b", shown(answered("/a", 1)))).toEqual({ data: 1, error: null, outdated: true });
    expect(answerTo("/b", shown(answered("/a", 1), failed("/a")))).toEqual({ data: 1, error: null, outdated: true });
  });

  it("is nothing where nothing is asked", () => {
    expect(answerTo(null, shown(answered("/a", 1)))).toEqual({ data: null, error: null, outdated: false });
  });

  it("stays the same object while nothing changes, so that nothing is drawn", () => {
    const before = shown(answered("/a", 1), failed("/a"));
    expect(shownAfter(before, failed("/a"))).toBe(before);
  });
});

describe("a late answer", () => {
  // Deaf to abort signals, as an answer is that has arrived already.
  function hubAnsweredByHand() {
    const open: { path: string; answer: (data: unknown) => void }[] = [];
    const client = {
      get: (path: string) => new Promise((resolve) => open.push({ path, answer: resolve })),
    } as unknown as ApiClient;
    return { hub: new QueryHub(client), open };
  }

  it("to a question that nobody asks any more is not heard", async () => {
    const { hub, open } = hubAnsweredByHand();
    const heard: unknown[] = [];
    hub.watch("/a", ({ data }) => heard.push(data))();
    hub.watch("/b", ({ data }) => heard.push(data));
    open[1]?.answer("new");
    await vi.advanceTimersByTimeAsync(1);
    open[0]?.answer("old");
    await vi.advanceTimersByTimeAsync(1);
    expect(heard).toEqual(["new"]);
  });

  it("to the same question, asked again meanwhile, is not heard, wherever the address went in between", async () => {
    const { hub, open } = hubAnsweredByHand();
    const heard: unknown[] = [];
    hub.watch("/a", ({ data }) => heard.push(data))();
    hub.watch("/a", ({ data }) => heard.push(data));
    void hub.refresh();
    open[2]?.answer("new");
    await vi.advanceTimersByTimeAsync(1);
    open[0]?.answer("oldest");
    open[1]?.answer("older");
    await vi.advanceTimersByTimeAsync(1);
    expect(heard).toEqual(["new"]);
  });
});
