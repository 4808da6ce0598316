#include "adapters/mysql/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "adapters/mysql/commit_writer.h"
#include "adapters/mysql/multi_row_insert.h"
#include "adapters/mysql/warehouse_schema.h"
#include "adapters/sql/dimension_columns.h"
#include "model/timestamp.h"

namespace hirestream {

using mysql::Connection;
using mysql::ResultSet;
using mysql::Transaction;

namespace {

constexpr std::chrono::seconds kIdleBeforePing{5};

// Sums of a part of the range, under the names that kSums adds up. The server adds up integers as decimals, which takes a third longer
// than doubles; these are as exact up to 2⁵³.
constexpr const char* kPartSums =
    "CAST(COALESCE(SUM(impressions + 0e0), 0) AS SIGNED) AS impressions, CAST(COALESCE(SUM(clicks "
    "+ 0e0), 0) AS SIGNED) AS clicks, CAST(COALESCE(SUM(conversion + 0e0), 0) AS SIGNED) AS "
    "conversions, CAST(COALESCE(SUM(qualified_application + 0e0), 0) AS SIGNED) AS qualified, "
    "CAST(COALESCE(SUM(disqualified_application + 0e0), 0) AS SIGNED) AS unqualified, "
    "CAST(COALESCE(SUM({}), 0) * 1000000 AS SIGNED) AS spend";

constexpr const char* kSums =
    "CAST(SUM(impressions) AS SIGNED), CAST(SUM(clicks) AS SIGNED), CAST(SUM(conversions) AS "
    "SIGNED), CAST(SUM(qualified) AS SIGNED), CAST(SUM(unqualified) AS SIGNED), CAST(SUM(spend) AS "
    "SIGNED)";

constexpr const char* kMicrosSince1970 =
    "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', updated_at)";

// Ranges of the primary key, which begins with dates and hours.
std::string time_condition(int32_t from_hour, int32_t to_hour) {
  const CellKey from{.local_hour = from_hour};
  const CellKey to{.local_hour = to_hour};
  const std::string first = format_date(from.days());
  const std::string last = format_date(to.days());
  if (from_hour >= to_hour) {
    return "FALSE";
  }
  if (from.days() == to.days()) {
    return fmt::format("dates = '{}' AND hours >= {} AND hours < {}", first, from.hour(),
                       to.hour());
  }
  std::string condition =
      fmt::format("((dates = '{0}' AND hours >= {1}) OR (dates > '{0}' AND dates < '{2}')", first,
                  from.hour(), last);
  if (to.hour() > 0) {
    condition += fmt::format(" OR (dates = '{}' AND hours < {})", last, to.hour());
  }
  return condition + ")";
}

// Which index is best depends on the ids; without ids it is the key, which begins with dates.
const char* index_hint(const std::string& ids) {
  return ids.empty() ? " FORCE INDEX (PRIMARY)" : "";
}

// A subquery with the sums by `key` (an expression over columns that both tables have; empty: of everything) as k, once or more often.
std::string sums_by(const std::string& key, const ReportFilter& filter, bool has_days) {
  const std::string ids = ids_condition(filter);
  const std::string group = key.empty() ? "" : " GROUP BY " + key;
  std::string parts;
  const auto add = [&](const char* table, const char* spend, const std::string& condition) {
    parts += fmt::format("{}SELECT {} AS k, {} FROM {}{} WHERE {}{}{}",
                         parts.empty() ? "" : " UNION ALL ", key.empty() ? "0" : key,
                         fmt::format(fmt::runtime(kPartSums), spend), table, index_hint(ids),
                         condition, ids, group);
  };
  const auto add_hours = [&](const RangeParts::Hours& hours) {
    if (!hours.empty()) {
      add("events", "spend_hour", time_condition(hours.from, hours.to));
    }
  };
  const RangeParts range = parts_of(filter);
  if (!has_days || range.days.empty()) {
    add("events", "spend_hour", time_condition(filter.from_hour, filter.to_hour));
  } else {
    add_hours(range.before);
    add("hirestream_days", "spend",
        fmt::format("dates >= '{}' AND dates < '{}'", format_date(range.days.from / 24),
                    format_date(range.days.to / 24)));
    add_hours(range.after);
  }
  return fmt::format("({}) AS parts", parts);
}

Measures read_measures(const ResultSet& row, size_t first) {
  return {row.integer(first),     row.integer(first + 1), row.integer(first + 2),
          row.integer(first + 3), row.integer(first + 4), row.integer(first + 5)};
}

std::string local_hour_of_columns() {
  return "DATEDIFF(dates, '1970-01-01') * 24 + hours";
}

std::string json_field(const char* column, const char* field) {
  return fmt::format("JSON_UNQUOTE(JSON_EXTRACT({}, '$.{}'))", column, field);
}

std::string json_number(const char* column, const char* field) {
  return fmt::format("CAST(COALESCE({}, '0') AS SIGNED)", json_field(column, field));
}

// A session that is there and was heard of lately.
Result<Connection*> refresh(std::unique_ptr<Connection>& connection, const MysqlConfig& config) {
  const bool idle = connection != nullptr &&
                    std::chrono::steady_clock::now() - connection->last_used() > kIdleBeforePing;
  if (connection == nullptr || connection->lost() || (idle && !connection->alive())) {
    HIRESTREAM_ASSIGN(connection, Connection::open(config));
  }
  return connection.get();
}

}  // namespace

Result<std::unique_ptr<MysqlReport>> MysqlReport::open(const MysqlConfig& config) {
  std::unique_ptr<MysqlReport> report(new MysqlReport(config));
  HIRESTREAM_TRY(report->ready());
  return report;
}

Result<Connection*> MysqlReport::ready() {
  return refresh(connection_, config_);
}

std::string MysqlReport::server() const {
  return fmt::format("{} {}", connection_->is_mariadb() ? "mariadb" : "mysql",
                     connection_->version());
}

Result<std::string> MysqlReport::version() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection->query(
          "SELECT 0 AS part, source_id, shard, CAST(token AS CHAR) FROM hirestream_writers UNION "
          "ALL SELECT 1, COUNT(*), 0, '' FROM hirestream_sources UNION ALL SELECT 2, 0, 0, "
          "CAST(value AS CHAR) FROM hirestream_meta WHERE name = 'changes' ORDER BY 1, 2, 3"));
  std::string state;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return digest_of(state);
    }
    state += fmt::format("{},{},{},{};", rows.text(0), rows.text(1), rows.text(2), rows.text(3));
  }
}

