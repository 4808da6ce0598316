#include "adapters/sql/frozen_sums.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <map>
#include <utility>

#include "adapters/sql/fingerprint_json.h"
#include "adapters/sql/multi_row_insert.h"
#include "model/floor_divide.h"

namespace hirestream::sql {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr size_t kDaysPerRead = 256;
constexpr std::string_view kDayColumns =
    "shard, day, slices, row_count, row_hash, counted, unattributed, other_kinds, rejected, "
    "too_late";

FrozenDay read_day(const Row& row) {
  FrozenDay day;
  day.shard = static_cast<int32_t>(row.integer(0));
  day.day = static_cast<int32_t>(row.integer(1));
  day.slices = row.integer(2);
  day.digest = {row.integer(3), std::bit_cast<uint64_t>(row.integer(4))};
  day.classes = {row.integer(5), row.integer(6), row.integer(7), row.integer(8), row.integer(9)};
  return day;
}

// At most kDaysPerRead: SQLite takes no expression that is deeper than 1000.
std::string day_condition(SourceId source, std::span<const FrozenDay> days) {
  std::string keys;
  for (const FrozenDay& day : days) {
    keys +=
        fmt::format("{}(shard = {} AND day = {})", keys.empty() ? "" : " OR ", day.shard, day.day);
  }
  return fmt::format("source_id = {} AND ({})", source, keys);
}

// Added up here and not in the statement: no database adds hashes modulo 2⁶⁴.
Result<void> write_days(Session& session, SourceId source, std::span<const FrozenDay> days) {
  FrozenDays sums;
  for (size_t done = 0; done < days.size(); done += kDaysPerRead) {
    const auto part = days.subspan(done, std::min(kDaysPerRead, days.size() - done));
    HIRESTREAM_TRY(
        session.each(fmt::format("SELECT {} FROM hirestream_frozen_days WHERE {}{}", kDayColumns,
                                 day_condition(source, part), session.dialect().lock_rows),
                     [&](const Row& row) { add_up(sums, read_day(row)); }));
  }
  for (const FrozenDay& day : days) {
    add_up(sums, day);
  }
  MultiRowInsert insert(
      session,
      fmt::format("INSERT INTO hirestream_frozen_days (source_id, {}) VALUES", kDayColumns),
      session.dialect().upsert(
          "source_id, shard, day",
          "slices = new.slices, row_count = new.row_count, row_hash = new.row_hash, counted = "
          "new.counted, unattributed = new.unattributed, other_kinds = new.other_kinds, rejected = "
          "new.rejected, too_late = new.too_late"));
  for (const auto& [key, day] : sums) {
    fmt::format_to(std::back_inserter(insert.row()), "{},{},{},{},{},{},{},{},{},{},{}", source,
                   day.shard, day.day, day.slices, day.digest.rows,
                   std::bit_cast<int64_t>(day.digest.hash), day.classes.counted,
                   day.classes.unattributed, day.classes.other, day.classes.rejected,
                   day.classes.too_late);
    HIRESTREAM_TRY(insert.end_row());
  }
  return insert.flush();
}

Result<void> write_hours(Session& session, SourceId source, const Contribution& hours) {
  const Dialect& dialect = session.dialect();
  MultiRowInsert add(
      session,
      fmt::format("INSERT INTO hirestream_frozen (source_id, {}, hours, impressions, clicks, "
                  "conversions, qualified, unqualified, bid_micros) VALUES",
                  dialect.day),
      dialect.upsert(
          fmt::format("source_id, {}, hours", dialect.day),
          "impressions = hirestream_frozen.impressions + new.impressions, clicks = "
          "hirestream_frozen.clicks + new.clicks, conversions = hirestream_frozen.conversions + "
          "new.conversions, qualified = hirestream_frozen.qualified + new.qualified, unqualified = "
          "hirestream_frozen.unqualified + new.unqualified, bid_micros = "
          "hirestream_frozen.bid_micros + new.bid_micros"));
  for (const Cell& hour : hours) {
    const Measures& measures = hour.measures;
    fmt::format_to(std::back_inserter(add.row()), "{},{},{},{},{},{},{},{},{}", source,
                   dialect.day_value(hour.key.days()), hour.key.hour(), measures.impressions,
                   measures.clicks, measures.conversions, measures.qualified, measures.unqualified,
                   measures.bid_micros);
    HIRESTREAM_TRY(add.end_row());
  }
  return add.flush();
}

Result<std::map<int32_t, FrozenMark>> marks_of(Session& session, SourceId source,
                                               std::string_view lock) {
  std::map<int32_t, FrozenMark> found;
  HIRESTREAM_TRY(session.each(
      fmt::format("SELECT shard, frozen_until, history_place FROM hirestream_frozen_marks WHERE "
                  "source_id = {}{}",
                  source, lock),
      [&](const Row& row) {
        const auto shard = static_cast<int32_t>(row.integer(0));
        found[shard] = {shard, row.integer(1), static_cast<uint64_t>(row.integer(2))};
      }));
  return found;
}

// A mark says that all below it was counted. The older version froze slices while others below them
// still waited to be counted for the first time; they would never be.
Result<void> refuse_half_counted(Session& session,
                                 const std::map<SourceId, std::map<int32_t, FrozenMark>>& marks) {
  std::map<std::pair<SourceId, int32_t>, int64_t> settled;
  HIRESTREAM_TRY(session.each(
      "SELECT source_id, shard, settled_until FROM hirestream_writers WHERE settled_until IS NOT "
      "NULL",
      [&](const Row& row) {
        settled[{static_cast<SourceId>(row.integer(0)), static_cast<int32_t>(row.integer(1))}] =
            row.integer(2);
      }));
  for (const auto& [source, of_source] : marks) {
    for (const auto& [shard, mark] : of_source) {
      const auto until = settled.find({source, shard});
      if (until == settled.end() || until->second < mark.until) {
        return fail(ErrorKind::kConfig, "upgrade",
                    fmt::format("source {}, shard {}", source, shard),
                    "the older version of hirestream has frozen slices of it, but has not counted "
                    "all that is older than they are",
                    "let the older version run until `hirestream status` says that it is caught "
                    "up, then start this one");
      }
    }
  }
  return {};
}

Result<void> write_marks(Session& session, SourceId source, std::span<const FrozenMark> marks) {
  MultiRowInsert insert(
      session,
      "INSERT INTO hirestream_frozen_marks (source_id, shard, frozen_until, history_place) VALUES",
      session.dialect().upsert(
          "source_id, shard",
          "frozen_until = new.frozen_until, history_place = new.history_place"));
  for (const FrozenMark& mark : marks) {
    fmt::format_to(std::back_inserter(insert.row()), "{},{},{},{}", source, mark.shard, mark.until,
                   mark.history_place);
    HIRESTREAM_TRY(insert.end_row());
  }
  return insert.flush();
}

}  // namespace

