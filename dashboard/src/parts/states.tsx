// What stands where data is not there: yet, for want of any, or because something is wrong.

import type { ComponentChildren } from "preact";
import { useContext, useState } from "preact/hooks";
import { kNoTables, type Problem } from "../api";
import { usePage } from "../context";
import { hourOfText, rangeLabel, textOfHour } from "../civil_time";
import { HubContext, isRefusal } from "../query_hub";
import { kDefaultState } from "../url_state";

/** The server is there, the warehouse is not yet. */
function WaitingForTables() {
  return (
    <section class="card notice" role="status" data-test="waiting">
      <h2>Waiting for the first run</h2>
      <p>
        The warehouse has no tables yet. <code>hirestream run</code> creates them when it starts; the figures appear here then, without a
        reload.
      </p>
      <p class="quiet">
        An engine runs already? Then it still waits for its source or for the warehouse: its log says which, and <code>hirestream doctor</code>{" "}
        says what to do. An administrator can create the tables with <code>hirestream init</code>.
      </p>
    </section>
  );
}

function TryNow() {
  const hub = useContext(HubContext);
  const [trying, setTrying] = useState(false);
  const onClick = async () => {
    setTrying(true);
    await hub?.retry();
    setTrying(false);
  };
  return (
    <button type="button" class="link" disabled={trying} onClick={() => void onClick()}>
      {trying ? "Trying …" : "Try now"}
    </button>
  );
}

/** In place of a whole view. */
export function ProblemCard({ problem }: { problem: Problem }) {
  if (problem.type === kNoTables) return <WaitingForTables />;
  return (
    <div class="card notice bad" role="alert">
      <h2>{problem.title}</h2>
      <p>{problem.detail}</p>
      <p class="quiet">
        {isRefusal(problem) ? (
          <>
            Change range or filters, or <a href="?">start over</a>
          </>
        ) : (
          <>
            The page tries again by itself. <TryNow />
          </>
        )}
      </p>
    </div>
  );
}

/** In place of one part of a view, whose other parts may have their answers. */
export function PartProblem({ problem }: { problem: Problem }) {
  return (
    <p class="banner bad" role="alert">
      <strong>{problem.title}.</strong> {problem.detail} {!isRefusal(problem) && <TryNow />}
    </p>
  );
}

/** Above figures that could not be asked for again. */
export function StaleBanner({ problem }: { problem: Problem }) {
  return (
    <div class="banner warn" role="status">
      <strong>{problem.title}.</strong> {problem.detail} What is shown is older. {!isRefusal(problem) && <TryNow />}
    </div>
  );
}

export function Skeleton({ height }: { height: number }) {
  return <div class="skeleton" style={{ height: `${height}px` }} aria-hidden="true" />;
}

export function EmptyWarehouse() {
  const { meta } = usePage();
  return (
    <section class="card notice" data-test="empty">
      <h2>No data yet</h2>
      <p>
        The warehouse ({meta?.warehouse}) is connected, and nothing has been counted into it. As soon as the engine commits its first
        rows they appear here, without a reload.
      </p>
      <p>Count a raw log into it (the same <code>URI</code> that this server was started with):</p>
      <pre>
        <code>hirestream run --source cassandra://USER@HOST:9042/logs/tracking --warehouse URI</code>
      </pre>
      <p>Or look at made-up traffic first:</p>
      <pre>
        <code>hirestream demo --http 127.0.0.1:8080</code>
      </pre>
      <p class="quiet">
        Nothing appears although the engine runs? <code>hirestream doctor</code> says what is wrong.
      </p>
    </section>
  );
}

/** Data is there, but not in this range. */
export function EmptyRange() {
  const { meta, state, go } = usePage();
  const first = hourOfText(meta?.first_hour ?? "");
  const last = hourOfText(meta?.last_hour ?? "");
  if (first === null || last === null) return null;
  const filtered = Object.values(state.filters).some((ids) => ids.length > 0);
  return (
    <div class="banner" role="status" data-test="empty-range">
      <span>
        Nothing in this range{filtered ? " with these filters" : ""}. Data reaches from {rangeLabel({ from: first, to: last + 1 })}
        {filtered ? ", without filters" : ""}.
      </span>{" "}
      {filtered ? (
        <button type="button" class="link" onClick={() => go({ ...state, filters: kDefaultState.filters, page: 1 })}>
          Clear filters
        </button>
      ) : (
        <button
          type="button"
          class="link"
          onClick={() => go({ ...state, range: { last: null, from: textOfHour(Math.max(first, last - 23)), to: textOfHour(last + 1) } })}
        >
          Show its last day
        </button>
      )}
    </div>
  );
}

interface CardProps {
  title: string;
  note?: ComponentChildren;
  class?: string;
  outdated?: boolean;
  children: ComponentChildren;
}

export function Card(props: CardProps) {
  return (
    <section class={`card ${props.class ?? ""} ${props.outdated ? "outdated" : ""}`} aria-busy={props.outdated}>
      <header class="card-head">
        <h2>{props.title}</h2>
        {props.note && <span class="card-note">{props.note}</span>}
      </header>
      {props.children}
    </section>
  );
}

/** What is wide scrolls by itself, by keyboard too. */
export function PlainTable({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table class="plain">{children}</table>
    </div>
  );
}

/** What is to be thought of something, and says so in words. */
export interface Judgement {
  tone: "good" | "bad" | "quiet";
  text: string;
}

export const inkOf = (tone: Judgement["tone"]) => (tone === "quiet" ? "quiet" : `ink-${tone}`);

export function Judged({ tone, text }: Judgement) {
  return (
    <>
      <span aria-hidden="true">{tone === "good" ? "✓ " : tone === "bad" ? "✗ " : ""}</span>
      {text}
    </>
  );
}