Result<std::optional<std::pair<int32_t, int32_t>>> MysqlReport::hours() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  std::optional<std::pair<int32_t, int32_t>> range;
  for (const char* order : {"", " DESC"}) {
    HIRESTREAM_ASSIGN(ResultSet row, connection->query(fmt::format(
                                         "SELECT {1} FROM events ORDER BY dates{0}, hours{0} LIMIT "
                                         "1",
                                         order, local_hour_of_columns())));
    HIRESTREAM_ASSIGN(bool found, row.next());
    if (!found) {
      return std::optional<std::pair<int32_t, int32_t>>();
    }
    const auto hour = static_cast<int32_t>(row.integer(0));
    range = range ? std::pair(range->first, hour) : std::pair(hour, hour);
  }
  return range;
}

// A warehouse that no newer engine has opened yet has no roll-up, or an incomplete one; a reader of before may not see it.
Result<bool> MysqlReport::has_days(Connection& connection) {
  if (!has_days_) {
    HIRESTREAM_ASSIGN(ResultSet version,
                      connection.query("SELECT CAST(value AS SIGNED) FROM hirestream_meta WHERE "
                                       "name = 'schema_version'"));
    HIRESTREAM_ASSIGN(const bool found, version.next());
    has_days_ = found && version.integer(0) >= kMysqlSchemaVersion &&
                connection.query("SELECT dates FROM hirestream_days LIMIT 0").has_value();
  }
  return has_days_;
}

