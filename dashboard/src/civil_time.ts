// Civil hours of the reporting zone, as the API writes them: "YYYY-MM-DDTHH:00". They are counted as if they were UTC (hours since
// 1970), so that arithmetic knows no summer time; only instants (real UTC times) are converted, with the zone's rules.

const kHourMs = 3_600_000;
const kHourText = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):00$/;

export function hourOfText(text: string): number | null {
  const parts = kHourText.exec(text);
  if (!parts) return null;
  const [year, month, day, hour] = parts.slice(1).map(Number) as [number, number, number, number];
  const ms = Date.UTC(year, month - 1, day, hour);
  return textOfHour(ms / kHourMs) === text ? ms / kHourMs : null;
}

export function textOfHour(hour: number): string {
  return new Date(hour * kHourMs).toISOString().slice(0, 13) + ":00";
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    const fields: Intl.DateTimeFormatOptions = {
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    };
    try {
      format = new Intl.DateTimeFormat("en-GB", { ...fields, timeZone: zone });
    } catch {
      // A zone this browser does not know: UTC, which the caller's label then says wrongly, but no blank page.
      format = new Intl.DateTimeFormat("en-GB", { ...fields, timeZone: "UTC" });
    }
    formats.set(zone, format);
  }
  return format;
}

/** The civil time of an instant in `zone`, in seconds counted as if civil time were UTC. */
export function civilSeconds(instant: string | number, zone: string): number {
  const ms = typeof instant === "number" ? instant : Date.parse(instant);
  const found: Record<string, number> = {};
  for (const part of formatOf(zone).formatToParts(ms)) {
    if (part.type !== "literal") found[part.type] = Number(part.value);
  }
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found;
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
}

export interface HourRange {
  from: number;
  to: number;
}

/** What `last=24h` and `last=7d` mean, `now` being the current civil hour: up to the end of the current hour, or of the current day. */
export function rangeOfLast(last: string, now: number): HourRange | null {
  const parts = /^([1-9]\d{0,3})([hd])$/.exec(last);
  if (!parts) return null;
  const count = Number(parts[1]);
  if (parts[2] === "h") return { from: now + 1 - count, to: now + 1 };
  const to = (Math.floor(now / 24) + 1) * 24;
  return { from: to - 24 * count, to };
}

const kMonths = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const kDays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

const two = (value: number) => String(value).padStart(2, "0");

export function dayLabel(hour: number, withYear = false): string {
  const date = new Date(hour * kHourMs);
  return `${date.getUTCDate()} ${kMonths[date.getUTCMonth()] ?? ""}${withYear ? ` ${date.getUTCFullYear()}` : ""}`;
}

/** "Tue 3 Mar, 09:00 – 10:00", or "Tue 3 Mar 2026" for a day. */
export function stepLabel(hour: number, step: "hour" | "day"): string {
  const date = new Date(hour * kHourMs);
  const day = `${kDays[date.getUTCDay()] ?? ""} ${dayLabel(hour, step === "day")}`;
  return step === "day" ? day : `${day}, ${two(date.getUTCHours())}:00 – ${two((date.getUTCHours() + 1) % 24)}:00`;
}

/** "3 Mar 09:00 – 4 Mar 09:00"; whole days without the hours, the last day named instead of the one after. */
export function rangeLabel({ from, to }: HourRange): string {
  const year = new Date(from * kHourMs).getUTCFullYear() !== new Date(to * kHourMs).getUTCFullYear();
  if (from % 24 === 0 && to % 24 === 0) {
    const last = to - 24;
    return last === from ? dayLabel(from, true) : `${dayLabel(from, year)} – ${dayLabel(last, true)}`;
  }
  const clock = (hour: number) => `${two(((hour % 24) + 24) % 24)}:00`;
  const sameDay = Math.floor(from / 24) === Math.floor((to - 1) / 24);
  if (sameDay) return `${dayLabel(from)}, ${clock(from)} – ${to % 24 === 0 ? "24:00" : clock(to)}`;
  return `${dayLabel(from, year)} ${clock(from)} – ${dayLabel(to, year)} ${clock(to)}`;
}

/** "20:31:05", with the day when it is not `today` (civil seconds). */
export function clockLabel(seconds: number, today?: number): string {
  const text = new Date(seconds * 1000).toISOString();
  const clock = text.slice(11, 19);
  const sameDay = today !== undefined && Math.floor(today / 86400) === Math.floor(seconds / 86400);
  return sameDay ? clock : `${dayLabel(Math.floor(seconds / 3600))} ${clock}`;
}

/** "20:31" */
export function minuteLabel(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 16);
}
