import { describe, expect, it } from "vitest";
import { drillDown, formatState, kDefaultState, parseState, questionOf, type UrlState } from "./url_state";

const some: UrlState = {
  view: "quality",
  range: { last: null, from: "2026-03-01T09:00", to: "2026-03-02T09:00" },
  compare: false,
  filters: { company: ["3", "4"], campaign: [], group: ["0"], publisher: [], job: ["-1", "9223372036854775807"] },
  by: "job",
  sort: "cost_per_qualified",
  descending: false,
  page: 3,
  search: 'a&b="c" ü',
};

describe("address", () => {
  it("is empty for what the page shows first", () => {
    expect(formatState(kDefaultState)).toBe("");
    expect(parseState("")).toEqual(kDefaultState);
  });

  it("brings everything back", () => {
    expect(parseState(formatState(some))).toEqual(some);
  });

  it("keeps ids beyond 2^53 to the last digit", () => {
    expect(formatState(some)).toContain("9223372036854775807");
  });

  it("keeps the direction of the default column", () => {
    const ascending = { ...kDefaultState, descending: false };
    expect(parseState(formatState(ascending))).toEqual(ascending);
  });

  it("takes defaults for what makes no sense", () => {
    for (const address of [
      "?view=nothing",
      "?last=soon",
      "?from=2026-03-01T09:00",
      "?from=2026-03-02T09:00&to=2026-03-01T09:00",
      "?company=x,%3Cscript%3E",
      "?by=planet",
      "?sort=%22",
      "?page=-1",
      "?page=1e9",
    ]) {
      expect(parseState(address), address).toEqual(kDefaultState);
    }
  });

  it("drops ids that repeat and those beyond what the API takes", () => {
    const ids = Array.from({ length: 300 }, (_, i) => String(i));
    expect(parseState(`?job=${[...ids, ...ids].join(",")}`).filters.job).toEqual(ids.slice(0, 200));
  });
});

describe("question to the API", () => {
  it("says range and filters", () => {
    expect(questionOf(kDefaultState)).toBe("last=24h");
    expect(questionOf(some)).toBe("from=2026-03-01T09:00&to=2026-03-02T09:00&company=3,4&group=0&job=-1,9223372036854775807");
  });
});

describe("drill-down", () => {
  it("leads from company to campaign to job, keeping what is set", () => {
    const company = drillDown({ ...kDefaultState, page: 4, search: "x" }, "company", "7");
    expect(company).toMatchObject({ by: "campaign", page: 1, search: "", filters: { company: ["7"] } });
    const campaign = drillDown(company, "campaign", "201");
    expect(campaign).toMatchObject({ by: "job", filters: { company: ["7"], campaign: ["201"] } });
  });
});
