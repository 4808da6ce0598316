#include "adapters/sqlite/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <filesystem>

#include "adapters/sql/dimension_columns.h"
#include "adapters/sqlite/warehouse_schema.h"

namespace hirestream {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;
using sqlite::TransactionMode;

namespace {

constexpr const char* kPartSums =
    "COALESCE(SUM(impressions), 0) AS impressions, COALESCE(SUM(clicks), 0) AS clicks, "
    "COALESCE(SUM(conversions), 0) AS conversions, COALESCE(SUM(qualified), 0) AS qualified, "
    "COALESCE(SUM(unqualified), 0) AS unqualified, COALESCE(SUM(bid_micros), 0) AS spend";

constexpr const char* kSums =
    "SUM(impressions), SUM(clicks), SUM(conversions), SUM(qualified), SUM(unqualified), SUM(spend)";

std::string time_condition(int32_t from_hour, int32_t to_hour) {
  const CellKey from{.local_hour = from_hour};
  const CellKey to{.local_hour = to_hour};
  // The second one is for the indexes that begin with an id and go on with days.
  return fmt::format(
      "(days, hours) >= ({}, {}) AND (days, hours) < ({}, {}) AND days BETWEEN {} AND "
      "{}",
      from.days(), from.hour(), to.days(), to.hour(), from.days(), to.days());
}

// A subquery with the sums by `key` (an expression over columns that both tables have; empty: of everything) as k, once or more often.
std::string sums_by(const std::string& key, const ReportFilter& filter, bool has_days) {
  const std::string group = key.empty() ? "" : " GROUP BY " + key;
  std::string parts;
  const auto add = [&](const char* table, const std::string& condition) {
    parts += fmt::format("{}SELECT {} AS k, {} FROM {} WHERE {}{}{}",
                         parts.empty() ? "" : " UNION ALL ", key.empty() ? "0" : key, kPartSums,
                         table, condition, ids_condition(filter), group);
  };
  const auto add_hours = [&](const RangeParts::Hours& hours) {
    if (!hours.empty()) {
      add("events_micros", time_condition(hours.from, hours.to));
    }
  };
  const RangeParts range = parts_of(filter);
  if (!has_days || range.days.empty()) {
    add("events_micros", time_condition(filter.from_hour, filter.to_hour));
  } else {
    add_hours(range.before);
    add("hirestream_days",
        fmt::format("days >= {} AND days < {}", range.days.from / 24, range.days.to / 24));
    add_hours(range.after);
  }
  return fmt::format("({}) AS parts", parts);
}

Measures read_measures(const Statement& row, int first) {
  return {row.integer(first),     row.integer(first + 1), row.integer(first + 2),
          row.integer(first + 3), row.integer(first + 4), row.integer(first + 5)};
}

}  // namespace

Result<std::unique_ptr<SqliteReport>> SqliteReport::open(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return fail(ErrorKind::kConfig, "open", path, "there is no such file", "run `hirestream init`");
  }
  HIRESTREAM_ASSIGN(Database database,
                    Database::open({.path = path, .mode = sqlite::OpenMode::kReadOnly}));
  return std::unique_ptr<SqliteReport>(new SqliteReport(std::move(database)));
}

std::string SqliteReport::server() const {
  return "sqlite " + Database::version();
}

Result<std::string> SqliteReport::version() {
  HIRESTREAM_ASSIGN(
      Statement * rows,
      database_.cached("SELECT 0, source_id, shard, token FROM hirestream_writers UNION ALL SELECT "
                       "1, COUNT(*), 0, 0 FROM hirestream_sources UNION ALL SELECT 2, 0, 0, "
                       "CAST(value AS INTEGER) FROM hirestream_meta WHERE name = 'changes' "
                       "ORDER BY 1, 2, 3"));
  std::string state;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows->step());
    if (!more) {
      return digest_of(state);
    }
    state += fmt::format("{},{},{},{};", rows->integer(0), rows->integer(1), rows->integer(2),
                         rows->integer(3));
  }
}

