#include "adapters/sqlite/warehouse_schema.h"

#include "adapters/sql/dialect.h"

namespace hirestream {
namespace {

constexpr const char* kEventsColumns =
    R"((
  days INTEGER NOT NULL,
  hours INTEGER NOT NULL,
  job_id INTEGER NOT NULL,
  publisher_id INTEGER NOT NULL,
  campaign_id INTEGER NOT NULL,
  group_id INTEGER NOT NULL,
  company_id INTEGER NOT NULL DEFAULT 0,
  impressions INTEGER NOT NULL,
  clicks INTEGER NOT NULL,
  conversions INTEGER NOT NULL,
  qualified INTEGER NOT NULL,
  unqualified INTEGER NOT NULL,
  bid_micros INTEGER NOT NULL,
  sources TEXT NOT NULL,
  updated_at_us INTEGER NOT NULL,
  PRIMARY KEY (days, hours, job_id, publisher_id, campaign_id, group_id)
) STRICT, WITHOUT ROWID)";

// bid_set: quotient plus one if the remainder is at least half of the divisor, all in integers.
constexpr const char* kEventsView =
    R"(CREATE VIEW IF NOT EXISTS events AS
SELECT job_id,
  date(days * 86400, 'unixepoch') AS dates,
  hours,
  publisher_id,
  company_id,
  campaign_id,
  group_id,
  unqualified AS disqualified_application,
  qualified AS qualified_application,
  conversions AS conversion,
  clicks,
  impressions,
  CASE WHEN clicks = 0 THEN NULL
    ELSE (bid_micros / clicks + ((bid_micros % clicks) * 2 >= clicks)) / 1000000.0 END AS bid_set,
  bid_micros / 1000000.0 AS spend_hour,
  sources COLLATE NOCASE AS sources,
  strftime('%Y-%m-%d %H:%M:%S', updated_at_us / 1000000, 'unixepoch')
    || printf('.%06d', updated_at_us % 1000000) AS updated_at
FROM events_micros)";

constexpr const char* kDaysColumns =
    R"((
  days INTEGER NOT NULL,
  job_id INTEGER NOT NULL,
  publisher_id INTEGER NOT NULL,
  campaign_id INTEGER NOT NULL,
  group_id INTEGER NOT NULL,
  company_id INTEGER NOT NULL,
  impressions INTEGER NOT NULL,
  clicks INTEGER NOT NULL,
  conversions INTEGER NOT NULL,
  qualified INTEGER NOT NULL,
  unqualified INTEGER NOT NULL,
  bid_micros INTEGER NOT NULL,
  PRIMARY KEY (days, job_id, publisher_id, campaign_id, group_id)
) STRICT, WITHOUT ROWID)";

constexpr const char* kSources =
    R"(CREATE TABLE IF NOT EXISTS hirestream_sources (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  fingerprint TEXT NOT NULL
) STRICT)";

constexpr const char* kWriters =
    R"(CREATE TABLE IF NOT EXISTS hirestream_writers (
  source_id INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  owner TEXT NOT NULL,
  token INTEGER NOT NULL,
  settled_until INTEGER,
  updated_at_us INTEGER NOT NULL,
  PRIMARY KEY (source_id, shard)
) STRICT, WITHOUT ROWID)";

constexpr const char* kLeases =
    R"(CREATE TABLE IF NOT EXISTS hirestream_leases (
  source TEXT NOT NULL,
  shard INTEGER NOT NULL,
  owner TEXT NOT NULL,
  until_us INTEGER NOT NULL,
  PRIMARY KEY (source, shard)
) STRICT, WITHOUT ROWID)";

constexpr const char* kSlices =
    R"(CREATE TABLE IF NOT EXISTS hirestream_slices (
  source_id INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  name TEXT NOT NULL,
  tag TEXT NOT NULL,
  revision INTEGER NOT NULL,
  state INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  row_hash INTEGER NOT NULL,
  counted INTEGER NOT NULL,
  unattributed INTEGER NOT NULL,
  other_kinds INTEGER NOT NULL,
  rejected INTEGER NOT NULL,
  too_late INTEGER NOT NULL,
  settled_at_us INTEGER NOT NULL,
  audited_at_us INTEGER NOT NULL,
  corrected_at_us INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL,
  token INTEGER NOT NULL,
  updated_at_us INTEGER NOT NULL,
  contribution BLOB,
  PRIMARY KEY (source_id, shard, bucket)
) STRICT)";

constexpr const char* kDeltas =
    R"(CREATE TABLE IF NOT EXISTS hirestream_deltas (
  source_id INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  contribution BLOB NOT NULL,
  PRIMARY KEY (source_id, shard, bucket, revision)
) STRICT, WITHOUT ROWID)";

