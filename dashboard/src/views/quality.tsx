// Where every raw row ended up. The classes of a source always add up to what was read; the page computes that itself.

import { useEffect, useState } from "preact/hooks";
import type { Classes, NotCounted, Quality, QualitySource, Reject, Verification } from "../api";
import { civilSeconds, clockLabel } from "../civil_time";
import { usePage } from "../context";
import { formatCount, formatDuration, formatPercent } from "../format";
import { Card, inkOf, Judged, PlainTable, ProblemCard, Skeleton, StaleBanner, type Judgement } from "../parts/states";
import { useQuery } from "../query_hub";

type Class = Exclude<keyof Classes, "read">;

const kClasses: { key: Class; label: string; meaning: string }[] = [
  { key: "counted", label: "Counted", meaning: "in the hourly table" },
  { key: "unattributed", label: "Unattributed", meaning: "no job named" },
  { key: "other", label: "Other kinds", meaning: "heartbeats, redirects …: nothing to count" },
  { key: "rejected", label: "Rejected", meaning: "could not be read; kept with the reason" },
  { key: "too_late", label: "Too late", meaning: "came after its slice was frozen" },
];

export function classSum(classes: Classes): number {
  return kClasses.reduce((sum, { key }) => sum + classes[key], 0);
}

export function readVerification(verification: Verification | null, now_ms: number): Judgement {
  if (!verification) return { tone: "quiet", text: "Never verified." };
  const { at, differences, rows_read, slices_repaired } = verification;
  const found = differences === 0 ? "no difference" : differences === 1 ? "1 difference" : `${formatCount(differences)} differences`;
  const age = formatDuration(Math.max(0, now_ms - Date.parse(at)));
  const repaired = slices_repaired > 0 ? ` ${formatCount(slices_repaired)} ${slices_repaired === 1 ? "slice was" : "slices were"} repaired.` : "";
  return { tone: differences === 0 ? "good" : "bad", text: `Last verified ${age} ago: ${found} in ${formatCount(rows_read)} rows.${repaired}` };
}

/** Never 0.0 % where there are any. */
export function shareText(count: number, read: number): string {
  const few = count > 0 && count / read < 0.0005;
  return few ? `< ${formatPercent(0.001)}` : formatPercent(read > 0 ? count / read : null);
}

function Verified({ verification }: { verification: Verification | null }) {
  const clock = useClock();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  const { tone, text } = readVerification(verification, Math.max(now, Date.now()));
  const title = verification
    ? `${clock(verification.at)}: ${formatCount(verification.slices_checked)} slices and ${formatCount(verification.cells_checked)} cells compared`
    : "";
  return (
    <p class={`verified ${inkOf(tone)}`} title={title} data-test="verified">
      <Judged tone={tone} text={text} />{" "}
      {tone === "quiet" && (
        <span>
          <code>hirestream verify</code> recounts the raw log and compares.
        </span>
      )}
      {tone === "bad" && (
        <span class="quiet">
          <code>hirestream verify</code> lists them, <code>--repair</code> mends slices.
        </span>
      )}
    </p>
  );
}

function useClock() {
  const { zone } = usePage();
  const today = civilSeconds(Date.now(), zone);
  return (instant: string | null) => (instant ? clockLabel(civilSeconds(instant, zone), today) : "–");
}

function StackedBar({ classes }: { classes: Classes }) {
  return (
    <div class="stack" aria-hidden="true">
      {kClasses.map(({ key, label }) =>
        classes[key] > 0 ? (
          <span key={key} class={`part class-${key}`} style={{ flexGrow: classes[key] }} title={`${label}: ${formatCount(classes[key])}`} />
        ) : null,
      )}
    </div>
  );
}

