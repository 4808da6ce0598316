import { describe, expect, it } from "vitest";
import type { Entry, Figures, Kpis, Minute, Point, Range, Series, Slice, Verification } from "./api";
import { sparklinePath } from "./charts/sparkline";
import { compareIds } from "./format";
import { isolated } from "./charts/time_chart";
import { compareEntries } from "./parts/breakdown";
import { readPulse, unreadFor } from "./parts/freshness";
import { comparisonNote, completedPoints } from "./parts/kpi_tiles";
import { gridsOf, lookOf } from "./parts/slice_map";
import { joinMinutes, readMirror } from "./views/pipeline";
import { classSum, readVerification, shareText } from "./views/quality";
import { kNoPulse, type Pulse } from "./live_stream";

const entry = (id: string, spend: string, cpa: number | null): Entry => ({
  id,
  name: "",
  impressions: 0,
  clicks: 0,
  conversions: 0,
  qualified: 0,
  unqualified: 0,
  spend,
  click_through_rate: null,
  conversion_rate: null,
  qualified_ratio: null,
  average_bid: null,
  cost_per_conversion: cpa,
  cost_per_qualified: null,
});

describe("breakdown order", () => {
  const entries = [entry("1", "9.000000", null), entry("2", "10.000000", 3), entry("3", "10.000000", 1), entry("10", "2.000000", 2)];
  const ids = (sort: string, descending: boolean) => [...entries].sort((a, b) => compareEntries(a, b, sort, descending, "job")).map(({ id }) => id);

  it("compares money as numbers and equals by id", () => {
    expect(ids("spend", true)).toEqual(["2", "3", "1", "10"]);
    expect(ids("spend", false)).toEqual(["10", "1", "2", "3"]);
  });

  it("puts what has no value last, whichever way", () => {
    expect(ids("cost_per_conversion", false)).toEqual(["3", "10", "2", "1"]);
    expect(ids("cost_per_conversion", true)).toEqual(["2", "10", "3", "1"]);
  });

  it("orders names with numbers as people do", () => {
    expect(ids("name", false)).toEqual(["1", "2", "3", "10"]);
  });
});

describe("ids", () => {
  it("are compared exactly beyond what a number holds", () => {
    const large = ["9007199254740993", "9007199254740992", "-9223372036854775808", "9223372036854775807", "0"];
    expect([...large].sort(compareIds)).toEqual(["-9223372036854775808", "0", "9007199254740992", "9007199254740993", "9223372036854775807"]);
    const equal = large.map((id) => entry(id, "1.000000", null));
    expect(equal.sort((a, b) => compareEntries(a, b, "spend", true, "job")).map(({ id }) => id)[2]).toBe("9007199254740992");
  });
});

describe("what verify found", () => {
  const now = Date.parse("2026-03-01T09:05:00Z");
  const found = (fields: Partial<Verification>): Verification => ({
    at: "2026-03-01T09:00:00Z",
    differences: 0,
    rows_read: 202_505,
    slices_checked: 40,
    slices_different: 0,
    slices_repaired: 0,
    slices_held: 0,
    slices_damaged: 0,
    cells_checked: 32_243,
    cells_different: 0,
    ...fields,
  });
  const plain = (verification: Verification | null) => {
    const { tone, text } = readVerification(verification, now);
    return { tone, text: text.replaceAll("\u202f", " ") };
  };

  it("is said with its age", () => {
    expect(plain(found({}))).toEqual({ tone: "good", text: "Last verified 5 min ago: no difference in 202,505 rows." });
    expect(plain(found({ differences: 1 }))).toEqual({ tone: "bad", text: "Last verified 5 min ago: 1 difference in 202,505 rows." });
    expect(plain(found({ differences: 1234 }))).toEqual({ tone: "bad", text: "Last verified 5 min ago: 1,234 differences in 202,505 rows." });
  });

  it("is said with what was repaired", () => {
    expect(plain(found({ slices_repaired: 1 })).text).toMatch(/202,505 rows\. 1 slice was repaired\.$/);
    expect(plain(found({ slices_repaired: 3 })).text).toMatch(/ 3 slices were repaired\.$/);
  });

  it("is said to be missing", () => {
    expect(plain(null)).toEqual({ tone: "quiet", text: "Never verified." });
  });

  it("is not of the future where clocks differ", () => {
    expect(plain(found({ at: "2026-03-01T09:05:30Z" })).text).toContain("Last verified 0.0 s ago");
  });
});

const slice = (fields: Partial<Slice>): Slice => ({
  source: "a",
  shard: 0,
  bucket: "1",
  begin: null,
  state: "settled",
  held: false,
  revision: 1,
  rows: 1,
  settled_at: "2026-03-01T09:00:00Z",
  audited_at: "2026-03-01T09:00:00Z",
  corrected_at: null,
  updated_at: null,
  ...fields,
});