constexpr const char* kFrozen =
    R"(CREATE TABLE IF NOT EXISTS hirestream_frozen (
  source_id INTEGER NOT NULL,
  days INTEGER NOT NULL,
  hours INTEGER NOT NULL,
  impressions INTEGER NOT NULL,
  clicks INTEGER NOT NULL,
  conversions INTEGER NOT NULL,
  qualified INTEGER NOT NULL,
  unqualified INTEGER NOT NULL,
  bid_micros INTEGER NOT NULL,
  PRIMARY KEY (source_id, days, hours)
) STRICT, WITHOUT ROWID)";

constexpr const char* kFrozenDays =
    R"(CREATE TABLE IF NOT EXISTS hirestream_frozen_days (
  source_id INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  day INTEGER NOT NULL,
  slices INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  row_hash INTEGER NOT NULL,
  counted INTEGER NOT NULL,
  unattributed INTEGER NOT NULL,
  other_kinds INTEGER NOT NULL,
  rejected INTEGER NOT NULL,
  too_late INTEGER NOT NULL,
  PRIMARY KEY (source_id, shard, day)
) STRICT, WITHOUT ROWID)";

constexpr const char* kFrozenMarks =
    R"(CREATE TABLE IF NOT EXISTS hirestream_frozen_marks (
  source_id INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  frozen_until INTEGER NOT NULL,
  history_place INTEGER NOT NULL,
  PRIMARY KEY (source_id, shard)
) STRICT, WITHOUT ROWID)";

constexpr const char* kRejects =
    R"(CREATE TABLE IF NOT EXISTS hirestream_rejects (
  source_id INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  row_id BLOB NOT NULL,
  revision INTEGER NOT NULL,
  reason TEXT NOT NULL,
  column_name TEXT NOT NULL,
  value TEXT NOT NULL,
  row_json TEXT NOT NULL,
  first_seen_us INTEGER NOT NULL,
  PRIMARY KEY (source_id, shard, bucket, row_id)
) STRICT)";

// `class`: other or unattributed. What is frozen of a shard has bucket 0 and `frozen` 1. `newest`:
// the newest row's time, id and file (adapters/sql/kinds_table.cc).
constexpr const char* kKinds =
    R"(CREATE TABLE IF NOT EXISTS hirestream_kinds (
  source_id INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  frozen INTEGER NOT NULL,
  class TEXT NOT NULL,
  kind TEXT NOT NULL,
  row_count INTEGER NOT NULL,
  newest_us INTEGER NOT NULL,
  newest TEXT NOT NULL,
  PRIMARY KEY (source_id, shard, bucket, frozen, class, kind)
) STRICT, WITHOUT ROWID)";

constexpr const char* kJobs =
    R"(CREATE TABLE IF NOT EXISTS hirestream_jobs (
  job_id INTEGER PRIMARY KEY,
  company_id INTEGER NOT NULL,
  group_id INTEGER NOT NULL,
  campaign_id INTEGER NOT NULL,
  title TEXT NOT NULL,
  company_name TEXT NOT NULL,
  campaign_name TEXT NOT NULL,
  group_name TEXT NOT NULL,
  updated_at_us INTEGER NOT NULL
) STRICT)";

constexpr const char* kPublishers =
    R"(CREATE TABLE IF NOT EXISTS hirestream_publishers (
  publisher_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL
) STRICT)";

constexpr const char* kMinutes =
    R"(CREATE TABLE IF NOT EXISTS hirestream_minutes (
  minute_us INTEGER NOT NULL,
  source_id INTEGER NOT NULL,
  new_rows INTEGER NOT NULL,
  rows_read INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  commits INTEGER NOT NULL,
  commit_us_sum INTEGER NOT NULL,
  commit_us_max INTEGER NOT NULL,
  freshness_us_p50 INTEGER NOT NULL,
  freshness_us_p95 INTEGER NOT NULL,
  freshness_us_max INTEGER NOT NULL,
  slices_settled INTEGER NOT NULL,
  slices_corrected INTEGER NOT NULL,
  slices_audited INTEGER NOT NULL,
  conflicts INTEGER NOT NULL,
  retries INTEGER NOT NULL,
  rejected INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (minute_us, source_id)
) STRICT, WITHOUT ROWID)";

constexpr const char* kVerifications =
    R"(CREATE TABLE IF NOT EXISTS hirestream_verifications (
  source_id INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  rows_read INTEGER NOT NULL,
  slices_checked INTEGER NOT NULL,
  slices_different INTEGER NOT NULL,
  slices_repaired INTEGER NOT NULL,
  slices_held INTEGER NOT NULL,
  slices_damaged INTEGER NOT NULL,
  cells_checked INTEGER NOT NULL,
  cells_different INTEGER NOT NULL,
  PRIMARY KEY (source_id, at_us)
) STRICT, WITHOUT ROWID)";