// So with columns that tables got later.
Result<bool> MysqlReport::has_column(const char* table, const char* column) {
  const std::string query = fmt::format("SELECT {} FROM {} LIMIT 0", column, table);
  if (!columns_.contains(query)) {
    HIRESTREAM_ASSIGN(Connection * connection, ready());
    if (!connection->query(query).has_value()) {
      return false;
    }
    columns_.insert(query);
  }
  return true;
}

// So with the names of publishers.
Result<bool> MysqlReport::has_names(Dimension dimension) {
  if (dimension != Dimension::kPublisher) {
    return true;
  }
  if (!has_publishers_) {
    HIRESTREAM_ASSIGN(Connection * connection, ready());
    has_publishers_ =
        connection->query("SELECT name FROM hirestream_publishers LIMIT 0").has_value();
  }
  return has_publishers_;
}

Result<Measures> MysqlReport::totals(const ReportFilter& filter) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(const bool days, has_days(*connection));
  HIRESTREAM_ASSIGN(ResultSet row, connection->query(fmt::format("SELECT {} FROM {}", kSums,
                                                                 sums_by("", filter, days))));
  HIRESTREAM_TRY(row.next());
  return read_measures(row, 0);
}

Result<std::vector<SeriesPoint>> MysqlReport::series(const ReportFilter& filter, TimeStep step) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  const bool by_hour = step == TimeStep::kHour;
  bool days = false;
  if (!by_hour) {
    HIRESTREAM_ASSIGN(days, has_days(*connection));
  }
  const std::string parts =
      sums_by(by_hour ? local_hour_of_columns() : std::string("DATEDIFF(dates, '1970-01-01') * 24"),
              filter, days);
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection->query(fmt::format("SELECT k, {} FROM {} GROUP BY k ORDER BY k", kSums, parts)));
  std::vector<SeriesPoint> points;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return points;
    }
    points.push_back({static_cast<int32_t>(rows.integer(0)), read_measures(rows, 1)});
  }
}

Result<ReportPage> MysqlReport::top(const ReportFilter& filter, Dimension dimension, Figure order,
                                    size_t limit, size_t offset) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(const bool days, has_days(*connection));
  const std::string parts = sums_by(id_column(dimension), filter, days);
  ReportPage page;
  std::vector<int64_t> ids;
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection->query(fmt::format("SELECT k, {}, COUNT(*) OVER () FROM {} GROUP BY k ORDER BY "
                                    "SUM({}) DESC, k LIMIT {} OFFSET {}",
                                    kSums, parts, figure_name(order), limit, offset)));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      break;
    }
    page.entries.push_back({{rows.integer(0), {}}, read_measures(rows, 1)});
    ids.push_back(rows.integer(0));
    page.total = rows.integer(7);
  }
  if (page.entries.empty()) {  // beyond the end
    HIRESTREAM_ASSIGN(ResultSet count, connection->query("SELECT COUNT(DISTINCT k) FROM " + parts));
    HIRESTREAM_TRY(count.next());
    page.total = count.integer(0);
    return page;
  }
  HIRESTREAM_ASSIGN(std::vector<NamedId> named, names_of(dimension, ids));
  for (size_t i = 0; i < named.size(); ++i) {
    page.entries[i].key = std::move(named[i]);
  }
  return page;
}

Result<std::vector<NamedId>> MysqlReport::names(Dimension dimension, const std::string& text,
                                                size_t limit) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(const bool named, has_names(dimension));
  const std::string quoted = connection->quoted(text);
  // The newest day is read first: as a subquery it would keep the range from being seen.
  HIRESTREAM_ASSIGN(const bool days, has_days(*connection));
  const char* table = days ? "hirestream_days" : "events";
  HIRESTREAM_ASSIGN(ResultSet newest,
                    connection->query(fmt::format("SELECT MAX(dates) FROM {}", table)));
  HIRESTREAM_TRY(newest.next());
  const std::string last = newest.is_null(0) ? "1970-01-01" : std::string(newest.text(0));
  const std::string directory =
      named ? fmt::format("SELECT {} AS id, {} AS name FROM {} UNION ALL ", id_column(dimension),
                          name_column(dimension), name_table(dimension))
            : std::string();
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection->query(fmt::format(
          "SELECT id, MAX(name) FROM ({0}SELECT DISTINCT {1} AS id, '' AS name FROM {6} FORCE "
          "INDEX (PRIMARY) WHERE dates > DATE_SUB('{2}', INTERVAL {3} DAY)) AS ids GROUP BY id "
          "HAVING {4} = '' OR LOCATE(LOWER({4}), LOWER(MAX(name))) > 0 OR LOCATE({4}, CAST(id AS "
          "CHAR)) > 0 ORDER BY MAX(name) = '', MAX(name), id LIMIT {5}",
          directory, id_column(dimension), last, kNamesDays, quoted, limit, table)));
  std::vector<NamedId> found;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return found;
    }
    found.push_back({rows.integer(0), std::string(rows.text(1))});
  }
}

