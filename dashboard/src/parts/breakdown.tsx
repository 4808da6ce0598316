// Companies, campaigns, groups, publishers or jobs with all figures: sorted, searched, paged, exported; a row leads deeper.

import { useContext, useMemo, useRef, useState } from "preact/hooks";
import { Problem, type Entry, type Top } from "../api";
import { usePage } from "../context";
import { csv, download, type Field } from "../csv";
import { everyEntry } from "../every_entry";
import { kFigures, numberOf, writeFigure, type Figure } from "../figures";
import { compareIds, formatCount, nameOf } from "../format";
import { HubContext, useQuery } from "../query_hub";
import { drillDown, kDimensions, questionOf, type Dimension, type UrlState } from "../url_state";
import { PartProblem, Skeleton, StaleBanner } from "./states";

const kColumns: Figure[] = [
  kFigures.impressions,
  kFigures.clicks,
  kFigures.ctr,
  kFigures.conversions,
  kFigures.conversion_rate,
  kFigures.qualified,
  kFigures.qualified_ratio,
  kFigures.spend,
  kFigures.cpc,
  kFigures.cpa,
  kFigures.cpqa,
];
const kServerOrders = ["spend", "impressions", "clicks", "conversions", "qualified"];
const kLimit = 1000;
const kPageRows = 20;

export function compareEntries(a: Entry, b: Entry, sort: string, descending: boolean, dimension: string): number {
  const sign = descending ? -1 : 1;
  if (sort === "name") return sign * nameOf(a, dimension).localeCompare(nameOf(b, dimension), "en", { numeric: true }) || compareIds(a.id, b.id);
  const figure = kColumns.find(({ key }) => key === sort) ?? kFigures.spend;
  const left = numberOf(a, figure);
  const right = numberOf(b, figure);
  // Nothing to show sorts last, whichever way.
  if (left === null || right === null) return left === right ? compareIds(a.id, b.id) : left === null ? 1 : -1;
  return sign * (left - right) || compareIds(a.id, b.id);
}

/** What the export of a question has come to. */
interface Export {
  path: string;
  state: "running" | "done" | "mixed" | Problem;
}

function problemOfExport(error: unknown): Problem {
  const detail = error instanceof Problem ? `${error.title}: ${error.detail}` : error instanceof Error ? error.message : String(error);
  return new Problem(0, "Nothing was exported", detail);
}

function ExportNotice({ state }: { state: Export["state"] }) {
  if (state instanceof Problem) {
    return (
      <div class="banner bad" role="alert" data-test="export-failed">
        <strong>{state.title}.</strong> {state.detail}
      </div>
    );
  }
  if (state !== "mixed") return null;
  return (
    <div class="banner warn" role="status" data-test="export-mixed">
      <strong>The figures changed while they were exported.</strong> The file has each row once, but its rows are of moments some seconds apart.
      A range that is over stands still.
    </div>
  );
}

function csvOf(entries: Entry[], dimension: Dimension): string {
  const header = [`${dimension}_id`, `${dimension}_name`, ...kColumns.map(({ key }) => key)];
  return csv(
    header,
    entries.map((entry): Field[] => [entry.id, entry.name, ...kColumns.map(({ key }) => entry[key])]),
  );
}

function HeadCell({ column, label, title, state, onSort }: { column: string; label: string; title: string; state: UrlState; onSort: (column: string) => void }) {
  const active = state.sort === column;
  const sorted = active ? (state.descending ? "descending" : "ascending") : "none";
  return (
    <th scope="col" aria-sort={sorted} class={column === "name" ? "name" : "numeric"}>
      <button type="button" class="sort" title={title} onClick={() => onSort(column)}>
        {active && (
          <span class="sort-mark" aria-hidden="true">
            {state.descending ? "↓" : "↑"}
          </span>
        )}
        {label}
      </button>
    </th>
  );
}

function Row({ entry, dimension, most, onPick }: { entry: Entry; dimension: Dimension; most: number; onPick: (id: string) => void }) {
  const name = nameOf(entry, dimension);
  return (
    <tr data-id={entry.id} onClick={() => onPick(entry.id)}>
      <th scope="row" class="name">
        <button type="button" class="link" data-row title={`Show only ${name}`}>
          {name}
        </button>
      </th>
      {kColumns.map((figure) => (
        <td key={figure.key} class="numeric" data-column={figure.key} data-value={String(entry[figure.key] ?? "")}>
          {writeFigure(entry[figure.key], figure.kind)}
          {figure.key === "spend" && (
            <span class="cell-track" aria-hidden="true">
              <span style={{ width: `${most > 0 ? (Number(entry.spend) / most) * 100 : 0}%` }} />
            </span>
          )}
        </td>
      ))}
    </tr>
  );
}

