// The range: the last hour, day, week, month, or from and to in the reporting zone.

import { useState } from "preact/hooks";
import { hourOfText, rangeLabel, rangeOfLast, textOfHour } from "../civil_time";
import { usePage } from "../context";
import { kRanges } from "../url_state";
import { Popover } from "./popover";

const kWords: Record<(typeof kRanges)[number], string> = { "1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days" };

function CustomRange({ onDone }: { onDone: () => void }) {
  const { state, go, meta, zone } = usePage();
  const now = hourOfText(meta?.now ?? "") ?? 0;
  const shown = state.range.last === null ? null : rangeOfLast(state.range.last, now);
  const [from, setFrom] = useState(state.range.from ?? textOfHour(shown?.from ?? now - 23));
  const [to, setTo] = useState(state.range.to ?? textOfHour(shown?.to ?? now + 1));
  const begin = hourOfText(from);
  const end = hourOfText(to);
  const wrong = begin === null || end === null ? "Full hours, please" : begin >= end ? "“From” must lie before “to”" : "";
  const apply = (event: Event) => {
    event.preventDefault();
    if (wrong) return;
    go({ ...state, range: { last: null, from, to } });
    onDone();
  };
  // Minutes are cut: the table is hourly.
  const hours = (value: string) => (value ? `${value.slice(0, 13)}:00` : "");
  return (
    <form class="range-form" onSubmit={apply}>
      <label>
        From
        <input type="datetime-local" step={3600} value={from} onInput={(event) => setFrom(hours(event.currentTarget.value))} />
      </label>
      <label>
        To
        <input type="datetime-local" step={3600} value={to} onInput={(event) => setTo(hours(event.currentTarget.value))} />
      </label>
      <p class="quiet">{wrong || `Times in ${zone}; “to” is not included`}</p>
      <button type="submit" class="button primary" disabled={wrong !== ""}>
        Apply
      </button>
    </form>
  );
}

export function RangePicker() {
  const { state, go } = usePage();
  const [open, setOpen] = useState(false);
  const begin = hourOfText(state.range.from ?? "");
  const end = hourOfText(state.range.to ?? "");
  const custom = begin !== null && end !== null ? rangeLabel({ from: begin, to: end }) : null;
  const other = state.range.last !== null && !kRanges.some((range) => range === state.range.last);
  return (
    <div class="segments" role="group" aria-label="Range" id="range">
      {kRanges.map((last) => (
        <button
          key={last}
          type="button"
          title={kWords[last]}
          aria-label={kWords[last]}
          aria-pressed={state.range.last === last}
          onClick={() => go({ ...state, range: { last, from: null, to: null }, page: 1 })}
        >
          {last.slice(0, -1)} {last.slice(-1)}
        </button>
      ))}
      <Popover
        label={custom ?? (other ? `last ${state.range.last ?? ""}` : "Custom")}
        name="Custom range"
        class="segment"
        pressed={custom !== null || other}
        open={open}
        onOpen={setOpen}
      >
        <CustomRange onDone={() => setOpen(false)} />
      </Popover>
    </div>
  );
}