Result<std::vector<NamedId>> MysqlReport::names_of(Dimension dimension,
                                                   std::span<const int64_t> ids) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  const std::vector<int64_t> wanted = distinct_ids(ids);
  std::map<int64_t, std::string> known;
  HIRESTREAM_ASSIGN(const bool has, has_names(dimension));
  if (has && !wanted.empty()) {
    HIRESTREAM_ASSIGN(
        ResultSet rows,
        connection->query(fmt::format(
            "SELECT {0}, MAX({1}) FROM {3} WHERE {0} IN ({2}) GROUP BY {0}", id_column(dimension),
            name_column(dimension), fmt::join(wanted, ","), name_table(dimension))));
    while (true) {
      HIRESTREAM_ASSIGN(bool more, rows.next());
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

Result<std::vector<EventsLine>> MysqlReport::lines(const ReportFilter& filter,
                                                   const std::optional<CellKey>& after,
                                                   size_t limit) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  // Beginning the range with the hour of `after` keeps the ranges simple; what comes before it in that hour is left out.
  ReportFilter rest = filter;
  if (after) {
    rest.from_hour = std::max(filter.from_hour, after->local_hour);
  }
  const std::string ids = ids_condition(rest);
  std::string condition = time_condition(rest.from_hour, rest.to_hour) + ids;
  if (after) {
    condition += fmt::format(
        " AND (dates <> '{}' OR hours <> {} OR job_id > {} OR (job_id = {} AND (publisher_id > {} "
        "OR (publisher_id = {} AND (campaign_id > {} OR (campaign_id = {} AND group_id > {}))))))",
        format_date(after->days()), after->hour(), after->job_id, after->job_id,
        after->publisher_id, after->publisher_id, after->campaign_id, after->campaign_id,
        after->group_id);
  }
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection->query(fmt::format(
          "SELECT {}, job_id, publisher_id, campaign_id, group_id, company_id, impressions, "
          "clicks, conversion, qualified_application, disqualified_application, CAST(spend_hour * "
          "1000000 AS SIGNED), sources, {} FROM events{} WHERE {} ORDER BY dates, hours, job_id, "
          "publisher_id, campaign_id, group_id LIMIT {}",
          local_hour_of_columns(), kMicrosSince1970, index_hint(ids), condition, limit)));
  std::vector<EventsLine> lines;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
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

Result<std::vector<SourceQuality>> MysqlReport::quality() {
  return read_sources("hirestream_accounting");
}

Result<std::vector<SourceQuality>> MysqlReport::sources() {
  return read_sources(
      "(SELECT id AS source_id, name, kind, 0 AS counted, 0 AS unattributed, 0 AS other_kinds, 0 "
      "AS "
      "rejected, 0 AS too_late, 0 AS slices_open, 0 AS slices_settled, 0 AS slices_frozen, 0 AS "
      "slices_held FROM hirestream_sources)");
}

Result<std::vector<SourceQuality>> MysqlReport::read_sources(const std::string& accounting) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(Transaction snapshot, Transaction::begin_snapshot(*connection));
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection->query(fmt::format(
          "SELECT a.source_id, a.name, a.kind, {}, {}, {}, {}, a.counted, a.unattributed, "
          "a.other_kinds, a.rejected, a.too_late, a.slices_open, a.slices_settled, "
          "a.slices_frozen, a.slices_held FROM {} a JOIN hirestream_sources s "
          "ON s.id = a.source_id ORDER BY a.source_id",
          json_field("s.fingerprint", "attribution"), json_field("s.fingerprint", "timezone"),
          json_field("s.fingerprint", "strategy"), json_number("s.fingerprint", "bucket_width_s"),
          accounting)));
  HIRESTREAM_ASSIGN(
      ResultSet writers,
      connection->query(fmt::format("SELECT source_id, shard, settled_until, token = 0, {} FROM "
                                    "hirestream_writers ORDER BY source_id, shard",
                                    kMicrosSince1970)));
  HIRESTREAM_ASSIGN(bool writer, writers.next());
  std::vector<SourceQuality> all;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return all;
    }
    const int64_t id = rows.integer(0);
    SourceQuality source;
    source.name = rows.text(1);
    source.kind = rows.text(2);
    source.attribution = rows.text(3);
    source.timezone = rows.text(4);
    source.classes = {rows.integer(7), rows.integer(8), rows.integer(9), rows.integer(10),
                      rows.integer(11)};
    source.slices_open = rows.integer(12);
    source.slices_settled = rows.integer(13);
    source.slices_frozen = rows.integer(14);
    source.slices_held = rows.integer(15);
    while (writer && writers.integer(0) < id) {
      HIRESTREAM_ASSIGN(writer, writers.next());
    }
    while (writer && writers.integer(0) == id) {
      add_writer(source, rows.text(5), rows.integer(6),
                 {static_cast<int32_t>(writers.integer(1)),
                  writers.is_null(2) ? std::nullopt : std::optional(writers.integer(2)),
                  writers.integer(3) == 0 ? writers.integer(4) : 0});
      HIRESTREAM_ASSIGN(writer, writers.next());
    }
    all.push_back(std::move(source));
  }
}

