#include "adapters/mysql/warehouse_schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "adapters/sql/dialect.h"

namespace hirestream {
namespace {

constexpr const char* kTableOptions = ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

std::string table(const char* name, const char* columns) {
  return fmt::format("CREATE TABLE IF NOT EXISTS {} (\n{}\n{}", name, columns, kTableOptions);
}

constexpr const char* kDays = R"(  dates DATE NOT NULL,
  job_id BIGINT NOT NULL,
  publisher_id BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL,
  group_id BIGINT NOT NULL,
  company_id BIGINT NOT NULL,
  impressions BIGINT NOT NULL,
  clicks BIGINT NOT NULL,
  conversion BIGINT NOT NULL,
  qualified_application BIGINT NOT NULL,
  disqualified_application BIGINT NOT NULL,
  spend DECIMAL(20,6) NOT NULL,
  PRIMARY KEY (dates, job_id, publisher_id, campaign_id, group_id),
  KEY hirestream_days_job_company (job_id, company_id, dates))";

constexpr const char* kSources = R"(  id INT NOT NULL AUTO_INCREMENT,
  name VARCHAR(512) NOT NULL,
  kind VARCHAR(32) NOT NULL,
  fingerprint LONGTEXT NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY hirestream_sources_name (name))";

constexpr const char* kWriters = R"(  source_id INT NOT NULL,
  shard INT NOT NULL,
  epoch BIGINT NOT NULL,
  owner VARCHAR(255) NOT NULL,
  token BIGINT UNSIGNED NOT NULL,
  settled_until BIGINT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (source_id, shard))";

// Who may count, among engines that wait for each other (adapters/sql/leases.h).
constexpr const char* kLeases = R"(  source VARCHAR(512) NOT NULL,
  shard INT NOT NULL,
  owner VARCHAR(255) NOT NULL,
  until_us BIGINT NOT NULL,
  PRIMARY KEY (source, shard))";

constexpr const char* kSlices = R"(  source_id INT NOT NULL,
  shard INT NOT NULL,
  bucket BIGINT NOT NULL,
  name VARBINARY(4096) NOT NULL,
  tag VARBINARY(255) NOT NULL,
  revision BIGINT NOT NULL,
  state TINYINT NOT NULL,
  row_count BIGINT NOT NULL,
  row_hash BIGINT UNSIGNED NOT NULL,
  counted BIGINT NOT NULL,
  unattributed BIGINT NOT NULL,
  other_kinds BIGINT NOT NULL,
  rejected BIGINT NOT NULL,
  too_late BIGINT NOT NULL,
  settled_at_us BIGINT NOT NULL,
  audited_at_us BIGINT NOT NULL,
  corrected_at_us BIGINT NOT NULL DEFAULT 0,
  held TINYINT NOT NULL,
  token BIGINT UNSIGNED NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  contribution LONGBLOB NULL,
  PRIMARY KEY (source_id, shard, bucket))";

constexpr const char* kDeltas = R"(  source_id INT NOT NULL,
  shard INT NOT NULL,
  bucket BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  contribution LONGBLOB NOT NULL,
  PRIMARY KEY (source_id, shard, bucket, revision))";

constexpr const char* kFrozen = R"(  source_id INT NOT NULL,
  dates DATE NOT NULL,
  hours TINYINT NOT NULL,
  impressions BIGINT NOT NULL,
  clicks BIGINT NOT NULL,
  conversions BIGINT NOT NULL,
  qualified BIGINT NOT NULL,
  unqualified BIGINT NOT NULL,
  bid_micros BIGINT NOT NULL,
  PRIMARY KEY (source_id, dates, hours))";

constexpr const char* kFrozenDays = R"(  source_id INT NOT NULL,
  shard INT NOT NULL,
  day INT NOT NULL,
  slices BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  row_hash BIGINT NOT NULL,
  counted BIGINT NOT NULL,
  unattributed BIGINT NOT NULL,
  other_kinds BIGINT NOT NULL,
  rejected BIGINT NOT NULL,
  too_late BIGINT NOT NULL,
  PRIMARY KEY (source_id, shard, day))";

constexpr const char* kFrozenMarks = R"(  source_id INT NOT NULL,
  shard INT NOT NULL,
  frozen_until BIGINT NOT NULL,
  history_place BIGINT NOT NULL,
  PRIMARY KEY (source_id, shard))";

constexpr const char* kRejects = R"(  source_id INT NOT NULL,
  shard INT NOT NULL,
  bucket BIGINT NOT NULL,
  row_id BINARY(16) NOT NULL,
  revision BIGINT NOT NULL,
  reason VARCHAR(64) NOT NULL,
  column_name VARCHAR(64) NOT NULL,
  value VARBINARY(1024) NOT NULL,
  row_json LONGBLOB NOT NULL,
  first_seen_us BIGINT NOT NULL,
  PRIMARY KEY (source_id, shard, bucket, row_id),
  KEY hirestream_rejects_age (first_seen_us))";