Result<std::optional<std::pair<int32_t, int32_t>>> SqliteReport::hours() {
  std::optional<std::pair<int32_t, int32_t>> range;
  for (const char* order : {"", " DESC"}) {
    HIRESTREAM_ASSIGN(Statement row, database_.prepare(fmt::format(
                                         "SELECT days * 24 + hours FROM events_micros ORDER BY "
                                         "days{0}, hours{0} LIMIT 1",
                                         order)));
    HIRESTREAM_ASSIGN(bool found, row.step());
    if (!found) {
      return std::optional<std::pair<int32_t, int32_t>>();
    }
    const auto hour = static_cast<int32_t>(row.integer(0));
    range = range ? std::pair(range->first, hour) : std::pair(hour, hour);
  }
  return range;
}

// A warehouse that no newer engine has opened yet has no roll-up.
Result<bool> SqliteReport::has_days() {
  if (!has_days_) {
    HIRESTREAM_ASSIGN(Statement version,
                      database_.prepare("SELECT CAST(value AS INTEGER) FROM hirestream_meta WHERE "
                                        "name = 'schema_version'"));
    HIRESTREAM_ASSIGN(const bool found, version.step());
    has_days_ = found && version.integer(0) >= kSqliteSchemaVersion;
  }
  return has_days_;
}

Result<bool> SqliteReport::has_names(Dimension dimension) {
  if (dimension != Dimension::kPublisher) {
    return true;
  }
  return has_table("hirestream_publishers");
}

Result<Measures> SqliteReport::totals(const ReportFilter& filter) {
  HIRESTREAM_ASSIGN(const bool days, has_days());
  HIRESTREAM_ASSIGN(Statement row, database_.prepare(fmt::format("SELECT {} FROM {}", kSums,
                                                                 sums_by("", filter, days))));
  HIRESTREAM_TRY(row.step());
  return read_measures(row, 0);
}

Result<std::vector<SeriesPoint>> SqliteReport::series(const ReportFilter& filter, TimeStep step) {
  const bool by_hour = step == TimeStep::kHour;
  bool days = false;
  if (!by_hour) {
    HIRESTREAM_ASSIGN(days, has_days());
  }
  HIRESTREAM_ASSIGN(Statement rows,
                    database_.prepare(fmt::format(
                        "SELECT k, {} FROM {} GROUP BY k ORDER BY k", kSums,
                        sums_by(by_hour ? "days * 24 + hours" : "days * 24", filter, days))));
  std::vector<SeriesPoint> points;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return points;
    }
    points.push_back({static_cast<int32_t>(rows.integer(0)), read_measures(rows, 1)});
  }
}

Result<ReportPage> SqliteReport::top(const ReportFilter& filter, Dimension dimension, Figure order,
                                     size_t limit, size_t offset) {
  HIRESTREAM_ASSIGN(Transaction snapshot, Transaction::begin(database_, TransactionMode::kRead));
  HIRESTREAM_ASSIGN(const bool days, has_days());
  const std::string parts = sums_by(id_column(dimension), filter, days);
  HIRESTREAM_ASSIGN(
      Statement rows,
      database_.prepare(fmt::format("SELECT k, {}, COUNT(*) OVER () FROM {} GROUP BY k ORDER BY "
                                    "SUM({}) DESC, k LIMIT {} OFFSET {}",
                                    kSums, parts, figure_name(order), limit, offset)));
  ReportPage page;
  std::vector<int64_t> ids;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      break;
    }
    page.entries.push_back({{rows.integer(0), {}}, read_measures(rows, 1)});
    ids.push_back(rows.integer(0));
    page.total = rows.integer(7);
  }
  if (page.entries.empty()) {  // beyond the end
    HIRESTREAM_ASSIGN(Statement count, database_.prepare("SELECT COUNT(DISTINCT k) FROM " + parts));
    HIRESTREAM_TRY(count.step());
    page.total = count.integer(0);
    return page;
  }
  HIRESTREAM_ASSIGN(std::vector<NamedId> named, names_of(dimension, ids));
  for (size_t i = 0; i < named.size(); ++i) {
    page.entries[i].key = std::move(named[i]);
  }
  return page;
}