Result<std::vector<RejectGroup>> MysqlReport::rejects() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(Transaction snapshot, Transaction::begin_snapshot(*connection));
  HIRESTREAM_ASSIGN(
      ResultSet groups,
      connection->query("SELECT r.source_id, s.name, r.reason, r.column_name, COUNT(*), "
                        "MAX(r.first_seen_us) FROM hirestream_rejects r JOIN hirestream_sources s "
                        "ON s.id = r.source_id GROUP BY r.source_id, s.name, r.reason, "
                        "r.column_name ORDER BY r.source_id, COUNT(*) DESC, r.reason, "
                        "r.column_name"));
  std::vector<RejectGroup> all;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, groups.next());
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
    HIRESTREAM_ASSIGN(
        ResultSet sample,
        connection->query(fmt::format(
            "SELECT row_id, value, row_json FROM hirestream_rejects WHERE source_id = {} AND "
            "reason = {} AND column_name = {} AND first_seen_us = {} ORDER BY shard, bucket, "
            "row_id LIMIT 1",
            groups.integer(0), connection->quoted(group.reason), connection->quoted(group.column),
            group.first_seen_us)));
    HIRESTREAM_ASSIGN(bool found, sample.next());
    if (found && sample.text(0).size() == 16) {
      group.sample.id = row_id_from_bytes(std::span<const uint8_t, 16>(
          reinterpret_cast<const uint8_t*>(sample.text(0).data()), 16));
      group.sample.value = sample.text(1);
      group.sample.row = sample.text(2);
    }
    all.push_back(std::move(group));
  }
}

Result<std::vector<Verification>> MysqlReport::verifications() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  auto found = connection->query(
      "SELECT s.name, v.at_us, v.rows_read, v.slices_checked, v.slices_different, "
      "v.slices_repaired, v.slices_held, v.slices_damaged, v.cells_checked, v.cells_different FROM "
      "hirestream_verifications v JOIN hirestream_sources s ON s.id = v.source_id WHERE v.at_us = "
      "(SELECT MAX(newest.at_us) FROM hirestream_verifications newest WHERE newest.source_id = "
      "v.source_id) ORDER BY v.source_id");
  std::vector<Verification> all;
  // Warehouses and grants of older versions do not have it.
  if (!found && (connection->error_code() == mysql::kNoSuchTable ||
                 connection->error_code() == mysql::kTableAccessDenied)) {
    return all;
  }
  HIRESTREAM_ASSIGN(ResultSet rows, std::move(found));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return all;
    }
    all.push_back({std::string(rows.text(0)), rows.integer(1), rows.integer(2), rows.integer(3),
                   rows.integer(4), rows.integer(5), rows.integer(6), rows.integer(7),
                   rows.integer(8), rows.integer(9)});
  }
}

