// Alert rules. Each query gives one number a source (or company), labelled by its text columns; the threshold decides.
//
// Grafana replaces $NAME by environment variables when it reads these files, so nothing here has a dollar sign: SQL takes the time from
// UTC_TIMESTAMP(), templates say .Labels instead of $labels.

import { ReportingZone, civilHour, toCivil } from "./civil_time";
import { kDataSource } from "./panels";

interface Rule {
  uid: string;
  title: string;
  sql: string;
  compare: "gt" | "lt";
  threshold: number;
  for: string;
  severity: "critical" | "warning" | "info";
  summary: string;
  runbook: string;
  // "OK": no row means that there is nothing to complain of.
  noData: "OK" | "Alerting";
}

const kNow = "TIMESTAMPDIFF(SECOND, '1970-01-01', UTC_TIMESTAMP())";
const minuteSince = (seconds: number) => `m.minute_us >= (${kNow} - ${seconds}) * 1000000`;

// A member of the fingerprint; CHAR(36) is the dollar sign of JSON paths.
const fingerprint = (member: string) => `JSON_UNQUOTE(JSON_EXTRACT(s.fingerprint, CONCAT(CHAR(36 USING utf8mb4), '.${member}')))`;

// With LIMIT neither server reads more of the table's end, or beginning, than it needs.
const minuteOf = (which: string) => `(SELECT m.minute_us FROM hirestream_minutes m WHERE m.source_id = s.id${which} LIMIT 1)`;
const kLastRead = minuteOf(" AND m.requests > 0 ORDER BY m.minute_us DESC");
const kLastCommit = minuteOf(" AND m.commits > 0 ORDER BY m.minute_us DESC");
const kFirstReport = minuteOf(" ORDER BY m.minute_us");
const kOldestCommit = "(SELECT MIN(w.updated_at) FROM hirestream_writers w WHERE w.source_id = s.id)";

// Seconds for which a source has stood still. An engine reads, and reports that, whether there are rows or not; what it cannot read it
// reports as retries. In tail mode each shard is committed once a bucket even without rows, so that one of several engines is missed, too.
// One that reads but cannot commit tells a retry each 10 seconds while another holds a row of `events`, each half minute while another holds the
// table: retries in three of the last minutes, which a source that has nothing to commit does not have. Files do not move by themselves.
const kStale = `SELECT s.name AS source, GREATEST(
  ${kNow} - COALESCE(
    ${kLastRead},
    ${kFirstReport}) DIV 1000000,
  CASE ${fingerprint("strategy")} WHEN 'tail' THEN COALESCE(
    TIMESTAMPDIFF(SECOND, ${kOldestCommit}, UTC_TIMESTAMP())
      - CAST(${fingerprint("bucket_width_s")} AS SIGNED), 0) ELSE 0 END,
  CASE WHEN (SELECT SUM(m.commits) = 0 AND COUNT(DISTINCT IF(m.retries > 0, m.minute_us, NULL)) >= 3 FROM hirestream_minutes m
    WHERE m.source_id = s.id AND ${minuteSince(300)})
    THEN ${kNow} - COALESCE(${kLastCommit}, ${kFirstReport}) DIV 1000000 ELSE 0 END) AS age
FROM hirestream_sources s
WHERE s.kind NOT IN ('csv', 'ndjson', 'parquet') AND ${kFirstReport} IS NOT NULL`;

const kFreshness = `SELECT s.name AS source, MAX(m.freshness_us_p95) / 1e6 AS p95
FROM hirestream_minutes m
JOIN hirestream_sources s ON s.id = m.source_id
WHERE ${minuteSince(300)} AND m.freshness_us_p95 >= 0
GROUP BY s.name`;

// Of a few rows a share says nothing. Rows that were known before can be rejected, too, when a recount finds them changed.
const kRejects = `SELECT s.name AS source, SUM(m.rejected) * 1e0 / GREATEST(SUM(m.new_rows), SUM(m.rejected)) AS share
FROM hirestream_minutes m
JOIN hirestream_sources s ON s.id = m.source_id
WHERE ${minuteSince(900)}
GROUP BY s.name
HAVING SUM(m.rejected) >= 10`;

