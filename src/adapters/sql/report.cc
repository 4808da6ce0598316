#include "adapters/sql/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "adapters/sql/dimension_columns.h"
#include "adapters/sql/fingerprint_json.h"
#include "adapters/sql/kinds_table.h"
#include "adapters/sql/mirror_entry.h"
#include "adapters/sql/reject_row.h"
#include "adapters/sql/source_status.h"

namespace hirestream {

using sql::Dialect;
using sql::Row;

namespace {

constexpr const char* kSums =
    "SUM(impressions), SUM(clicks), SUM(conversions), SUM(qualified), SUM(unqualified), SUM(spend)";

// Sums of a part of the range, under the names that kSums adds up.
std::string part_sums(const Dialect& dialect, std::string_view spend) {
  return fmt::format(
      "{} AS impressions, {} AS clicks, {} AS conversions, {} AS qualified, {} AS unqualified, "
      "SUM({}) AS spend",
      dialect.sum("impressions"), dialect.sum("clicks"), dialect.sum(dialect.conversions),
      dialect.sum(dialect.qualified), dialect.sum(dialect.unqualified), spend);
}

// Which index is best depends on the ids; without ids it is the key, which begins with days.
std::string_view index_hint(const Dialect& dialect, const std::string& ids) {
  return ids.empty() ? dialect.by_key : "";
}

Measures read_measures(const Row& row, int first) {
  return {row.integer(first),     row.integer(first + 1), row.integer(first + 2),
          row.integer(first + 3), row.integer(first + 4), row.micros(first + 5)};
}

std::string setting(const Fingerprint& fingerprint, const char* name) {
  const auto found = fingerprint.find(name);
  return found == fingerprint.end() ? std::string() : found->second;
}

int64_t bucket_width_s(const Fingerprint& fingerprint) {
  const std::string text = setting(fingerprint, "bucket_width_s");
  int64_t width = 0;
  std::from_chars(text.data(), text.data() + text.size(), width);
  return width;
}

}  // namespace

Result<std::string> SqlReport::version() {
  std::string state;
  HIRESTREAM_TRY(session_->each(
      "SELECT 0 AS part, source_id, shard, CAST(token AS CHAR) FROM hirestream_writers UNION ALL "
      "SELECT 1, COUNT(*), 0, '' FROM hirestream_sources UNION ALL SELECT 2, 0, 0, CAST(value AS "
      "CHAR) FROM hirestream_meta WHERE name = 'changes' ORDER BY 1, 2, 3",
      [&](const Row& row) {
        state += fmt::format("{},{},{},{};", row.text(0), row.text(1), row.text(2), row.text(3));
      }));
  return digest_of(state);
}

Result<std::optional<std::pair<int32_t, int32_t>>> SqlReport::hours() {
  const Dialect& dialect = session_->dialect();
  std::optional<std::pair<int32_t, int32_t>> range;
  for (const char* order : {"", " DESC"}) {
    HIRESTREAM_TRY(
        session_->each(fmt::format("SELECT {0} FROM {1} ORDER BY {2}{3}, hours{3} LIMIT 1",
                                   dialect.local_hour(), dialect.events, dialect.day, order),
                       [&](const Row& row) {
                         const auto hour = static_cast<int32_t>(row.integer(0));
                         range = std::pair(range ? range->first : hour, hour);
                       }));
  }
  return range;
}

Result<bool> SqlReport::has(const std::string& query) {
  if (!there_.contains(query)) {
    HIRESTREAM_ASSIGN(const bool readable, session_->readable(query + " LIMIT 0"));
    if (!readable) {
      return false;
    }
    there_.insert(query);
  }
  return true;
}

// A warehouse that no newer engine has opened yet has no roll-up, or an incomplete one; a reader of
// before may not see it.
Result<bool> SqlReport::has_days() {
  if (!has_days_) {
    HIRESTREAM_ASSIGN(const int64_t version,
                      session_->number("SELECT CAST(value AS SIGNED) FROM hirestream_meta WHERE "
                                       "name = 'schema_version'"));
    if (version >= sql::kVersionOfDays) {
      HIRESTREAM_ASSIGN(has_days_, has("SELECT job_id FROM hirestream_days"));
    }
  }
  return has_days_;
}

Result<bool> SqlReport::has_names(Dimension dimension) {
  if (dimension != Dimension::kPublisher) {
    return true;
  }
  return has("SELECT name FROM hirestream_publishers");
}

// A subquery with the sums by `key` (an expression over columns that both tables have; empty: of
// everything) as k, once or more often.
std::string SqlReport::sums_by(const std::string& key, const ReportFilter& filter,
                               bool has_days) const {
  const Dialect& dialect = session_->dialect();
  const std::string ids = ids_condition(filter);
  const std::string group = key.empty() ? "" : " GROUP BY " + key;
  std::string parts;
  const auto add = [&](std::string_view table, std::string_view spend,
                       const std::string& condition) {
    parts += fmt::format("{}SELECT {} AS k, {} FROM {}{} WHERE {}{}{}",
                         parts.empty() ? "" : " UNION ALL ", key.empty() ? "0" : key,
                         part_sums(dialect, spend), table, index_hint(dialect, ids), condition, ids,
                         group);
  };
  const auto add_hours = [&](int32_t from, int32_t to) {
    add(dialect.events, dialect.spend_of_hour, dialect.hours_condition(from, to));
  };
  const RangeParts range = parts_of(filter);
  if (!has_days || range.days.empty()) {
    add_hours(filter.from_hour, filter.to_hour);
  } else {
    if (!range.before.empty()) {
      add_hours(range.before.from, range.before.to);
    }
    add("hirestream_days", dialect.spend_of_day,
        fmt::format("{0} >= {1} AND {0} < {2}", dialect.day,
                    dialect.day_value(range.days.from / 24),
                    dialect.day_value(range.days.to / 24)));
    if (!range.after.empty()) {
      add_hours(range.after.from, range.after.to);
    }
  }
  return fmt::format("({}) AS parts", parts);
}

Result<Measures> SqlReport::totals(const ReportFilter& filter) {
  HIRESTREAM_ASSIGN(const bool days, has_days());
  Measures totals;
  HIRESTREAM_TRY(session_->each(fmt::format("SELECT {} FROM {}", kSums, sums_by("", filter, days)),
                                [&](const Row& row) { totals = read_measures(row, 0); }));
  return totals;
}

Result<std::vector<SeriesPoint>> SqlReport::series(const ReportFilter& filter, TimeStep step) {
  const Dialect& dialect = session_->dialect();
  const bool by_hour = step == TimeStep::kHour;
  bool days = false;
  if (!by_hour) {
    HIRESTREAM_ASSIGN(days, has_days());
  }
  const std::string parts = sums_by(
      by_hour ? dialect.local_hour() : dialect.day_number(dialect.day) + " * 24", filter, days);
  std::vector<SeriesPoint> points;
  HIRESTREAM_TRY(session_->each(
      fmt::format("SELECT k, {} FROM {} GROUP BY k ORDER BY k", kSums, parts), [&](const Row& row) {
        points.push_back({static_cast<int32_t>(row.integer(0)), read_measures(row, 1)});
      }));
  return points;
}

Result<ReportPage> SqlReport::top(const ReportFilter& filter, Dimension dimension, Figure order,
                                  size_t limit, size_t offset) {
  HIRESTREAM_ASSIGN(const bool days, has_days());
  const std::string parts = sums_by(id_column(dimension), filter, days);
  ReportPage page;
  std::vector<int64_t> ids;
  HIRESTREAM_TRY(session_->each(
      fmt::format("SELECT k, {}, COUNT(*) OVER () FROM {} GROUP BY k ORDER BY SUM({}) DESC, k "
                  "LIMIT {} OFFSET {}",
                  kSums, parts, figure_name(order), limit, offset),
      [&](const Row& row) {
        page.entries.push_back({{row.integer(0), {}}, read_measures(row, 1)});
        ids.push_back(row.integer(0));
        page.total = row.integer(7);
      }));
  if (page.entries.empty()) {  // beyond the end
    HIRESTREAM_ASSIGN(page.total, session_->number("SELECT COUNT(DISTINCT k) FROM " + parts));
    return page;
  }
  HIRESTREAM_ASSIGN(std::vector<NamedId> named, names_of(dimension, ids));
  for (size_t i = 0; i < named.size(); ++i) {
    page.entries[i].key = std::move(named[i]);
  }
  return page;
}

Result<std::vector<NamedId>> SqlReport::names(Dimension dimension, const std::string& text,
                                              size_t limit) {
  const Dialect& dialect = session_->dialect();
  HIRESTREAM_ASSIGN(const bool named, has_names(dimension));
  HIRESTREAM_ASSIGN(const bool days, has_days());
  const std::string_view table = days ? "hirestream_days" : dialect.events;
  // The newest day is read first: as a subquery it would keep the range from being seen.
  HIRESTREAM_ASSIGN(
      const int64_t newest,
      session_->number(fmt::format(
          "SELECT {} FROM {}", dialect.day_number(fmt::format("MAX({})", dialect.day)), table)));
  const std::string directory =
      named ? fmt::format("SELECT {} AS id, {} AS name FROM {} UNION ALL ", id_column(dimension),
                          name_column(dimension), name_table(dimension))
            : std::string();
  std::vector<NamedId> found;
  HIRESTREAM_TRY(session_->each(
      fmt::format("SELECT id, MAX(name) FROM ({0}SELECT DISTINCT {1} AS id, '' AS name FROM {2}{3} "
                  "WHERE {4} > {5}) AS ids GROUP BY id HAVING {6} = '' OR INSTR(LOWER(MAX(name)), "
                  "LOWER({6})) > 0 OR INSTR(CAST(id AS CHAR), {6}) > 0 ORDER BY MAX(name) = '', "
                  "MAX(name), id LIMIT {7}",
                  directory, id_column(dimension), table, dialect.by_key, dialect.day,
                  dialect.day_value(static_cast<int32_t>(newest) - kNamesDays),
                  session_->quoted(text), limit),
      [&](const Row& row) { found.push_back({row.integer(0), std::string(row.text(1))}); }));
  return found;
}

Result<std::vector<NamedId>> SqlReport::names_of(Dimension dimension,
                                                 std::span<const int64_t> ids) {
  const std::vector<int64_t> wanted = distinct_ids(ids);
  std::map<int64_t, std::string> known;
  HIRESTREAM_ASSIGN(const bool has, has_names(dimension));
  if (has && !wanted.empty()) {
    HIRESTREAM_TRY(
        session_->each(fmt::format("SELECT {0}, MAX({1}) FROM {3} WHERE {0} IN ({2}) GROUP BY {0}",
                                   id_column(dimension), name_column(dimension),
                                   fmt::join(wanted, ","), name_table(dimension)),
                       [&](const Row& row) { known[row.integer(0)] = row.text(1); }));
  }
  std::vector<NamedId> named;
  for (const int64_t id : wanted) {
    named.push_back({id, known[id]});
  }
  return named;
}

Result<std::vector<EventsLine>> SqlReport::lines(const ReportFilter& filter,
                                                 const std::optional<CellKey>& after,
                                                 size_t limit) {
  const Dialect& dialect = session_->dialect();
  const int32_t from = after ? std::max(filter.from_hour, after->local_hour) : filter.from_hour;
  const std::string ids = ids_condition(filter);
  std::string condition = dialect.hours_condition(from, filter.to_hour) + ids;
  if (after) {
    condition += " AND " + dialect.after_condition(*after);
  }
  std::vector<EventsLine> lines;
  HIRESTREAM_TRY(session_->each(
      fmt::format("SELECT {}, job_id, publisher_id, campaign_id, group_id, company_id, "
                  "impressions, clicks, {}, {}, {}, {}, sources, {} FROM {}{} WHERE {} ORDER BY "
                  "{}, hours, job_id, publisher_id, campaign_id, group_id LIMIT {}",
                  dialect.local_hour(), dialect.conversions, dialect.qualified, dialect.unqualified,
                  dialect.spend_of_hour, dialect.moment_micros(dialect.updated_at), dialect.events,
                  index_hint(dialect, ids), condition, dialect.day, limit),
      [&](const Row& row) {
        lines.push_back({{static_cast<int32_t>(row.integer(0)), row.integer(1), row.integer(2),
                          row.integer(3), row.integer(4)},
                         row.integer(5),
                         read_measures(row, 6),
                         std::string(row.text(12)),
                         row.integer(13)});
      }));
  return lines;
}

Result<std::vector<SourceQuality>> SqlReport::quality() {
  return read_sources("hirestream_accounting");
}

Result<std::vector<SourceQuality>> SqlReport::sources() {
  return read_sources(
      "(SELECT id AS source_id, name, kind, 0 AS counted, 0 AS unattributed, 0 AS other_kinds, 0 "
      "AS rejected, 0 AS too_late, 0 AS slices_open, 0 AS slices_settled, 0 AS slices_frozen, 0 AS "
      "slices_held FROM hirestream_sources)");
}

Result<std::vector<SourceQuality>> SqlReport::read_sources(const std::string& accounting) {
  HIRESTREAM_ASSIGN(const sql::Transaction snapshot, session_->begin_snapshot());
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> known,
                    sql::read_source_status(*session_, accounting));
  std::vector<SourceQuality> all;
  std::map<int64_t, size_t> by_id;
  for (const SourceStatus& status : known) {
    by_id.emplace(status.id, all.size());
    SourceQuality& source = all.emplace_back();
    source.name = status.name;
    source.kind = status.kind;
    source.attribution = setting(status.fingerprint, "attribution");
    source.timezone = setting(status.fingerprint, "timezone");
    source.classes = status.classes;
    source.slices_open = status.slices_open;
    source.slices_settled = status.slices_settled;
    source.slices_frozen = status.slices_frozen;
    source.slices_held = status.slices_held;
  }
  const Dialect& dialect = session_->dialect();
  HIRESTREAM_TRY(session_->each(
      fmt::format("SELECT source_id, shard, settled_until, token = 0, {} FROM hirestream_writers "
                  "ORDER BY source_id, shard",
                  dialect.moment_micros(dialect.updated_at)),
      [&](const Row& row) {
        const auto found = by_id.find(row.integer(0));
        if (found == by_id.end()) {
          return;
        }
        const Fingerprint& fingerprint = known[found->second].fingerprint;
        add_writer(all[found->second], setting(fingerprint, "strategy"),
                   bucket_width_s(fingerprint),
                   {static_cast<int32_t>(row.integer(1)),
                    row.is_null(2) ? std::nullopt : std::optional(row.integer(2)),
                    row.integer(3) == 0 ? row.integer(4) : 0});
      }));
  return all;
}

