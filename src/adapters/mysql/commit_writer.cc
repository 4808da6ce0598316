#include "adapters/mysql/commit_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "adapters/mysql/key_condition.h"
#include "adapters/mysql/sum_insert.h"
#include "adapters/sql/change_count.h"
#include "adapters/sql/events_table.h"
#include "adapters/sql/fingerprint_json.h"
#include "adapters/sql/frozen_sums.h"
#include "adapters/sql/kinds_table.h"
#include "adapters/sql/multi_row_insert.h"
#include "aggregation/contribution_codec.h"
#include "model/timestamp.h"
#include "ports/commit_check.h"
#include "ports/day_changes.h"

// The hints FORCE INDEX (PRIMARY): a small table would rather be scanned, and the scan would wait
// for the locks on other engines' rows.
namespace hirestream::mysql {

using sql::MultiRowInsert;
using sql::Row;
using sql::slice_conditions;

namespace {

constexpr const char* kSliceColumns =
    "source_id, shard, bucket, name, tag, revision, state, row_count, row_hash, counted, "
    "unattributed, other_kinds, rejected, too_late, settled_at_us, audited_at_us, corrected_at_us, "
    "held, token, updated_at, contribution";

constexpr const char* kUpdateSlices =
    "name = new.name, tag = new.tag, revision = new.revision, state = new.state, row_count = "
    "new.row_count, row_hash = new.row_hash, counted = new.counted, unattributed = "
    "new.unattributed, other_kinds = new.other_kinds, rejected = new.rejected, too_late = "
    "new.too_late, settled_at_us = new.settled_at_us, audited_at_us = new.audited_at_us, "
    "corrected_at_us = new.corrected_at_us, held = "
    "new.held, token = new.token, updated_at = new.updated_at";

constexpr const char* kInsertCells =
    "INSERT INTO events (dates, hours, job_id, publisher_id, campaign_id, group_id, impressions, "
    "clicks, conversion, qualified_application, disqualified_application, spend_hour, company_id, "
    "sources, updated_at) VALUES";

constexpr const char* kAddCells =
    "impressions = events.impressions + new.impressions, clicks = events.clicks + new.clicks, "
    "conversion = events.conversion + new.conversion, qualified_application = "
    "events.qualified_application + new.qualified_application, disqualified_application = "
    "events.disqualified_application + new.disqualified_application, spend_hour = "
    "events.spend_hour + new.spend_hour, company_id = IF(new.company_id <> 0, new.company_id, "
    "events.company_id), updated_at = new.updated_at, sources = ";

constexpr const char* kInsertDays =
    "INSERT INTO hirestream_days (dates, job_id, publisher_id, campaign_id, group_id, impressions, "
    "clicks, conversion, qualified_application, disqualified_application, spend, company_id) "
    "VALUES";

constexpr const char* kAddDays =
    "impressions = hirestream_days.impressions + new.impressions, clicks = hirestream_days.clicks "
    "+ new.clicks, conversion = hirestream_days.conversion + new.conversion, qualified_application "
    "= hirestream_days.qualified_application + new.qualified_application, disqualified_application "
    "= hirestream_days.disqualified_application + new.disqualified_application, spend = "
    "hirestream_days.spend + new.spend, company_id = IF(new.company_id <> 0, new.company_id, "
    "hirestream_days.company_id)";

void append_key(std::string& row, SourceId source, const SliceKey& key) {
  fmt::format_to(std::back_inserter(row), "{},{},{},", source, key.shard, key.bucket);
}

std::string shards_of(const Commit& commit) {
  std::vector<int32_t> shards;
  for (const WriterEpoch& writer : commit.writers) {
    shards.push_back(writer.shard);
  }
  return fmt::format("{}", fmt::join(shards, ","));
}

}  // namespace

CommitWriter::CommitWriter(Session& session, const Commit& commit)
    : session_(session), commit_(commit), now_("'" + format_timestamp_us(commit.now_us) + "'") {
  check_commit(commit);
  keys_.reserve(commit.slices.size());
  for (const SliceChange& change : commit.slices) {
    keys_.push_back(change.entry.key);
  }
}

Result<CommitOutcome> CommitWriter::write() {
  HIRESTREAM_ASSIGN(const bool jobs_hold, sql::jobs_hold(session_, commit_));
  if (!jobs_hold) {
    return CommitOutcome{CommitVerdict::kJobsMoved, {}};
  }
  HIRESTREAM_ASSIGN(bool holds, epochs_hold());
  if (!holds) {
    return CommitOutcome{CommitVerdict::kFenced, {}};
  }
  HIRESTREAM_ASSIGN(bool unchanged, changes_hold());
  if (!unchanged) {
    return CommitOutcome{CommitVerdict::kConflict, {}};
  }
  HIRESTREAM_ASSIGN(CommitOutcome outcome, write_slices());
  if (outcome.verdict != CommitVerdict::kCommitted) {
    return outcome;
  }
  HIRESTREAM_TRY(sql::write_frozen(session_, commit_));
  HIRESTREAM_TRY(sql::write_fingerprint(session_, commit_));
  HIRESTREAM_TRY(write_cells());
  HIRESTREAM_TRY(delete_zeros({"events", "spend_hour", cell_condition}, commit_.cells));
  HIRESTREAM_TRY(write_days());
  HIRESTREAM_TRY(write_progress());
  return CommitOutcome{};
}

Result<CommitOutcome> CommitWriter::write_slices() {
  HIRESTREAM_ASSIGN(std::vector<SliceKey> moved, moved_slices());
  if (!moved.empty()) {
    return CommitOutcome{CommitVerdict::kConflict, std::move(moved)};
  }
  HIRESTREAM_ASSIGN(bool inserted, insert_new_slices());
  if (!inserted) {
    return CommitOutcome{CommitVerdict::kConflict, {}};
  }
  HIRESTREAM_TRY(update_slices(true));
  HIRESTREAM_TRY(update_slices(false));
  HIRESTREAM_TRY(write_deltas());
  HIRESTREAM_TRY(drop_frozen_slices());
  HIRESTREAM_TRY(write_rejects());
  HIRESTREAM_TRY(drop_replaced_rejects());
  HIRESTREAM_TRY(sql::write_kinds(session_, commit_));
  return CommitOutcome{};
}

std::string CommitWriter::insert_slices() const {
  return fmt::format("INSERT INTO {} ({}) VALUES", ledger().slices, kSliceColumns);
}

Result<bool> CommitWriter::epochs_hold() {
  if (commit_.writers.empty()) {
    return true;
  }
  const std::string condition =
      fmt::format("source_id = {} AND shard IN ({})", commit_.source, shards_of(commit_));
  std::map<int64_t, int64_t> epochs;
  HIRESTREAM_TRY(session_.each(
      fmt::format(
          "SELECT shard, epoch FROM hirestream_writers FORCE INDEX (PRIMARY) WHERE {} ORDER "
          "BY shard FOR UPDATE",
          condition),
      [&](const Row& row) { epochs[row.integer(0)] = row.integer(1); }));
  for (const WriterEpoch& writer : commit_.writers) {
    const auto found = epochs.find(writer.shard);
    if (found == epochs.end() || found->second != writer.epoch) {
      return false;
    }
  }
  HIRESTREAM_TRY(session_.execute(fmt::format(
      "UPDATE hirestream_writers FORCE INDEX (PRIMARY) SET token = {}, updated_at = {} WHERE {}",
      commit_.token, now_, condition)));
  return true;
}

// Whoever is no engine counts its change first: that locks the count, whether it was there before
// or not. A shard's first mark waits for it: its engine then finds what others have put into the
// ledger.
Result<bool> CommitWriter::changes_hold() {
  HIRESTREAM_CHECK(commit_.writers.empty() || !commit_.based_on_changes);
  if (!commit_.writers.empty()) {
    HIRESTREAM_ASSIGN(const bool first_mark, sql::makes_first_mark(session_, commit_));
    HIRESTREAM_TRY(first_mark ? sql::hold_changes(session_) : Result<void>());
    return true;
  }
  HIRESTREAM_TRY(sql::note_change(session_));
  if (!commit_.based_on_changes) {
    return true;
  }
  HIRESTREAM_ASSIGN(const int64_t changes, sql::count_of_changes(session_));
  return changes == *commit_.based_on_changes + 1;
}

Result<std::vector<SliceKey>> CommitWriter::moved_slices() {
  struct Stored {
    int64_t revision = 0;
    int64_t rejected = 0;
  };
  std::map<SliceKey, Stored> stored;
  for (const std::string& condition : slice_conditions(commit_.source, keys_)) {
    HIRESTREAM_TRY(session_.each(
        fmt::format(
            "SELECT shard, bucket, revision, rejected FROM {} FORCE INDEX (PRIMARY) WHERE {} "
            "FOR UPDATE",
            ledger().slices, condition),
        [&](const Row& row) {
          stored[{static_cast<int32_t>(row.integer(0)), row.integer(1)}] = {row.integer(2),
                                                                            row.integer(3)};
        }));
  }
  HIRESTREAM_ASSIGN(std::vector<SliceKey> moved, sql::new_below_marks(session_, commit_));
  keys_with_rejects_.clear();
  for (const SliceChange& change : commit_.slices) {
    const Stored& slice = stored[change.entry.key];
    if (slice.revision != change.entry.revision) {
      moved.push_back(change.entry.key);
    }
    if (slice.rejected > 0) {
      keys_with_rejects_.push_back(change.entry.key);
    }
  }
  return moved;
}

void CommitWriter::append_slice(std::string& row, const SliceChange& change) const {
  const LedgerEntry& entry = change.entry;
  append_key(row, commit_.source, entry.key);
  sql::append_bytes(row, entry.name);
  row += ',';
  sql::append_bytes(row, entry.tag);
  fmt::format_to(std::back_inserter(row), ",{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},",
                 entry.revision + 1, static_cast<int>(entry.state), entry.digest.rows,
                 entry.digest.hash, entry.classes.counted, entry.classes.unattributed,
                 entry.classes.other, entry.classes.rejected, entry.classes.too_late,
                 entry.settled_at_us, entry.audited_at_us, entry.corrected_at_us,
                 entry.held ? 1 : 0, commit_.token, now_);
  if (change.mode == ChangeMode::kReplace) {
    sql::append_bytes(row, encode_contribution(change.contribution));
  } else {
    row += "NULL";
  }
}

// False: another transaction put one of them there since moved_slices looked.
Result<bool> CommitWriter::insert_new_slices() {
  MultiRowInsert insert(session_, insert_slices(), "");
  Result<void> done;
  for (const SliceChange& change : commit_.slices) {
    if (change.entry.revision == 0 && change.mode != ChangeMode::kFreeze && done) {
      append_slice(insert.row(), change);
      done = insert.end_row();
    }
  }
  if (done) {
    done = insert.flush();
  }
  if (!done && session_.error_code() == kDuplicateKey) {
    return false;
  }
  HIRESTREAM_TRY(std::move(done));
  return true;
}

// The rows are there with the right revisions, and locked by moved_slices: the upsert can only
// update.
Result<void> CommitWriter::update_slices(bool with_contribution) {
  MultiRowInsert update(
      session_, insert_slices(),
      session_.dialect().upsert(
          "", with_contribution ? fmt::format("{}, contribution = new.contribution", kUpdateSlices)
                                : std::string(kUpdateSlices)));
  for (const SliceChange& change : commit_.slices) {
    if (change.entry.revision != 0 && change.mode != ChangeMode::kFreeze &&
        (change.mode == ChangeMode::kReplace) == with_contribution) {
      append_slice(update.row(), change);
      HIRESTREAM_TRY(update.end_row());
    }
  }
  return update.flush();
}

Result<void> CommitWriter::write_deltas() {
  std::vector<SliceKey> folded;
  MultiRowInsert insert(
      session_,
      fmt::format("INSERT INTO {} (source_id, shard, bucket, revision, contribution) VALUES",
                  ledger().deltas),
      "");
  for (const SliceChange& change : commit_.slices) {
    if (change.mode == ChangeMode::kAppend) {
      std::string& row = insert.row();
      append_key(row, commit_.source, change.entry.key);
      fmt::format_to(std::back_inserter(row), "{},", change.entry.revision + 1);
      sql::append_bytes(row, encode_contribution(change.contribution));
      HIRESTREAM_TRY(insert.end_row());
    } else if (change.mode != ChangeMode::kKeep && change.entry.revision != 0) {
      folded.push_back(change.entry.key);
    }
  }
  HIRESTREAM_TRY(insert.flush());
  for (const std::string& condition : slice_conditions(commit_.source, folded)) {
    HIRESTREAM_TRY(session_.execute(fmt::format(
        "DELETE d FROM {} AS d FORCE INDEX (PRIMARY) WHERE {}", ledger().deltas, condition)));
  }
  return {};
}

Result<void> CommitWriter::drop_frozen_slices() {
  std::vector<SliceKey> frozen;
  for (const SliceChange& change : commit_.slices) {
    if (change.mode == ChangeMode::kFreeze && change.entry.revision != 0) {
      frozen.push_back(change.entry.key);
    }
  }
  for (const std::string& condition : slice_conditions(commit_.source, frozen)) {
    HIRESTREAM_TRY(session_.execute(fmt::format(
        "DELETE s FROM {} AS s FORCE INDEX (PRIMARY) WHERE {}", ledger().slices, condition)));
  }
  return {};
}

// A row rejected before keeps the time when it was first seen.
Result<void> CommitWriter::write_rejects() {
  MultiRowInsert insert(
      session_,
      fmt::format("INSERT INTO {} (source_id, shard, bucket, row_id, revision, reason, "
                  "column_name, value, row_json, first_seen_us) VALUES",
                  ledger().rejects),
      session_.dialect().upsert(
          "",
          "revision = new.revision, reason = new.reason, column_name = new.column_name, "
          "value = new.value, row_json = new.row_json"));
  for (const SliceChange& change : commit_.slices) {
    for (const RejectedRow& reject : change.rejects) {
      std::array<uint8_t, 16> id{};
      row_id_to_bytes(reject.id, id);
      std::string& row = insert.row();
      append_key(row, commit_.source, change.entry.key);
      sql::append_bytes(row, {reinterpret_cast<const char*>(id.data()), id.size()});
      fmt::format_to(std::back_inserter(row), ",{},", change.entry.revision + 1);
      session_.append_text(row, reject.reason);
      row += ',';
      session_.append_text(row, reject.column);
      row += ',';
      sql::append_bytes(row, reject.value);
      row += ',';
      sql::append_bytes(row, reject.row);
      fmt::format_to(std::back_inserter(row), ",{}", commit_.now_us);
      HIRESTREAM_TRY(insert.end_row());
    }
  }
  return insert.flush();
}

Result<void> CommitWriter::drop_replaced_rejects() {
  for (const SliceChange& change : commit_.slices) {
    if (change.mode == ChangeMode::kReplace &&
        std::binary_search(keys_with_rejects_.begin(), keys_with_rejects_.end(),
                           change.entry.key)) {
      HIRESTREAM_TRY(session_.execute(fmt::format(
          "DELETE r FROM {} AS r FORCE INDEX (PRIMARY) WHERE source_id = {} AND shard = {} AND "
          "bucket = {} AND revision <= {}",
          ledger().rejects, commit_.source, change.entry.key.shard, change.entry.key.bucket,
          change.entry.revision)));
    }
  }
  return {};
}

Result<std::string> CommitWriter::kind_of_source() {
  std::string kind;
  HIRESTREAM_ASSIGN(const bool found,
                    session_.first(fmt::format("SELECT kind FROM hirestream_sources WHERE id = {}",
                                               commit_.source),
                                   [&](const Row& row) { kind = row.text(0); }));
  if (!found) {
    return fail(ErrorKind::kBug, "commit", session_.subject(),
                fmt::format("source {} is not registered", commit_.source));
  }
  return kind;
}

Result<void> CommitWriter::write_cells() {
  HIRESTREAM_ASSIGN(const std::string kind, kind_of_source());
  const sql::Dialect& dialect = session_.dialect();
  SumInsert insert(
      session_,
      {kInsertCells, true, fmt::format(",{},{}", session_.quoted(sql::sources_name(kind)), now_),
       dialect.upsert("", kAddCells + dialect.merged_sources("events"))},
      commit_.cells.size());
  for (const CellChange& cell : commit_.cells) {
    HIRESTREAM_TRY(insert.add(cell));
  }
  return insert.flush();
}

Result<void> CommitWriter::delete_zeros(const SumTable& table,
                                        std::span<const CellChange> changes) {
  std::vector<CellKey> keys;
  for (const CellChange& change : changes) {
    if (change.delta.any_negative()) {
      keys.push_back(change.key);
    }
  }
  const size_t most = keys_per_statement(session_.statement_bytes_max());
  for (size_t begin = 0; begin < keys.size(); begin += most) {
    const std::span<const CellKey> some =
        std::span<const CellKey>(keys).subspan(begin, std::min(most, keys.size() - begin));
    HIRESTREAM_TRY(session_.execute(fmt::format(
        "DELETE t FROM {} AS t FORCE INDEX (PRIMARY) WHERE ({}) AND impressions = 0 AND clicks = 0 "
        "AND conversion = 0 AND qualified_application = 0 AND disqualified_application = 0 AND {} "
        "= 0",
        table.name, table.condition(some), table.spend)));
  }
  return {};
}

Result<void> CommitWriter::write_days() {
  HIRESTREAM_ASSIGN(const std::vector<CellChange> days, days_of(commit_));
  SumInsert insert(session_, {kInsertDays, false, "", session_.dialect().upsert("", kAddDays)},
                   days.size());
  for (const CellChange& day : days) {
    HIRESTREAM_TRY(insert.add(day));
  }
  HIRESTREAM_TRY(insert.flush());
  return delete_zeros({"hirestream_days", "spend", day_condition}, days);
}

Result<void> CommitWriter::write_progress() {
  MultiRowInsert raise(
      session_,
      "INSERT INTO hirestream_writers (source_id, shard, epoch, owner, token, settled_until, "
      "updated_at) VALUES",
      session_.dialect().upsert(
          "",
          "settled_until = GREATEST(COALESCE(hirestream_writers.settled_until, "
          "new.settled_until), new.settled_until)"));
  for (const auto& [shard, bucket] : commit_.settled_until) {
    fmt::format_to(std::back_inserter(raise.row()), "{},{},0,'',0,{},{}", commit_.source, shard,
                   bucket, now_);
    HIRESTREAM_TRY(raise.end_row());
  }
  return raise.flush();
}

Result<bool> CommitWriter::carries_token() {
  std::vector<std::string> queries;
  if (!commit_.writers.empty()) {
    queries.push_back(fmt::format(
        "SELECT token FROM hirestream_writers FORCE INDEX (PRIMARY) WHERE source_id = {} AND shard "
        "IN ({}) ORDER BY shard FOR UPDATE",
        commit_.source, shards_of(commit_)));
  }
  // Another engine may have taken the writers' rows since: the slices remember too.
  for (const std::string& condition : slice_conditions(commit_.source, keys_)) {
    queries.push_back(fmt::format("SELECT token FROM {} FORCE INDEX (PRIMARY) WHERE {} FOR UPDATE",
                                  ledger().slices, condition));
  }
  for (const std::string& query : queries) {
    bool carried = false;
    HIRESTREAM_TRY(session_.each(query, [&](const Row& row) {
      carried = carried || row.unsigned_integer(0) == commit_.token;
    }));
    if (carried) {
      return true;
    }
  }
  return false;
}

}  // namespace hirestream::mysql