describe("slice map", () => {
  it("tells settled from audited by the times, and held before all", () => {
    expect(lookOf(slice({}))).toBe("settled");
    expect(lookOf(slice({ audited_at: "2026-03-01T09:10:00Z" }))).toBe("audited");
    expect(lookOf(slice({ held: true }))).toBe("held");
    expect(lookOf(slice({ corrected_at: "2026-03-01T09:10:00Z", audited_at: "2026-03-01T09:20:00Z" }))).toBe("corrected");
    expect(lookOf(slice({ state: "open", settled_at: null, audited_at: null }))).toBe("open");
  });

  it("orders buckets as 64-bit numbers", () => {
    const grids = gridsOf(["9007199254740993", "10", "9007199254740992", "-1"].map((bucket) => slice({ bucket })));
    expect(grids[0]?.buckets).toEqual(["-1", "10", "9007199254740992", "9007199254740993"]);
  });
});

describe("minutes of several sources", () => {
  const minute = (fields: Partial<Minute>): Minute => ({
    source: "a",
    minute: "2026-03-01T09:00:00Z",
    new_rows: 10,
    rows_read: 40,
    requests: 1,
    commits: 1,
    commit_ms_mean: 4,
    commit_ms_max: 8,
    freshness_ms_p50: 100,
    freshness_ms_p95: null,
    freshness_ms_max: 300,
    slices_settled: 0,
    slices_corrected: 0,
    slices_audited: 0,
    conflicts: 0,
    retries: 0,
    ...fields,
  });
  const both = [minute({}), minute({ source: "b", commits: 3, commit_ms_mean: 8, commit_ms_max: 5, freshness_ms_p50: 200, freshness_ms_p95: 250 })];

  it("add rows, weight means and take the worst", () => {
    const [row] = [...joinMinutes(both, null).values()];
    expect(row).toMatchObject({ new_rows: 20, rows_read: 80, commits: 4, commit_ms_mean: 7, commit_ms_max: 8, freshness_ms_p50: 200, freshness_ms_p95: 250 });
  });

  it("leave out other sources when one is chosen", () => {
    const [row] = [...joinMinutes(both, "a").values()];
    expect(row).toMatchObject({ new_rows: 10, freshness_ms_p95: null });
  });
});

describe("mirrors", () => {
  const now = Date.parse("2026-06-01T10:00:00Z");
  const mirror = { source: "a", node: "n", stored_at: "2026-06-01T09:59:30Z", copied_at: null, copying: false };

  it("are well while they are heard of", () => {
    expect(readMirror(mirror, now)).toEqual({ tone: "good", text: "follows the log" });
    expect(readMirror({ ...mirror, copying: true }, now)).toEqual({ tone: "quiet", text: "copies what it lacks" });
  });

  it("are not when they are silent", () => {
    expect(readMirror({ ...mirror, stored_at: "2026-06-01T09:55:00Z" }, now)).toMatchObject({ tone: "bad", text: expect.stringMatching(/^not heard of for 5/) as string });
    expect(readMirror({ ...mirror, stored_at: null }, now)).toEqual({ tone: "bad", text: "never heard of" });
  });
});

describe("data quality", () => {
  it("adds all classes but the total", () => {
    expect(classSum({ read: 999, counted: 1, unattributed: 20, other: 300, rejected: 4000, too_late: 50_000 })).toBe(54_321);
  });

  it("does not write none where there are few", () => {
    const plain = (count: number, read: number) => shareText(count, read).replaceAll("\u202f", " ");
    expect(plain(86, 200_373)).toBe("< 0.1 %");
    expect(plain(0, 200_373)).toBe("0.0 %");
    expect(plain(1, 1000)).toBe("0.1 %");
    expect(plain(0, 0)).toBe("–");
  });
});

