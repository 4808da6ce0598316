// The key figures: what they are called, where they stand in an answer, how they are written, and which way is good.

import type { Figures } from "./api";
import { formatAmount, formatCount, formatMoney, formatPercent } from "./format";

export interface Figure {
  key: keyof Figures;
  label: string;
  short: string;
  kind: "count" | "money" | "rate" | "amount";
  /** Which direction of change is welcome; spend is neither. */
  good: "up" | "down" | "none";
  meaning: string;
}

export const kFigures = {
  impressions: { key: "impressions", label: "Impressions", short: "Impr.", kind: "count", good: "up", meaning: "page views of a job" },
  clicks: { key: "clicks", label: "Clicks", short: "Clicks", kind: "count", good: "up", meaning: "clicks on a job ad" },
  ctr: { key: "click_through_rate", label: "Click-Through Rate", short: "CTR", kind: "rate", good: "up", meaning: "clicks / impressions" },
  conversions: { key: "conversions", label: "Conversions", short: "Conv.", kind: "count", good: "up", meaning: "applications" },
  conversion_rate: { key: "conversion_rate", label: "Conversion Rate", short: "CVR", kind: "rate", good: "up", meaning: "conversions / clicks" },
  qualified: { key: "qualified", label: "Qualified", short: "Qual.", kind: "count", good: "up", meaning: "qualified applications" },
  qualified_ratio: { key: "qualified_ratio", label: "Qualified Ratio", short: "Qual. ratio", kind: "rate", good: "up", meaning: "qualified / (qualified + unqualified)" },
  spend: { key: "spend", label: "Spend", short: "Spend", kind: "money", good: "none", meaning: "sum of the bids of all clicks" },
  cpc: { key: "average_bid", label: "CPC", short: "CPC", kind: "amount", good: "down", meaning: "cost per click: spend / clicks" },
  cpa: { key: "cost_per_conversion", label: "CPA", short: "CPA", kind: "amount", good: "down", meaning: "cost per conversion: spend / conversions" },
  cpqa: { key: "cost_per_qualified", label: "CPQA", short: "CPQA", kind: "amount", good: "down", meaning: "cost per qualified application: spend / qualified" },
} as const satisfies Record<string, Figure>;

export function numberOf(figures: Figures, figure: Figure): number | null {
  const value = figures[figure.key];
  return typeof value === "string" ? Number(value) : value;
}

/** `value` as it stands in the answer: exact. */
export function writeFigure(value: number | string | null, kind: Figure["kind"]): string {
  if (value === null) return formatAmount(null);
  if (kind === "count") return formatCount(Number(value));
  if (kind === "money") return formatMoney(typeof value === "string" ? value : value.toFixed(6));
  return kind === "rate" ? formatPercent(Number(value)) : formatAmount(Number(value));
}