function Source({ source, hinted }: { source: QualitySource; hinted: boolean }) {
  const clock = useClock();
  const { classes, slices } = source;
  const sum = classSum(classes);
  const unattributed = classes.read > 0 ? classes.unattributed / classes.read : 0;
  return (
    <Card
      title={source.name}
      class="source"
      note={
        <>
          {source.kind}, attribution <code>{source.attribution}</code>
        </>
      }
    >
      <StackedBar classes={classes} />
      <table class="plain classes">
        <caption class="hidden">Rows of {source.name} by class</caption>
        <tbody>
          {kClasses.map(({ key, label, meaning }) => (
            <tr key={key} data-class={key}>
              <th scope="row">
                <span class={`key class-${key}`} aria-hidden="true" /> {label} <span class="quiet">{meaning}</span>
              </th>
              <td class="numeric" data-value={classes[key]}>
                {formatCount(classes[key])}
              </td>
              <td class="numeric quiet">{shareText(classes[key], classes.read)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr data-class="read">
            <th scope="row">Read</th>
            <td class="numeric" data-value={classes.read}>
              {formatCount(classes.read)}
            </td>
            <td class={`numeric ${sum === classes.read ? "ink-good" : "ink-bad"}`} data-test="adds-up">
              {sum === classes.read ? "✓ adds up" : `${formatCount(sum - classes.read)} off`}
            </td>
          </tr>
        </tfoot>
      </table>
      {!hinted && unattributed > 0.05 && source.attribution === "columns" && (
        <p class="hint">
          {formatPercent(unattributed, 0)} of the rows name no job in their columns. Trackers often put it into the payload instead:{" "}
          <code>attribution = "payload"</code> counts those, too.
        </p>
      )}
      <Verified verification={source.verification} />
      <dl class="facts">
        <div>
          <dt>Open slices</dt>
          <dd>{formatCount(slices.open)}</dd>
        </div>
        <div>
          <dt>Settled</dt>
          <dd>{formatCount(slices.settled)}</dd>
        </div>
        <div>
          <dt>Frozen</dt>
          <dd>{formatCount(slices.frozen)}</dd>
        </div>
        <div class={slices.held > 0 ? "bad" : ""}>
          <dt>Held</dt>
          <dd>{formatCount(slices.held)}</dd>
        </div>
        <div title="Slices whose late or changed rows an audit found, in the last 24 hours" data-test="corrected">
          <dt>Corrected, 24 h</dt>
          <dd>{formatCount(source.corrected_day)}</dd>
        </div>
        <div title="Slices that the last hirestream verify --repair put right" data-test="repaired">
          <dt>Repaired</dt>
          <dd>{source.verification ? formatCount(source.verification.slices_repaired) : "–"}</dd>
        </div>
        <div>
          <dt>Settled until</dt>
          <dd>{clock(source.settled_until)}</dd>
        </div>
        <div>
          <dt>Last commit</dt>
          <dd>{clock(source.last_commit)}</dd>
        </div>
      </dl>
      {slices.held > 0 && (
        <p class="hint bad">
          {formatCount(slices.held)} {slices.held === 1 ? "slice is" : "slices are"} held: a recount found fewer rows than were counted before.
          Nothing was taken away. Find out why rows are missing; if they are gone for good: <code>hirestream verify --repair --allow-shrink</code>.
        </p>
      )}
    </Card>
  );
}

function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function RejectRow({ reject }: { reject: Reject }) {
  const clock = useClock();
  const [open, setOpen] = useState(false);
  return (
    <>
      <tr data-reason={reject.reason}>
        <th scope="row">{reject.reason}</th>
        <td>
          <code>{reject.column || "–"}</code>
        </td>
        <td>{reject.source}</td>
        <td class="numeric">{formatCount(reject.kept)}</td>
        <td class="nowrap">{clock(reject.newest)}</td>
        <td>
          <code class="sample">{reject.sample.value === "" ? "(empty)" : reject.sample.value}</code>{" "}
          <button type="button" class="link" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "hide row" : "row"}
          </button>
        </td>
      </tr>
      {open && (
        <tr class="detail">
          <td colSpan={6}>
            <pre tabIndex={0}>{`create_time ${reject.sample.id}\n${prettyJson(reject.sample.row)}`}</pre>
          </td>
        </tr>
      )}
    </>
  );
}

function KindRow({ line }: { line: NotCounted }) {
  const clock = useClock();
  return (
    <tr data-kind={line.kind} data-why={line.class}>
      <th scope="row">
        <code class="sample">{line.kind}</code>
      </th>
      <td class="nowrap">
        <span class={`key class-${line.class}`} aria-hidden="true" /> {line.class === "other" ? "other kind" : "no job"}
      </td>
      <td>{line.source}</td>
      <td class="numeric" data-value={line.rows}>
        {formatCount(line.rows)}
      </td>
      <td class="nowrap">{clock(line.newest)}</td>
      <td class="nowrap">
        <code>{line.sample.id}</code>
        {line.sample.file !== "" && <span class="quiet"> in {line.sample.file}</span>}
      </td>
    </tr>
  );
}

function NotCountedCard({ lines }: { lines: NotCounted[] }) {
  return (
    <Card
      title="Kinds that are not counted"
      note={
        <span>
          the 20 most frequent of each source; <code>--kinds</code>, <code>--columns</code> and <code>--attribution</code> decide what counts
        </span>
      }
    >
      {lines.length === 0 ? (
        <p class="quiet pad">None: every row was counted or rejected.</p>
      ) : (
        <PlainTable label="Rows that are not counted by kind">
          <thead>
            <tr>
              <th scope="col">Kind</th>
              <th scope="col">Why</th>
              <th scope="col">Source</th>
              <th scope="col" class="numeric">
                Rows
              </th>
              <th scope="col">Newest</th>
              <th scope="col">Newest row</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <KindRow key={`${line.source}/${line.class}/${line.kind}`} line={line} />
            ))}
          </tbody>
        </PlainTable>
      )}
    </Card>
  );
}