// `class`: other or unattributed. What is frozen of a shard has bucket 0 and `frozen` 1. `newest`:
// the newest row's time, id and file (adapters/sql/kinds_table.cc).
constexpr const char* kKinds = R"(  source_id INT NOT NULL,
  shard INT NOT NULL,
  bucket BIGINT NOT NULL,
  frozen TINYINT NOT NULL,
  class VARCHAR(16) NOT NULL,
  kind VARCHAR(64) NOT NULL,
  row_count BIGINT NOT NULL,
  newest_us BIGINT NOT NULL,
  newest VARCHAR(255) NOT NULL,
  PRIMARY KEY (source_id, shard, bucket, frozen, class, kind))";

constexpr const char* kJobs = R"(  job_id BIGINT NOT NULL,
  company_id BIGINT NOT NULL,
  group_id BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL,
  title VARCHAR(1000) NOT NULL,
  company_name VARCHAR(1000) NOT NULL,
  campaign_name VARCHAR(1000) NOT NULL,
  group_name VARCHAR(1000) NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (job_id))";

constexpr const char* kPublishers = R"(  publisher_id BIGINT NOT NULL,
  name VARCHAR(1000) NOT NULL,
  PRIMARY KEY (publisher_id))";

constexpr const char* kMinutes = R"(  minute_us BIGINT NOT NULL,
  source_id INT NOT NULL,
  new_rows BIGINT NOT NULL,
  rows_read BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  commits BIGINT NOT NULL,
  commit_us_sum BIGINT NOT NULL,
  commit_us_max BIGINT NOT NULL,
  freshness_us_p50 BIGINT NOT NULL,
  freshness_us_p95 BIGINT NOT NULL,
  freshness_us_max BIGINT NOT NULL,
  slices_settled BIGINT NOT NULL,
  slices_corrected BIGINT NOT NULL,
  slices_audited BIGINT NOT NULL,
  conflicts BIGINT NOT NULL,
  retries BIGINT NOT NULL,
  rejected BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (minute_us, source_id))";

constexpr const char* kVerifications = R"(  source_id INT NOT NULL,
  at_us BIGINT NOT NULL,
  rows_read BIGINT NOT NULL,
  slices_checked BIGINT NOT NULL,
  slices_different BIGINT NOT NULL,
  slices_repaired BIGINT NOT NULL,
  slices_held BIGINT NOT NULL,
  slices_damaged BIGINT NOT NULL,
  cells_checked BIGINT NOT NULL,
  cells_different BIGINT NOT NULL,
  PRIMARY KEY (source_id, at_us))";

// What waits to be published (ports/staging.h). A run's id is at most kRunIdMax characters.
constexpr const char* kStagedRuns = R"(  run_id VARCHAR(128) NOT NULL,
  source_name VARCHAR(512) NOT NULL,
  kind VARCHAR(32) NOT NULL,
  fingerprint LONGTEXT NOT NULL,
  shard_count INT NOT NULL,
  lifetime_us BIGINT NULL,
  strongest TINYINT NOT NULL,
  begun_us BIGINT NOT NULL,
  published_us BIGINT NOT NULL,
  PRIMARY KEY (run_id))";

constexpr const char* kStagedAttempts = R"(  run_id VARCHAR(128) NOT NULL,
  attempt BIGINT NOT NULL,
  accepted TINYINT NOT NULL,
  PRIMARY KEY (run_id, attempt))";

// Of the ledger's slices when the run began.
constexpr const char* kStagedRevisions = R"(  run_id VARCHAR(128) NOT NULL,
  shard INT NOT NULL,
  bucket BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  PRIMARY KEY (run_id, shard, bucket))";

// A blob of aggregation/slice_part_codec.h.
constexpr const char* kStagedSlices = R"(  run_id VARCHAR(128) NOT NULL,
  shard INT NOT NULL,
  bucket BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  part INT NOT NULL,
  contribution LONGBLOB NOT NULL,
  PRIMARY KEY (run_id, shard, bucket, attempt, part))";

// Summed before it is joined, and in doubles, which are exact here: 2.5 times as fast as decimals.
constexpr const char* kAccounting =
    R"(CREATE OR REPLACE VIEW hirestream_accounting AS