Result<std::vector<NamedId>> SqliteReport::names(Dimension dimension, const std::string& text,
                                                 size_t limit) {
  HIRESTREAM_ASSIGN(const bool days, has_days());
  HIRESTREAM_ASSIGN(const bool named, has_names(dimension));
  const std::string directory =
      named ? fmt::format("SELECT {} AS id, {} AS name FROM {} UNION ALL ", id_column(dimension),
                          name_column(dimension), name_table(dimension))
            : std::string();
  HIRESTREAM_ASSIGN(
      Statement rows,
      database_.prepare(fmt::format(
          "SELECT id, MAX(name) FROM ({0}SELECT DISTINCT {1} AS id, '' AS name FROM {4} WHERE days "
          "> (SELECT MAX(days) FROM {4}) - {2}) GROUP BY id HAVING "
          "instr(lower(MAX(name)), lower(?1)) > 0 OR instr(CAST(id AS TEXT), ?1) > 0 ORDER BY "
          "MAX(name) = '', MAX(name), id LIMIT {3}",
          directory, id_column(dimension), kNamesDays, limit,
          days ? "hirestream_days" : "events_micros")));
  rows.bind(1, std::string_view(text));
  std::vector<NamedId> found;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return found;
    }
    found.push_back({rows.integer(0), std::string(rows.text(1))});
  }
}

Result<std::vector<NamedId>> SqliteReport::names_of(Dimension dimension,
                                                    std::span<const int64_t> ids) {
  const std::vector<int64_t> wanted = distinct_ids(ids);
  std::map<int64_t, std::string> known;
  HIRESTREAM_ASSIGN(const bool has, has_names(dimension));
  if (has && !wanted.empty()) {
    HIRESTREAM_ASSIGN(
        Statement rows,
        database_.prepare(fmt::format(
            "SELECT {0}, MAX({1}) FROM {3} WHERE {0} IN ({2}) GROUP BY {0}", id_column(dimension),
            name_column(dimension), fmt::join(wanted, ","), name_table(dimension))));
    while (true) {
      HIRESTREAM_ASSIGN(bool more, rows.step());
      if (!more) {
        break;
      }
      known[rows.integer(0)] = rows.text(1);
    }
  }
  std::vector<NamedId> named;
  for (const int64_t id : wanted) {
    named.push_back({id, known[id]});
  }
  return named;
}

Result<std::vector<EventsLine>> SqliteReport::lines(const ReportFilter& filter,
                                                    const std::optional<CellKey>& after,
                                                    size_t limit) {
  std::string condition = time_condition(filter.from_hour, filter.to_hour) + ids_condition(filter);
  if (after) {
    condition += fmt::format(
        " AND (days, hours, job_id, publisher_id, campaign_id, group_id) > ({}, {}, {}, {}, {}, "
        "{})",
        after->days(), after->hour(), after->job_id, after->publisher_id, after->campaign_id,
        after->group_id);
  }
  HIRESTREAM_ASSIGN(
      Statement rows,
      database_.prepare(fmt::format(
          "SELECT days * 24 + hours, job_id, publisher_id, campaign_id, group_id, company_id, "
          "impressions, clicks, conversions, qualified, unqualified, bid_micros, sources, "
          "updated_at_us FROM events_micros WHERE {} ORDER BY days, hours, job_id, publisher_id, "
          "campaign_id, group_id LIMIT {}",
          condition, limit)));
  std::vector<EventsLine> lines;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return lines;
    }
    lines.push_back({{static_cast<int32_t>(rows.integer(0)), rows.integer(1), rows.integer(2),
                      rows.integer(3), rows.integer(4)},
                     rows.integer(5),
                     read_measures(rows, 6),
                     std::string(rows.text(12)),
                     rows.integer(13)});
  }
}

Result<std::vector<SourceQuality>> SqliteReport::quality() {
  return read_sources("hirestream_accounting");
}

