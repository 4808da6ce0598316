// SQL over what the engines note of themselves. All times here are instants in UTC, whatever the reporting zone is.

import { brokenAtGaps } from "./gaps";

const kChosen = "IN ($source)";

// Minutes are added up to steps of whole minutes.
const kStep = "(GREATEST($__interval_ms DIV 60000, 1) * 60)";

type Columns = Record<string, string>; // name → SQL

function minutes(time: string, columns: Columns): string {
  const items = Object.entries(columns).map(([name, sql]) => `${sql} AS \`${name}\``);
  return `SELECT m.minute_us DIV 1000000 DIV ${kStep} * ${kStep} AS ${time},
  ${items.join(",\n  ")}
FROM hirestream_minutes m
WHERE m.minute_us BETWEEN $__unixEpochFrom() * 1000000 AND $__unixEpochTo() * 1000000
  AND m.source_id ${kChosen}
GROUP BY ${time}`;
}

const ofBars = (columns: Columns) => `${minutes("`time`", columns)}\nORDER BY \`time\``;
const ofLines = (columns: Columns) => brokenAtGaps(minutes("moment", columns), Object.keys(columns), kStep);

const freshness = (quantile: string) => `MAX(NULLIF(m.freshness_us_${quantile}, -1)) / 1e6`;

// Quantiles cannot be added up: of several minutes, or sources, the worst is shown.
export const kFreshness = ofLines({ p50: freshness("p50"), p95: freshness("p95"), max: freshness("max") });

export const kRows = ofBars({ "New rows": "SUM(m.new_rows)", "Rows read": "SUM(m.rows_read)" });

export const kRejectedRows = ofBars({ "Rejected rows": "SUM(m.rejected)" });

export const kReadAmplification = ofLines({ "Reads of a row": "SUM(m.rows_read) * 1e0 / NULLIF(SUM(m.new_rows), 0)" });

export const kCorrections = ofBars({
  Settled: "SUM(m.slices_settled)",
  Audited: "SUM(m.slices_audited)",
  Corrected: "SUM(m.slices_corrected)",
});

export const kCommits = ofLines({
  Mean: "SUM(m.commit_us_sum) / 1e6 / NULLIF(SUM(m.commits), 0)",
  Slowest: "MAX(m.commit_us_max) / 1e6",
});

export const kTroubles = ofBars({ Conflicts: "SUM(m.conflicts)", Retries: "SUM(m.retries)" });

const kClasses = {
  counted: "Counted",
  unattributed: "Unattributed",
  other_kinds: "Other kinds",
  rejected: "Rejected",
  too_late: "Too late",
};

export const kAccounting = `SELECT COALESCE(SUM(a.rows_read), 0) AS \`Read\`,
  ${Object.entries(kClasses)
    .map(([column, name]) => `COALESCE(SUM(a.${column}), 0) AS \`${name}\``)
    .join(",\n  ")},
  SUM(a.rejected) * 1e0 / NULLIF(SUM(a.rows_read), 0) AS \`Rejected share\`
FROM hirestream_accounting a
WHERE a.source_id ${kChosen}`;

export const kSlices = `SELECT COALESCE(SUM(a.slices_open), 0) AS \`Open\`,
  COALESCE(SUM(a.slices_settled), 0) AS \`Settled\`,
  COALESCE(SUM(a.slices_frozen), 0) AS \`Frozen\`,
  COALESCE(SUM(a.slices_held), 0) AS \`Held\`
FROM hirestream_accounting a
WHERE a.source_id ${kChosen}`;

export const kRejects = `SELECT r.reason AS \`Reason\`, r.column_name AS \`Column\`, s.name AS \`Source\`, COUNT(*) AS \`Rows kept\`,
  MAX(r.first_seen_us) DIV 1000 AS \`Newest\`
FROM hirestream_rejects r
JOIN hirestream_sources s ON s.id = r.source_id
WHERE r.first_seen_us BETWEEN $__unixEpochFrom() * 1000000 AND $__unixEpochTo() * 1000000
  AND r.source_id ${kChosen}
GROUP BY r.reason, r.column_name, s.name
ORDER BY COUNT(*) DESC, r.reason, r.column_name, s.name`;

