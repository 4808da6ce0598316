// Horizontal bars with their numbers beside them: a list for screen readers, a chart for eyes.

import { kNothing } from "../format";

export interface Bar {
  id: string;
  name: string;
  /** 0…1 of the full width; null: nothing to show */
  part: number | null;
  value: string;
  note: string;
  /** Of too few to mean much. */
  faint?: boolean;
}

interface Props {
  bars: Bar[];
  onPick: (id: string) => void;
  pickLabel: string;
  tone: "accent" | "teal";
}

export function BarList({ bars, onPick, pickLabel, tone }: Props) {
  if (bars.length === 0) return <p class="quiet pad">Nothing in this range.</p>;
  return (
    <ol class={`bars tone-${tone}`}>
      {bars.map((bar) => (
        <li key={bar.id}>
          <button type="button" class={`bar ${bar.faint ? "faint" : ""}`} title={`${pickLabel} ${bar.name}`} onClick={() => onPick(bar.id)}>
            <span class="bar-name">{bar.name}</span>
            <span class="bar-note">{bar.note}</span>
            <span class="bar-value">{bar.part === null ? kNothing : bar.value}</span>
            <span class="bar-track" aria-hidden="true">
              <span class="bar-fill" style={{ width: `${Math.max(0, Math.min(1, bar.part ?? 0)) * 100}%` }} />
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}