Result<std::vector<SourceQuality>> SqliteReport::sources() {
  return read_sources(
      "(SELECT id AS source_id, name, kind, 0 AS counted, 0 AS unattributed, 0 AS other_kinds, 0 "
      "AS "
      "rejected, 0 AS too_late, 0 AS slices_open, 0 AS slices_settled, 0 AS slices_frozen, 0 AS "
      "slices_held FROM hirestream_sources)");
}

Result<std::vector<SourceQuality>> SqliteReport::read_sources(const std::string& accounting) {
  HIRESTREAM_ASSIGN(Transaction snapshot, Transaction::begin(database_, TransactionMode::kRead));
  HIRESTREAM_ASSIGN(
      Statement rows,
      database_.prepare(fmt::format(
          "SELECT a.source_id, a.name, a.kind, s.fingerprint ->> '$.attribution', s.fingerprint "
          "->> '$.timezone', s.fingerprint ->> '$.strategy', CAST(s.fingerprint ->> "
          "'$.bucket_width_s' AS INTEGER), a.counted, a.unattributed, a.other_kinds, a.rejected, "
          "a.too_late, a.slices_open, a.slices_settled, a.slices_frozen, a.slices_held FROM "
          "{} a JOIN hirestream_sources s ON s.id = a.source_id ORDER BY a.source_id",
          accounting)));
  HIRESTREAM_ASSIGN(Statement writers,
                    database_.prepare("SELECT shard, settled_until, token, updated_at_us FROM "
                                      "hirestream_writers WHERE source_id = ?1"));
  std::vector<SourceQuality> all;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return all;
    }
    SourceQuality source;
    source.name = rows.text(1);
    source.kind = rows.text(2);
    source.attribution = rows.text(3);
    source.timezone = rows.text(4);
    const std::string strategy(rows.text(5));
    source.classes = {rows.integer(7), rows.integer(8), rows.integer(9), rows.integer(10),
                      rows.integer(11)};
    source.slices_open = rows.integer(12);
    source.slices_settled = rows.integer(13);
    source.slices_frozen = rows.integer(14);
    source.slices_held = rows.integer(15);
    writers.bind(1, rows.integer(0));
    while (true) {
      HIRESTREAM_ASSIGN(bool writer, writers.step());
      if (!writer) {
        break;
      }
      add_writer(source, strategy, rows.integer(6),
                 {static_cast<int32_t>(writers.integer(0)),
                  writers.is_null(1) ? std::nullopt : std::optional(writers.integer(1)),
                  writers.integer(2) != 0 ? writers.integer(3) : 0});
    }
    all.push_back(std::move(source));
  }
}

Result<std::vector<RejectGroup>> SqliteReport::rejects() {
  HIRESTREAM_ASSIGN(Transaction snapshot, Transaction::begin(database_, TransactionMode::kRead));
  HIRESTREAM_ASSIGN(
      Statement groups,
      database_.prepare("SELECT r.source_id, s.name, r.reason, r.column_name, COUNT(*), "
                        "MAX(r.first_seen_us) FROM hirestream_rejects r JOIN hirestream_sources s "
                        "ON s.id = r.source_id GROUP BY r.source_id, r.reason, r.column_name "
                        "ORDER BY r.source_id, COUNT(*) DESC, r.reason, r.column_name"));
  HIRESTREAM_ASSIGN(
      Statement sample,
      database_.prepare("SELECT row_id, value, row_json FROM hirestream_rejects WHERE source_id = "
                        "?1 AND reason = ?2 AND column_name = ?3 AND first_seen_us = ?4 ORDER BY "
                        "shard, bucket, row_id LIMIT 1"));
  std::vector<RejectGroup> all;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, groups.step());
    if (!more) {
      return all;
    }
    RejectGroup group;
    group.source = groups.text(1);
    group.reason = groups.text(2);
    group.column = groups.text(3);
    group.kept = groups.integer(4);
    group.first_seen_us = groups.integer(5);
    group.sample.reason = group.reason;
    group.sample.column = group.column;
    sample.bind(1, groups.integer(0)).bind(2, std::string_view(group.reason));
    sample.bind(3, std::string_view(group.column)).bind(4, group.first_seen_us);
    HIRESTREAM_ASSIGN(bool found, sample.step());
    if (found && sample.blob(0).size() == 16) {
      group.sample.id = row_id_from_bytes(std::span<const uint8_t, 16>(
          reinterpret_cast<const uint8_t*>(sample.blob(0).data()), 16));
    }
    if (found) {
      group.sample.value = sample.text(1);
      group.sample.row = sample.text(2);
      sample.reset();
    }
    all.push_back(std::move(group));
  }
}