Result<std::vector<MysqlReport::Source>> MysqlReport::slice_sources() {
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection_->query(fmt::format("SELECT id, name, {}, {} FROM hirestream_sources ORDER BY id",
                                     json_field("fingerprint", "strategy"),
                                     json_number("fingerprint", "bucket_width_s"))));
  std::vector<Source> all;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return all;
    }
    all.push_back(
        {rows.integer(0), std::string(rows.text(1)), std::string(rows.text(2)), rows.integer(3)});
  }
}

Result<void> MysqlReport::read_slices(const Source& source, const std::string& condition,
                                      size_t limit, std::vector<SliceLine>& out) {
  HIRESTREAM_ASSIGN(const bool corrected, has_column("hirestream_slices", "corrected_at_us"));
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection_->query(fmt::format(
          "SELECT shard, bucket, state, held, revision, row_count, row_hash, settled_at_us, "
          "audited_at_us, {}, {} FROM hirestream_slices WHERE source_id = {} AND {} LIMIT {}",
          kMicrosSince1970, corrected ? "corrected_at_us" : "0", source.id, condition, limit)));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
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
    line.digest = {rows.integer(5), rows.unsigned_integer(6)};
    line.settled_at_us = rows.integer(7);
    line.audited_at_us = rows.integer(8);
    line.updated_at_us = rows.integer(9);
    line.corrected_at_us = rows.integer(10);
    out.push_back(std::move(line));
  }
}

