import { describe, expect, it } from "vitest";
import { civilSeconds, clockLabel, hourOfText, rangeLabel, rangeOfLast, stepLabel, textOfHour } from "./civil_time";

const hour = (text: string) => {
  const found = hourOfText(text);
  if (found === null) throw new Error(`not an hour: ${text}`);
  return found;
};

describe("hours", () => {
  it("are the same after writing and reading", () => {
    for (const text of ["1970-01-01T00:00", "2024-02-29T23:00", "2026-03-01T09:00", "1969-12-31T23:00"]) {
      expect(textOfHour(hour(text))).toBe(text);
    }
  });

  it("are refused when they are no full hour or no day", () => {
    for (const text of ["", "2026-03-01", "2026-03-01T09:30", "2026-03-01T9:00", "2026-02-30T00:00", "2026-13-01T00:00", "2026-03-01T24:00", "x2026-03-01T09:00"]) {
      expect(hourOfText(text), text).toBeNull();
    }
  });
});

describe("ranges of `last`", () => {
  const now = hour("2026-03-01T09:00");

  it("end with the current hour, which is in them", () => {
    expect(rangeOfLast("1h", now)).toEqual({ from: now, to: now + 1 });
    expect(rangeOfLast("24h", now)).toEqual({ from: hour("2026-02-28T10:00"), to: hour("2026-03-01T10:00") });
  });

  it("end with the current day when they count days", () => {
    expect(rangeOfLast("7d", now)).toEqual({ from: hour("2026-02-23T00:00"), to: hour("2026-03-02T00:00") });
  });

  it("have the same day at its first and last hour", () => {
    expect(rangeOfLast("1d", hour("2026-03-01T00:00"))).toEqual(rangeOfLast("1d", hour("2026-03-01T23:00")));
  });

  it("are refused in any other form", () => {
    for (const text of ["", "0h", "24", "h", "-1h", "24m", "10000h", "1.5h"]) expect(rangeOfLast(text, now), text).toBeNull();
  });
});

describe("instants in the reporting zone", () => {
  const at = (instant: string, zone: string) => new Date(civilSeconds(instant, zone) * 1000).toISOString().slice(0, 19);

  it("follow the zone's offset", () => {
    expect(at("2026-01-15T12:00:00Z", "UTC")).toBe("2026-01-15T12:00:00");
    expect(at("2026-01-15T12:00:00Z", "Europe/Berlin")).toBe("2026-01-15T13:00:00");
    expect(at("2026-01-15T23:45:30Z", "Asia/Kathmandu")).toBe("2026-01-16T05:30:30");
  });

  it("follow summer time, at the very second it begins and ends", () => {
    expect(at("2026-03-29T00:59:59Z", "Europe/Berlin")).toBe("2026-03-29T01:59:59");
    expect(at("2026-03-29T01:00:00Z", "Europe/Berlin")).toBe("2026-03-29T03:00:00");
    expect(at("2026-10-25T00:30:00Z", "Europe/Berlin")).toBe("2026-10-25T02:30:00");
    expect(at("2026-10-25T01:30:00Z", "Europe/Berlin")).toBe("2026-10-25T02:30:00");
  });

  it("write midnight as 00, not as 24", () => {
    expect(at("2026-01-15T05:00:00Z", "America/New_York")).toBe("2026-01-15T00:00:00");
  });

  it("do not break on a zone the browser does not know", () => {
    expect(at("2026-01-15T12:00:00Z", "Nowhere/Land")).toBe("2026-01-15T12:00:00");
  });
});

describe("labels", () => {
  it("name whole days without hours, and the last day instead of the one after", () => {
    expect(rangeLabel({ from: hour("2026-03-01T00:00"), to: hour("2026-03-02T00:00") })).toBe("1 Mar 2026");
    expect(rangeLabel({ from: hour("2026-02-23T00:00"), to: hour("2026-03-02T00:00") })).toBe("23 Feb – 1 Mar 2026");
    expect(rangeLabel({ from: hour("2025-12-31T00:00"), to: hour("2026-01-02T00:00") })).toBe("31 Dec 2025 – 1 Jan 2026");
  });

  it("name hours of one day once", () => {
    expect(rangeLabel({ from: hour("2026-03-01T09:00"), to: hour("2026-03-01T10:00") })).toBe("1 Mar, 09:00 – 10:00");
    expect(rangeLabel({ from: hour("2026-03-01T22:00"), to: hour("2026-03-02T00:00") })).toBe("1 Mar, 22:00 – 24:00");
    expect(rangeLabel({ from: hour("2026-03-01T22:00"), to: hour("2026-03-02T03:00") })).toBe("1 Mar 22:00 – 2 Mar 03:00");
  });

  it("name steps", () => {
    expect(stepLabel(hour("2026-03-01T23:00"), "hour")).toBe("Sun 1 Mar, 23:00 – 00:00");
    expect(stepLabel(hour("2026-03-01T00:00"), "day")).toBe("Sun 1 Mar 2026");
  });

  it("leave out the day of a clock time when it is today", () => {
    const seconds = civilSeconds("2026-03-01T09:08:07Z", "UTC");
    expect(clockLabel(seconds, seconds + 60)).toBe("09:08:07");
    expect(clockLabel(seconds, seconds + 86_400)).toBe("1 Mar 09:08:07");
  });
});