Result<bool> SqliteReport::has_table(std::string_view name) {
  HIRESTREAM_ASSIGN(
      Statement row,
      database_.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1"));
  return row.bind(1, name).step();
}

// So with columns that tables got later.
Result<bool> SqliteReport::has_column(std::string_view table, std::string_view column) {
  HIRESTREAM_ASSIGN(Statement row,
                    database_.prepare("SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2"));
  row.bind(1, table).bind(2, column);
  return row.step();
}

Result<std::vector<Verification>> SqliteReport::verifications() {
  std::vector<Verification> all;
  HIRESTREAM_ASSIGN(const bool there, has_table("hirestream_verifications"));
  if (!there) {
    return all;
  }
  HIRESTREAM_ASSIGN(
      Statement rows,
      database_.prepare(
          "SELECT s.name, v.at_us, v.rows_read, v.slices_checked, v.slices_different, "
          "v.slices_repaired, v.slices_held, v.slices_damaged, v.cells_checked, v.cells_different "
          "FROM hirestream_verifications v JOIN hirestream_sources s ON s.id = v.source_id WHERE "
          "v.at_us = (SELECT MAX(newest.at_us) FROM hirestream_verifications newest WHERE "
          "newest.source_id = v.source_id) ORDER BY v.source_id"));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return all;
    }
    all.push_back({std::string(rows.text(0)), rows.integer(1), rows.integer(2), rows.integer(3),
                   rows.integer(4), rows.integer(5), rows.integer(6), rows.integer(7),
                   rows.integer(8), rows.integer(9)});
  }
}

Result<std::vector<SqliteReport::Source>> SqliteReport::slice_sources() {
  HIRESTREAM_ASSIGN(Statement rows,
                    database_.prepare("SELECT id, name, fingerprint ->> '$.strategy', "
                                      "CAST(fingerprint ->> '$.bucket_width_s' AS INTEGER) FROM "
                                      "hirestream_sources ORDER BY id"));
  std::vector<Source> all;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return all;
    }
    all.push_back(
        {rows.integer(0), std::string(rows.text(1)), std::string(rows.text(2)), rows.integer(3)});
  }
}

Result<void> SqliteReport::read_slices(const Source& source, const std::string& condition,
                                       size_t limit, std::vector<SliceLine>& out) {
  HIRESTREAM_ASSIGN(const bool corrected, has_column("hirestream_slices", "corrected_at_us"));
  HIRESTREAM_ASSIGN(
      Statement rows,
      database_.prepare(fmt::format(
          "SELECT shard, bucket, state, held, revision, row_count, row_hash, settled_at_us, "
          "audited_at_us, updated_at_us, {} FROM hirestream_slices WHERE source_id = {} AND {} "
          "LIMIT {}",
          corrected ? "corrected_at_us" : "0", source.id, condition, limit)));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return {};
    }
    SliceLine line;
    line.source = source.name;
    line.key = {static_cast<int32_t>(rows.integer(0)), rows.integer(1)};
    line.begin_us = bucket_begin_us(source.strategy, source.bucket_width_s, line.key.bucket);
    line.state = static_cast<SliceState>(rows.integer(2));
    line.held = rows.integer(3) != 0;
    line.revision = rows.integer(4);
    line.digest = {rows.integer(5), std::bit_cast<uint64_t>(rows.integer(6))};
    line.settled_at_us = rows.integer(7);
    line.audited_at_us = rows.integer(8);
    line.updated_at_us = rows.integer(9);
    line.corrected_at_us = rows.integer(10);
    out.push_back(std::move(line));
  }
}

