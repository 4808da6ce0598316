// What a warehouse reads of the ledger and of what was counted.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "adapters/sql/cell_rows.h"
#include "adapters/sql/change_count.h"
#include "adapters/sql/multi_row_insert.h"
#include "adapters/sql/warehouse.h"
#include "aggregation/contribution_codec.h"

namespace hirestream {

using sql::Dialect;
using sql::Row;

namespace {

constexpr const char* kEntryColumns =
    "shard, bucket, name, tag, revision, state, row_count, row_hash, counted, unattributed, "
    "other_kinds, rejected, too_late, settled_at_us, audited_at_us, corrected_at_us, held";
constexpr int kEntryColumnCount = 17;

LedgerEntry read_entry(const Row& row) {
  LedgerEntry entry;
  entry.key = {static_cast<int32_t>(row.integer(0)), row.integer(1)};
  entry.name = row.text(2);
  entry.tag = row.text(3);
  entry.revision = row.integer(4);
  entry.state = static_cast<SliceState>(row.integer(5));
  entry.digest = {row.integer(6), row.unsigned_integer(7)};
  entry.classes = {row.integer(8), row.integer(9), row.integer(10), row.integer(11),
                   row.integer(12)};
  entry.settled_at_us = row.integer(13);
  entry.audited_at_us = row.integer(14);
  entry.corrected_at_us = row.integer(15);
  entry.held = row.integer(16) != 0;
  return entry;
}

// Adds what a blob holds.
void unfold(std::string_view blob, StoredContribution& stored) {
  const auto part = decode_contribution(blob);
  if (part) {
    stored.contribution.insert(stored.contribution.end(), part->begin(), part->end());
  } else {
    stored.damaged = true;
  }
}

int32_t local_hour(const Row& row) {
  return static_cast<int32_t>(row.integer(0) * 24 + row.integer(1));
}

std::string cells_query(const Dialect& dialect, std::string_view table, std::string_view hours,
                        std::string_view spend, std::string_view where = "") {
  return fmt::format(
      "SELECT {0}, {1}, job_id, publisher_id, campaign_id, group_id, company_id, impressions, "
      "clicks, {2}, {3}, {4}, {5} FROM {6}{9} ORDER BY {7}, {8}job_id, publisher_id, campaign_id, "
      "group_id",
      dialect.day_number(dialect.day), hours, dialect.conversions, dialect.qualified,
      dialect.unqualified, spend, table, dialect.day, hours == "hours" ? "hours, " : "", where);
}

}  // namespace

Result<std::vector<LedgerEntry>> SqlWarehouse::load_ledger(SourceId source,
                                                           std::span<const int32_t> shards,
                                                           int64_t from_bucket) {
  const std::string some_shards =
      shards.empty() ? "" : fmt::format("shard IN ({}) AND ", fmt::join(shards, ","));
  std::vector<LedgerEntry> entries;
  HIRESTREAM_TRY(session_.each(
      fmt::format(
          "SELECT {} FROM {} WHERE source_id = {} AND {}bucket >= {} ORDER BY shard, bucket",
          kEntryColumns, session_.dialect().ledger.slices, source, some_shards, from_bucket),
      [&](const Row& row) { entries.push_back(read_entry(row)); }));
  return entries;
}

Result<std::vector<StoredContribution>> SqlWarehouse::load_contributions(
    SourceId source, std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(const auto snapshot, session_.begin_read());
  std::map<SliceKey, StoredContribution> found;
  for (const std::string& condition : sql::slice_conditions(source, keys)) {
    HIRESTREAM_TRY(
        session_.each(fmt::format("SELECT {}, contribution FROM {} WHERE {}", kEntryColumns,
                                  session_.dialect().ledger.slices, condition),
                      [&](const Row& row) {
                        StoredContribution stored;
                        stored.entry = read_entry(row);
                        if (!row.is_null(kEntryColumnCount)) {
                          unfold(row.text(kEntryColumnCount), stored);
                        }
                        found[stored.entry.key] = std::move(stored);
                      }));
    HIRESTREAM_TRY(session_.each(
        fmt::format("SELECT shard, bucket, contribution FROM {} WHERE {}",
                    session_.dialect().ledger.deltas, condition),
        [&](const Row& row) {
          unfold(row.text(2), found[{static_cast<int32_t>(row.integer(0)), row.integer(1)}]);
        }));
  }
  std::vector<StoredContribution> all;
  all.reserve(keys.size());
  for (const SliceKey& key : keys) {
    StoredContribution& stored = all.emplace_back(found[key]);
    stored.entry.key = key;
    if (stored.damaged) {
      stored.contribution.clear();
    }
    if (!try_canonicalize(stored.contribution)) {
      return fail(
          ErrorKind::kConfig, "load ledger", session_.subject(),
          fmt::format("the bids of a cell of slice {}/{} add up to more than 9.2 × 10¹²: one "
                      "of them must be wrong",
                      key.shard, key.bucket),
          "correct or delete its rows in the raw log, delete the slice from "
          "hirestream_slices and hirestream_deltas, then run `hirestream verify --repair "
          "--allow-shrink`");
    }
  }
  return all;
}

Result<void> SqlWarehouse::begin_snapshot() {
  HIRESTREAM_CHECK(!snapshot_);
  HIRESTREAM_ASSIGN(sql::Transaction snapshot, session_.begin_snapshot());
  snapshot_.emplace(std::move(snapshot));
  return {};
}

Result<int64_t> SqlWarehouse::changes() {
  return sql::count_of_changes(session_);
}

Result<void> SqlWarehouse::read_events(const std::function<Result<void>(const EventsRow&)>& visit) {
  const Dialect& dialect = session_.dialect();
  return walk(cells_query(dialect, dialect.events, "hours", dialect.spend_of_hour), visit);
}

Result<void> SqlWarehouse::read_hour(int32_t local_hour,
                                     const std::function<Result<void>(const EventsRow&)>& visit) {
  const Dialect& dialect = session_.dialect();
  return walk(cells_query(dialect, dialect.events, "hours", dialect.spend_of_hour,
                          " WHERE " + sql::hour_condition(dialect, local_hour)),
              visit);
}

Result<void> SqlWarehouse::read_days(const std::function<Result<void>(const EventsRow&)>& visit) {
  const Dialect& dialect = session_.dialect();
  return walk(cells_query(dialect, "hirestream_days", "0", dialect.spend_of_day), visit);
}

Result<void> SqlWarehouse::walk(const std::string& sql,
                                const std::function<Result<void>(const EventsRow&)>& visit) {
  return session_.stream(sql, [&](const Row& row) -> Result<void> {
    const EventsRow cell{
        {local_hour(row), row.integer(2), row.integer(3), row.integer(4), row.integer(5)},
        {row.integer(7), row.integer(8), row.integer(9), row.integer(10), row.integer(11),
         row.micros(12)},
        row.integer(6)};
    return row.fault().empty() ? visit(cell) : Result<void>();
  });
}

// Source 0: what no source has given.
Result<std::optional<MigratedHours>> SqlWarehouse::migrated_hours() {
  const std::string hour = session_.dialect().local_hour();
  std::optional<MigratedHours> hours;
  HIRESTREAM_TRY(session_.each(fmt::format("SELECT MIN({}), MAX({}) FROM hirestream_frozen WHERE "
                                           "source_id = 0 GROUP BY source_id",
                                           hour, hour),
                               [&](const Row& row) {
                                 hours = {static_cast<int32_t>(row.integer(0)),
                                          static_cast<int32_t>(row.integer(1))};
                               }));
  return hours;
}

Result<Contribution> SqlWarehouse::frozen_totals() {
  const Dialect& dialect = session_.dialect();
  Contribution totals;
  HIRESTREAM_TRY(session_.each(
      fmt::format("SELECT {}, hours, SUM(impressions), SUM(clicks), SUM(conversions), "
                  "SUM(qualified), SUM(unqualified), SUM(bid_micros) FROM hirestream_frozen GROUP "
                  "BY {}, hours",
                  dialect.day_number(dialect.day), dialect.day),
      [&](const Row& row) {
        Cell cell;
        cell.key.local_hour = local_hour(row);
        cell.measures = {row.integer(2), row.integer(3), row.integer(4),
                         row.integer(5), row.integer(6), row.integer(7)};
        totals.push_back(cell);
      }));
  canonicalize(totals);
  return totals;
}

}  // namespace hirestream