Result<std::vector<RejectGroup>> SqlReport::rejects() {
  HIRESTREAM_ASSIGN(const sql::Transaction snapshot, session_->begin_snapshot());
  std::vector<RejectGroup> all;
  std::vector<int64_t> sources;
  HIRESTREAM_TRY(session_->each(
      "SELECT r.source_id, s.name, r.reason, r.column_name, COUNT(*), MAX(r.first_seen_us) FROM "
      "hirestream_rejects r JOIN hirestream_sources s ON s.id = r.source_id GROUP BY r.source_id, "
      "s.name, r.reason, r.column_name ORDER BY r.source_id, COUNT(*) DESC, r.reason, "
      "r.column_name",
      [&](const Row& row) {
        sources.push_back(row.integer(0));
        RejectGroup& group = all.emplace_back();
        group.source = row.text(1);
        group.reason = row.text(2);
        group.column = row.text(3);
        group.kept = row.integer(4);
        group.first_seen_us = row.integer(5);
      }));
  for (size_t i = 0; i < all.size(); ++i) {
    RejectGroup& group = all[i];
    HIRESTREAM_TRY(session_->each(
        fmt::format("SELECT {} FROM hirestream_rejects WHERE source_id = {} AND reason = {} AND "
                    "column_name = {} AND first_seen_us = {} ORDER BY shard, bucket, row_id LIMIT "
                    "1",
                    sql::kRejectColumns, sources[i], session_->quoted(group.reason),
                    session_->quoted(group.column), group.first_seen_us),
        [&](const Row& row) { group.sample = sql::read_reject(row, 0); }));
  }
  return all;
}

