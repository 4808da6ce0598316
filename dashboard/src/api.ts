// The HTTP API (docs/api/openapi.yaml): types, and a client that remembers ETags, so that a question whose answer has not changed
// costs a 304.

import { KeptText } from "./kept_text";
import type { Dimension } from "./url_state";

export interface Figures {
  impressions: number;
  clicks: number;
  conversions: number;
  qualified: number;
  unqualified: number;
  spend: string;
  click_through_rate: number | null;
  conversion_rate: number | null;
  qualified_ratio: number | null;
  average_bid: number | null;
  cost_per_conversion: number | null;
  cost_per_qualified: number | null;
}

export interface Range {
  from: string;
  to: string;
}

export interface Meta {
  product: string;
  version: string;
  warehouse: string;
  timezone: string;
  now: string;
  first_hour: string | null;
  last_hour: string | null;
  settled_until: string | null;
  sources: { name: string; kind: string; attribution: string }[];
}

export interface Compared {
  range: Range;
  current: Figures;
  previous_range: Range;
  previous: Figures;
}

export interface Kpis extends Compared {
  /** Completed hours alone, and the same hours one range earlier: what a change is told of. */
  completed: Compared;
}

export interface Point extends Figures {
  time: string;
}

export interface Series {
  range: Range;
  step: "hour" | "day";
  points: Point[];
  previous: Point[] | null;
}

export interface NamedId {
  /** Of 64 bits, which a number does not hold. */
  id: string;
  name: string;
}

export interface Entry extends Figures, NamedId {}

export interface Top {
  range: Range;
  dimension: Dimension;
  order: string;
  total: number;
  entries: Entry[];
}

export interface Classes {
  read: number;
  counted: number;
  unattributed: number;
  other: number;
  rejected: number;
  too_late: number;
}

/** What `hirestream verify` found last. */
export interface Verification {
  at: string;
  differences: number;
  rows_read: number;
  slices_checked: number;
  slices_different: number;
  slices_repaired: number;
  slices_held: number;
  slices_damaged: number;
  cells_checked: number;
  cells_different: number;
}

export interface QualitySource {
  name: string;
  kind: string;
  attribution: string;
  timezone: string;
  classes: Classes;
  slices: { open: number; settled: number; frozen: number; held: number };
  settled_until: string | null;
  last_commit: string | null;
  /** Slices of the last 24 hours whose late or changed rows an audit found. */
  corrected_day: number;
  verification: Verification | null;
}

export interface Reject {
  source: string;
  reason: string;
  column: string;
  kept: number;
  newest: string;
  sample: { id: string; value: string; row: string };
}

/** A kind of rows that was read and not counted. */
export interface NotCounted {
  source: string;
  class: "other" | "unattributed";
  kind: string;
  rows: number;
  newest: string | null;
  sample: { id: string; file: string };
}

export interface Quality {
  sources: QualitySource[];
  rejects: Reject[];
  not_counted: NotCounted[];
  hints: string[];
}

export interface Slice {
  source: string;
  shard: number;
  bucket: string;
  begin: string | null;
  state: "open" | "settled";
  held: boolean;
  revision: number;
  rows: number;
  settled_at: string | null;
  audited_at: string | null;
  corrected_at: string | null;
  updated_at: string | null;
}

export interface Minute {
  source: string;
  minute: string;
  new_rows: number;
  rows_read: number;
  requests: number;
  commits: number;
  commit_ms_mean: number | null;
  commit_ms_max: number | null;
  freshness_ms_p50: number | null;
  freshness_ms_p95: number | null;
  freshness_ms_max: number | null;
  slices_settled: number;
  slices_corrected: number;
  slices_audited: number;
  conflicts: number;
  retries: number;
}

/** Who keeps a source that is a mirror of another table, as its engine heard last. */
export interface Mirror {
  source: string;
  node: string;
  stored_at: string | null;
  copied_at: string | null;
  copying: boolean;
}

export interface Pipeline {
  slices: Slice[];
  minutes: Minute[];
  mirrors: Mirror[];
}

/** The type of the problem that the warehouse has no tables yet. */
export const kNoTables = "urn:hirestream:problem:no-tables";

/** What is wrong, in words for people. `status` 0: no answer came. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly type = "about:blank",
    /** How long the server wants not to be asked again. */
    readonly retryAfter_ms = 0,
  ) {
    super(`${title}: ${detail}`);
  }
}

const keptToken = new KeptText("hirestream.token", () => sessionStorage);

export const storedToken = () => keptToken.read();
export const storeToken = (token: string) => keptToken.write(token);

/** Visible ASCII alone: what is pasted may hold characters that nobody sees and no header may carry. */
export const isToken = (text: string) => /^[\x21-\x7e]+$/.test(text);

/** Without the token where it cannot be sent: it is forgotten, and the server asks for another. */
export function headersWithToken(): Headers {
  const headers = new Headers();
  const token = storedToken();
  if (isToken(token)) headers.set("Authorization", `Bearer ${token}`);
  else if (token) storeToken("");
  return headers;
}

/** No server can switch a page off for longer. */
const kRetryAfterMax_ms = 300_000;

/** Retry-After: seconds or a date; 0 without one. */
export function retryAfter_ms(headers: Headers, now_ms = Date.now()): number {
  const text = headers.get("Retry-After")?.trim() ?? "";
  const wait_ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now_ms;
  return wait_ms > 0 ? Math.min(wait_ms, kRetryAfterMax_ms) : 0;
}

export async function problemOf(response: Response): Promise<Problem> {
  let title = response.statusText || `HTTP ${response.status}`;
  let detail = "The server gave no explanation.";
  let type: string | undefined;
  try {
    const body = (await response.json()) as { type?: string; title?: string; detail?: string; parameter?: string; allowed?: string };
    type = body.type;
    if (body.title) title = body.title;
    if (body.detail) detail = body.detail;
    if (body.parameter) detail = `${body.parameter}: ${detail}`;
    if (body.allowed) detail += ` (allowed: ${body.allowed})`;
  } catch {
    // Not a problem document: something between page and server answered.
  }
  return new Problem(response.status, title, detail, type, retryAfter_ms(response.headers));
}

/** An answer, with the ETag of its version of the data; null: it has none. */
export interface Tagged<T> {
  data: T;
  tag: string | null;
}

const kRemembered = 60;

export class ApiClient {
  private readonly answers = new Map<string, { tag: string; data: unknown }>();

  constructor(private readonly onUnauthorized: () => void) {}

  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await this.getTagged<T>(path, signal)).data;
  }

  async getTagged<T>(path: string, signal?: AbortSignal): Promise<Tagged<T>> {
    const known = this.answers.get(path);
    const headers = headersWithToken();
    headers.set("Accept", "application/json, application/problem+json");
    if (known) headers.set("If-None-Match", known.tag);
    let response: Response;
    try {
      response = await fetch(path, { headers, cache: "no-store", ...(signal ? { signal } : {}) });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new Problem(0, "No answer", "The server cannot be reached.");
    }
    if (response.status === 304 && known) return known as Tagged<T>;
    if (!response.ok) {
      if (response.status === 401) this.onUnauthorized();
      throw await problemOf(response);
    }
    const data = (await response.json()) as T;
    const tag = response.headers.get("ETag");
    this.answers.delete(path);
    if (tag) this.answers.set(path, { tag, data });
    for (const oldest of this.answers.keys()) {
      if (this.answers.size <= kRemembered) break;
      this.answers.delete(oldest);
    }
    return { data, tag };
  }

  forget(): void {
    this.answers.clear();
  }
}