export const kKindsNotCounted = `SELECT k.kind AS \`Kind\`, k.class AS \`Class\`, s.name AS \`Source\`, SUM(k.row_count) AS \`Rows\`,
  NULLIF(MAX(k.newest_us), 0) DIV 1000 AS \`Newest\`
FROM hirestream_kinds k
JOIN hirestream_sources s ON s.id = k.source_id
WHERE k.source_id ${kChosen}
GROUP BY k.kind, k.class, s.name
ORDER BY SUM(k.row_count) DESC, k.kind, k.class, s.name
LIMIT 20`;

// A member of the fingerprint, which is a JSON object of strings.
const fingerprint = (member: string) => `JSON_UNQUOTE(JSON_EXTRACT(s.fingerprint, '$.${member}'))`;

// Epoch seconds before which a shard is settled; NULL where slices are not times (files, follow) or nothing is settled yet.
const kSettledUntil = `CASE WHEN ${fingerprint("strategy")} IN ('tail', 'scan') THEN w.settled_until * CAST(${fingerprint("bucket_width_s")} AS SIGNED) END`;

const kNow = "TIMESTAMPDIFF(SECOND, '1970-01-01', UTC_TIMESTAMP())";

export const kShards = `SELECT s.name AS \`Source\`, w.shard AS \`Shard\`,
  ${kSettledUntil} * 1000 AS \`Settled until\`,
  ${kNow} - ${kSettledUntil} AS \`Behind now\`,
  TIMESTAMPDIFF(SECOND, w.updated_at, UTC_TIMESTAMP()) AS \`Last commit\`,
  w.epoch AS \`Epoch\`, w.owner AS \`Engine\`
FROM hirestream_writers w
JOIN hirestream_sources s ON s.id = w.source_id
WHERE w.source_id ${kChosen}
ORDER BY s.name, w.shard`;

export const kSources = `SELECT s.name AS \`Source\`, s.kind AS \`Kind\`, ${fingerprint("strategy")} AS \`Strategy\`,
  ${fingerprint("attribution")} AS \`Attribution\`, ${fingerprint("timezone")} AS \`Reporting time zone\`,
  a.rows_read AS \`Read\`, a.counted AS \`Counted\`, a.unattributed AS \`Unattributed\`, a.other_kinds AS \`Other kinds\`,
  a.rejected AS \`Rejected\`, a.too_late AS \`Too late\`, a.slices_held AS \`Held slices\`
FROM hirestream_sources s
JOIN hirestream_accounting a ON a.source_id = s.id
WHERE s.id ${kChosen}
ORDER BY s.name`;

export const kVerifications = `SELECT s.name AS \`Source\`, v.at_us DIV 1000 AS \`Verified\`,
  v.slices_different + v.slices_damaged + v.cells_different AS \`Differences\`,
  v.rows_read AS \`Rows read\`, v.slices_checked AS \`Slices\`, v.slices_held AS \`Held\`, v.cells_checked AS \`Cells\`
FROM hirestream_sources s
LEFT JOIN hirestream_verifications v ON v.source_id = s.id
  AND v.at_us = (SELECT MAX(n.at_us) FROM hirestream_verifications n WHERE n.source_id = s.id)
WHERE s.id ${kChosen}
ORDER BY s.name`;

export const kSourceVariable = "SELECT s.name AS __text, s.id AS __value FROM hirestream_sources s ORDER BY __text";

// From where everything may still change until now, as a region; by arrival, and of the slowest shard.
export const kProvisional = `SELECT p.since AS \`time\`, ${kNow} AS timeend,
  CONCAT('Provisional: ', p.name, ' is settled up to here') AS text, 'provisional' AS tags
FROM (
  SELECT s.name, MIN(${kSettledUntil}) AS since
  FROM hirestream_writers w
  JOIN hirestream_sources s ON s.id = w.source_id
  GROUP BY s.id, s.name) p
WHERE p.since IS NOT NULL AND p.since <= $__unixEpochTo()`;
