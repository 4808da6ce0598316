// What was got and what it cost: key figures, their course, and the breakdown.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Kpis, Series, Top } from "../api";
import { civilSeconds, hourOfText, rangeOfLast, stepLabel, textOfHour } from "../civil_time";
import { BarList } from "../charts/bar_list";
import { TimeChart, type Line } from "../charts/time_chart";
import { usePage } from "../context";
import { kFigures, numberOf, writeFigure, type Figure } from "../figures";
import { formatCount, formatMoney, formatPercent, formatShort, nameOf } from "../format";
import { Breakdown } from "../parts/breakdown";
import { KpiTiles } from "../parts/kpi_tiles";
import { Card, EmptyRange, PartProblem, ProblemCard, Skeleton, StaleBanner } from "../parts/states";
import { useQuery, type Answer } from "../query_hub";
import { drillDown, questionOf, type UrlState } from "../url_state";

const kStepsMin = 6;
const kBars = 8;
/** A ratio of fewer applications says little. */
const kRatioOf = 20;

/** A range of few hours is shown within its last day: one point is no line. */
function contextRange(state: UrlState, now: string | undefined): { state: UrlState; focus: { from: number; to: number } | null } {
  const { last, from, to } = state.range;
  const nowHour = hourOfText(now ?? "");
  const range = last !== null ? (nowHour === null ? null : rangeOfLast(last, nowHour)) : { from: hourOfText(from ?? "") ?? 0, to: hourOfText(to ?? "") ?? 0 };
  const short = last !== null && last.endsWith("h") ? Number(last.slice(0, -1)) < kStepsMin : range !== null && range.to - range.from < kStepsMin;
  if (!short) return { state, focus: null };
  const wide = last !== null ? { last: "24h", from: null, to: null } : { last: null, from: textOfHour((range?.to ?? 24) - 24), to };
  return { state: { ...state, range: wide }, focus: range && { from: (range.from - 0.5) * 3600, to: (range.to - 0.5) * 3600 } };
}

function Chart(props: { title: string; series: Series; figures: Figure[]; colors: string[]; focus: { from: number; to: number } | null }) {
  const { series, figures, colors } = props;
  const { state, go, meta, zone } = usePage();
  const times = useMemo(() => series.points.map((point) => (hourOfText(point.time) ?? 0) * 3600), [series]);
  const lines = useMemo(
    () =>
      figures.flatMap((figure, i): Line[] => {
        const color = colors[i] ?? "accent";
        const write = (value: number | null) => writeFigure(value, figure.kind);
        const now: Line = { label: figure.label, values: series.points.map((point) => numberOf(point, figure)), color, write, filled: figures.length === 1 };
        if (!series.previous) return [now];
        // Times of the previous period are moved onto this one, step by step.
        const before = series.points.map((_, k) => {
          const point = series.previous?.[k];
          return point ? numberOf(point, figure) : null;
        });
        return [{ label: figures.length > 1 ? `${figure.short} before` : "Previous period", values: before, color, write, dashed: true }, now];
      }),
    [series, figures, colors],
  );
  const stepSeconds = series.step === "day" ? 86_400 : 3600;
  const settled = meta?.settled_until ? civilSeconds(meta.settled_until, zone) : null;
  const zoom = (from: number, to: number) => {
    const begin = Math.floor(from / stepSeconds + 0.5) * stepSeconds;
    const end = Math.floor(to / stepSeconds + 0.5) * stepSeconds + stepSeconds;
    go({ ...state, range: { last: null, from: textOfHour(begin / 3600), to: textOfHour(end / 3600) } });
  };
  return (
    <TimeChart
      label={props.title}
      times={times}
      step={stepSeconds}
      lines={lines}
      axis={figures[0]?.kind === "rate" ? (value) => formatPercent(value, 0) : formatShort}
      timeLabel={(seconds) => stepLabel(seconds / 3600, series.step)}
      provisionalFrom={settled === null ? null : Math.floor(settled / stepSeconds) * stepSeconds}
      focus={props.focus}
      onZoom={zoom}
      syncKey="performance"
    />
  );
}

const kCharts: { title: string; figures: Figure[]; colors: string[] }[] = [
  { title: "Conversions over Time", figures: [kFigures.conversions], colors: ["accent"] },
  { title: "Clicks & Impressions", figures: [kFigures.impressions, kFigures.clicks], colors: ["violet", "teal"] },
  { title: "Spend over Time", figures: [kFigures.spend], colors: ["green"] },
  { title: "Click-Through Rate over Time", figures: [kFigures.ctr], colors: ["amber"] },
];

