// What the page shows, as its address says it: everything a reload, a link or the back button must bring back.

import { hourOfText } from "./civil_time";

export const kViews = ["performance", "quality", "pipeline"] as const;
export type View = (typeof kViews)[number];

export const kDimensions = ["company", "campaign", "group", "publisher", "job"] as const;
export type Dimension = (typeof kDimensions)[number];

export const kRanges = ["1h", "24h", "7d", "30d"] as const;

/** Either `last`, or `from` and `to` (civil hours as texts). */
export interface RangeChoice {
  last: string | null;
  from: string | null;
  to: string | null;
}

export type Filters = Record<Dimension, string[]>;

export interface UrlState {
  view: View;
  range: RangeChoice;
  compare: boolean;
  filters: Filters;
  /** Breakdown table. */
  by: Dimension;
  sort: string;
  descending: boolean;
  page: number;
  search: string;
}

export const kDefaultState: UrlState = {
  view: "performance",
  range: { last: "24h", from: null, to: null },
  compare: true,
  filters: { company: [], campaign: [], group: [], publisher: [], job: [] },
  by: "company",
  sort: "spend",
  descending: true,
  page: 1,
  search: "",
};

const kIdsMax = 200;
const kId = /^-?\d{1,19}$/;

function oneOf<T extends string>(allowed: readonly T[], text: string | null, otherwise: T): T {
  return allowed.find((value) => value === text) ?? otherwise;
}

function ids(text: string | null): string[] {
  return [...new Set((text ?? "").split(",").filter((id) => kId.test(id)))].slice(0, kIdsMax);
}

function rangeOf(query: URLSearchParams): RangeChoice {
  const last = query.get("last");
  if (last && /^[1-9]\d{0,3}[hd]$/.test(last)) return { last, from: null, to: null };
  const from = query.get("from");
  const to = query.get("to");
  const begin = hourOfText(from ?? "");
  const end = hourOfText(to ?? "");
  if (begin !== null && end !== null && begin < end) return { last: null, from, to };
  return kDefaultState.range;
}

/** Anything that is not understood takes its default: an address is typed and shortened by people. */
export function parseState(search: string): UrlState {
  const query = new URLSearchParams(search);
  const sort = /^-?[a-z_]+$/.exec(query.get("sort") ?? "")?.[0] ?? "";
  const page = Number(query.get("page") ?? 1);
  return {
    view: oneOf(kViews, query.get("view"), kDefaultState.view),
    range: rangeOf(query),
    compare: query.get("compare") !== "none",
    filters: {
      company: ids(query.get("company")),
      campaign: ids(query.get("campaign")),
      group: ids(query.get("group")),
      publisher: ids(query.get("publisher")),
      job: ids(query.get("job")),
    },
    by: oneOf(kDimensions, query.get("by"), kDefaultState.by),
    sort: sort ? sort.replace(/^-/, "") : kDefaultState.sort,
    descending: sort ? sort.startsWith("-") : kDefaultState.descending,
    page: Number.isInteger(page) && page > 0 && page < 100_000 ? page : 1,
    search: query.get("search") ?? "",
  };
}

/** "?…", only what differs from the default; "" when nothing does. */
export function formatState(state: UrlState): string {
  const terms: string[] = [];
  const add = (name: string, value: string) => terms.push(`${name}=${value}`);
  if (state.view !== kDefaultState.view) add("view", state.view);
  if (state.range.last === null) {
    add("from", state.range.from ?? "");
    add("to", state.range.to ?? "");
  } else if (state.range.last !== kDefaultState.range.last) {
    add("last", state.range.last);
  }
  if (!state.compare) add("compare", "none");
  for (const dimension of kDimensions) {
    if (state.filters[dimension].length > 0) add(dimension, state.filters[dimension].join(","));
  }
  if (state.by !== kDefaultState.by) add("by", state.by);
  if (state.sort !== kDefaultState.sort || state.descending !== kDefaultState.descending) {
    add("sort", (state.descending ? "-" : "") + state.sort);
  }
  if (state.page !== 1) add("page", String(state.page));
  if (state.search) add("search", encodeURIComponent(state.search));
  return terms.length > 0 ? `?${terms.join("&")}` : "";
}

/** The part of an API question that range and filters make: "last=24h&company=3,4". */
export function questionOf(state: Pick<UrlState, "range" | "filters">): string {
  const { last, from, to } = state.range;
  const terms = last === null ? [`from=${from ?? ""}`, `to=${to ?? ""}`] : [`last=${last}`];
  for (const dimension of kDimensions) {
    if (state.filters[dimension].length > 0) terms.push(`${dimension}=${state.filters[dimension].join(",")}`);
  }
  return terms.join("&");
}

/** Where a click on a row of the breakdown leads: the filter is set and the next finer dimension is shown. */
export function drillDown(state: UrlState, dimension: Dimension, id: string): UrlState {
  const next: Record<Dimension, Dimension> = {
    company: "campaign",
    campaign: "job",
    group: "job",
    publisher: "company",
    job: "publisher",
  };
  return { ...state, filters: { ...state.filters, [dimension]: [id] }, by: next[dimension], page: 1, search: "" };
}
