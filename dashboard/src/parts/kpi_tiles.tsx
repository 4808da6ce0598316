// The eleven key figures: what came and what it cost above, how good that is below.

import type { Kpis, Point } from "../api";
import { rangeLabel, hourOfText } from "../civil_time";
import { Sparkline } from "../charts/sparkline";
import { usePage } from "../context";
import { kFigures, numberOf, writeFigure, type Figure } from "../figures";
import { change } from "../format";
import { GlidingNumber } from "./gliding_number";
import { Skeleton } from "./states";

const kSums: Figure[] = [kFigures.impressions, kFigures.clicks, kFigures.conversions, kFigures.qualified, kFigures.spend];
const kRates: Figure[] = [kFigures.ctr, kFigures.conversion_rate, kFigures.qualified_ratio, kFigures.cpc, kFigures.cpa, kFigures.cpqa];

function ChangeMark({ figure, kpis }: { figure: Figure; kpis: Kpis }) {
  const result = change(numberOf(kpis.current, figure), numberOf(kpis.previous, figure), figure.kind === "rate");
  const welcome = result.direction === "flat" || figure.good === "none" ? "even" : result.direction === figure.good ? "good" : "bad";
  const arrow = { up: "▲", down: "▼", flat: "" }[result.direction];
  const before = writeFigure(kpis.previous[figure.key], figure.kind);
  return (
    <span class={`change ${welcome}`} title={`Previous period: ${before}`} data-previous={String(kpis.previous[figure.key] ?? "")}>
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
          <p class="tile-foot">{state.compare && <ChangeMark figure={figure} kpis={kpis} />}</p>
        </>
      ) : (
        <Skeleton height={42} />
      )}
      <Sparkline values={points.map((point) => numberOf(point, figure))} />
    </li>
  );
}

export function KpiTiles({ kpis, points }: { kpis: Kpis | null; points: Point[] }) {
  const before = kpis && {
    from: hourOfText(kpis.previous_range.from) ?? 0,
    to: hourOfText(kpis.previous_range.to) ?? 0,
  };
  const { state, meta } = usePage();
  const now = hourOfText(meta?.now ?? "");
  const running = kpis !== null && now !== null && (hourOfText(kpis.range.to) ?? 0) > now;
  return (
    <section aria-label="Key figures" aria-busy={kpis === null}>
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
      {before && state.compare && (
        <p class="tiles-note quiet">
          Change against {rangeLabel(before)}
          {running && "; the running hour is not whole yet"}
        </p>
      )}
    </section>
  );
}
