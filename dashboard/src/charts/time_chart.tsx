// Lines over civil time (uPlot): read-out under the pointer, the previous period dashed, the provisional part shaded, drag to zoom, arrow
// keys when focused. Times are civil seconds (civil_time.ts), drawn as UTC.

import uPlot from "uplot";
import { useEffect, useRef } from "preact/hooks";
import { dayLabel, minuteLabel } from "../civil_time";
import { formatShort } from "../format";
import { colorOf, useDark } from "../theme";

export interface Line {
  label: string;
  values: (number | null)[];
  /** CSS variable without the dashes */
  color: string;
  write: (value: number | null) => string;
  dashed?: boolean;
  filled?: boolean;
  /** Axis on the right, scaled by itself. */
  right?: boolean;
}

interface Props {
  label: string;
  times: number[];
  /** Seconds from one time to the next; a value stands for as long, half of it to either side. */
  step: number;
  lines: Line[];
  axis?: (value: number) => string;
  timeLabel: (seconds: number) => string;
  /** Seconds from which on figures are provisional; null: not known */
  provisionalFrom?: number | null;
  /** Part to stand out, when the chart shows more than the question asked for. */
  focus?: { from: number; to: number } | null;
  onZoom?: (from: number, to: number) => void;
  syncKey: string;
}

interface Size {
  width: number;
  height: number;
}

// uPlot's Side is a const enum, which single modules cannot read.
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
const kRight: uPlot.Axis.Side = 1;
const sizeOf = (box: HTMLElement): Size => ({ width: Math.max(160, box.clientWidth), height: Math.max(140, box.clientHeight) });

/** Seconds between marks of the time axis: none finer than a minute, which is the finest label. */
const kSteps = [...[1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720].map((minutes) => minutes * 60), ...[1, 2, 3, 4, 5, 7, 10, 14, 28, 56].map((days) => days * 86_400)];

/** A value between two gaps is no line: it gets a dot. */
export function isolated(values: (number | null | undefined)[]): number[] {
  return values.flatMap((value, i) => (typeof value === "number" && typeof values[i - 1] !== "number" && typeof values[i + 1] !== "number" ? [i] : []));
}

function timeAxis(splits: number[], increment: number): string[] {
  return splits.map((seconds) => {
    if (increment >= 86_400 || seconds % 86_400 === 0) return dayLabel(Math.floor(seconds / 3600));
    return minuteLabel(seconds);
  });
}

function shade(plot: uPlot, from: number, to: number, color: string, hatched: boolean): void {
  const { left, top, width, height } = plot.bbox;
  const x0 = Math.max(left, plot.valToPos(from, "x", true));
  const x1 = Math.min(left + width, plot.valToPos(to, "x", true));
  if (!(x1 > x0)) return;
  const context = plot.ctx;
  context.save();
  context.beginPath();
  context.rect(x0, top, x1 - x0, height);
  context.clip();
  context.fillStyle = color;
  context.globalAlpha = hatched ? 0.06 : 0.09;
  context.fillRect(x0, top, x1 - x0, height);
  if (hatched) {
    context.globalAlpha = 0.22;
    context.strokeStyle = color;
    context.lineWidth = devicePixelRatio;
    const gap = 7 * devicePixelRatio;
    context.beginPath();
    for (let x = x0 - height; x < x1; x += gap) {
      context.moveTo(x, top + height);
      context.lineTo(x + height, top);
    }
    context.stroke();
  }
  context.restore();
}