const kHeld = `SELECT a.name AS source, a.slices_held AS held
FROM hirestream_accounting a`;

// What the last `hirestream verify` of each source found.
const kVerified = `SELECT s.name AS source, v.slices_different + v.slices_damaged + v.cells_different AS differences
FROM hirestream_verifications v
JOIN hirestream_sources s ON s.id = v.source_id
WHERE v.at_us = (SELECT MAX(n.at_us) FROM hirestream_verifications n WHERE n.source_id = v.source_id)`;

const kCorrected = `SELECT s.name AS source, SUM(m.slices_corrected) * 1e0 / NULLIF(SUM(m.slices_settled + m.slices_audited), 0) AS share
FROM hirestream_minutes m
JOIN hirestream_sources s ON s.id = m.source_id
WHERE ${minuteSince(3600)}
GROUP BY s.name
HAVING SUM(m.slices_settled + m.slices_audited) >= 20`;

// The hour that runs, though not over, against the mean of the same hour of the seven days before: of those in which the company has rows
// in it, three at least.
function spendJump(zone: ReportingZone): string {
  const hour = `${toCivil(zone, kNow)} DIV 3600`;
  const dates = `e.dates BETWEEN FROM_DAYS(719528 + (${hour} - 168) DIV 24) AND FROM_DAYS(719528 + (${hour}) DIV 24)`;
  const cell = civilHour("e");
  return `SELECT IF(d.name > '', CONCAT(d.name, ' (', j.company_id, ')'), CONCAT('Company ', j.company_id)) AS company,
  j.now_spend * 1e0 * j.days / j.before_spend AS jump
FROM (
  SELECT e.company_id, SUM(IF(${cell} = ${hour}, e.spend_hour, 0)) AS now_spend,
    SUM(IF(${cell} < ${hour}, e.spend_hour, 0)) AS before_spend,
    COUNT(DISTINCT IF(${cell} < ${hour}, e.dates, NULL)) AS days
  FROM events e
  WHERE ${dates} AND e.hours = (${hour}) % 24 AND ${cell} BETWEEN ${hour} - 168 AND ${hour}
  GROUP BY e.company_id) j
LEFT JOIN (SELECT company_id, MAX(company_name) AS name FROM hirestream_jobs GROUP BY company_id) d ON d.company_id = j.company_id
WHERE j.now_spend >= 50 AND j.before_spend > 0 AND j.days >= 3`;
}