Result<std::vector<KindLine>> SqlReport::not_counted() {
  std::vector<KindLine> all;
  HIRESTREAM_ASSIGN(const sql::Transaction snapshot, session_->begin_snapshot());
  HIRESTREAM_ASSIGN(const std::vector<Source> known, known_sources());
  for (const Source& source : known) {
    HIRESTREAM_ASSIGN(std::vector<NotCounted> kinds,
                      sql::read_kinds(*session_, static_cast<SourceId>(source.id), kKindsReported));
    for (NotCounted& kind : kinds) {
      all.push_back({source.name, std::move(kind)});
    }
  }
  return all;
}

Result<std::vector<Verification>> SqlReport::verifications() {
  std::vector<Verification> all;
  auto done = session_->each(
      "SELECT s.name, v.at_us, v.rows_read, v.slices_checked, v.slices_different, "
      "v.slices_repaired, v.slices_held, v.slices_damaged, v.cells_checked, v.cells_different FROM "
      "hirestream_verifications v JOIN hirestream_sources s ON s.id = v.source_id WHERE v.at_us = "
      "(SELECT MAX(newest.at_us) FROM hirestream_verifications newest WHERE newest.source_id = "
      "v.source_id) ORDER BY v.source_id",
      [&](const Row& row) {
        all.push_back({std::string(row.text(0)), row.integer(1), row.integer(2), row.integer(3),
                       row.integer(4), row.integer(5), row.integer(6), row.integer(7),
                       row.integer(8), row.integer(9)});
      });
  if (!done && done.error().kind == ErrorKind::kConfig) {
    // Warehouses and grants of older versions do not have it.
    HIRESTREAM_ASSIGN(const bool there, session_->readable("SELECT at_us FROM "
                                                           "hirestream_verifications LIMIT 0"));
    done = there ? std::move(done) : Result<void>();
  }
  HIRESTREAM_TRY(std::move(done));
  return all;
}