function Legend({ figures, colors, compare }: { figures: Figure[]; colors: string[]; compare: boolean }) {
  return (
    <>
      {figures.length > 1 &&
        figures.map((figure, i) => (
          <span key={figure.key} class={`legend ink-${colors[i] ?? ""}`}>
            {figure.label}
          </span>
        ))}
      {compare && <span class={`legend dashed ink-${colors[0] ?? ""}`}>previous</span>}
    </>
  );
}

/** What a card holds: the answer, what stands there until it comes, or why none came. */
function Answered<T>({ answer, children }: { answer: Answer<T>; children: (data: T) => ComponentChildren }) {
  if (answer.data !== null) return <>{children(answer.data)}</>;
  return answer.error ? <PartProblem problem={answer.error} /> : <Skeleton height={196} />;
}

export function PerformanceView() {
  const { state, go, meta } = usePage();
  const wide = contextRange(state, meta?.now);
  const question = questionOf(state);
  const kpis = useQuery<Kpis>(`/api/v1/kpis?${question}`);
  const series = useQuery<Series>(`/api/v1/series?${questionOf(wide.state)}${state.compare ? "&compare=previous" : ""}`);
  const campaigns = useQuery<Top>(`/api/v1/top/campaign?${question}&order=qualified&limit=${kBars}`);
  const groups = useQuery<Top>(`/api/v1/top/group?${question}&order=spend&limit=${kBars}`);

  if (kpis.error && !kpis.data) return <ProblemCard problem={kpis.error} />;
  const stale = [kpis, series, campaigns, groups].find(({ error, data }) => error && data)?.error;
  const nothing = kpis.data !== null && !kpis.outdated && Object.values(kpis.data.current).every((value) => value === null || Number(value) === 0);
  const spendMost = Math.max(0, ...(groups.data?.entries ?? []).map((entry) => Number(entry.spend)));
  // Answers to one question and to the question before are not put together.
  const spendAll = kpis.data && kpis.outdated === groups.outdated ? Number(kpis.data.current.spend) : 0;
  return (
    <>
      {stale && <StaleBanner problem={stale} />}
      {nothing && <EmptyRange />}
      <KpiTiles kpis={kpis.data} outdated={kpis.outdated} series={kpis.outdated === series.outdated ? series.data : null} />
      <div class="charts">
        {kCharts.map(({ title, figures, colors }) => (
          <Card key={title} title={title} outdated={series.outdated} note={<Legend figures={figures} colors={colors} compare={state.compare} />}>
            <Answered answer={series}>
              {(data) => <Chart title={title} series={data} figures={figures} colors={colors} focus={wide.focus} />}
            </Answered>
          </Card>
        ))}
        <Card
          title="Spend by Group"
          class="tall-1"
          outdated={groups.outdated}
          note={groups.data && groups.data.total > kBars ? `${kBars} of ${formatCount(groups.data.total)}` : "share of all"}
        >
          <Answered answer={groups}>
            {(data) => (
              <BarList
                tone="accent"
                pickLabel="Filter by"
                onPick={(id) => go(drillDown(state, "group", id))}
                bars={data.entries.map((entry) => ({
                  id: entry.id,
                  name: nameOf(entry, "group"),
                  part: spendMost > 0 ? Number(entry.spend) / spendMost : 0,
                  value: formatMoney(entry.spend),
                  note: spendAll > 0 ? formatPercent(Number(entry.spend) / spendAll, 0) : "",
                }))}
              />
            )}
          </Answered>
        </Card>
        <Card title="Qualified Ratio per Campaign" class="tall-2" outdated={campaigns.outdated} note="most qualified first">
          <Answered answer={campaigns}>
            {(data) => (
              <BarList
                tone="teal"
                pickLabel="Filter by"
                onPick={(id) => go(drillDown(state, "campaign", id))}
                bars={data.entries.map((entry) => ({
                  id: entry.id,
                  name: nameOf(entry, "campaign"),
                  part: entry.qualified_ratio,
                  value: formatPercent(entry.qualified_ratio),
                  note: `${formatCount(entry.qualified)} of ${formatCount(entry.qualified + entry.unqualified)}`,
                  faint: entry.qualified + entry.unqualified < kRatioOf,
                }))}
              />
            )}
          </Answered>
        </Card>
      </div>
      {wide.focus && <p class="quiet charts-note">The charts show the whole day around the range, which is marked in them.</p>}
      <Breakdown />
    </>
  );
}