Result<void> write_frozen(Session& session, const Commit& commit) {
  HIRESTREAM_TRY(write_days(session, commit.source, commit.frozen_days));
  HIRESTREAM_TRY(write_hours(session, commit.source, commit.frozen_hours));
  return write_marks(session, commit.source, commit.frozen_marks);
}

Result<std::vector<SliceKey>> new_below_marks(Session& session, const Commit& commit) {
  std::vector<SliceKey> fresh;
  for (const SliceChange& change : commit.slices) {
    if (change.entry.revision == 0 && change.mode != ChangeMode::kFreeze) {
      fresh.push_back(change.entry.key);
    }
  }
  // An engine that writes its shards knows their marks: nobody else moves them.
  if (!commit.writers.empty() || fresh.empty()) {
    return std::vector<SliceKey>();
  }
  HIRESTREAM_ASSIGN(const auto marks,
                    marks_of(session, commit.source, session.dialect().lock_rows));
  std::erase_if(fresh, [&](const SliceKey& key) {
    const auto mark = marks.find(key.shard);
    return mark == marks.end() || key.bucket >= mark->second.until;
  });
  return fresh;
}

Result<bool> makes_first_mark(Session& session, const Commit& commit) {
  if (commit.frozen_marks.empty()) {
    return false;
  }
  HIRESTREAM_ASSIGN(const auto known, marks_of(session, commit.source, ""));
  return std::any_of(commit.frozen_marks.begin(), commit.frozen_marks.end(),
                     [&](const FrozenMark& mark) { return !known.contains(mark.shard); });
}

