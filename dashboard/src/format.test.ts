import { describe, expect, it } from "vitest";
import { change, formatAmount, formatCount, formatDuration, formatMilliseconds, formatMoney, formatPercent, formatShort, nameOf } from "./format";

const plain = (text: string) => text.replaceAll("\u202f", " ");

describe("counts", () => {
  it("are grouped", () => {
    expect(formatCount(0)).toBe("0");
    expect(formatCount(999)).toBe("999");
    expect(formatCount(1234567)).toBe("1,234,567");
    expect(formatCount(-1234)).toBe("−1,234");
    expect(formatCount(Number.MAX_SAFE_INTEGER)).toBe("9,007,199,254,740,991");
  });
});

describe("money", () => {
  it("is rounded from its decimal digits, half away from zero", () => {
    expect(formatMoney("12.500000")).toBe("12.50");
    expect(formatMoney("52304.734999")).toBe("52,304.73");
    expect(formatMoney("52304.735000")).toBe("52,304.74");
    expect(formatMoney("1.005000")).toBe("1.01");
    expect(formatMoney("0.999999")).toBe("1.00");
    expect(formatMoney("-0.005000")).toBe("−0.01");
    expect(formatMoney("-0.001000")).toBe("0.00");
  });

  it("keeps digits that floating point would lose", () => {
    expect(formatMoney("90071992547409930.010000")).toBe("90,071,992,547,409,930.01");
  });

  it("is nothing when it is no number", () => {
    expect(formatMoney("")).toBe("–");
    expect(formatMoney("1e6")).toBe("–");
  });

  it("shows small prices with more digits", () => {
    expect(formatAmount(0.0123)).toBe("0.0123");
    expect(formatAmount(0)).toBe("0.00");
    expect(formatAmount(25.3)).toBe("25.30");
    expect(formatAmount(null)).toBe("–");
  });
});

describe("rates", () => {
  it("are percent, and nothing for x/0", () => {
    expect(plain(formatPercent(0.98738))).toBe("98.7 %");
    expect(plain(formatPercent(1.057))).toBe("105.7 %");
    expect(formatPercent(null)).toBe("–");
  });
});

describe("change", () => {
  const text = (now: number | null, before: number | null, rate = false) => plain(change(now, before, rate).text);

  it("is relative for sums and in points for rates", () => {
    expect(text(110, 100)).toBe("+10.0 %");
    expect(text(90, 100)).toBe("−10.0 %");
    expect(text(0.282, 0.256, true)).toBe("+2.6 pp");
  });

  it("says new, nothing or no change where a percentage would lie", () => {
    expect(text(5, 0)).toBe("new");
    expect(text(0, 0)).toBe("±0");
    expect(text(null, 3)).toBe("–");
    expect(text(100.01, 100)).toBe("±0 %");
    expect(change(100.01, 100, false).direction).toBe("flat");
  });

  it("shortens what is beyond reason", () => {
    expect(text(500_000, 100)).toBe("+500k %");
  });
});

describe("short forms", () => {
  it("keep three digits at most before the unit", () => {
    expect([0, 5, 0.25, 12.34, 950, 1500, 15_000, 250_000, 1_250_000, 3e9].map(formatShort)).toEqual([
      "0",
      "5",
      "0.25",
      "12.3",
      "950",
      "1.5k",
      "15k",
      "250k",
      "1.3M",
      "3G",
    ]);
  });

  it("name durations", () => {
    expect([400, 9_960, 12_000, 180_000, 7_200_000, 172_800_000].map(formatDuration)).toEqual(["0.4 s", "10.0 s", "12 s", "3 min", "2 h", "2 d"]);
    expect([4.26, 152.4, 1500, null].map(formatMilliseconds)).toEqual(["4.3 ms", "152 ms", "1.5 s", "–"]);
  });
});

describe("names", () => {
  it("fall back to the number, and to unknown for 0", () => {
    expect(nameOf({ id: "7", name: "Riverbend Foods" }, "company")).toBe("Riverbend Foods");
    expect(nameOf({ id: "7", name: "" }, "publisher")).toBe("Publisher 7");
    expect(nameOf({ id: "0", name: "" }, "group")).toBe("Group unknown");
  });
});