SELECT s.id AS source_id, s.name AS name, s.kind AS kind,
  CAST(COALESCE(l.counted + l.unattributed + l.other_kinds + l.rejected + l.too_late, 0) AS SIGNED) AS rows_read,
  CAST(COALESCE(l.counted, 0) AS SIGNED) AS counted,
  CAST(COALESCE(l.unattributed, 0) AS SIGNED) AS unattributed,
  CAST(COALESCE(l.other_kinds, 0) AS SIGNED) AS other_kinds,
  CAST(COALESCE(l.rejected, 0) AS SIGNED) AS rejected,
  CAST(COALESCE(l.too_late, 0) AS SIGNED) AS too_late,
  CAST(COALESCE(l.slices_open, 0) AS SIGNED) AS slices_open,
  CAST(COALESCE(l.slices_settled, 0) AS SIGNED) AS slices_settled,
  CAST(COALESCE(l.slices_frozen, 0) AS SIGNED) AS slices_frozen,
  CAST(COALESCE(l.slices_held, 0) AS SIGNED) AS slices_held
FROM hirestream_sources s LEFT JOIN (
  SELECT source_id, SUM(counted + 0e0) AS counted, SUM(unattributed + 0e0) AS unattributed,
    SUM(other_kinds + 0e0) AS other_kinds, SUM(rejected + 0e0) AS rejected,
    SUM(too_late + 0e0) AS too_late, SUM(slices_open + 0e0) AS slices_open,
    SUM(slices_settled + 0e0) AS slices_settled, SUM(slices_frozen + 0e0) AS slices_frozen,
    SUM(held + 0e0) AS slices_held
  FROM (
    SELECT source_id, counted, unattributed, other_kinds, rejected, too_late,
      state = 0 AS slices_open, state = 1 AS slices_settled, 0 AS slices_frozen, held
    FROM hirestream_slices
    UNION ALL
    SELECT source_id, counted, unattributed, other_kinds, rejected, too_late, 0, 0, slices, 0
    FROM hirestream_frozen_days) a
  GROUP BY source_id) l ON l.source_id = s.id)";

}  // namespace

// bid_set is the spend per click rounded half up, in integers: a division of decimals would depend
// on the session's div_precision_increment.
std::string mysql_events_table(std::string_view name) {
  return fmt::format(R"(CREATE TABLE IF NOT EXISTS {} (
  job_id BIGINT NOT NULL,
  dates DATE NOT NULL,
  hours TINYINT NOT NULL,
  publisher_id BIGINT NOT NULL,
  company_id BIGINT NOT NULL DEFAULT 0,
  campaign_id BIGINT NOT NULL,
  group_id BIGINT NOT NULL,
  disqualified_application BIGINT NOT NULL DEFAULT 0,
  qualified_application BIGINT NOT NULL DEFAULT 0,
  conversion BIGINT NOT NULL DEFAULT 0,
  clicks BIGINT NOT NULL DEFAULT 0,
  impressions BIGINT NOT NULL DEFAULT 0,
  bid_set DECIMAL(20,6) GENERATED ALWAYS AS
    (CASE WHEN clicks = 0 THEN NULL
      ELSE ((spend_hour * 2000000 + clicks) DIV (clicks * 2)) * 0.000001 END) VIRTUAL,
  spend_hour DECIMAL(20,6) NOT NULL DEFAULT 0,
  {},
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (dates, hours, job_id, publisher_id, campaign_id, group_id),
  KEY events_job_company (job_id, company_id, dates),
  KEY events_company (company_id, dates),
  KEY events_campaign (campaign_id, dates)
{})",
                     name, kMysqlSourcesColumn, kTableOptions);
}

std::vector<MysqlSchemaObject> mysql_schema() {
  constexpr const char* kMeta =
      "  name VARCHAR(64) NOT NULL,\n  value VARCHAR(255) NOT NULL,\n  PRIMARY KEY (name)";
  std::vector<MysqlSchemaObject> objects = {{"events", mysql_events_table("events")}};
  for (const auto& [name, columns] : {std::pair{"hirestream_meta", kMeta},
                                      std::pair{"hirestream_days", kDays},
                                      std::pair{"hirestream_sources", kSources},
                                      std::pair{"hirestream_writers", kWriters},
                                      std::pair{"hirestream_leases", kLeases},
                                      std::pair{"hirestream_slices", kSlices},
                                      std::pair{"hirestream_deltas", kDeltas},
                                      std::pair{"hirestream_frozen", kFrozen},
                                      std::pair{"hirestream_frozen_days", kFrozenDays},
                                      std::pair{"hirestream_frozen_marks", kFrozenMarks},
                                      std::pair{"hirestream_rejects", kRejects},
                                      std::pair{"hirestream_kinds", kKinds},
                                      std::pair{"hirestream_jobs", kJobs},
                                      std::pair{"hirestream_publishers", kPublishers},
                                      std::pair{"hirestream_minutes", kMinutes},
                                      std::pair{"hirestream_verifications", kVerifications},
                                      std::pair{"hirestream_staged_runs", kStagedRuns},
                                      std::pair{"hirestream_staged_attempts", kStagedAttempts},
                                      std::pair{"hirestream_staged_revisions", kStagedRevisions},
                                      std::pair{"hirestream_staged_slices", kStagedSlices}}) {
    objects.push_back({name, table(name, columns)});
  }
  objects.push_back({"hirestream_accounting", kAccounting, true});
  return objects;
}

