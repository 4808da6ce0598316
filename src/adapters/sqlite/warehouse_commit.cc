// The one transaction of a commit, and how its outcome is found out.
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <set>

#include "adapters/sql/change_count.h"
#include "adapters/sql/events_table.h"
#include "adapters/sql/fingerprint_json.h"
#include "adapters/sql/frozen_sums.h"
#include "adapters/sql/kinds_table.h"
#include "adapters/sqlite/backend.h"
#include "aggregation/contribution_codec.h"
#include "model/timestamp.h"
#include "ports/commit_check.h"
#include "ports/day_changes.h"

namespace hirestream {
namespace {

using sql::Transaction;
using sqlite::Statement;

void bind_key(Statement& statement, SourceId source, const SliceKey& key) {
  statement.bind(1, int64_t{source}).bind(2, int64_t{key.shard}).bind(3, key.bucket);
}

int bind_measures(Statement& statement, int first, const Measures& measures) {
  statement.bind(first, measures.impressions).bind(first + 1, measures.clicks);
  statement.bind(first + 2, measures.conversions).bind(first + 3, measures.qualified);
  statement.bind(first + 4, measures.unqualified).bind(first + 5, measures.bid_micros);
  return first + 6;
}

// Says whose sum it is that does not fit.
tl::unexpected<Error> of_cell(Error error, const CellKey& key, const std::string& hour) {
  if (error.kind == ErrorKind::kRejected) {
    error.message = fmt::format("the sums of job {} on {}{}, are beyond 64 bits: {}", key.job_id,
                                format_date(key.days()), hour, error.message);
  }
  return tl::unexpected<Error>(std::move(error));
}

int bind_cell_key(Statement& statement, int first, const CellKey& key) {
  statement.bind(first, int64_t{key.days()}).bind(first + 1, int64_t{key.hour()});
  statement.bind(first + 2, key.job_id).bind(first + 3, key.publisher_id);
  statement.bind(first + 4, key.campaign_id).bind(first + 5, key.group_id);
  return first + 6;
}

}  // namespace

Result<bool> SqliteBackend::epochs_hold(const Commit& commit) {
  HIRESTREAM_ASSIGN(Statement * epoch,
                    database().cached("SELECT epoch FROM hirestream_writers WHERE source_id = ?1 "
                                      "AND shard = ?2"));
  HIRESTREAM_ASSIGN(
      Statement * mark,
      database().cached("UPDATE hirestream_writers SET token = ?3, updated_at_us = ?4 "
                        "WHERE source_id = ?1 AND shard = ?2"));
  for (const WriterEpoch& writer : commit.writers) {
    epoch->bind(1, int64_t{commit.source}).bind(2, int64_t{writer.shard});
    HIRESTREAM_ASSIGN(bool found, epoch->step());
    const bool holds = found && epoch->integer(0) == writer.epoch;
    epoch->reset();
    if (!holds) {
      return false;
    }
    mark->bind(1, int64_t{commit.source}).bind(2, int64_t{writer.shard});
    mark->bind(3, std::bit_cast<int64_t>(commit.token)).bind(4, commit.now_us);
    HIRESTREAM_TRY(mark->run());
  }
  return true;
}

Result<std::vector<SliceKey>> SqliteBackend::moved_slices(const Commit& commit) {
  HIRESTREAM_ASSIGN(Statement * revision,
                    database().cached("SELECT revision FROM hirestream_slices WHERE source_id = ?1 "
                                      "AND shard = ?2 AND bucket = ?3"));
  HIRESTREAM_ASSIGN(std::vector<SliceKey> moved, sql::new_below_marks(*session_, commit));
  for (const SliceChange& change : commit.slices) {
    bind_key(*revision, commit.source, change.entry.key);
    HIRESTREAM_ASSIGN(bool found, revision->step());
    const int64_t stored = found ? revision->integer(0) : 0;
    revision->reset();
    if (stored != change.entry.revision) {
      moved.push_back(change.entry.key);
    }
  }
  return moved;
}

// The revisions were compared in this transaction, under the database's only write lock.
Result<void> SqliteBackend::write_slice(const Commit& commit, const SliceChange& change) {
  if (change.mode == ChangeMode::kFreeze) {
    HIRESTREAM_TRY(drop_slice(commit.source, change.entry.key));
    return write_rejects(commit, change);
  }
  HIRESTREAM_ASSIGN(
      Statement * upsert,
      database().cached(
          "INSERT INTO hirestream_slices (source_id, shard, bucket, name, tag, revision, state, "
          "row_count, row_hash, counted, unattributed, other_kinds, rejected, too_late, "
          "settled_at_us, audited_at_us, held, token, updated_at_us, contribution, "
          "corrected_at_us) "
          "VALUES "
          "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, "
          "?20, ?22) ON CONFLICT (source_id, shard, bucket) DO UPDATE SET name = excluded.name, "
          "tag = excluded.tag, revision = excluded.revision, state = excluded.state, "
          "row_count = excluded.row_count, row_hash = excluded.row_hash, "
          "counted = excluded.counted, unattributed = excluded.unattributed, "
          "other_kinds = excluded.other_kinds, rejected = excluded.rejected, "
          "too_late = excluded.too_late, settled_at_us = excluded.settled_at_us, "
          "audited_at_us = excluded.audited_at_us, "
          "corrected_at_us = excluded.corrected_at_us, held = excluded.held, token = "
          "excluded.token, "
          "updated_at_us = excluded.updated_at_us, "
          "contribution = CASE WHEN ?21 THEN excluded.contribution ELSE contribution END"));
  const LedgerEntry& entry = change.entry;
  bind_key(*upsert, commit.source, entry.key);
  upsert->bind(4, std::string_view(entry.name)).bind(5, std::string_view(entry.tag));
  upsert->bind(6, entry.revision + 1).bind(7, static_cast<int64_t>(entry.state));
  upsert->bind(8, entry.digest.rows).bind(9, std::bit_cast<int64_t>(entry.digest.hash));
  upsert->bind(10, entry.classes.counted).bind(11, entry.classes.unattributed);
  upsert->bind(12, entry.classes.other).bind(13, entry.classes.rejected);
  upsert->bind(14, entry.classes.too_late).bind(15, entry.settled_at_us);
  upsert->bind(16, entry.audited_at_us).bind(17, int64_t{entry.held});
  upsert->bind(18, std::bit_cast<int64_t>(commit.token)).bind(19, commit.now_us);
  const bool replaces_base = change.mode == ChangeMode::kReplace;
  if (replaces_base) {
    upsert->bind_blob(20, encode_contribution(change.contribution));
  } else {
    upsert->bind_null(20);
  }
  upsert->bind(21, int64_t{replaces_base}).bind(22, entry.corrected_at_us);
  HIRESTREAM_TRY(upsert->run());

  if (replaces_base && entry.revision != 0) {
    HIRESTREAM_TRY(drop_deltas(commit.source, entry.key));
  }
  if (change.mode == ChangeMode::kAppend) {
    HIRESTREAM_ASSIGN(Statement * append,
                      database().cached("INSERT INTO hirestream_deltas (source_id, shard, bucket, "
                                        "revision, contribution) VALUES (?1, ?2, ?3, ?4, ?5)"));
    bind_key(*append, commit.source, entry.key);
    append->bind(4, entry.revision + 1);
    append->bind_blob(5, encode_contribution(change.contribution));
    HIRESTREAM_TRY(append->run());
  }
  return write_rejects(commit, change);
}

Result<void> SqliteBackend::drop_deltas(SourceId source, const SliceKey& key) {
  HIRESTREAM_ASSIGN(Statement * drop,
                    database().cached("DELETE FROM hirestream_deltas WHERE source_id = ?1 AND "
                                      "shard = ?2 AND bucket = ?3"));
  bind_key(*drop, source, key);
  return drop->run();
}

Result<void> SqliteBackend::drop_slice(SourceId source, const SliceKey& key) {
  HIRESTREAM_ASSIGN(Statement * drop,
                    database().cached("DELETE FROM hirestream_slices WHERE source_id = ?1 AND "
                                      "shard = ?2 AND bucket = ?3"));
  bind_key(*drop, source, key);
  HIRESTREAM_TRY(drop->run());
  return drop_deltas(source, key);
}

// A row rejected before keeps the time when it was first seen.
Result<void> SqliteBackend::write_rejects(const Commit& commit, const SliceChange& change) {
  HIRESTREAM_ASSIGN(
      Statement * upsert,
      database().cached("INSERT INTO hirestream_rejects (source_id, shard, bucket, row_id, "
                        "revision, reason, column_name, value, row_json, first_seen_us) VALUES "
                        "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (source_id, shard, "
                        "bucket, row_id) DO UPDATE SET revision = excluded.revision, reason = "
                        "excluded.reason, column_name = excluded.column_name, value = "
                        "excluded.value, row_json = excluded.row_json"));
  const int64_t revision = change.entry.revision + 1;
  for (const RejectedRow& row : change.rejects) {
    std::array<uint8_t, 16> id{};
    row_id_to_bytes(row.id, id);
    bind_key(*upsert, commit.source, change.entry.key);
    upsert->bind_blob(4, {reinterpret_cast<const char*>(id.data()), id.size()});
    upsert->bind(5, revision).bind(6, std::string_view(row.reason));
    upsert->bind(7, std::string_view(row.column)).bind(8, std::string_view(row.value));
    upsert->bind(9, std::string_view(row.row)).bind(10, commit.now_us);
    HIRESTREAM_TRY(upsert->run());
  }
  if (change.mode == ChangeMode::kReplace && change.entry.revision != 0) {
    HIRESTREAM_ASSIGN(Statement * drop,
                      database().cached("DELETE FROM hirestream_rejects WHERE source_id = ?1 AND "
                                        "shard = ?2 AND bucket = ?3 AND revision < ?4"));
    bind_key(*drop, commit.source, change.entry.key);
    HIRESTREAM_TRY(drop->bind(4, revision).run());
  }
  return {};
}

Result<std::string> SqliteBackend::kind_of(SourceId source) {
  HIRESTREAM_ASSIGN(Statement * row,
                    database().cached("SELECT kind FROM hirestream_sources WHERE id = ?1"));
  HIRESTREAM_ASSIGN(bool found, row->bind(1, int64_t{source}).step());
  std::string kind(found ? row->text(0) : std::string_view());
  row->reset();
  if (!found) {
    return fail(ErrorKind::kBug, "commit", session_->subject(),
                "source " + std::to_string(source) + " is not registered");
  }
  return kind;
}

Result<void> SqliteBackend::write_cells(const Commit& commit) {
  HIRESTREAM_ASSIGN(const std::string kind, kind_of(commit.source));
  HIRESTREAM_ASSIGN(
      Statement * upsert,
      database().cached(
          std::string(
              "INSERT INTO events_micros (days, hours, job_id, publisher_id, campaign_id, "
              "group_id, "
              "impressions, clicks, conversions, qualified, unqualified, bid_micros, company_id, "
              "sources, updated_at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
              "?13, "
              "?14, ?15) ON CONFLICT (days, hours, job_id, publisher_id, campaign_id, group_id) DO "
              "UPDATE SET impressions = impressions + excluded.impressions, clicks = clicks + "
              "excluded.clicks, conversions = conversions + excluded.conversions, qualified = "
              "qualified + excluded.qualified, unqualified = unqualified + excluded.unqualified, "
              "bid_micros = bid_micros + excluded.bid_micros, company_id = CASE WHEN "
              "excluded.company_id <> 0 THEN excluded.company_id ELSE company_id END, "
              "updated_at_us = "
              "excluded.updated_at_us, sources = ") +
          sql::rename_new(session_->dialect().merged_sources("events_micros"), "excluded.", "")));
  upsert->bind(14, sql::sources_name(kind)).bind(15, commit.now_us);
  for (const CellChange& cell : commit.cells) {
    const int measures = bind_cell_key(*upsert, 1, cell.key);
    upsert->bind(bind_measures(*upsert, measures, cell.delta), cell.company_id);
    if (auto done = upsert->run(); !done) {
      return of_cell(std::move(done).error(), cell.key, fmt::format(", hour {}", cell.key.hour()));
    }
  }
  return delete_zero_cells(commit);
}

Result<void> SqliteBackend::delete_zero_cells(const Commit& commit) {
  HIRESTREAM_ASSIGN(
      Statement * drop,
      database().cached("DELETE FROM events_micros WHERE days = ?1 AND hours = ?2 AND job_id = ?3 "
                        "AND publisher_id = ?4 AND campaign_id = ?5 AND group_id = ?6 AND "
                        "impressions = 0 AND clicks = 0 AND conversions = 0 AND qualified = 0 AND "
                        "unqualified = 0 AND bid_micros = 0"));
  for (const CellChange& cell : commit.cells) {
    if (cell.delta.any_negative()) {
      bind_cell_key(*drop, 1, cell.key);
      HIRESTREAM_TRY(drop->run());
    }
  }
  return {};
}

Result<void> SqliteBackend::write_days(const Commit& commit) {
  HIRESTREAM_ASSIGN(
      Statement * upsert,
      database().cached(
          "INSERT INTO hirestream_days (days, job_id, publisher_id, campaign_id, group_id, "
          "impressions, clicks, conversions, qualified, unqualified, bid_micros, company_id) "
          "VALUES "
          "(?1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT (days, job_id, "
          "publisher_id, campaign_id, group_id) DO UPDATE SET impressions = impressions + "
          "excluded.impressions, clicks = clicks + excluded.clicks, conversions = conversions + "
          "excluded.conversions, qualified = qualified + excluded.qualified, unqualified = "
          "unqualified + excluded.unqualified, bid_micros = bid_micros + excluded.bid_micros, "
          "company_id = CASE WHEN excluded.company_id <> 0 THEN excluded.company_id ELSE "
          "company_id END"));
  HIRESTREAM_ASSIGN(
      Statement * drop,
      database().cached(
          "DELETE FROM hirestream_days WHERE days = ?1 AND job_id = ?3 AND "
          "publisher_id = ?4 AND campaign_id = ?5 AND group_id = ?6 AND impressions = "
          "0 AND clicks = 0 AND conversions = 0 AND qualified = 0 AND unqualified = 0 "
          "AND bid_micros = 0"));
  HIRESTREAM_ASSIGN(const std::vector<CellChange> days, days_of(commit));
  for (const CellChange& day : days) {
    const int measures = bind_cell_key(*upsert, 1, day.key);
    upsert->bind(bind_measures(*upsert, measures, day.delta), day.company_id);
    if (auto done = upsert->run(); !done) {
      return of_cell(std::move(done).error(), day.key, "");
    }
    if (day.delta.any_negative()) {
      bind_cell_key(*drop, 1, day.key);
      HIRESTREAM_TRY(drop->run());
    }
  }
  return {};
}

Result<void> SqliteBackend::write_progress(const Commit& commit) {
  HIRESTREAM_ASSIGN(
      Statement * raise,
      database().cached(
          "INSERT INTO hirestream_writers (source_id, shard, epoch, owner, token, settled_until, "
          "updated_at_us) VALUES (?1, ?2, 0, '', 0, ?3, ?4) ON CONFLICT (source_id, shard) DO "
          "UPDATE SET settled_until = max(COALESCE(settled_until, excluded.settled_until), "
          "excluded.settled_until)"));
  for (const auto& [shard, bucket] : commit.settled_until) {
    raise->bind(1, int64_t{commit.source}).bind(2, int64_t{shard});
    HIRESTREAM_TRY(raise->bind(3, bucket).bind(4, commit.now_us).run());
  }
  return {};
}

Result<CommitOutcome> SqliteBackend::commit(const Commit& commit) {
  check_commit(commit);
  HIRESTREAM_ASSIGN(Transaction transaction, session_->begin_write());
  HIRESTREAM_ASSIGN(const bool jobs_hold, sql::jobs_hold(*session_, commit));
  if (!jobs_hold) {
    return CommitOutcome{CommitVerdict::kJobsMoved, {}};
  }
  HIRESTREAM_ASSIGN(bool holds, epochs_hold(commit));
  if (!holds) {
    return CommitOutcome{CommitVerdict::kFenced, {}};
  }
  if (commit.based_on_changes) {
    HIRESTREAM_CHECK(commit.writers.empty());
    HIRESTREAM_ASSIGN(const int64_t now, sql::count_of_changes(*session_));
    if (now != *commit.based_on_changes) {
      return CommitOutcome{CommitVerdict::kConflict, {}};
    }
  }
  HIRESTREAM_ASSIGN(std::vector<SliceKey> moved, moved_slices(commit));
  if (!moved.empty()) {
    return CommitOutcome{CommitVerdict::kConflict, std::move(moved)};
  }
  for (const SliceChange& change : commit.slices) {
    HIRESTREAM_TRY(write_slice(commit, change));
  }
  HIRESTREAM_TRY(sql::write_frozen(*session_, commit));
  HIRESTREAM_TRY(sql::write_fingerprint(*session_, commit));
  HIRESTREAM_TRY(write_cells(commit));
  HIRESTREAM_TRY(write_days(commit));
  HIRESTREAM_TRY(sql::write_kinds(*session_, commit));
  HIRESTREAM_TRY(write_progress(commit));
  if (commit.writers.empty()) {
    HIRESTREAM_TRY(sql::note_change(*session_));
  }
  if (auto done = transaction.commit(); !done) {
    // A failing disk does not say whether the last frames of the log are on it.
    if ((database().last_error_code() & 0xff) == SQLITE_IOERR) {
      return CommitOutcome{CommitVerdict::kUnknown, {}};
    }
    return forward(std::move(done).error());
  }
  return CommitOutcome{};
}

Result<bool> SqliteBackend::resolve(const Commit& commit) {
  HIRESTREAM_TRY(session_->reopen());
  HIRESTREAM_ASSIGN(Transaction transaction, session_->begin_write());
  const auto token = std::bit_cast<int64_t>(commit.token);
  HIRESTREAM_ASSIGN(Statement writer,
                    database().prepare("SELECT 1 FROM hirestream_writers WHERE source_id = ?1 AND "
                                       "shard = ?2 AND token = ?3"));
  for (const WriterEpoch& held : commit.writers) {
    writer.bind(1, int64_t{commit.source}).bind(2, int64_t{held.shard}).bind(3, token);
    HIRESTREAM_ASSIGN(bool found, writer.step());
    if (found) {
      return true;
    }
  }
  // Another engine may have taken the writer's row since: the slices remember too.
  HIRESTREAM_ASSIGN(Statement slice,
                    database().prepare("SELECT 1 FROM hirestream_slices WHERE source_id = ?1 AND "
                                       "shard = ?2 AND bucket = ?3 AND token = ?4"));
  for (const SliceChange& change : commit.slices) {
    bind_key(slice, commit.source, change.entry.key);
    HIRESTREAM_ASSIGN(bool found, slice.bind(4, token).step());
    if (found) {
      return true;
    }
  }
  return false;
}

}  // namespace hirestream