Result<std::vector<SqlReport::Source>> SqlReport::known_sources() {
  std::vector<Source> all;
  HIRESTREAM_TRY(session_->each(
      "SELECT id, name, fingerprint FROM hirestream_sources ORDER BY id", [&](const Row& row) {
        const Fingerprint fingerprint = decode_fingerprint(row.text(2));
        all.push_back({row.integer(0), std::string(row.text(1)), setting(fingerprint, "strategy"),
                       bucket_width_s(fingerprint)});
      }));
  return all;
}

Result<void> SqlReport::read_slices(const Source& source, const std::string& condition,
                                    size_t limit, std::vector<SliceLine>& out) {
  const Dialect& dialect = session_->dialect();
  HIRESTREAM_ASSIGN(const bool corrected, has("SELECT corrected_at_us FROM hirestream_slices"));
  return session_->each(
      fmt::format("SELECT shard, bucket, state, held, revision, row_count, row_hash, "
                  "settled_at_us, audited_at_us, {}, {} FROM hirestream_slices WHERE source_id = "
                  "{} AND {} LIMIT {}",
                  dialect.moment_micros(dialect.updated_at), corrected ? "corrected_at_us" : "0",
                  source.id, condition, limit),
      [&](const Row& row) {
        SliceLine line;
        line.source = source.name;
        line.key = {static_cast<int32_t>(row.integer(0)), row.integer(1)};
        line.begin_us = slice_begin_us(source.strategy, source.bucket_width_s, line.key.bucket);
        // In a warehouse of an older version a slice may be frozen, too.
        line.state = row.integer(2) == 0 ? SliceState::kOpen : SliceState::kSettled;
        line.held = row.integer(3) != 0;
        line.revision = row.integer(4);
        line.digest = {row.integer(5), row.unsigned_integer(6)};
        line.settled_at_us = row.integer(7);
        line.audited_at_us = row.integer(8);
        line.updated_at_us = row.integer(9);
        line.corrected_at_us = row.integer(10);
        out.push_back(std::move(line));
      });
}

