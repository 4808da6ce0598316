// SQL over `events`. Rates are quotients of sums, in DOUBLE (a quotient of DECIMALs would keep four digits); a divisor of 0 gives NULL,
// which panels show as a dash.

import {
  HourRange,
  ReportingZone,
  civilHour,
  hoursAfterWholeDays,
  hoursBeforeWholeDays,
  inRange,
  previousHours,
  shownHours,
  toInstant,
  wholeDays,
} from "./civil_time";
import { brokenAtGaps } from "./gaps";

export const kDimensions = ["company", "campaign", "group", "publisher", "job"] as const;
export type Dimension = (typeof kDimensions)[number];

const kSums = {
  impressions: "impressions",
  clicks: "clicks",
  conversions: "conversion",
  qualified: "qualified_application",
  unqualified: "disqualified_application",
  spend: "spend_hour",
} as const;

export type Measure = keyof typeof kSums;
const kMeasures = Object.keys(kSums) as Measure[];

export interface Figure {
  name: string;
  sql: (row: string) => string; // over a row that has the measures
  needs: Measure[];
  unit: "count" | "ratio" | "money";
  better: "more" | "less" | "neither"; // colors the change
}

const quotient = (row: string, above: string, below: string) => `${row}.${above} * 1e0 / NULLIF(${below}, 0)`;

export const kFigures: Record<string, Figure> = {
  impressions: { name: "Impressions", needs: ["impressions"], sql: (row) => `${row}.impressions`, unit: "count", better: "more" },
  clicks: { name: "Clicks", needs: ["clicks"], sql: (row) => `${row}.clicks`, unit: "count", better: "more" },
  conversions: { name: "Conversions", needs: ["conversions"], sql: (row) => `${row}.conversions`, unit: "count", better: "more" },
  qualified: { name: "Qualified", needs: ["qualified"], sql: (row) => `${row}.qualified`, unit: "count", better: "more" },
  unqualified: { name: "Unqualified", needs: ["unqualified"], sql: (row) => `${row}.unqualified`, unit: "count", better: "less" },
  averageBid: {
    name: "Average bid",
    needs: ["spend", "clicks"],
    sql: (row) => quotient(row, "spend", `${row}.clicks`),
    unit: "money",
    better: "neither",
  },
  spend: { name: "Spend", needs: ["spend"], sql: (row) => `${row}.spend`, unit: "money", better: "neither" },
  cpc: {
    name: "CPC",
    needs: ["spend", "clicks"],
    sql: (row) => quotient(row, "spend", `${row}.clicks`),
    unit: "money",
    better: "less",
  },
  cpa: {
    name: "CPA",
    needs: ["spend", "conversions"],
    sql: (row) => quotient(row, "spend", `${row}.conversions`),
    unit: "money",
    better: "less",
  },
  cpqa: {
    name: "CPQA",
    needs: ["spend", "qualified"],
    sql: (row) => quotient(row, "spend", `${row}.qualified`),
    unit: "money",
    better: "less",
  },
  clickThroughRate: {
    name: "Click-Through Rate",
    needs: ["clicks", "impressions"],
    sql: (row) => quotient(row, "clicks", `${row}.impressions`),
    unit: "ratio",
    better: "more",
  },
  conversionRate: {
    name: "Conversion rate",
    needs: ["conversions", "clicks"],
    sql: (row) => quotient(row, "conversions", `${row}.clicks`),
    unit: "ratio",
    better: "more",
  },
  qualifiedRatio: {
    name: "Qualified ratio",
    needs: ["qualified", "unqualified"],
    sql: (row) => quotient(row, "qualified", `(${row}.qualified + ${row}.unqualified)`),
    unit: "ratio",
    better: "more",
  },
};

export function changeName(figure: Figure): string {
  return `${figure.name} change`;
}

// A dimension that is not restricted compares a column with itself ("All" has the value `e.company_id`), so no list of thousands of ids
// is sent; chosen ids arrive quoted.
export function allValue(dimension: Dimension): string {
  return `e.${dimension}_id`;
}

export interface Filter {
  zone: ReportingZone;
  dimensions: readonly Dimension[]; // variables of several values
  job?: boolean; // the variable `one_job` holds one id
}

function conditions(filter: Filter): string {
  const parts = filter.dimensions.map((dimension) => `e.${dimension}_id IN ($${dimension})`);
  if (filter.job) parts.unshift("e.job_id = ${one_job:sqlstring}");
  return parts.map((part) => `\n    AND ${part}`).join("");
}