function rules(zone: ReportingZone): Rule[] {
  return [
    {
      uid: "hirestream-stale",
      title: "Numbers stand still",
      sql: kStale,
      compare: "gt",
      threshold: 300,
      for: "2m",
      severity: "critical",
      noData: "OK",
      summary: "For more than five minutes nothing was read of {{ .Labels.source }}, or nothing of one of its shards was committed.",
      runbook:
        "Is the engine running (systemctl status hirestream, its log)? `hirestream doctor` says whether source and warehouse answer. " +
        "Board Pipeline health: retries and no rows read mean that the source does not answer, retries and no commits that the warehouse " +
        "refuses them (the engine's log says why), one shard with an old `Last commit` that its engine is gone. " +
        "It catches up by itself; nothing is lost while it stands. For a source that was retired for good, delete its rows of hirestream_minutes.",
    },
    {
      uid: "hirestream-freshness",
      title: "Numbers are late",
      sql: kFreshness,
      compare: "gt",
      threshold: 30,
      for: "5m",
      severity: "warning",
      noData: "OK",
      summary: "One row in twenty of {{ .Labels.source }} takes more than 30 seconds to arrive in `events`.",
      runbook:
        "Board Pipeline health: commit times (warehouse slow?), rows read (catching up after a stop?), retries. " +
        "In scan mode the scan interval is the floor: `hirestream doctor` says what the recommended table would give.",
    },
    {
      uid: "hirestream-rejects",
      title: "Many rows are rejected",
      sql: kRejects,
      compare: "gt",
      threshold: 0.01,
      for: "5m",
      severity: "warning",
      noData: "OK",
      summary: "More than 1 % of the new rows of {{ .Labels.source }} in the last 15 minutes could not be counted.",
      runbook:
        "`hirestream rejects` lists them by reason with a sample. Usually a writer of the tracking table changed a format. " +
        "Mend it, then `hirestream rejects retry`.",
    },
    {
      uid: "hirestream-held",
      title: "Slices are held",
      sql: kHeld,
      compare: "gt",
      threshold: 0,
      for: "10m",
      severity: "critical",
      noData: "OK",
      summary:
        "A recount of {{ .Labels.source }} misses rows that were counted before; hirestream holds the slices instead of subtracting.",
      runbook:
        "Is the raw log complete (node down, TRUNCATE, wrong cluster, TTL)? `hirestream verify` shows the difference. " +
        "If the rows are gone on purpose: `hirestream verify --repair --allow-shrink`.",
    },
    {
      uid: "hirestream-verify",
      title: "Verification difference",
      sql: kVerified,
      compare: "gt",
      threshold: 0,
      for: "0m",
      severity: "critical",
      noData: "OK",
      summary: "The last `hirestream verify` of {{ .Labels.source }} found numbers that differ from a recount of the raw log.",
      runbook:
        "`hirestream verify` prints the first differences. Slices: `hirestream verify --repair` replaces them. Cells of `events`: somebody else " +
        "writes to the table; find out who, then repair. The alert ends with the next verify that finds nothing.",
    },
    {
      uid: "hirestream-corrected",
      title: "Many slices are corrected",
      sql: kCorrected,
      compare: "gt",
      threshold: 0.2,
      for: "15m",
      severity: "warning",
      noData: "OK",
      summary: "More than a fifth of the recounts of {{ .Labels.source }} in the last hour differed from what had been counted live.",
      runbook:
        "The numbers are right, but came late: rows become visible later than the look-back tolerates (replica lag, clocks of writers). " +
        "`hirestream doctor` checks clocks; raise engine.look_back.",
    },
    {
      uid: "hirestream-spend-jump",
      title: "Spend jumps",
      sql: spendJump(zone),
      compare: "gt",
      threshold: 3,
      for: "5m",
      severity: "warning",
      noData: "OK",
      summary: "{{ .Labels.company }} spends more than three times its usual amount in this hour.",
      runbook:
        "Board Campaign performance, this company, last 24 hours: which job, publisher, bid? Compare clicks with conversions: clicks without " +
        "applications suggest bots. The hour is still running and already above three times the mean of the same hour of the days before (seven, or as many as have data).",
    },
  ];
}

function provisioned(rule: Rule): object {
  return {
    uid: rule.uid,
    title: rule.title,
    condition: "B",
    for: rule.for,
    noDataState: rule.noData,
    execErrState: "Error",
    isPaused: false,
    labels: { severity: rule.severity, team: "hirestream" },
    annotations: { summary: rule.summary, runbook: rule.runbook },
    data: [
      {
        refId: "A",
        relativeTimeRange: { from: 3600, to: 0 },
        datasourceUid: kDataSource.uid,
        model: {
          refId: "A",
          datasource: kDataSource,
          editorMode: "code",
          format: "table",
          rawQuery: true,
          rawSql: rule.sql,
          intervalMs: 60000,
          maxDataPoints: 43200,
        },
      },
      {
        refId: "B",
        relativeTimeRange: { from: 3600, to: 0 },
        datasourceUid: "__expr__",
        model: {
          refId: "B",
          datasource: { type: "__expr__", uid: "__expr__" },
          type: "threshold",
          expression: "A",
          conditions: [{ type: "query", evaluator: { type: rule.compare, params: [rule.threshold] } }],
        },
      },
    ],
  };
}

export function alertFile(zone: ReportingZone): object {
  return {
    apiVersion: 1,
    groups: [{ orgId: 1, name: "hirestream", folder: "hirestream", interval: "1m", rules: rules(zone).map(provisioned) }],
  };
}