Result<std::vector<SliceLine>> SqlReport::slices(size_t limit_per_source) {
  HIRESTREAM_ASSIGN(const sql::Transaction snapshot, session_->begin_snapshot());
  HIRESTREAM_ASSIGN(const std::vector<Source> known, known_sources());
  std::vector<SliceLine> all;
  for (const Source& source : known) {
    std::vector<SliceLine> some;
    if (source.strategy == "files") {
      HIRESTREAM_TRY(read_slices(
          source, fmt::format("TRUE ORDER BY {} DESC, bucket", session_->dialect().updated_at),
          limit_per_source, some));
    } else {
      HIRESTREAM_TRY(session_->each(
          fmt::format("SELECT DISTINCT shard FROM hirestream_slices WHERE source_id = {}",
                      source.id),
          [&](const Row& row) {
            return read_slices(source,
                               fmt::format("shard = {} ORDER BY bucket DESC", row.integer(0)),
                               limit_per_source, some);
          }));
    }
    append_newest(std::move(some), source.strategy == "files", limit_per_source, all);
  }
  return all;
}

Result<std::vector<MirrorLine>> SqlReport::mirrors() {
  HIRESTREAM_ASSIGN(const std::vector<Source> sources, known_sources());
  std::vector<MirrorLine> all;
  HIRESTREAM_TRY(session_->each(
      fmt::format("SELECT name, value FROM hirestream_meta WHERE name LIKE '{}%'",
                  sql::kMirrorEntries),
      [&](const Row& row) {
        const auto entry = sql::read_mirror_entry(row.text(0), row.text(1));
        const auto source =
            entry ? std::ranges::find(sources, entry->first, &Source::id) : sources.end();
        if (source != sources.end()) {
          all.push_back({source->name, entry->second});
        }
      }));
  std::ranges::sort(
      all, {}, [](const MirrorLine& line) { return std::pair(line.source, line.progress.node); });
  return all;
}