export function Breakdown() {
  const { state, go } = usePage();
  const client = useContext(HubContext)?.client;
  const [exported, setExported] = useState<Export | null>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const exporting = exported?.state === "running";
  const dimension = state.by;
  const order = kServerOrders.includes(state.sort) ? state.sort : "spend";
  const path = `/api/v1/top/${dimension}?${questionOf(state)}&order=${order}&limit=${kLimit}`;
  const { data, error, outdated } = useQuery<Top>(path);
  const shown = data?.dimension === dimension ? data : null;

  const wanted = state.search.trim().toLowerCase();
  const entries = useMemo(() => {
    const found = (shown?.entries ?? []).filter(
      (entry) => !wanted || nameOf(entry, dimension).toLowerCase().includes(wanted) || entry.id === wanted,
    );
    return found.sort((a, b) => compareEntries(a, b, state.sort, state.descending, dimension));
  }, [shown, wanted, state.sort, state.descending, dimension]);
  const most = Math.max(0, ...entries.map((entry) => Number(entry.spend)));
  const pages = Math.max(1, Math.ceil(entries.length / kPageRows));
  const page = Math.min(state.page, pages);
  const visible = entries.slice((page - 1) * kPageRows, page * kPageRows);

  const onSort = (column: string) =>
    go({ ...state, sort: column, descending: state.sort === column ? !state.descending : column !== "name", page: 1 });
  const onExport = async () => {
    if (!shown) return;
    setExported({ path, state: "running" });
    try {
      const isWhole = shown.entries.length >= shown.total;
      const { entries: all, mixed } = client && !isWhole ? await everyEntry(client, path) : { entries: shown.entries, mixed: false };
      const chosen = all.filter((entry) => !wanted || nameOf(entry, dimension).toLowerCase().includes(wanted) || entry.id === wanted);
      chosen.sort((a, b) => compareEntries(a, b, state.sort, state.descending, dimension));
      download(`hirestream-${dimension}-${shown.range.from}-${shown.range.to}.csv`.replaceAll(":", ""), csvOf(chosen, dimension));
      setExported({ path, state: mixed ? "mixed" : "done" });
    } catch (error) {
      setExported({ path, state: problemOfExport(error) });
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || !body.current) return;
    const rows = [...body.current.querySelectorAll<HTMLButtonElement>("[data-row]")];
    const at = rows.indexOf(document.activeElement as HTMLButtonElement);
    const next = rows[at + step];
    if (at < 0 || !next) return;
    event.preventDefault();
    next.focus();
  };

  return (
    <section class="card breakdown" aria-label="Breakdown">
      <header class="card-head">
        <h2>Breakdown</h2>
        <div class="segments" role="group" aria-label="Break down by">
          {kDimensions.map((name) => (
            <button key={name} type="button" aria-pressed={name === dimension} onClick={() => go({ ...state, by: name, page: 1, search: "" })}>
              {name.charAt(0).toUpperCase() + name.slice(1)}
            </button>
          ))}
        </div>
        <span class="card-actions">
          <input
            type="search"
            id="search"
            placeholder="Search ( / )"
            aria-label={`Search ${dimension}`}
            value={state.search}
            onInput={(event) => go({ ...state, search: event.currentTarget.value, page: 1 }, true)}
          />
          <button type="button" class="button" onClick={() => void onExport()} disabled={!shown || outdated || exporting || entries.length === 0}>
            {exporting ? "Exporting …" : "CSV"}
          </button>
        </span>
      </header>
      {exported?.path === path && <ExportNotice state={exported.state} />}
      {error && shown && <StaleBanner problem={error} />}
      {error && !shown && <PartProblem problem={error} />}
      {!error && !shown && <Skeleton height={320} />}
      {shown && (
        // Scrolls sideways on a narrow screen: reachable by keyboard.
        <div class={`table-scroll ${outdated ? "outdated" : ""}`} aria-busy={outdated} tabIndex={0} role="region" aria-label={`Figures by ${dimension}`}>
          <table>
            <thead>
              <tr>
                <HeadCell column="name" label={dimension.charAt(0).toUpperCase() + dimension.slice(1)} title="Sort by name" state={state} onSort={onSort} />
                {kColumns.map(({ key, short, label, meaning }) => (
                  <HeadCell key={key} column={key} label={short} title={`${label}: ${meaning}`} state={state} onSort={onSort} />
                ))}
              </tr>
            </thead>
            <tbody ref={body} onKeyDown={onKeyDown}>
              {visible.map((entry) => (
                <Row key={entry.id} entry={entry} dimension={dimension} most={most} onPick={(id) => go(drillDown(state, dimension, id))} />
              ))}
              {visible.length === 0 && (
                <tr class="none">
                  <td colSpan={kColumns.length + 1}>{wanted ? `No ${dimension} matches “${state.search}”.` : "Nothing in this range."}</td>
                </tr>
              )}
            </tbody>
          </table>
        </div>
      )}
      {shown && (
        <footer class="card-foot">
          <span class={`quiet ${outdated ? "outdated" : ""}`}>
            {formatCount(entries.length)} {entries.length === 1 ? "row" : "rows"}
            {shown.total > shown.entries.length && ` of ${formatCount(shown.total)}: the ${formatCount(kLimit)} largest by ${order}; the export has all`}
          </span>
          {pages > 1 && (
            <nav class="pager" aria-label="Pages">
              <button type="button" class="button" disabled={page <= 1} onClick={() => go({ ...state, page: page - 1 })}>
                Previous
              </button>
              <span>
                {page} / {pages}
              </span>
              <button type="button" class="button" disabled={page >= pages} onClick={() => go({ ...state, page: page + 1 })}>
                Next
              </button>
            </nav>
          )}
        </footer>
      )}
    </section>
  );
}