function needed(figures: Figure[], also: Measure[] = []): Measure[] {
  return kMeasures.filter((measure) => also.includes(measure) || figures.some(({ needs }) => needs.includes(measure)));
}

function sums(measures: Measure[], table: "events" | "hirestream_days" = "events"): string {
  const column = (measure: Measure) => (table === "hirestream_days" && measure === "spend" ? "spend" : kSums[measure]);
  return measures.map((measure) => `COALESCE(SUM(e.${column(measure)}), 0) AS ${measure}`).join(", ");
}

// The tables and conditions that make up a range: a month has hundreds of thousands of hourly rows, but far fewer daily ones.
function partsOf(range: HourRange) {
  return [
    { table: "hirestream_days", condition: wholeDays("e", range) },
    { table: "events", condition: hoursBeforeWholeDays("e", range) },
    { table: "events", condition: hoursAfterWholeDays("e", range) },
  ] as const;
}

// Sums over a range by a column of both tables; without one a single row.
function summed(filter: Filter, range: HourRange, measures: Measure[], by?: string): string {
  const parts = partsOf(range).map(
    ({ table, condition }) => `SELECT ${by ? `e.${by}, ` : ""}${sums(measures, table)}
  FROM ${table} e
  WHERE ${condition}${conditions(filter)}${by ? `\n  GROUP BY e.${by}` : ""}`,
  );
  const totals = measures.map((measure) => `SUM(r.${measure}) AS ${measure}`).join(", ");
  return `SELECT ${by ? `r.${by}, ` : ""}${totals}
  FROM (
  ${parts.join("\n  UNION ALL\n  ")}) r${by ? `\n  GROUP BY r.${by}` : ""}`;
}

function select(items: string[]): string {
  return `SELECT ${items.join(",\n  ")}`;
}

// One row: each figure and its relative change against the previous range.
export function keyFigures(filter: Filter, figures: Figure[]): string {
  const period = (range: HourRange) => `(\n  ${summed(filter, range, needed(figures))})`;
  const items = figures.flatMap((figure) => [
    `${figure.sql("c")} AS \`${figure.name}\``,
    `(${figure.sql("c")}) * 1e0 / NULLIF(${figure.sql("p")}, 0) - 1 AS \`${changeName(figure)}\``,
  ]);
  return `${select(items)}\nFROM ${period(shownHours(filter.zone))} c\n` + `CROSS JOIN ${period(previousHours(filter.zone))} p`;
}

// Seconds of a point: what the panel's width suggests, or what the variable `step` says; always a divisor of a day, at least an hour.
const kStep =
  "(CASE ${step:sqlstring} WHEN 'hour' THEN 3600 WHEN 'day' THEN 86400 " + "ELSE LEAST(GREATEST($__interval_ms DIV 1000, 3600), 86400) END)";

// Lines end where there is no row; bars need no more than the rows.
export type SeriesKind = "lines" | "bars";

// Sums by hour first, in the order of the primary key; then by step. Steps of a day need only sums of days.
export function series(filter: Filter, figures: Figure[], kind: SeriesKind): string {
  const measures = needed(figures);
  const point = (measure: Measure) => `SUM(h.${measure}) AS ${measure}`;
  const time = toInstant(filter.zone, "s.civil");
  const ofDays = partsOf(shownHours(filter.zone)).map(
    ({ table, condition }) => `SELECT e.dates, 0, ${sums(measures, table)}
    FROM ${table} e
    WHERE ${kStep} = 86400 AND ${condition}${conditions(filter)}
    GROUP BY e.dates`,
  );
  const lines = kind === "lines";
  const points = `${select([
    ...(lines ? ["s.civil", `${time} AS moment`] : [`${time} AS \`time\``]),
    ...figures.map((figure) => `${figure.sql("s")} AS \`${figure.name}\``),
  ])}