Result<std::vector<SliceLine>> SqliteReport::slices(size_t limit_per_source) {
  HIRESTREAM_ASSIGN(Transaction snapshot, Transaction::begin(database_, TransactionMode::kRead));
  HIRESTREAM_ASSIGN(const std::vector<Source> known, slice_sources());
  std::vector<SliceLine> all;
  for (const Source& source : known) {
    std::vector<SliceLine> some;
    if (source.strategy == "files") {
      HIRESTREAM_TRY(
          read_slices(source, "1 ORDER BY updated_at_us DESC, bucket", limit_per_source, some));
    } else {
      HIRESTREAM_ASSIGN(Statement shards,
                        database_.prepare(fmt::format("SELECT DISTINCT shard FROM "
                                                      "hirestream_slices WHERE source_id = {}",
                                                      source.id)));
      while (true) {
        HIRESTREAM_ASSIGN(bool more, shards.step());
        if (!more) {
          break;
        }
        HIRESTREAM_TRY(
            read_slices(source, fmt::format("shard = {} ORDER BY bucket DESC", shards.integer(0)),
                        limit_per_source, some));
      }
    }
    append_newest(std::move(some), source.strategy == "files", limit_per_source, all);
  }
  return all;
}

Result<std::vector<PipelineMinute>> SqliteReport::minutes(int64_t from_us) {
  HIRESTREAM_ASSIGN(const bool there, has_table("hirestream_minutes"));
  if (!there) {
    return std::vector<PipelineMinute>();
  }
  HIRESTREAM_ASSIGN(const bool rejected, has_column("hirestream_minutes", "rejected"));
  HIRESTREAM_ASSIGN(
      Statement rows,
      database_.prepare(fmt::format(
          "SELECT s.name, m.minute_us, m.new_rows, m.rows_read, m.requests, m.commits, "
          "m.commit_us_sum, m.commit_us_max, m.freshness_us_p50, m.freshness_us_p95, "
          "m.freshness_us_max, m.slices_settled, m.slices_corrected, m.slices_audited, "
          "m.conflicts, m.retries, {} FROM hirestream_minutes m JOIN hirestream_sources s ON s.id "
          "= m.source_id WHERE m.minute_us >= ?1 ORDER BY m.minute_us, m.source_id",
          rejected ? "m.rejected" : "0")));
  rows.bind(1, from_us);
  std::vector<PipelineMinute> all;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return all;
    }
    all.push_back({std::string(rows.text(0)), rows.integer(1), rows.integer(2), rows.integer(3),
                   rows.integer(4), rows.integer(5), rows.integer(6), rows.integer(7),
                   rows.integer(8), rows.integer(9), rows.integer(10), rows.integer(11),
                   rows.integer(12), rows.integer(13), rows.integer(14), rows.integer(15),
                   rows.integer(16)});
  }
}

Result<std::unique_ptr<SqlitePipelineLog>> SqlitePipelineLog::open(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored) && !ignored) {
    return fail(ErrorKind::kConfig, "open", path, "the warehouse is not there yet",
                "the first run that reaches its source makes it");
  }
  sqlite::OpenOptions options;
  options.path = path;
  options.mode = sqlite::OpenMode::kReadWrite;
  options.busy_timeout = std::chrono::milliseconds(1000);
  options.synchronous_full = false;  // a minute lost with the power is no loss
  HIRESTREAM_ASSIGN(Database database, Database::open(options));
  return std::unique_ptr<SqlitePipelineLog>(new SqlitePipelineLog(std::move(database)));
}

