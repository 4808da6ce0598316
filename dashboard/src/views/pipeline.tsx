// How the engines do: every recent slice by time and shard, and the figures of each minute.

import { useMemo, useState } from "preact/hooks";
import type { Minute, Mirror, Pipeline } from "../api";
import { civilSeconds, clockLabel } from "../civil_time";
import { TimeChart, type Line } from "../charts/time_chart";
import { usePage } from "../context";
import { formatCount, formatDuration, formatMilliseconds, formatShort, kNothing } from "../format";
import { SliceMap } from "../parts/slice_map";
import { Card, inkOf, Judged, PlainTable, ProblemCard, Skeleton, StaleBanner, type Judgement } from "../parts/states";
import { useQuery } from "../query_hub";

const kMinutes = 120;
/** So many stand on the axis even when an engine has only begun. */
const kMinutesMin = 30;

const sum = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : a + b);
const greater = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.max(a, b));

interface Row {
  new_rows: number | null;
  rows_read: number | null;
  commits: number | null;
  commit_ms_mean: number | null;
  commit_ms_max: number | null;
  freshness_ms_p50: number | null;
  freshness_ms_p95: number | null;
  freshness_ms_max: number | null;
}

/** Minutes of several sources as one: counts added, times the worst of them (the mean of commits weighted). */
export function joinMinutes(minutes: Minute[], source: string | null): Map<number, Row> {
  const joined = new Map<number, Row>();
  for (const minute of minutes) {
    if (source !== null && minute.source !== source) continue;
    const key = Math.floor(Date.parse(minute.minute) / 60_000);
    const before = joined.get(key);
    if (!before) {
      joined.set(key, { ...minute });
      continue;
    }
    const commits = (before.commits ?? 0) + minute.commits;
    const weighted = (before.commit_ms_mean ?? 0) * (before.commits ?? 0) + (minute.commit_ms_mean ?? 0) * minute.commits;
    joined.set(key, {
      new_rows: sum(before.new_rows, minute.new_rows),
      rows_read: sum(before.rows_read, minute.rows_read),
      commits,
      commit_ms_mean: commits > 0 ? weighted / commits : null,
      commit_ms_max: greater(before.commit_ms_max, minute.commit_ms_max),
      freshness_ms_p50: greater(before.freshness_ms_p50, minute.freshness_ms_p50),
      freshness_ms_p95: greater(before.freshness_ms_p95, minute.freshness_ms_p95),
      freshness_ms_max: greater(before.freshness_ms_max, minute.freshness_ms_max),
    });
  }
  return joined;
}

interface ChartOfMinutes {
  title: string;
  note: string;
  write: (value: number | null) => string;
  lines: { key: keyof Row; label: string; color: string; dashed?: boolean }[];
}

const count = (value: number | null) => (value === null ? "–" : formatCount(value));

const kCharts: ChartOfMinutes[] = [
  {
    title: "Freshness",
    note: "from arrival to committed",
    write: formatMilliseconds,
    lines: [
      { key: "freshness_ms_max", label: "max", color: "muted", dashed: true },
      { key: "freshness_ms_p95", label: "p95", color: "amber" },
      { key: "freshness_ms_p50", label: "p50", color: "teal" },
    ],
  },
  {
    title: "Commit time",
    note: "one warehouse transaction",
    write: formatMilliseconds,
    lines: [
      { key: "commit_ms_max", label: "max", color: "muted", dashed: true },
      { key: "commit_ms_mean", label: "mean", color: "accent" },
    ],
  },
  {
    title: "Rows per minute",
    note: "with those read again",
    write: count,
    lines: [
      { key: "rows_read", label: "read", color: "violet" },
      { key: "new_rows", label: "new", color: "green" },
    ],
  },
];

function MinuteChart({ chart, rows, keys }: { chart: ChartOfMinutes; rows: Map<number, Row>; keys: number[] }) {
  const { zone } = usePage();
  const times = useMemo(() => keys.map((key) => civilSeconds(key * 60_000, zone)), [keys, zone]);
  const lines = useMemo(
    () => chart.lines.map((line): Line => ({ ...line, values: keys.map((key) => rows.get(key)?.[line.key] ?? null), write: chart.write })),
    [chart, rows, keys],
  );
  if (lines.every(({ values }) => values.every((value) => value === null))) return <p class="quiet pad">No figures in these minutes.</p>;
  return (
    <TimeChart
      label={chart.title}
      times={times}
      step={60}
      lines={lines}
      axis={chart.write === count ? formatShort : (value) => (value === 0 ? "0" : formatMilliseconds(value))}
      timeLabel={(seconds) => clockLabel(seconds).slice(0, -3)}
      syncKey="pipeline"
    />
  );
}