FROM (
  SELECT (${civilHour("h")}) * 3600 DIV ${kStep} * ${kStep} AS civil, ${measures.map(point).join(", ")}
  FROM (
    SELECT e.dates, e.hours, ${sums(measures)}
    FROM events e
    WHERE ${kStep} < 86400 AND ${inRange(filter.zone, "e")}${conditions(filter)}
    GROUP BY e.dates, e.hours
    UNION ALL
    ${ofDays.join("\n    UNION ALL\n    ")}) h
  GROUP BY civil) s`;
  const names = figures.map(({ name }) => name);
  return lines ? brokenAtGaps(points, names, kStep, ["civil"]) : `${points}\nORDER BY s.civil`;
}

// Names stand in the job directory; those of publishers in a table of their own.
function nameOf(dimension: Dimension, row: string, name: string): string {
  const label = dimension[0].toUpperCase() + dimension.slice(1);
  const fallback = `IF(${row}.${dimension}_id = 0, '(none)', CONCAT('${label} ', ${row}.${dimension}_id))`;
  return `COALESCE(NULLIF(${name}, ''), ${fallback})`;
}

function names(dimension: Dimension, row: string): string {
  if (dimension === "publisher") return `\nLEFT JOIN hirestream_publishers d ON d.publisher_id = ${row}.publisher_id`;
  if (dimension === "job") return `\nLEFT JOIN hirestream_jobs d ON d.job_id = ${row}.job_id`;
  return (
    `\nLEFT JOIN (SELECT ${dimension}_id, MAX(${dimension}_name) AS name FROM hirestream_jobs GROUP BY ${dimension}_id) d` +
    ` ON d.${dimension}_id = ${row}.${dimension}_id`
  );
}

const nameColumn = (dimension: Dimension) => (dimension === "job" ? "d.title" : "d.name");

// The dimension's members with the most of a measure, by name.
export interface Ranking {
  dimension: Dimension;
  figures: Figure[];
  by: Measure;
  limit: number;
  ids: boolean; // bar panels would draw a column of ids, too
}

export function top(filter: Filter, { dimension, figures, by, limit, ids }: Ranking): string {
  const id = `${dimension}_id`;
  const label = dimension[0].toUpperCase() + dimension.slice(1);
  return `${select([
    `${nameOf(dimension, "t", nameColumn(dimension))} AS \`${label}\``,
    ...(ids ? [`t.${id} AS \`${label} id\``] : []),
    ...figures.map((figure) => `${figure.sql("t")} AS \`${figure.name}\``),
  ])}
FROM (
  ${summed(filter, shownHours(filter.zone), needed(figures, [by]), id)}
  ORDER BY ${by} DESC, r.${id}
  LIMIT ${limit}) t${names(dimension, "t")}
ORDER BY t.${by} DESC, t.${id}`;
}

// The newest rows of `events` as they are.
export function cells(filter: Filter, limit: number): string {
  const hour = toInstant(filter.zone, `((${civilHour("e")}) * 3600)`);
  return `${select([
    `${hour} AS \`time\``,
    "e.publisher_id AS `Publisher id`",
    "e.campaign_id AS `Campaign id`",
    "e.group_id AS `Group id`",
    ...kMeasures.map((measure) => `e.${kSums[measure]} AS \`${kFigures[measure].name}\``),
    "e.bid_set AS `Average bid`",
    "e.sources AS `Sources`",
    "TIMESTAMPDIFF(SECOND, '1970-01-01', e.updated_at) * 1000 AS `Changed`",
  ])}
FROM events e
WHERE ${inRange(filter.zone, "e")}${conditions(filter)}
ORDER BY e.dates DESC, e.hours DESC, e.publisher_id, e.campaign_id, e.group_id
LIMIT ${limit}`;
}

// Companies, campaigns and jobs have an index that begins with them, so all that ever occurred are found at once; publishers and groups
// are those of the time range.
export function variableQuery(zone: ReportingZone, dimension: Dimension, companies: boolean): string {
  const id = `${dimension}_id`;
  const ids =
    dimension === "group" || dimension === "publisher"
      ? partsOf(shownHours(zone))
          .map(({ table, condition }) => `SELECT e.${id} FROM ${table} e WHERE ${condition}`)
          .join(" UNION ")
      : `SELECT DISTINCT ${id} FROM events`;
  const found =
    dimension === "job" && companies
      ? `SELECT j.job_id, COALESCE(c.company_id, 0) AS company_id FROM (${ids}) j LEFT JOIN hirestream_jobs c ON c.job_id = j.job_id`
      : ids;
  const where = dimension === "job" && companies ? "\nWHERE e.company_id IN ($company)" : "";
  return `SELECT ${nameOf(dimension, "e", nameColumn(dimension))} AS __text, e.${id} AS __value
FROM (${found}) e${names(dimension, "e")}${where}
ORDER BY __text, __value`;
}

// What is known of the job.
export const kJobFacts = `SELECT d.title AS \`Title\`, d.company_name AS \`Company\`, d.campaign_name AS \`Campaign\`,
  d.group_name AS \`Group\`, d.job_id AS \`Job id\`, d.company_id AS \`Company id\`
FROM hirestream_jobs d
WHERE d.job_id = \${one_job:sqlstring}`;