describe("freshness", () => {
  const pulse = (fields: Partial<Pulse>): Pulse => ({ ...kNoPulse, connection: "live", freshness_ms: 380, behind_ms: 0, heard_ms: 1000, ...fields });

  it("says how old the newest row was when it was counted", () => {
    expect(readPulse(pulse({}), 1000)).toMatchObject({ tone: "good", text: "0.4 s behind" });
    expect(readPulse(pulse({ freshness_ms: 5_000 }), 1000)).toMatchObject({ tone: "warn", text: "5.0 s behind" });
    expect(readPulse(pulse({ freshness_ms: 90_000 }), 1000)).toMatchObject({ tone: "bad", text: "90 s behind" });
  });

  it("says quiet when nothing has been committed for a while, counting on after the last pulse", () => {
    expect(readPulse(pulse({ behind_ms: 14_000 }), 1000)).toMatchObject({ text: "0.4 s behind" });
    expect(readPulse(pulse({ behind_ms: 14_000 }), 3000)).toMatchObject({ tone: "calm", text: "quiet for 16 s" });
  });

  it("says that an engine is gone after five minutes without a read, counting on after the last pulse", () => {
    const read = (unread_ms: number, now_ms = 1000) => readPulse(pulse({ behind_ms: 36_000, unread_ms, unread_source: "logs.tracking" }), now_ms);
    expect(read(300_000)).toMatchObject({ tone: "calm", text: "quiet for 36 s" });
    expect(read(301_000)).toMatchObject({ tone: "bad", text: "engine not reading", title: "Nothing was read of logs.tracking for 5 min" });
    expect(read(300_000, 2000)).toMatchObject({ tone: "bad" });
    expect(unreadFor(pulse({}), 10_000_000)).toBeNull();
    expect(unreadFor(pulse({ connection: "lost", unread_ms: 900_000 }), 1000)).toBeNull();
  });

  it("never calls a lost connection fresh", () => {
    expect(readPulse(pulse({ connection: "lost" }), 1000)).toMatchObject({ tone: "bad", text: "disconnected" });
  });

  it("calls figures without a stream neither live nor disconnected", () => {
    expect(readPulse(pulse({ connection: "polling" }), 1000)).toMatchObject({ tone: "warn", text: "not live" });
  });
});

describe("what a change compares", () => {
  const range = (from: string, to: string): Range => ({ from, to });
  const figures: Figures = entry("0", "0.000000", null);
  const note = (shown: Range, completed: Range, before: Range) => {
    const kpis: Kpis = {
      range: shown,
      current: figures,
      previous_range: before,
      previous: figures,
      completed: { range: completed, current: figures, previous_range: before, previous: figures },
    };
    return comparisonNote(kpis);
  };

  it("is the period before where all is completed", () => {
    const over = range("2026-03-02T03:00", "2026-03-02T09:00");
    expect(note(over, over, range("2026-03-01T21:00", "2026-03-02T03:00"))).toBe("Change against 1 Mar 21:00 – 2 Mar 03:00.");
  });

  it("is the last completed hour when the running one is shown", () => {
    expect(note(range("2026-03-02T09:00", "2026-03-02T10:00"), range("2026-03-02T08:00", "2026-03-02T09:00"), range("2026-03-02T07:00", "2026-03-02T08:00"))).toBe(
      "Change of 2 Mar, 08:00 – 09:00 against 2 Mar, 07:00 – 08:00: completed hours only. The figures themselves include the running hour, which is not whole yet.",
    );
  });

  it("is said of today where days are shown", () => {
    expect(note(range("2026-02-24T00:00", "2026-03-03T00:00"), range("2026-02-24T00:00", "2026-03-02T09:00"), range("2026-02-17T00:00", "2026-02-23T09:00"))).toContain(
      "The figures themselves include today, which is not whole yet.",
    );
  });
});

describe("lines with gaps", () => {
  it("give a dot to what stands alone", () => {
    expect(isolated([1, null, 2, 3, null, 4])).toEqual([0, 5]);
    expect(isolated([7])).toEqual([0]);
    expect(isolated([null, undefined])).toEqual([]);
  });
});

describe("sparkline", () => {
  const series = (step: Series["step"], times: string[]): Series => ({
    range: { from: times[0] ?? "", to: "" },
    step,
    points: times.map((time): Point => ({ time, ...entry("0", "0.000000", null) })),
    previous: null,
  });
  const times = (of: Series, to: string) => completedPoints(of, to).map(({ time }) => time);

  it("ends with the last completed hour or day, since the running one would look like a fall", () => {
    const hours = series("hour", ["2026-03-02T07:00", "2026-03-02T08:00", "2026-03-02T09:00"]);
    expect(times(hours, "2026-03-02T09:00")).toEqual(["2026-03-02T07:00", "2026-03-02T08:00"]);
    expect(times(hours, "2026-03-02T10:00")).toHaveLength(3);
    const days = series("day", ["2026-03-01T00:00", "2026-03-02T00:00"]);
    expect(times(days, "2026-03-02T09:00")).toEqual(["2026-03-01T00:00"]);
    expect(times(days, "2026-03-03T00:00")).toHaveLength(2);
  });

  it("breaks at gaps and stays inside its box", () => {
    const path = sparklinePath([0, 10, null, 5, 10]);
    expect(path.match(/M/g)).toHaveLength(2);
    for (const [, y] of path.matchAll(/[ML][\d.]+ ([\d.-]+)/g)) {
      expect(Number(y)).toBeGreaterThanOrEqual(0);
      expect(Number(y)).toBeLessThanOrEqual(24);
    }
  });

  it("draws nothing for fewer than two values", () => {
    expect(sparklinePath([null, 3, null])).toBe("");
  });
});