function optionsOf(props: () => Props, { width, height }: Size, tooltip: HTMLElement): uPlot.Options {
  const { lines, axis = formatShort, syncKey } = props();
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const grid = colorOf("grid");
  const text = colorOf("muted");
  const paths = uPlot.paths.spline?.();
  const hasRight = lines.some((line) => line.right);
  const yAxis: uPlot.Axis = {
    stroke: text,
    font,
    size: 52,
    gap: 6,
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
    space: 36,
    values: (_, splits) => splits.map(axis),
  };
  const range = (_: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax => [Math.min(0, low ?? 0), (high ?? 0) > 0 ? (high ?? 0) * 1.08 : 1];
  return {
    width,
    height,
    padding: [10, 14, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
    legend: { show: false },
    cursor: {
      sync: { key: syncKey, setSeries: false },
      drag: { x: props().onZoom !== undefined, y: false, setScale: false },
      points: { size: 7, width: 2, fill: colorOf("surface"), stroke: (_, i) => colorOf(lines[i - 1]?.color ?? "accent") },
      y: false,
    },
    scales: { x: { time: true, range: (_, low, high) => [low - props().step / 2, high + props().step / 2] }, y: { range }, ...(hasRight ? { right: { range } } : {}) },
    axes: [
      {
        stroke: text,
        font,
        size: 26,
        gap: 4,
        grid: { show: false },
        ticks: { stroke: grid, size: 4, width: 1 },
        space: 58,
        incrs: kSteps,
        values: (_, splits, __, ___, increment) => timeAxis(splits, increment),
      },
      yAxis,
      ...(hasRight ? [{ ...yAxis, scale: "right", side: kRight, grid: { show: false } } satisfies uPlot.Axis] : []),
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => {
        const stroke = colorOf(line.color);
        return {
          label: line.label,
          scale: line.right ? "right" : "y",
          stroke,
          width: line.dashed ? 1.25 : 1.75,
          spanGaps: false,
          points: { show: true, size: 6, fill: stroke, filter: (plot, i) => isolated([...(plot.data[i] ?? [])]) },
          ...(paths ? { paths } : {}),
          ...(line.dashed ? { dash: [4, 4] } : {}),
          ...(line.filled ? { fill: (plot) => gradient(plot, stroke) } : {}),
        };
      }),
    ],
    hooks: {
      drawClear: [
        (plot) => {
          const { provisionalFrom, focus, times } = props();
          if (focus) shade(plot, focus.from, focus.to, colorOf("accent"), false);
          const end = times[times.length - 1];
          if (typeof provisionalFrom === "number" && end !== undefined) shade(plot, provisionalFrom - props().step / 2, end + props().step, colorOf("provisional"), true);
        },
      ],
      setCursor: [(plot) => readOut(plot, props(), tooltip)],
      setSelect: [
        (plot) => {
          if (plot.select.width < 6) return;
          const from = plot.posToVal(plot.select.left, "x");
          const to = plot.posToVal(plot.select.left + plot.select.width, "x");
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          props().onZoom?.(from, to);
        },
      ],
    },
  };
}

function gradient(plot: uPlot, color: string): CanvasGradient | string {
  const { top, height } = plot.bbox;
  if (!Number.isFinite(top + height)) return "transparent";
  const fill = plot.ctx.createLinearGradient(0, top, 0, top + height);
  fill.addColorStop(0, `${color}38`);
  fill.addColorStop(1, `${color}05`);
  return fill;
}

function readOut(plot: uPlot, props: Props, tooltip: HTMLElement): void {
  const index = plot.cursor.idx;
  const left = plot.cursor.left ?? -1;
  const time = index === null || index === undefined ? undefined : props.times[index];
  // Charts share the pointer's time; the read-out appears only where somebody points or has the focus.
  const here = tooltip.parentElement?.matches(":hover, :focus") ?? false;
  if (!here || left < 0 || index === null || index === undefined || time === undefined) {
    tooltip.hidden = true;
    return;
  }
  const head = document.createElement("strong");
  head.textContent = props.timeLabel(time);
  const parts: HTMLElement[] = [head];
  if (typeof props.provisionalFrom === "number" && time >= props.provisionalFrom) {
    const mark = document.createElement("em");
    mark.textContent = "provisional";
    parts.push(mark);
  }
  for (const line of props.lines) {
    const row = document.createElement("span");
    row.className = `read-out-row ink-${line.color}${line.dashed ? " dashed" : ""}`;
    const label = document.createElement("span");
    label.textContent = line.label;
    const value = document.createElement("b");
    value.textContent = line.write(line.values[index] ?? null);
    row.append(label, value);
    parts.push(row);
  }
  tooltip.replaceChildren(...parts);
  tooltip.hidden = false;
  const width = tooltip.offsetWidth;
  const at = plot.over.offsetLeft + left;
  const room = plot.width - at - 16;
  tooltip.style.left = `${Math.max(4, room > width ? at + 12 : at - width - 12)}px`;
}

export function TimeChart(props: Props) {
  const place = useRef<HTMLDivElement>(null);
  const tooltip = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(props);
  newest.current = props;
  const dark = useDark();
  // What a new plot is needed for; everything else is only new data.
  const shape = props.lines.map((line) => `${line.label}|${line.color}|${line.dashed ? "dashed" : ""}`).join() + String(props.onZoom !== undefined);

  useEffect(() => {
    const box = place.current;
    const readOutBox = tooltip.current;
    if (!box || !readOutBox) return undefined;
    const made = new uPlot(optionsOf(() => newest.current, sizeOf(box), readOutBox), dataOf(newest.current), box);
    plot.current = made;
    const watch = new ResizeObserver(() => {
      const size = sizeOf(box);
      if (size.width !== made.width || size.height !== made.height) made.setSize(size);
    });
    watch.observe(box);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, dark]);

  useEffect(() => {
    plot.current?.setData(dataOf(props));
  }, [props.times, props.lines, props.provisionalFrom]);

  const onKeyDown = (event: KeyboardEvent) => {
    const made = plot.current;
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!made || (step === undefined && event.key !== "Escape")) return;
    event.preventDefault();
    const last = props.times.length - 1;
    if (step === undefined) {
      made.setCursor({ left: -10, top: -10 });
      return;
    }
    const now = made.cursor.idx ?? (step < 0 ? last + 1 : -1);
    const next = Math.max(0, Math.min(last, now + step));
    made.setCursor({ left: made.valToPos(props.times[next] ?? 0, "x"), top: 20 });
  };

  return (
    <div class="time-chart" ref={place} role="img" aria-label={`${props.label}. ${summary(props)}`} tabIndex={0} onKeyDown={onKeyDown}>
      <div class="read-out" ref={tooltip} hidden aria-live="polite" />
    </div>
  );
}

function dataOf({ times, lines }: Props): uPlot.AlignedData {
  return [times, ...lines.map((line) => line.values)];
}

/** What the lines say, for those who do not see them. */
function summary({ lines, times, timeLabel }: Props): string {
  const parts = lines.map(({ label, values, write }) => {
    const known = values.filter((value): value is number => value !== null);
    if (known.length === 0) return `${label}: no data`;
    return `${label}: lowest ${write(Math.min(...known))}, highest ${write(Math.max(...known))}, last ${write(known[known.length - 1] ?? null)}`;
  });
  const first = times[0];
  const last = times[times.length - 1];
  return `${first === undefined || last === undefined ? "" : `${timeLabel(first)} to ${timeLabel(last)}. `}${parts.join(". ")}.`;
}
