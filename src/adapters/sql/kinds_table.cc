#include "adapters/sql/kinds_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "adapters/sql/multi_row_insert.h"
#include "model/text.h"

namespace hirestream::sql {
namespace {

constexpr size_t kPlaceBytesMax = 200;
constexpr size_t kTimeDigits = 16;
constexpr size_t kIdDigits = 36;
constexpr size_t kPlaceAt = kTimeDigits + 1 + kIdDigits + 1;

// In a bucket of its own.
constexpr std::string_view kFrozenRows = "bucket = 0 AND frozen = 1";

// The end of a long path says more than its beginning.
std::string short_place(std::string_view place) {
  if (place.size() <= kPlaceBytesMax) {
    return storable_text(place, kPlaceBytesMax);
  }
  place.remove_prefix(place.size() - kPlaceBytesMax / 2);
  while (!place.empty() && (static_cast<unsigned char>(place.front()) & 0xC0) == 0x80) {
    place.remove_prefix(1);
  }
  return storable_text("…" + std::string(place), kPlaceBytesMax);
}

// "TIME ID PLACE", with the time in digits that are ordered as times are: the greatest of such
// texts is the newest row's.
std::string newest_text(const NotCounted& kind) {
  const uint64_t order =
      static_cast<uint64_t>(kind.newest_us().value_or(INT64_MIN)) ^ (uint64_t{1} << 63);
  return fmt::format("{:016x} {} {}", order, format_uuid(kind.newest), short_place(kind.place));
}

// From column `first` on: class, kind, rows, newest.
NotCounted read_kind(const Row& row, int first) {
  NotCounted kind;
  kind.why = why_of_class(row.text(first));
  kind.kind = row.text(first + 1);
  kind.rows = row.integer(first + 2);
  const std::string_view newest = row.text(first + 3);
  if (newest.size() >= kPlaceAt) {
    kind.newest = parse_uuid(newest.substr(kTimeDigits + 1, kIdDigits)).value_or(RowId());
    kind.place = newest.substr(kPlaceAt);
  }
  return kind;
}

// Adds to the rows that are there.
class KindRows {
 public:
  KindRows(Session& session, SourceId source)
      : session_(session),
        source_(source),
        insert_(session,
                fmt::format("INSERT INTO {} (source_id, shard, bucket, frozen, class, kind, "
                            "row_count, newest_us, newest) VALUES",
                            session.dialect().ledger.kinds),
                session.dialect().upsert(
                    "source_id, shard, bucket, frozen, class, kind",
                    fmt::format("row_count = {1}.row_count + new.row_count, newest_us = "
                                "{0}({1}.newest_us, new.newest_us), newest = {0}({1}.newest, "
                                "new.newest)",
                                session.dialect().greatest, session.dialect().ledger.kinds))) {}

  Result<void> add(const SliceKey& key, bool frozen, const NotCounted& kind) {
    std::string& row = insert_.row();
    fmt::format_to(std::back_inserter(row), "{},{},{},{},'{}',", source_, key.shard, key.bucket,
                   frozen ? 1 : 0, class_name(kind.why));
    session_.append_text(row, kind.kind);
    fmt::format_to(std::back_inserter(row), ",{},{},", kind.rows, kind.newest_us().value_or(0));
    session_.append_text(row, newest_text(kind));
    return insert_.end_row();
  }
  Result<void> flush() { return insert_.flush(); }