Result<std::vector<SliceLine>> MysqlReport::slices(size_t limit_per_source) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(Transaction snapshot, Transaction::begin_snapshot(*connection));
  HIRESTREAM_ASSIGN(const std::vector<Source> known, slice_sources());
  std::vector<SliceLine> all;
  for (const Source& source : known) {
    std::vector<SliceLine> some;
    if (source.strategy == "files") {
      HIRESTREAM_TRY(
          read_slices(source, "TRUE ORDER BY updated_at DESC, bucket", limit_per_source, some));
    } else {
      HIRESTREAM_ASSIGN(
          ResultSet shards,
          connection->query(fmt::format(
              "SELECT DISTINCT shard FROM hirestream_slices WHERE source_id = {}", source.id)));
      while (true) {
        HIRESTREAM_ASSIGN(bool more, shards.next());
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

Result<std::vector<PipelineMinute>> MysqlReport::minutes(int64_t from_us) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(const bool rejected, has_column("hirestream_minutes", "rejected"));
  auto found = connection->query(fmt::format(
      "SELECT s.name, m.minute_us, m.new_rows, m.rows_read, m.requests, m.commits, "
      "m.commit_us_sum, m.commit_us_max, m.freshness_us_p50, m.freshness_us_p95, "
      "m.freshness_us_max, m.slices_settled, m.slices_corrected, m.slices_audited, "
      "m.conflicts, m.retries, {} FROM hirestream_minutes m JOIN hirestream_sources s ON s.id = "
      "m.source_id WHERE m.minute_us >= {} ORDER BY m.minute_us, m.source_id",
      rejected ? "m.rejected" : "0", from_us));
  std::vector<PipelineMinute> all;
  if (!found && connection->error_code() == mysql::kNoSuchTable) {
    return all;
  }
  HIRESTREAM_ASSIGN(ResultSet rows, std::move(found));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
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

Result<std::unique_ptr<MysqlPipelineLog>> MysqlPipelineLog::open(const MysqlConfig& config) {
  std::unique_ptr<MysqlPipelineLog> log(new MysqlPipelineLog(config));
  HIRESTREAM_TRY(refresh(log->connection_, config));
  return log;
}

Result<void> MysqlPipelineLog::record(std::span<const PipelineMinute> minutes,
                                      int64_t expire_before_us) {
  HIRESTREAM_ASSIGN(Connection * connection, refresh(connection_, config_));
  HIRESTREAM_ASSIGN(ResultSet rows, connection->query("SELECT id, name FROM hirestream_sources"));
  std::map<std::string, int64_t, std::less<>> ids;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      break;
    }
    ids.emplace(rows.text(1), rows.integer(0));
  }
  std::string assignments;
  for (const char* column :
       {"new_rows", "rows_read", "requests", "commits", "commit_us_sum", "slices_settled",
        "slices_corrected", "slices_audited", "conflicts", "retries", "rejected"}) {
    assignments += fmt::format("{0} = hirestream_minutes.{0} + new.{0}, ", column);
  }
  for (const char* column :
       {"commit_us_max", "freshness_us_p50", "freshness_us_p95", "freshness_us_max"}) {
    assignments += fmt::format("{0} = GREATEST(hirestream_minutes.{0}, new.{0}), ", column);
  }
  assignments.resize(assignments.size() - 2);
  HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(*connection));
  mysql::MultiRowInsert add(
      *connection,
      "INSERT INTO hirestream_minutes (minute_us, source_id, new_rows, rows_read, requests, "
      "commits, commit_us_sum, commit_us_max, freshness_us_p50, freshness_us_p95, "
      "freshness_us_max, slices_settled, slices_corrected, slices_audited, conflicts, retries, "
      "rejected) VALUES",
      mysql::upsert_tail(*connection, assignments));
  for (const PipelineMinute& m : minutes) {
    const auto id = ids.find(m.source);
    if (id == ids.end()) {
      continue;
    }
    fmt::format_to(std::back_inserter(add.row()),
                   "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}", m.minute_us, id->second,
                   m.new_rows, m.rows_read, m.requests, m.commits, m.commit_us_sum, m.commit_us_max,
                   m.freshness_us_p50, m.freshness_us_p95, m.freshness_us_max, m.slices_settled,
                   m.slices_corrected, m.slices_audited, m.conflicts, m.retries, m.rejected);
    HIRESTREAM_TRY(add.end_row());
  }
  HIRESTREAM_TRY(add.flush());
  HIRESTREAM_TRY(connection->execute(
      fmt::format("DELETE FROM hirestream_minutes WHERE minute_us < {}", expire_before_us)));
  return transaction.commit();
}

Result<void> MysqlPipelineLog::record_verification(const Verification& v) {
  HIRESTREAM_ASSIGN(Connection * connection, refresh(connection_, config_));
  HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(*connection));
  HIRESTREAM_TRY(connection->execute(fmt::format(
      "INSERT IGNORE INTO hirestream_verifications (source_id, at_us, rows_read, slices_checked, "
      "slices_different, slices_repaired, slices_held, slices_damaged, cells_checked, "
      "cells_different) SELECT id, {}, {}, {}, {}, {}, {}, {}, {}, {} FROM hirestream_sources "
      "WHERE name = {}",
      v.at_us, v.rows_read, v.slices_checked, v.slices_different, v.slices_repaired, v.slices_held,
      v.slices_damaged, v.cells_checked, v.cells_different, connection->quoted(v.source))));
  // The subquery is a table of its own, since MySQL deletes from no table that it reads.
  HIRESTREAM_TRY(connection->execute(fmt::format(
      "DELETE v FROM hirestream_verifications v JOIN (SELECT n.source_id, n.at_us FROM "
      "hirestream_verifications n JOIN hirestream_sources s ON s.id = n.source_id WHERE s.name = "
      "{} ORDER BY n.at_us DESC LIMIT 1000000 OFFSET {}) AS old ON old.source_id = v.source_id AND "
      "old.at_us = v.at_us",
      connection->quoted(v.source), kVerificationsKept)));
  HIRESTREAM_TRY(mysql::note_change(*connection));
  return transaction.commit();
}

}  // namespace hirestream
