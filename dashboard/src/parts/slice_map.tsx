// Slices as a strip of cells: a column for each bucket, a row for each shard.

import { useMemo, useState } from "preact/hooks";
import type { Slice } from "../api";
import { civilSeconds, clockLabel, minuteLabel } from "../civil_time";
import { usePage } from "../context";
import { formatCount } from "../format";
import { Card } from "./states";

export type SliceLook = "held" | "open" | "settled" | "audited" | "corrected";

export function lookOf(slice: Slice): SliceLook {
  if (slice.held) return "held";
  if (slice.state !== "settled") return slice.state;
  if (slice.corrected_at !== null) return "corrected";
  return slice.audited_at !== null && slice.settled_at !== null && slice.audited_at > slice.settled_at ? "audited" : "settled";
}

const kLooks: [SliceLook, string][] = [
  ["open", "still filling, provisional"],
  ["settled", "recounted whole"],
  ["audited", "recounted again later"],
  ["corrected", "late or changed rows came after it was settled, and are counted"],
  ["held", "recount found fewer rows: waits for a person"],
];

interface Grid {
  source: string;
  shards: number[];
  buckets: string[];
  cells: Map<string, Slice>;
  look: Map<string, SliceLook>;
}

function compareBuckets(a: string, b: string): number {
  const left = BigInt(a);
  const right = BigInt(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

export function gridsOf(slices: Slice[]): Grid[] {
  const grids = new Map<string, Grid>();
  for (const slice of slices) {
    let grid = grids.get(slice.source);
    if (!grid) {
      grid = { source: slice.source, shards: [], buckets: [], cells: new Map(), look: new Map() };
      grids.set(slice.source, grid);
    }
    const key = `${slice.bucket}/${slice.shard}`;
    grid.cells.set(key, slice);
    grid.look.set(key, lookOf(slice));
  }
  for (const grid of grids.values()) {
    grid.shards = [...new Set([...grid.cells.values()].map(({ shard }) => shard))].sort((a, b) => a - b);
    grid.buckets = [...new Set([...grid.cells.values()].map(({ bucket }) => bucket))].sort(compareBuckets);
  }
  return [...grids.values()].sort((a, b) => a.source.localeCompare(b.source));
}

function Detail({ slice }: { slice: Slice }) {
  const { zone } = usePage();
  const clock = (instant: string | null) => (instant ? clockLabel(civilSeconds(instant, zone)) : "–");
  const look = lookOf(slice);
  return (
    <p class="slice-detail" aria-live="polite">
      <span class={`key slice-${look}`} aria-hidden="true" /> <strong>{slice.begin ? clock(slice.begin) : `block ${slice.bucket}`}</strong>, shard {slice.shard}: {look},{" "}
      {formatCount(slice.rows)} rows, revision {formatCount(slice.revision)}
      {slice.settled_at && `, settled ${clock(slice.settled_at)}`}
      {slice.corrected_at && `, corrected ${clock(slice.corrected_at)}`}
      {look === "audited" && `, last audit ${clock(slice.audited_at)}`}
    </p>
  );
}

const kCell = 14;
const kMark = 10;
/** Widths between which a column takes what room there is. */
const kNarrow = 5;
const kWide = 24;

function GridChart({ grid }: { grid: Grid }) {
  const { zone } = usePage();
  const [at, setAt] = useState<{ column: number; row: number } | null>(null);
  const bucket = at ? grid.buckets[at.column] : undefined;
  const chosen = at && bucket !== undefined ? grid.cells.get(`${bucket}/${grid.shards[at.row] ?? ""}`) : undefined;
  const counts = new Map<SliceLook, number>();
  for (const look of grid.look.values()) counts.set(look, (counts.get(look) ?? 0) + 1);
  const width = grid.buckets.length * kCell;
  const height = grid.shards.length * kCell;
  const every = Math.max(5, Math.ceil(grid.buckets.length / 10));
  const percent = (column: number) => `${(column / grid.buckets.length) * 100}%`;
  const label = (name: string) => {
    const begin = grid.shards.map((shard) => grid.cells.get(`${name}/${shard}`)).find(Boolean)?.begin;
    return begin ? minuteLabel(civilSeconds(begin, zone)) : `block ${name}`;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const from = at ?? { column: grid.buckets.length - 1, row: 0 };
    setAt({
      column: Math.max(0, Math.min(grid.buckets.length - 1, from.column + (at ? move[0] : 0))),
      row: Math.max(0, Math.min(grid.shards.length - 1, from.row + (at ? move[1] : 0))),
    });
  };
  const onPointer = (event: PointerEvent & { currentTarget: SVGSVGElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * grid.buckets.length);
    const row = Math.floor(((event.clientY - box.top) / box.height) * grid.shards.length);
    setAt({ column: Math.max(0, Math.min(grid.buckets.length - 1, column)), row: Math.max(0, Math.min(grid.shards.length - 1, row)) });
  };
  const words = kLooks.flatMap(([look]) => (counts.get(look) ? [`${formatCount(counts.get(look) ?? 0)} ${look}`] : [])).join(", ");
  return (
    <figure class="slice-grid">
      <figcaption>
        <strong>{grid.source}</strong> <span class="quiet">{words}</span>
      </figcaption>
      <div class="slice-scroll">
        <div style={{ minWidth: `${grid.buckets.length * kNarrow}px`, maxWidth: `${grid.buckets.length * kWide}px` }}>
          <svg
            viewBox={`0 0 ${width} ${height}`}
            preserveAspectRatio="none"
            style={{ height: `${height}px` }}
            role="img"
            aria-label={`Slices of ${grid.source}: ${words}. Arrow keys read single slices.`}
            tabIndex={0}
            onKeyDown={onKeyDown}
            onPointerMove={onPointer}
            onPointerLeave={() => setAt(null)}
          >
            {grid.buckets.map((name, column) =>
              grid.shards.map((shard, row) => {
                const look = grid.look.get(`${name}/${shard}`);
                return look ? <rect key={`${name}/${shard}`} class={`slice-${look}`} x={column * kCell + 1} y={row * kCell + 1} width={kCell - 2} height={kCell - 2} rx={2.5} /> : null;
              }),
            )}
            {at && <rect class="slice-cursor" x={at.column * kCell + (kCell - kMark) / 2 - 2} y={at.row * kCell + (kCell - kMark) / 2 - 2} width={kMark + 4} height={kMark + 4} rx={3} />}
          </svg>
          <div class="slice-axis" aria-hidden="true">
            {grid.buckets.map((name, column) =>
              column % every === 0 && column <= grid.buckets.length - 4 ? (
                <span key={name} style={{ left: percent(column) }}>
                  {label(name)}
                </span>
              ) : null,
            )}
          </div>
        </div>
      </div>
      {chosen ? <Detail slice={chosen} /> : <p class="slice-detail quiet">{at ? "no rows came there" : "Point at a slice or tap it, or use the arrow keys."}</p>}
    </figure>
  );
}

export function SliceMap({ slices }: { slices: Slice[] }) {
  const grids = useMemo(() => gridsOf(slices), [slices]);
  return (
    <Card
      title="Slices"
      note={kLooks.map(([look, meaning]) => (
        <span key={look} class="slice-key" title={meaning}>
          <span class={`key slice-${look}`} aria-hidden="true" /> {look}
        </span>
      ))}
    >
      {grids.length === 0 ? <p class="quiet pad">No slice yet.</p> : grids.map((grid) => <GridChart key={grid.source} grid={grid} />)}
    </Card>
  );
}