/** `…` in a text from the server becomes code. */
function withCode(text: string) {
  return text.split("`").map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part));
}

export function QualityView() {
  const { data, error } = useQuery<Quality>("/api/v1/quality");
  if (error && !data) return <ProblemCard problem={error} />;
  if (!data) return <Skeleton height={420} />;
  return (
    <>
      {error && <StaleBanner problem={error} />}
      {data.hints.length > 0 && (
        <Card title="What could be done">
          <ul class="hints">
            {data.hints.map((hint) => (
              <li key={hint}>{withCode(hint)}</li>
            ))}
          </ul>
        </Card>
      )}
      <div class="sources">
        {data.sources.map((source) => (
          <Source key={source.name} source={source} hinted={data.hints.some((hint) => hint.includes("payload"))} />
        ))}
        {data.sources.length === 0 && <p class="quiet pad">No source has written into this warehouse yet.</p>}
      </div>
      <NotCountedCard lines={data.not_counted} />
      <Card
        title="Rejected rows"
        note={
          <span>
            kept with their reason, up to a limit; <code>hirestream rejects</code> lists and retries them
          </span>
        }
      >
        {data.rejects.length === 0 ? (
          <p class="quiet pad">None kept.</p>
        ) : (
          <PlainTable label="Rejected rows by reason">
            <thead>
              <tr>
                <th scope="col">Reason</th>
                <th scope="col">Column</th>
                <th scope="col">Source</th>
                <th scope="col" class="numeric">
                  Kept
                </th>
                <th scope="col">Newest</th>
                <th scope="col">Sample</th>
              </tr>
            </thead>
            <tbody>
              {data.rejects.map((reject) => (
                <RejectRow key={`${reject.source}/${reject.reason}/${reject.column}`} reject={reject} />
              ))}
            </tbody>
          </PlainTable>
        )}
      </Card>
    </>
  );
}
