// Hours of `events` are civil hours of the reporting time zone; Grafana speaks in instants. This file turns one into the other, in SQL
// that uses no time zone of the session or the server: only integers, TO_DAYS and FROM_DAYS.
//
// A zone other than UTC is written into the SQL as a CASE over its changes of offset, so that MySQL needs no time zone tables. An hour
// that occurs twice (end of summer time) is one cell and stands at its first occurrence.

const kDaySeconds = 86_400;
const kDaysBefore1970 = 719_528; // TO_DAYS('1970-01-01')

export interface OffsetChange {
  instant: number; // epoch seconds from which `offset` holds
  offset: number; // seconds east of UTC
}

export interface ReportingZone {
  name: string;
  firstOffset: number; // before the first change
  changes: OffsetChange[];
}

function offsetAt(format: Intl.DateTimeFormat, epochSeconds: number): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(new Date(epochSeconds * 1000))) {
    parts[type] = Number(value);
  }
  const civil = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
  return civil / 1000 - epochSeconds;
}

// The changes of offset from the beginning of `firstYear` to the end of `lastYear`.
export function reportingZone(name: string, firstYear: number, lastYear: number): ReportingZone {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const begin = Date.UTC(firstYear, 0, 1) / 1000;
  const end = Date.UTC(lastYear + 1, 0, 1) / 1000;
  const zone: ReportingZone = { name, firstOffset: offsetAt(format, begin), changes: [] };
  let before = zone.firstOffset;
  for (let day = begin; day < end; day += kDaySeconds) {
    const after = offsetAt(format, day + kDaySeconds);
    if (after === before) continue;
    let low = day;
    let high = day + kDaySeconds;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(format, middle) === before) low = middle;
      else high = middle;
    }
    zone.changes.push({ instant: high, offset: after });
    before = after;
  }
  return zone;
}

// Newest first: charts are mostly of now. `civil`: the changes are compared with civil seconds instead of instants.
function offsetCase(zone: ReportingZone, seconds: string, civil: boolean): string {
  if (zone.changes.length === 0) return String(zone.firstOffset);
  const arms: string[] = [];
  zone.changes.forEach(({ instant, offset }, index) => {
    const before = index === 0 ? zone.firstOffset : zone.changes[index - 1].offset;
    arms.unshift(`WHEN ${seconds} >= ${civil ? instant + before : instant} THEN ${offset}`);
  });
  return `CASE ${arms.join(" ")} ELSE ${zone.firstOffset} END`;
}

function isUtc(zone: ReportingZone): boolean {
  return zone.changes.length === 0 && zone.firstOffset === 0;
}

// Both for integer expressions without side effects, in seconds.
export function toCivil(zone: ReportingZone, instant: string): string {
  return isUtc(zone) ? instant : `(${instant} + ${offsetCase(zone, instant, false)})`;
}

export function toInstant(zone: ReportingZone, civil: string): string {
  return isUtc(zone) ? civil : `(${civil} - ${offsetCase(zone, civil, true)})`;
}

// Hours since 1970 of a row of `events`, in civil time.
export function civilHour(alias: string): string {
  return `(TO_DAYS(${alias}.dates) - ${kDaysBefore1970}) * 24 + ${alias}.hours`;
}

function dateOf(hour: string): string {
  return `FROM_DAYS(${kDaysBefore1970} + (${hour}) DIV 24)`;
}

// The hours that overlap the dashboard's time range: whole hours, since `events` knows no less.
export function firstHour(zone: ReportingZone): string {
  return `${toCivil(zone, "$__unixEpochFrom()")} DIV 3600`;
}

export function lastHour(zone: ReportingZone): string {
  return `${toCivil(zone, "$__unixEpochTo()")} DIV 3600`;
}

export interface HourRange {
  first: string; // civil hours since 1970, as SQL; both included
  last: string;
}

// Rows of `events` from one civil hour to another. The dates are there for the primary key.
function hoursBetween(alias: string, first: string, last: string): string {
  return `${alias}.dates BETWEEN ${dateOf(first)} AND ${dateOf(last)}\n` + `    AND ${civilHour(alias)} BETWEEN ${first} AND ${last}`;
}

// Rows of `events` in the dashboard's range.
export function inRange(zone: ReportingZone, alias: string): string {
  return hoursBetween(alias, firstHour(zone), lastHour(zone));
}

export function shownHours(zone: ReportingZone): HourRange {
  return { first: `(${firstHour(zone)})`, last: `(${lastHour(zone)})` };
}

// As many hours as the range has, just before it.
export function previousHours(zone: ReportingZone): HourRange {
  const { first, last } = shownHours(zone);
  return { first: `(2 * ${first} - ${last} - 1)`, last: `(${first} - 1)` };
}

// The three parts of a range: its whole days, for the daily roll-up, and what is left of `events` at both ends. Each is empty where the
// range has no such part.
export function wholeDays(alias: string, { first, last }: HourRange): string {
  return `${alias}.dates >= ${dateOf(`${first} + 23`)}\n    AND ${alias}.dates < ${dateOf(`${last} + 1`)}`;
}

export function hoursBeforeWholeDays(alias: string, { first, last }: HourRange): string {
  return (
    `${alias}.dates = ${dateOf(first)} AND ${alias}.hours >= ${first} MOD 24\n` +
    `    AND ${first} MOD 24 > 0 AND ${civilHour(alias)} <= ${last}`
  );
}

export function hoursAfterWholeDays(alias: string, { first, last }: HourRange): string {
  return (
    `${alias}.dates = ${dateOf(last)} AND ${alias}.hours <= ${last} MOD 24\n` +
    `    AND (${last} + 1) MOD 24 > 0 AND ${last} DIV 24 >= (${first} + 23) DIV 24`
  );
}
