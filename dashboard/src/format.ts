// How figures are written. Counts and money come exact from the API and are formatted without passing through floating point where
// that could change a digit.

/** What stands where a divisor is 0. */
export const kNothing = "–";

const kNarrowSpace = "\u202f";

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

export function formatCount(value: number): string {
  const rounded = Math.round(value);
  return (rounded < 0 ? "−" : "") + grouped(String(Math.abs(rounded)));
}

/** A decimal string to so many places, half away from zero, grouped. */
export function formatMoney(text: string, places = 2): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!parts) return kNothing;
  const fraction = (parts[3] ?? "").padEnd(places + 1, "0");
  let scaled = BigInt((parts[2] ?? "") + fraction.slice(0, places));
  if (fraction.charCodeAt(places) >= 53) scaled += 1n;
  const digits = scaled.toString().padStart(places + 1, "0");
  const whole = grouped(digits.slice(0, digits.length - places));
  const sign = parts[1] && scaled !== 0n ? "−" : "";
  return sign + (places ? `${whole}.${digits.slice(-places)}` : whole);
}

export function formatAmount(value: number | null): string {
  if (value === null) return kNothing;
  return formatMoney(value.toFixed(6), Math.abs(value) < 0.1 && value !== 0 ? 4 : 2);
}

export function formatPercent(rate: number | null, places = 1): string {
  return rate === null ? kNothing : `${(rate * 100).toFixed(places)}${kNarrowSpace}%`;
}

/** 12,345,678 → "12.3M"; for axes and small places. */
export function formatShort(value: number): string {
  const size = Math.abs(value);
  for (const [unit, letter] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (size >= unit) {
      const scaled = value / unit;
      return `${Math.abs(scaled) >= 100 ? scaled.toFixed(0) : String(Number(scaled.toFixed(1)))}${letter}`;
    }
  }
  return size >= 10 || Number.isInteger(value) ? String(Number(value.toFixed(1))) : String(Number(value.toPrecision(2)));
}

export interface Change {
  /** "+12.3 %", "new", "–" */
  text: string;
  direction: "up" | "down" | "flat";
}

/** Relative change; rates change in percentage points. */
export function change(now: number | null, before: number | null, rate: boolean): Change {
  if (now === null || before === null) return { text: kNothing, direction: "flat" };
  if (!rate && before === 0) return now === 0 ? { text: "±0", direction: "flat" } : { text: "new", direction: "up" };
  const difference = rate ? (now - before) * 100 : ((now - before) / before) * 100;
  const shown = Math.abs(difference) >= 1000 ? formatShort(Math.abs(difference)) : Math.abs(difference).toFixed(1);
  const unit = rate ? "pp" : "%";
  if (Number(Math.abs(difference).toFixed(1)) === 0) return { text: `±0${kNarrowSpace}${unit}`, direction: "flat" };
  return { text: `${difference > 0 ? "+" : "−"}${shown}${kNarrowSpace}${unit}`, direction: difference > 0 ? "up" : "down" };
}

/** "0.4 s", "12 s", "3 min", "5 h", "2 d" */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function formatMilliseconds(ms: number | null): string {
  if (ms === null) return kNothing;
  return ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms` : formatDuration(ms);
}

/** Ids are 64-bit integers, which numbers here do not hold. */
export function compareIds(a: string, b: string): number {
  const left = BigInt(a);
  const right = BigInt(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** "Riverbend Foods", else "Company 12"; 0 stands for unknown. */
export function nameOf(entry: { id: string; name: string }, dimension: string): string {
  if (entry.name) return entry.name;
  const word = dimension.charAt(0).toUpperCase() + dimension.slice(1);
  return entry.id === "0" ? `${word} unknown` : `${word} ${entry.id}`;
}