Result<std::vector<PipelineMinute>> SqlReport::minutes(int64_t from_us) {
  std::vector<PipelineMinute> all;
  HIRESTREAM_ASSIGN(const bool there, has("SELECT minute_us FROM hirestream_minutes"));
  if (!there) {
    return all;
  }
  HIRESTREAM_ASSIGN(const bool rejected, has("SELECT rejected FROM hirestream_minutes"));
  HIRESTREAM_TRY(session_->each(
      fmt::format("SELECT s.name, m.minute_us, m.new_rows, m.rows_read, m.requests, m.commits, "
                  "m.commit_us_sum, m.commit_us_max, m.freshness_us_p50, m.freshness_us_p95, "
                  "m.freshness_us_max, m.slices_settled, m.slices_corrected, m.slices_audited, "
                  "m.conflicts, m.retries, {} FROM hirestream_minutes m JOIN hirestream_sources s "
                  "ON s.id = m.source_id WHERE m.minute_us >= {} ORDER BY m.minute_us, "
                  "m.source_id",
                  rejected ? "m.rejected" : "0", from_us),
      [&](const Row& row) {
        all.push_back({std::string(row.text(0)), row.integer(1), row.integer(2), row.integer(3),
                       row.integer(4), row.integer(5), row.integer(6), row.integer(7),
                       row.integer(8), row.integer(9), row.integer(10), row.integer(11),
                       row.integer(12), row.integer(13), row.integer(14), row.integer(15),
                       row.integer(16)});
      }));
  return all;
}

}  // namespace hirestream