function Totals({ minutes }: { minutes: Minute[] }) {
  const newest = Math.max(0, ...minutes.map(({ minute }) => Date.parse(minute)));
  const hour = minutes.filter(({ minute }) => Date.parse(minute) > newest - 3_600_000);
  const total = (key: "new_rows" | "commits" | "slices_settled" | "slices_corrected" | "slices_audited" | "conflicts" | "retries") =>
    hour.reduce((result, minute) => result + minute[key], 0);
  const tiles: [string, number, string][] = [
    ["New rows", total("new_rows"), ""],
    ["Commits", total("commits"), ""],
    ["Slices settled", total("slices_settled"), ""],
    ["Audited", total("slices_audited"), ""],
    ["Corrected", total("slices_corrected"), "late or changed rows found by an audit"],
    ["Conflicts", total("conflicts"), "another writer was faster; recounted"],
    ["Retries", total("retries"), "passing errors, tried again"],
  ];
  return (
    <ul class="tiles totals" aria-label="Last hour">
      {tiles.map(([label, value, meaning]) => (
        <li key={label} class="tile" title={meaning}>
          <h3>{label}</h3>
          <p class="tile-value small">{formatCount(value)}</p>
        </li>
      ))}
    </ul>
  );
}

/** It stores where it is each 30 s, and the engine asks each 15 s. */
const kMirrorSilentMs = 120_000;

export function readMirror(mirror: Mirror, now_ms: number): Judgement {
  const silent_ms = mirror.stored_at === null ? Infinity : now_ms - Date.parse(mirror.stored_at);
  if (silent_ms > kMirrorSilentMs) {
    return { tone: "bad", text: Number.isFinite(silent_ms) ? `not heard of for ${formatDuration(silent_ms)}` : "never heard of" };
  }
  return mirror.copying ? { tone: "quiet", text: "copies what it lacks" } : { tone: "good", text: "follows the log" };
}

function Mirrors({ mirrors }: { mirrors: Mirror[] }) {
  const { zone } = usePage();
  const now = Date.now();
  const when = (instant: string | null) => (instant === null ? kNothing : `${formatDuration(now - Date.parse(instant))} ago`);
  return (
    <Card title="Mirrors" note="what keeps the table equal to the one that writers know">
      <PlainTable label="Mirrors by node">
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">State</th>
            <th scope="col">Last copy</th>
            <th scope="col">Source</th>
          </tr>
        </thead>
        <tbody>
          {mirrors.map((mirror) => {
            const judged = readMirror(mirror, now);
            return (
              <tr key={`${mirror.source}/${mirror.node}`}>
                <td>{mirror.node}</td>
                <td class={inkOf(judged.tone)}>
                  <Judged {...judged} />
                </td>
                <td title={mirror.copied_at === null ? "" : clockLabel(civilSeconds(Date.parse(mirror.copied_at), zone))}>{when(mirror.copied_at)}</td>
                <td>{mirror.source}</td>
              </tr>
            );
          })}
        </tbody>
      </PlainTable>
    </Card>
  );
}

export function PipelineView() {
  const { data, error } = useQuery<Pipeline>(`/api/v1/pipeline?minutes=${kMinutes}`);
  const [source, setSource] = useState<string | null>(null);
  const sources = useMemo(() => [...new Set([...(data?.minutes ?? []), ...(data?.slices ?? [])].map((row) => row.source))].sort(), [data]);
  const chosen = source !== null && sources.includes(source) ? source : null;
  const rows = useMemo(() => joinMinutes(data?.minutes ?? [], chosen), [data, chosen]);
  const keys = useMemo(() => {
    const known = [...rows.keys()];
    if (known.length === 0) return [];
    const last = known.reduce((a, b) => Math.max(a, b));
    const first = Math.max(last - kMinutes + 1, Math.min(last - kMinutesMin + 1, known.reduce((a, b) => Math.min(a, b))));
    // Minutes without a row are gaps, not lines drawn across.
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  }, [rows]);
  if (error && !data) return <ProblemCard problem={error} />;
  if (!data) return <Skeleton height={420} />;
  const mirrors = data.mirrors.filter((mirror) => chosen === null || mirror.source === chosen);
  const visible = data.minutes.filter((minute) => chosen === null || minute.source === chosen);
  return (
    <>
      {error && <StaleBanner problem={error} />}
      {sources.length > 1 && (
        <div class="segments spaced" role="group" aria-label="Source">
          <button type="button" aria-pressed={chosen === null} onClick={() => setSource(null)}>
            All sources
          </button>
          {sources.map((name) => (
            <button key={name} type="button" aria-pressed={chosen === name} onClick={() => setSource(name)}>
              {name}
            </button>
          ))}
        </div>
      )}
      {visible.length > 0 && (
        <>
          <Totals minutes={visible} />
          <p class="tiles-note quiet">Sums of the last hour</p>
        </>
      )}
      {mirrors.length > 0 && <Mirrors mirrors={mirrors} />}
      <SliceMap slices={data.slices.filter((slice) => chosen === null || slice.source === chosen)} />
      <div class="charts three">
        {kCharts.map((chart) => (
          <Card
            key={chart.title}
            title={chart.title}
            note={
              <>
                {chart.note}
                {chart.lines.map(({ label, color, dashed }) => (
                  <span key={label} class={`legend ink-${color} ${dashed ? "dashed" : ""}`}>
                    {label}
                  </span>
                ))}
              </>
            }
          >
            {keys.length > 0 ? <MinuteChart chart={chart} rows={rows} keys={keys} /> : <p class="quiet pad">No minutes recorded yet: an engine writes them while it runs.</p>}
          </Card>
        ))}
      </div>
    </>
  );
}
