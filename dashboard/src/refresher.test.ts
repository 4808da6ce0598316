import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refresher } from "./refresher";

describe("refresher", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 10_000 }));
  afterEach(() => void vi.useRealTimers());

  it("works at most once per interval, and once more after the last change", async () => {
    let runs = 0;
    const refresher = new Refresher(() => Promise.resolve(++runs), 500, () => true);
    for (let i = 0; i < 95; ++i) {
      refresher.request();
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(runs).toBe(4);
    await vi.advanceTimersByTimeAsync(2000);
    expect(runs).toBe(5);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(runs).toBe(5);
  });

  it("does not begin while the last work lasts", async () => {
    let running = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 3000));
      --running;
    };
    const refresher = new Refresher(work, 500, () => true);
    for (let i = 0; i < 50; ++i) {
      refresher.request();
      await vi.advanceTimersByTimeAsync(200);
    }
    expect(most).toBe(1);
  });

  it("waits until somebody looks", async () => {
    let visible = false;
    let runs = 0;
    const refresher = new Refresher(() => Promise.resolve(++runs), 500, () => visible);
    refresher.request();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(runs).toBe(0);
    visible = true;
    refresher.plan();
    await vi.advanceTimersByTimeAsync(0);
    expect(runs).toBe(1);
  });

  it("works again when asked again", async () => {
    let runs = 0;
    const refresher = new Refresher(() => Promise.resolve(++runs), 500, () => true);
    refresher.request();
    await vi.advanceTimersByTimeAsync(0);
    refresher.request();
    await vi.advanceTimersByTimeAsync(500);
    expect(runs).toBe(2);
  });
});