Result<void> SqlitePipelineLog::record(std::span<const PipelineMinute> minutes,
                                       int64_t expire_before_us) {
  HIRESTREAM_ASSIGN(Transaction transaction,
                    Transaction::begin(database_, TransactionMode::kWrite));
  HIRESTREAM_ASSIGN(
      Statement * add,
      database_.cached(
          "INSERT INTO hirestream_minutes (source_id, minute_us, new_rows, rows_read, requests, "
          "commits, commit_us_sum, commit_us_max, freshness_us_p50, freshness_us_p95, "
          "freshness_us_max, slices_settled, slices_corrected, slices_audited, conflicts, retries, "
          "rejected) SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
          "?17 FROM hirestream_sources WHERE name = ?1 ON CONFLICT (minute_us, source_id) DO "
          "UPDATE SET "
          "new_rows = new_rows + excluded.new_rows, rows_read = rows_read + excluded.rows_read, "
          "requests = requests + excluded.requests, commits = commits + excluded.commits, "
          "commit_us_sum = commit_us_sum + excluded.commit_us_sum, commit_us_max = "
          "max(commit_us_max, excluded.commit_us_max), freshness_us_p50 = max(freshness_us_p50, "
          "excluded.freshness_us_p50), freshness_us_p95 = max(freshness_us_p95, "
          "excluded.freshness_us_p95), freshness_us_max = max(freshness_us_max, "
          "excluded.freshness_us_max), slices_settled = slices_settled + excluded.slices_settled, "
          "slices_corrected = slices_corrected + excluded.slices_corrected, slices_audited = "
          "slices_audited + excluded.slices_audited, conflicts = conflicts + excluded.conflicts, "
          "retries = retries + excluded.retries, rejected = rejected + excluded.rejected"));
  for (const PipelineMinute& minute : minutes) {
    add->bind(1, std::string_view(minute.source)).bind(2, minute.minute_us);
    add->bind(3, minute.new_rows).bind(4, minute.rows_read).bind(5, minute.requests);
    add->bind(6, minute.commits).bind(7, minute.commit_us_sum).bind(8, minute.commit_us_max);
    add->bind(9, minute.freshness_us_p50).bind(10, minute.freshness_us_p95);
    add->bind(11, minute.freshness_us_max).bind(12, minute.slices_settled);
    add->bind(13, minute.slices_corrected).bind(14, minute.slices_audited);
    add->bind(15, minute.conflicts).bind(16, minute.retries).bind(17, minute.rejected);
    HIRESTREAM_TRY(add->run());
  }
  HIRESTREAM_ASSIGN(Statement * expire,
                    database_.cached("DELETE FROM hirestream_minutes WHERE minute_us < ?1"));
  HIRESTREAM_TRY(expire->bind(1, expire_before_us).run());
  return transaction.commit();
}

Result<void> SqlitePipelineLog::record_verification(const Verification& v) {
  HIRESTREAM_ASSIGN(Transaction transaction,
                    Transaction::begin(database_, TransactionMode::kWrite));
  HIRESTREAM_ASSIGN(
      Statement * add,
      database_.cached(
          "INSERT OR IGNORE INTO hirestream_verifications (source_id, at_us, rows_read, "
          "slices_checked, slices_different, slices_repaired, slices_held, slices_damaged, "
          "cells_checked, cells_different) SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM "
          "hirestream_sources WHERE name = ?1"));
  add->bind(1, std::string_view(v.source)).bind(2, v.at_us).bind(3, v.rows_read);
  add->bind(4, v.slices_checked).bind(5, v.slices_different).bind(6, v.slices_repaired);
  add->bind(7, v.slices_held).bind(8, v.slices_damaged).bind(9, v.cells_checked);
  HIRESTREAM_TRY(add->bind(10, v.cells_different).run());
  HIRESTREAM_ASSIGN(
      Statement * prune,
      database_.cached("DELETE FROM hirestream_verifications WHERE (source_id, at_us) IN (SELECT "
                       "n.source_id, n.at_us FROM hirestream_verifications n JOIN "
                       "hirestream_sources s ON s.id = n.source_id WHERE s.name = ?1 ORDER BY "
                       "n.at_us DESC LIMIT -1 OFFSET ?2)"));
  HIRESTREAM_TRY(
      prune->bind(1, std::string_view(v.source)).bind(2, int64_t{kVerificationsKept}).run());
  HIRESTREAM_TRY(database_.execute(kSqliteNoteChange));
  return transaction.commit();
}

}  // namespace hirestream
