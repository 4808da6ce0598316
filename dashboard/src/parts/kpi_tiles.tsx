// The eleven key figures: what came and what it cost above, how good that is below.

import type { Compared, Kpis, Point, Range, Series } from "../api";
import { rangeLabel, hourOfText } from "../civil_time";
import { Sparkline } from "../charts/sparkline";
import { usePage } from "../context";
import { kFigures, numberOf, writeFigure, type Figure } from "../figures";
import { change } from "../format";
import { GlidingNumber } from "./gliding_number";
import { Skeleton } from "./states";

const kSums: Figure[] = [kFigures.impressions, kFigures.clicks, kFigures.conversions, kFigures.qualified, kFigures.spend];
const kRates: Figure[] = [kFigures.ctr, kFigures.conversion_rate, kFigures.qualified_ratio, kFigures.cpc, kFigures.cpa, kFigures.cpqa];

function ChangeMark({ figure, kpis }: { figure: Figure; kpis: Compared }) {
  const result = change(numberOf(kpis.current, figure), numberOf(kpis.previous, figure), figure.kind === "rate");
  const welcome = result.direction === "flat" || figure.good === "none" ? "even" : result.direction === figure.good ? "good" : "bad";
  const arrow = { up: "▲", down: "▼", flat: "" }[result.direction];
  const now = writeFigure(kpis.current[figure.key], figure.kind);
  const before = writeFigure(kpis.previous[figure.key], figure.kind);
  return (
    <span class={`change ${welcome}`} title={`${now} against ${before} before`} data-previous={String(kpis.previous[figure.key] ?? "")}>
      {arrow && <span aria-hidden="true">{arrow}</span>} {result.text}
      <span class="hidden"> against {before} before</span>
    </span>
  );
}

function Tile({ figure, kpis, points }: { figure: Figure; kpis: Kpis | null; points: Point[] }) {
  const { state } = usePage();
  return (
    <li class={`tile ${figure.kind === "rate" || figure.kind === "amount" ? "rate" : "sum"}`} data-figure={figure.key}>
      <h3 title={figure.meaning}>{figure.label}</h3>
      {kpis ? (
        <>
          <p class="tile-value">
            <GlidingNumber value={kpis.current[figure.key]} kind={figure.kind} />
          </p>
          <p class="tile-foot">{state.compare && <ChangeMark figure={figure} kpis={kpis.completed} />}</p>
        </>
      ) : (
        <Skeleton height={42} />
      )}
      <Sparkline values={points.map((point) => numberOf(point, figure))} />
    </li>
  );
}

const labelOf = ({ from, to }: Range) => rangeLabel({ from: hourOfText(from) ?? 0, to: hourOfText(to) ?? 0 });

/** What the changes compare; completed hours alone, since the running hour, and with it today, is not whole. */
export function comparisonNote({ range, completed }: Kpis): string {
  const before = labelOf(completed.previous_range);
  if (completed.range.from === range.from && completed.range.to === range.to) return `Change against ${before}.`;
  const days = range.from.endsWith("T00:00") && range.to.endsWith("T00:00");
  return `Change of ${labelOf(completed.range)} against ${before}: completed hours only. The figures themselves include ${
    days ? "today" : "the running hour"
  }, which is not whole yet.`;
}

/** The running hour or day, which is not whole, would look like a fall. */
export function completedPoints({ points, step }: Series, to: string): Point[] {
  const end = hourOfText(to) ?? Infinity;
  return points.filter(({ time }) => (hourOfText(time) ?? 0) + (step === "day" ? 24 : 1) <= end);
}

export function KpiTiles({ kpis, outdated, series }: { kpis: Kpis | null; outdated: boolean; series: Series | null }) {
  const { state } = usePage();
  const points = kpis && series ? completedPoints(series, kpis.completed.range.to) : [];
  return (
    <section class={outdated ? "outdated" : ""} aria-label="Key figures" aria-busy={outdated || kpis === null}>
      <ul class="tiles sums">
        {kSums.map((figure) => (
          <Tile key={figure.key} figure={figure} kpis={kpis} points={points} />
        ))}
      </ul>
      <ul class="tiles rates">
        {kRates.map((figure) => (
          <Tile key={figure.key} figure={figure} kpis={kpis} points={points} />
        ))}
      </ul>
      {kpis && state.compare && <p class="tiles-note quiet">{comparisonNote(kpis)}</p>}
    </section>
  );
}