// What waits to be published (ports/staging.h).
constexpr const char* kStagedRuns =
    R"(CREATE TABLE IF NOT EXISTS hirestream_staged_runs (
  run_id TEXT NOT NULL PRIMARY KEY,
  source_name TEXT NOT NULL,
  kind TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  shard_count INTEGER NOT NULL,
  lifetime_us INTEGER,
  strongest INTEGER NOT NULL,
  begun_us INTEGER NOT NULL,
  published_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID)";

constexpr const char* kStagedAttempts =
    R"(CREATE TABLE IF NOT EXISTS hirestream_staged_attempts (
  run_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  PRIMARY KEY (run_id, attempt)
) STRICT, WITHOUT ROWID)";

// Of the ledger's slices when the run began.
constexpr const char* kStagedRevisions =
    R"(CREATE TABLE IF NOT EXISTS hirestream_staged_revisions (
  run_id TEXT NOT NULL,
  shard INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (run_id, shard, bucket)
) STRICT, WITHOUT ROWID)";

// A blob of aggregation/slice_part_codec.h.
constexpr const char* kStagedSlices =
    R"(CREATE TABLE IF NOT EXISTS hirestream_staged_slices (
  run_id TEXT NOT NULL,
  shard INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  part INTEGER NOT NULL,
  contribution BLOB NOT NULL,
  PRIMARY KEY (run_id, shard, bucket, attempt, part)
) STRICT)";

constexpr const char* kAccounting =
    R"(CREATE VIEW IF NOT EXISTS hirestream_accounting AS
SELECT s.id AS source_id, s.name, s.kind,
  COALESCE(SUM(l.counted + l.unattributed + l.other_kinds + l.rejected + l.too_late), 0) AS rows_read,
  COALESCE(SUM(l.counted), 0) AS counted,
  COALESCE(SUM(l.unattributed), 0) AS unattributed,
  COALESCE(SUM(l.other_kinds), 0) AS other_kinds,
  COALESCE(SUM(l.rejected), 0) AS rejected,
  COALESCE(SUM(l.too_late), 0) AS too_late,
  COALESCE(SUM(l.opened), 0) AS slices_open,
  COALESCE(SUM(l.settled), 0) AS slices_settled,
  COALESCE(SUM(l.frozen), 0) AS slices_frozen,
  COALESCE(SUM(l.held), 0) AS slices_held
FROM hirestream_sources s LEFT JOIN (
  SELECT source_id, counted, unattributed, other_kinds, rejected, too_late, state = 0 AS opened,
    state = 1 AS settled, 0 AS frozen, held
  FROM hirestream_slices
  UNION ALL
  SELECT source_id, counted, unattributed, other_kinds, rejected, too_late, 0, 0, slices, 0
  FROM hirestream_frozen_days) l ON l.source_id = s.id
GROUP BY s.id, s.name, s.kind)";

}  // namespace

std::string sqlite_events_table(std::string_view name) {
  return "CREATE TABLE IF NOT EXISTS " + std::string(name) + " " + kEventsColumns;
}

std::string sqlite_days_table(std::string_view name) {
  return "CREATE TABLE IF NOT EXISTS " + std::string(name) + " " + kDaysColumns;
}

std::string SqliteIndex::statement() const {
  return "CREATE INDEX IF NOT EXISTS " + name + " ON " + on;
}

std::vector<SqliteIndex> sqlite_indexes() {
  return {
      {"events_micros_job_company", "events_micros (job_id, company_id, days)"},
      {"events_micros_company", "events_micros (company_id, days)"},
      {"events_micros_campaign", "events_micros (campaign_id, days)"},
      {"hirestream_days_job_company", "hirestream_days (job_id, company_id, days)"},
  };
}

std::string sqlite_events_view() {
  return kEventsView;
}

std::string sqlite_accounting_view() {
  return kAccounting;
}

std::vector<std::string> sqlite_schema_statements() {
  std::vector<std::string> statements = {sqlite_events_table("events_micros"),
                                         sqlite_days_table("hirestream_days")};
  for (const SqliteIndex& index : sqlite_indexes()) {
    statements.push_back(index.statement());
  }
  for (const char* statement :
       {kEventsView,
        "CREATE TABLE IF NOT EXISTS hirestream_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) "
        "STRICT",
        kSources,
        kWriters,
        kLeases,
        kSlices,
        kDeltas,
        kFrozen,
        kFrozenDays,
        kFrozenMarks,
        kRejects,
        "CREATE INDEX IF NOT EXISTS hirestream_rejects_age ON hirestream_rejects (first_seen_us)",
        kKinds,
        kJobs,
        kPublishers,
        kMinutes,
        kVerifications,
        kStagedRuns,
        kStagedAttempts,
        kStagedRevisions,
        kStagedSlices,
        kAccounting}) {
    statements.emplace_back(statement);
  }
  statements.push_back(
      "INSERT OR IGNORE INTO hirestream_meta (name, value) VALUES ('schema_version', '" +
      std::to_string(sql::kSchemaVersion) + "')");
  return statements;
}

}  // namespace hirestream