Result<std::vector<FrozenMark>> read_frozen_marks(Session& session, SourceId source,
                                                  std::span<const int32_t> shards) {
  HIRESTREAM_ASSIGN(const auto found, marks_of(session, source, ""));
  std::vector<FrozenMark> marks;
  for (const int32_t shard : shards) {
    const auto mark = found.find(shard);
    marks.push_back(mark == found.end() ? FrozenMark{.shard = shard} : mark->second);
  }
  return marks;
}

Result<std::vector<FrozenDay>> read_frozen_days(Session& session, SourceId source) {
  std::vector<FrozenDay> days;
  HIRESTREAM_TRY(session.each(
      fmt::format("SELECT {} FROM hirestream_frozen_days WHERE source_id = {} ORDER BY shard, day",
                  kDayColumns, source),
      [&](const Row& row) { days.push_back(read_day(row)); }));
  return days;
}

Result<void> fold_frozen_slices(Session& session) {
  constexpr std::string_view kFrozenState = "2";
  std::map<SourceId, int64_t> widths_us;
  HIRESTREAM_TRY(
      session.each("SELECT id, fingerprint FROM hirestream_sources", [&](const Row& row) {
        const Fingerprint fingerprint = decode_fingerprint(row.text(1));
        const auto strategy = fingerprint.find("strategy");
        const auto width = fingerprint.find("bucket_width_s");
        const bool timed = strategy != fingerprint.end() && strategy->second == "tail" &&
                           width != fingerprint.end();
        widths_us[static_cast<SourceId>(row.integer(0))] =
            timed ? std::stoll(width->second) * kSecondUs : 0;
      }));
  std::map<SourceId, FrozenDays> days;
  std::map<SourceId, std::map<int32_t, FrozenMark>> marks;
  HIRESTREAM_TRY(session.each(
      fmt::format("SELECT source_id, shard, bucket, settled_at_us, row_count, row_hash, counted, "
                  "unattributed, other_kinds, rejected, too_late FROM hirestream_slices WHERE "
                  "state = {}",
                  kFrozenState),
      [&](const Row& row) {
        const auto source = static_cast<SourceId>(row.integer(0));
        const int64_t width_us = widths_us[source];
        const int64_t bucket = row.integer(2);
        FrozenDay day;
        day.shard = static_cast<int32_t>(row.integer(1));
        day.day = utc_day(width_us > 0 ? bucket * width_us : row.integer(3));
        day.slices = 1;
        day.digest = {row.integer(4), row.unsigned_integer(5)};
        day.classes = {row.integer(6), row.integer(7), row.integer(8), row.integer(9),
                       row.integer(10)};
        add_up(days[source], day);
        FrozenMark& mark = marks[source][day.shard];
        mark.shard = day.shard;
        mark.until = std::max(mark.until, bucket + 1);
      }));
  HIRESTREAM_TRY(refuse_half_counted(session, marks));
  for (const auto& [source, sums] : days) {
    std::vector<FrozenDay> list;
    for (const auto& [key, day] : sums) {
      list.push_back(day);
    }
    HIRESTREAM_TRY(write_days(session, source, list));
    std::vector<FrozenMark> of_source;
    for (const auto& [shard, mark] : marks[source]) {
      of_source.push_back(mark);
    }
    HIRESTREAM_TRY(write_marks(session, source, of_source));
  }
  return session.execute(
      fmt::format("DELETE FROM hirestream_slices WHERE state = {}", kFrozenState));
}

}  // namespace hirestream::sql