std::string mysql_schema_version_statement() {
  return fmt::format(
      "INSERT IGNORE INTO hirestream_meta (name, value) VALUES ('schema_version', '{}')",
      sql::kSchemaVersion);
}

std::vector<std::string> mysql_schema_statements() {
  std::vector<std::string> statements;
  for (MysqlSchemaObject& object : mysql_schema()) {
    statements.push_back(std::move(object.statement));
  }
  statements.push_back(mysql_schema_version_statement());
  return statements;
}

std::string_view mysql_account_name(MysqlAccount account) {
  return account == MysqlAccount::kEngine ? "hirestream" : "hirestream_reader";
}

std::string account_statement(MysqlAccount account, const MysqlGrants& grants,
                              std::string_view password) {
  const bool needs_tls = account == MysqlAccount::kEngine ? grants.engine_tls : grants.reader_tls;
  return fmt::format("CREATE USER IF NOT EXISTS '{}'@'{}' IDENTIFIED BY {}{}",
                     mysql_account_name(account), grants.host, password,
                     needs_tls ? " REQUIRE SSL" : "");
}

std::vector<std::string> account_grants(MysqlAccount account, const MysqlGrants& grants) {
  const std::string to = fmt::format("'{}'@'{}'", mysql_account_name(account), grants.host);
  std::vector<std::string> statements;
  if (account == MysqlAccount::kEngine) {
    for (const MysqlSchemaObject& object : mysql_schema()) {
      statements.push_back(fmt::format("GRANT {} ON `{}`.`{}` TO {}",
                                       object.is_view ? "SELECT" : "SELECT, INSERT, UPDATE, DELETE",
                                       grants.database, object.name, to));
    }
    return statements;
  }
  for (const std::string_view table :
       {"events", "hirestream_accounting", "hirestream_days", "hirestream_jobs", "hirestream_kinds",
        "hirestream_meta", "hirestream_minutes", "hirestream_publishers", "hirestream_rejects",
        "hirestream_slices", "hirestream_sources", "hirestream_verifications",
        "hirestream_writers"}) {
    statements.push_back(
        fmt::format("GRANT SELECT ON `{}`.`{}` TO {}", grants.database, table, to));
  }
  return statements;
}

std::string least_privilege_grants(const MysqlGrants& grants) {
  return fmt::format(
      "-- REQUIRE SSL, where it stands: no login in plain text. Grafana then needs TLS in its data "
      "source (integrations/grafana/README.md).\n"
      "-- The engine: rows of these tables, no change of tables.\n"
      "{engine};\n"
      "{counting};\n"
      "-- Where it reads the jobs of this database, too:\n"
      "-- GRANT SELECT ON `{db}`.`{jobs}` TO 'hirestream'@'{host}';\n"
      "-- GRANT SELECT ON `{db}`.`{publishers}` TO 'hirestream'@'{host}';\n"
      "-- `hirestream init` and `migrate` need these too; an administrator can run `init --print` "
      "instead.\n"
      "-- GRANT CREATE, ALTER, DROP, INDEX, CREATE VIEW, SHOW VIEW ON `{db}`.* TO "
      "'hirestream'@'{host}';\n"
      "-- Dashboards, `hirestream dashboard` too: only what they show.\n"
      "{reader};\n"
      "{reading};\n"
      "-- The job directory.\n"
      "CREATE USER IF NOT EXISTS 'hirestream_jobs'@'{host}' IDENTIFIED BY '<password>'{jobs_tls};\n"
      "-- Where there is a table of publishers' names:\n"
      "-- GRANT SELECT ON `{db}`.`{publishers}` TO 'hirestream_jobs'@'{host}';\n"
      "-- Last, since it fails where there is no table `{jobs}` yet: then run it once there is "
      "one.\n"
      "GRANT SELECT ON `{db}`.`{jobs}` TO 'hirestream_jobs'@'{host}';\n",
      fmt::arg("db", grants.database), fmt::arg("host", grants.host),
      fmt::arg("engine", account_statement(MysqlAccount::kEngine, grants, "'<password>'")),
      fmt::arg("reader", account_statement(MysqlAccount::kReader, grants, "'<password>'")),
      fmt::arg("jobs_tls", grants.engine_tls ? " REQUIRE SSL" : ""),
      fmt::arg("publishers", grants.publishers_table),
      fmt::arg("counting", fmt::join(account_grants(MysqlAccount::kEngine, grants), ";\n")),
      fmt::arg("reading", fmt::join(account_grants(MysqlAccount::kReader, grants), ";\n")),
      fmt::arg("jobs", grants.jobs_table));
}

}  // namespace hirestream