 private:
  Session& session_;
  SourceId source_;
  MultiRowInsert insert_;
};

Result<void> delete_kinds(Session& session, const std::string& condition) {
  return session.execute(
      session.dialect().delete_by_key(session.dialect().ledger.kinds, condition));
}

using KindsOfShards = std::map<int32_t, std::vector<NotCounted>>;

// Of slices that leave the ledger and of history.
Result<KindsOfShards> newly_frozen(Session& session, const Commit& commit,
                                   std::span<const SliceKey> slices) {
  KindsOfShards frozen;
  for (const auto& [shard, kinds] : commit.frozen_kinds) {
    frozen[shard] = kinds.all();
  }
  for (const std::string& condition : slice_conditions(commit.source, slices)) {
    const std::string of_slices = condition + " AND frozen = 0";
    HIRESTREAM_TRY(session.each(
        fmt::format("SELECT shard, class, kind, row_count, newest FROM {}{} WHERE {}",
                    session.dialect().ledger.kinds, session.dialect().by_key, of_slices),
        [&](const Row& row) {
          frozen[static_cast<int32_t>(row.integer(0))].push_back(read_kind(row, 1));
        }));
    HIRESTREAM_TRY(delete_kinds(session, of_slices));
  }
  return frozen;
}

std::vector<NotCounted> sums_of(std::span<const NotCounted> kinds) {
  std::map<std::pair<WhyNotCounted, std::string>, NotCounted> sums;
  for (const NotCounted& kind : kinds) {
    NotCounted& sum = sums[{kind.why, kind.kind}];
    sum.why = kind.why;
    sum.kind = kind.kind;
    sum.add(kind.rows, kind.newest, kind.place);
  }
  std::vector<NotCounted> out;
  for (auto& [key, sum] : sums) {
    out.push_back(std::move(sum));
  }
  return out;
}

// Added up here and not in the statement, since the kinds that stay depend on all sums.
Result<void> write_frozen_kinds(Session& session, SourceId source, int32_t shard,
                                std::vector<NotCounted> kinds) {
  const std::string stored =
      fmt::format("source_id = {} AND shard = {} AND {}", source, shard, kFrozenRows);
  HIRESTREAM_TRY(
      session.each(fmt::format("SELECT class, kind, row_count, newest FROM {}{} WHERE {}{}",
                               session.dialect().ledger.kinds, session.dialect().by_key, stored,
                               session.dialect().lock_rows),
                   [&](const Row& row) { kinds.push_back(read_kind(row, 0)); }));
  HIRESTREAM_TRY(delete_kinds(session, stored));
  KindRows rows(session, source);
  for (const NotCounted& kind : most_frequent(sums_of(kinds), kFrozenKindsMax)) {
    HIRESTREAM_TRY(rows.add({shard, 0}, true, kind));
  }
  return rows.flush();
}

}  // namespace

Result<void> write_kinds(Session& session, const Commit& commit) {
  std::vector<SliceKey> replaced;
  std::vector<SliceKey> frozen;
  for (const SliceChange& change : commit.slices) {
    if (change.entry.revision != 0 && change.mode == ChangeMode::kReplace) {
      replaced.push_back(change.entry.key);
    } else if (change.entry.revision != 0 && change.mode == ChangeMode::kFreeze) {
      frozen.push_back(change.entry.key);
    }
  }
  for (const std::string& condition : slice_conditions(commit.source, replaced)) {
    HIRESTREAM_TRY(delete_kinds(session, condition + " AND frozen = 0"));
  }
  KindRows rows(session, commit.source);
  for (const SliceChange& change : commit.slices) {
    for (const NotCounted& kind : change.not_counted) {
      HIRESTREAM_TRY(rows.add(change.entry.key, false, kind));
    }
  }
  HIRESTREAM_TRY(rows.flush());
  HIRESTREAM_ASSIGN(const KindsOfShards of_shards, newly_frozen(session, commit, frozen));
  for (const auto& [shard, kinds] : of_shards) {
    HIRESTREAM_TRY(write_frozen_kinds(session, commit.source, shard, kinds));
  }
  return {};
}

Result<std::vector<NotCounted>> read_kinds(Session& session, SourceId source, size_t limit) {
  std::vector<NotCounted> kinds;
  HIRESTREAM_ASSIGN(const bool there,
                    session.readable("SELECT kind FROM hirestream_kinds LIMIT 0"));
  if (!there) {
    return kinds;
  }
  HIRESTREAM_TRY(session.each(
      fmt::format("SELECT class, kind, {}, MAX(newest) FROM hirestream_kinds WHERE source_id = {} "
                  "GROUP BY class, kind",
                  session.dialect().sum("row_count"), source),
      [&](const Row& row) { kinds.push_back(read_kind(row, 0)); }));
  return most_frequent(std::move(kinds), limit);
}

}  // namespace hirestream::sql
