#include "adapters/sqlite/warehouse.h"

#include <fmt/format.h>

#include <bit>
#include <filesystem>
#include <set>

#include "adapters/sql/fingerprint_json.h"
#include "adapters/sqlite/warehouse_schema.h"
#include "aggregation/contribution_codec.h"
#include "ports/source_check.h"

namespace hirestream {
namespace {

using sqlite::Statement;
using sqlite::Transaction;
using sqlite::TransactionMode;

// What was counted is gone from `events`: nobody may add to it, under any name.
Result<void> check_rows_are_there(sqlite::Database& database, const SourceRegistration& given) {
  HIRESTREAM_ASSIGN(Statement lost,
                    database.prepare("SELECT NOT EXISTS (SELECT 1 FROM events_micros) AND EXISTS "
                                     "(SELECT 1 FROM hirestream_slices WHERE counted > 0)"));
  HIRESTREAM_TRY(lost.step());
  return lost.integer(0) != 0 ? refuse_ledger_without_rows(given) : Result<void>();
}

// Within the transaction that registers it.
Result<void> check_new_name(sqlite::Database& database, const SourceRegistration& given) {
  HIRESTREAM_ASSIGN(
      Statement rows,
      database.prepare("SELECT name, kind, fingerprint FROM hirestream_sources ORDER BY id"));
  std::vector<SourceRegistration> known;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      break;
    }
    known.push_back(
        {std::string(rows.text(0)), std::string(rows.text(1)), decode_fingerprint(rows.text(2))});
  }
  HIRESTREAM_TRY(check_new_source(known, given));
  if (!known.empty()) {
    return check_rows_are_there(database, given);
  }
  HIRESTREAM_ASSIGN(Statement unknown,
                    database.prepare("SELECT EXISTS (SELECT 1 FROM events_micros) AND NOT EXISTS "
                                     "(SELECT 1 FROM hirestream_frozen)"));
  HIRESTREAM_TRY(unknown.step());
  return unknown.integer(0) != 0 ? refuse_rows_without_ledger(given) : Result<void>();
}

// Columns of a SELECT over hirestream_slices, as read by read_entry.
constexpr const char* kEntryColumns =
    "shard, bucket, name, tag, revision, state, row_count, row_hash, counted, unattributed, "
    "other_kinds, rejected, too_late, settled_at_us, audited_at_us, "
    "corrected_at_us, held";
constexpr int kEntryColumnCount = 17;

LedgerEntry read_entry(const Statement& row) {
  LedgerEntry entry;
  entry.key = {static_cast<int32_t>(row.integer(0)), row.integer(1)};
  entry.name = row.text(2);
  entry.tag = row.text(3);
  entry.revision = row.integer(4);
  entry.state = static_cast<SliceState>(row.integer(5));
  entry.digest = {row.integer(6), std::bit_cast<uint64_t>(row.integer(7))};
  entry.classes = {row.integer(8), row.integer(9), row.integer(10), row.integer(11),
                   row.integer(12)};
  entry.settled_at_us = row.integer(13);
  entry.audited_at_us = row.integer(14);
  entry.corrected_at_us = row.integer(15);
  entry.held = row.integer(16) != 0;
  return entry;
}

}  // namespace

Result<std::unique_ptr<SqliteWarehouse>> SqliteWarehouse::open(
    const SqliteWarehouseConfig& config) {
  std::error_code ignored;
  if (!config.create && !std::filesystem::exists(config.path, ignored) && !ignored) {
    return fail(ErrorKind::kConfig, "open", config.path, "there is no such file",
                "check the path; `hirestream run` and `hirestream init` make the file");
  }
  HIRESTREAM_ASSIGN(sqlite::Database database,
                    sqlite::Database::open({.path = config.path,
                                            .mode = config.create ? sqlite::OpenMode::kCreate
                                                                  : sqlite::OpenMode::kReadWrite,
                                            .busy_timeout = config.busy_timeout,
                                            .synchronous_full = config.synchronous_full}));
  return std::unique_ptr<SqliteWarehouse>(new SqliteWarehouse(config, std::move(database)));
}

Result<void> SqliteWarehouse::reopen() {
  if (config_.path == ":memory:") {
    return {};
  }
  HIRESTREAM_ASSIGN(database_,
                    sqlite::Database::open({.path = config_.path,
                                            .mode = sqlite::OpenMode::kReadWrite,
                                            .busy_timeout = config_.busy_timeout,
                                            .synchronous_full = config_.synchronous_full}));
  return {};
}

std::string SqliteWarehouse::server() const {
  return "sqlite " + sqlite::Database::version();
}

Result<SourceId> SqliteWarehouse::register_source(const SourceRegistration& registration) {
  const std::string encoded = encode_fingerprint(registration.fingerprint);
  const SourceRegistration given{registration.name, registration.kind, decode_fingerprint(encoded)};
  HIRESTREAM_ASSIGN(Transaction transaction,
                    Transaction::begin(database_, TransactionMode::kWrite));
  HIRESTREAM_ASSIGN(
      Statement * find,
      database_.cached("SELECT id, kind, fingerprint FROM hirestream_sources WHERE name = ?1"));
  find->bind(1, std::string_view(given.name));
  HIRESTREAM_ASSIGN(bool known, find->step());
  if (known) {
    const auto id = static_cast<SourceId>(find->integer(0));
    const SourceRegistration stored{given.name, std::string(find->text(1)),
                                    decode_fingerprint(find->text(2))};
    find->reset();
    HIRESTREAM_TRY(check_known_source(stored, given));
    HIRESTREAM_TRY(check_rows_are_there(database_, given));
    return id;
  }
  HIRESTREAM_TRY(check_new_name(database_, given));
  HIRESTREAM_ASSIGN(Statement * insert,
                    database_.cached("INSERT INTO hirestream_sources (name, kind, fingerprint) "
                                     "VALUES (?1, ?2, ?3)"));
  insert->bind(1, std::string_view(given.name)).bind(2, std::string_view(given.kind));
  insert->bind(3, std::string_view(encoded));
  HIRESTREAM_TRY(insert->run());
  const auto id = static_cast<SourceId>(database_.last_insert_row_id());
  HIRESTREAM_TRY(transaction.commit());
  return id;
}

Result<std::vector<SourceStatus>> SqliteWarehouse::sources() {
  HIRESTREAM_ASSIGN(const auto snapshot, begin_read());
  HIRESTREAM_ASSIGN(
      Statement rows,
      database_.prepare(
          "SELECT a.source_id, a.name, a.kind, s.fingerprint, a.counted, a.unattributed, "
          "a.other_kinds, a.rejected, a.too_late, a.slices_open, a.slices_settled, "
          "a.slices_frozen, a.slices_held FROM hirestream_accounting a "
          "JOIN hirestream_sources s ON s.id = a.source_id ORDER BY a.source_id"));
  std::vector<SourceStatus> all;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      break;
    }
    SourceStatus status;
    status.id = static_cast<SourceId>(rows.integer(0));
    status.name = rows.text(1);
    status.kind = rows.text(2);
    status.fingerprint = decode_fingerprint(rows.text(3));
    status.classes = {rows.integer(4), rows.integer(5), rows.integer(6), rows.integer(7),
                      rows.integer(8)};
    status.slices_open = rows.integer(9);
    status.slices_settled = rows.integer(10);
    status.slices_frozen = rows.integer(11);
    status.slices_held = rows.integer(12);
    all.push_back(std::move(status));
  }
  HIRESTREAM_ASSIGN(Statement settled,
                    database_.prepare("SELECT shard, settled_until FROM hirestream_writers "
                                      "WHERE source_id = ?1 AND settled_until IS NOT NULL"));
  for (auto& status : all) {
    settled.bind(1, int64_t{status.id});
    while (true) {
      HIRESTREAM_ASSIGN(bool more, settled.step());
      if (!more) {
        break;
      }
      status.settled_until[static_cast<int32_t>(settled.integer(0))] = settled.integer(1);
    }
  }
  return all;
}

Result<std::vector<WriterEpoch>> SqliteWarehouse::take_epochs(SourceId source,
                                                              std::span<const int32_t> shards,
                                                              const std::string& owner) {
  HIRESTREAM_ASSIGN(Transaction transaction,
                    Transaction::begin(database_, TransactionMode::kWrite));
  HIRESTREAM_ASSIGN(
      Statement take,
      database_.prepare(
          "INSERT INTO hirestream_writers (source_id, shard, epoch, owner, token, updated_at_us) "
          "VALUES (?1, ?2, 1, ?3, 0, CAST(strftime('%s', 'now') AS INTEGER) * 1000000) "
          "ON CONFLICT (source_id, shard) DO UPDATE SET epoch = epoch + 1, owner = excluded.owner, "
          "updated_at_us = excluded.updated_at_us RETURNING epoch"));
  std::vector<WriterEpoch> epochs;
  for (const int32_t shard : shards) {
    take.bind(1, int64_t{source});
    take.bind(2, int64_t{shard});
    take.bind(3, std::string_view(owner));
    HIRESTREAM_ASSIGN(bool row, take.step());
    HIRESTREAM_CHECK(row);
    epochs.push_back({shard, take.integer(0)});
    HIRESTREAM_TRY(take.run());
  }
  HIRESTREAM_TRY(transaction.commit());
  return epochs;
}

Result<std::vector<LedgerEntry>> SqliteWarehouse::load_ledger(SourceId source,
                                                              std::span<const int32_t> shards,
                                                              int64_t from_bucket) {
  HIRESTREAM_ASSIGN(const auto snapshot, begin_read());
  HIRESTREAM_ASSIGN(Statement rows, database_.prepare(fmt::format(
                                        "SELECT {} FROM hirestream_slices WHERE source_id = ?1 AND "
                                        "bucket >= ?2 ORDER BY shard, bucket",
                                        kEntryColumns)));
  rows.bind(1, int64_t{source}).bind(2, from_bucket);
  const std::set<int32_t> wanted(shards.begin(), shards.end());
  std::vector<LedgerEntry> entries;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return entries;
    }
    LedgerEntry entry = read_entry(rows);
    if (wanted.empty() || wanted.contains(entry.key.shard)) {
      entries.push_back(std::move(entry));
    }
  }
}

// Adds the slice's deltas to what the base blob gave.
Result<void> SqliteWarehouse::fold(SourceId source, StoredContribution& stored) {
  HIRESTREAM_ASSIGN(Statement * deltas,
                    database_.cached("SELECT contribution FROM hirestream_deltas WHERE "
                                     "source_id = ?1 AND shard = ?2 AND bucket = ?3"));
  const SliceKey key = stored.entry.key;
  deltas->bind(1, int64_t{source}).bind(2, int64_t{key.shard}).bind(3, key.bucket);
  bool folded = false;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, deltas->step());
    if (!more) {
      break;
    }
    auto delta = decode_contribution(deltas->blob(0));
    if (!delta) {
      stored.damaged = true;
      continue;
    }
    stored.contribution.insert(stored.contribution.end(), delta->begin(), delta->end());
    folded = true;
  }
  if (folded) {
    canonicalize(stored.contribution);
  }
  return {};
}

Result<std::vector<StoredContribution>> SqliteWarehouse::load_contributions(
    SourceId source, std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(const auto snapshot, begin_read());
  HIRESTREAM_ASSIGN(Statement row, database_.prepare(fmt::format(
                                       "SELECT {}, contribution FROM hirestream_slices WHERE "
                                       "source_id = ?1 AND shard = ?2 AND bucket = ?3",
                                       kEntryColumns)));
  std::vector<StoredContribution> all;
  all.reserve(keys.size());
  for (const SliceKey& key : keys) {
    StoredContribution& stored = all.emplace_back();
    stored.entry.key = key;
    row.bind(1, int64_t{source}).bind(2, int64_t{key.shard}).bind(3, key.bucket);
    HIRESTREAM_ASSIGN(bool found, row.step());
    if (!found) {
      continue;
    }
    stored.entry = read_entry(row);
    if (!row.is_null(kEntryColumnCount)) {
      auto base = decode_contribution(row.blob(kEntryColumnCount));
      stored.damaged = !base;
      if (base) {
        stored.contribution = std::move(*base);
      }
    }
    row.reset();
    HIRESTREAM_TRY(fold(source, stored));
    if (stored.damaged) {
      stored.contribution.clear();
    }
  }
  return all;
}

Result<std::vector<Job>> SqliteWarehouse::load_jobs() {
  HIRESTREAM_ASSIGN(
      Statement rows,
      database_.prepare("SELECT job_id, company_id, group_id, campaign_id, title, company_name, "
                        "campaign_name, group_name FROM hirestream_jobs ORDER BY job_id"));
  std::vector<Job> jobs;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return jobs;
    }
    jobs.push_back({rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3),
                    std::string(rows.text(4)), std::string(rows.text(5)), std::string(rows.text(6)),
                    std::string(rows.text(7))});
  }
}

Result<int64_t> SqliteWarehouse::store_jobs(std::span<const Job> changed, int64_t now_us) {
  HIRESTREAM_ASSIGN(Transaction transaction,
                    Transaction::begin(database_, TransactionMode::kWrite));
  HIRESTREAM_ASSIGN(
      Statement store,
      database_.prepare("INSERT OR REPLACE INTO hirestream_jobs (job_id, company_id, group_id, "
                        "campaign_id, title, company_name, campaign_name, group_name, "
                        "updated_at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
  HIRESTREAM_ASSIGN(Statement rewrite,
                    database_.prepare("UPDATE events_micros SET company_id = ?2, updated_at_us = "
                                      "?3 WHERE job_id = ?1 AND company_id <> ?2"));
  HIRESTREAM_ASSIGN(Statement rewrite_days,
                    database_.prepare("UPDATE hirestream_days SET company_id = ?2 WHERE job_id = "
                                      "?1 AND company_id <> ?2"));
  int64_t rewritten = 0;
  for (const Job& job : changed) {
    store.bind(1, job.job_id).bind(2, job.company_id).bind(3, job.group_id);
    store.bind(4, job.campaign_id).bind(5, std::string_view(job.title));
    store.bind(6, std::string_view(job.company_name));
    store.bind(7, std::string_view(job.campaign_name));
    store.bind(8, std::string_view(job.group_name)).bind(9, now_us);
    HIRESTREAM_TRY(store.run());
    rewrite.bind(1, job.job_id).bind(2, job.company_id).bind(3, now_us);
    HIRESTREAM_TRY(rewrite.run());
    rewritten += database_.changes();
    HIRESTREAM_TRY(rewrite_days.bind(1, job.job_id).bind(2, job.company_id).run());
  }
  HIRESTREAM_TRY(note_change());
  HIRESTREAM_TRY(transaction.commit());
  return rewritten;
}

Result<void> SqliteWarehouse::store_publishers(std::span<const Publisher> changed) {
  HIRESTREAM_ASSIGN(Transaction transaction,
                    Transaction::begin(database_, TransactionMode::kWrite));
  HIRESTREAM_ASSIGN(Statement store,
                    database_.prepare("INSERT OR REPLACE INTO hirestream_publishers "
                                      "(publisher_id, name) VALUES (?1, ?2)"));
  for (const Publisher& publisher : changed) {
    HIRESTREAM_TRY(
        store.bind(1, publisher.publisher_id).bind(2, std::string_view(publisher.name)).run());
  }
  HIRESTREAM_TRY(note_change());
  return transaction.commit();
}

Result<void> SqliteWarehouse::note_change() {
  return database_.execute(kSqliteNoteChange);
}

Result<std::optional<Transaction>> SqliteWarehouse::begin_read() {
  if (snapshot_) {
    return std::optional<Transaction>();
  }
  HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(database_, TransactionMode::kRead));
  return std::optional<Transaction>(std::move(transaction));
}

Result<void> SqliteWarehouse::begin_snapshot() {
  HIRESTREAM_CHECK(!snapshot_);
  HIRESTREAM_ASSIGN(Transaction snapshot, Transaction::begin(database_, TransactionMode::kRead));
  snapshot_.emplace(std::move(snapshot));
  HIRESTREAM_TRY(changes());  // a read transaction begins with its first read
  return {};
}

void SqliteWarehouse::end_snapshot() {
  snapshot_.reset();
}

Result<int64_t> SqliteWarehouse::changes() {
  HIRESTREAM_ASSIGN(Statement row,
                    database_.prepare("SELECT CAST(value AS INTEGER) FROM hirestream_meta WHERE "
                                      "name = 'changes'"));
  HIRESTREAM_ASSIGN(const bool found, row.step());
  return found ? row.integer(0) : 0;
}

Result<void> SqliteWarehouse::read_events(
    const std::function<Result<void>(const EventsRow&)>& visit) {
  return walk(
      "SELECT days, hours, job_id, publisher_id, campaign_id, group_id, company_id, impressions, "
      "clicks, conversions, qualified, unqualified, bid_micros FROM events_micros ORDER BY days, "
      "hours, job_id, publisher_id, campaign_id, group_id",
      visit);
}

Result<void> SqliteWarehouse::read_days(
    const std::function<Result<void>(const EventsRow&)>& visit) {
  return walk(
      "SELECT days, 0, job_id, publisher_id, campaign_id, group_id, company_id, impressions, "
      "clicks, conversions, qualified, unqualified, bid_micros FROM hirestream_days ORDER BY days, "
      "job_id, publisher_id, campaign_id, group_id",
      visit);
}

Result<void> SqliteWarehouse::walk(const char* sql,
                                   const std::function<Result<void>(const EventsRow&)>& visit) {
  HIRESTREAM_ASSIGN(Statement rows, database_.prepare(sql));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return {};
    }
    EventsRow row;
    row.key.local_hour = static_cast<int32_t>(rows.integer(0) * 24 + rows.integer(1));
    row.key.job_id = rows.integer(2);
    row.key.publisher_id = rows.integer(3);
    row.key.campaign_id = rows.integer(4);
    row.key.group_id = rows.integer(5);
    row.company_id = rows.integer(6);
    row.measures = {rows.integer(7),  rows.integer(8),  rows.integer(9),
                    rows.integer(10), rows.integer(11), rows.integer(12)};
    HIRESTREAM_TRY(visit(row));
  }
}

Result<Contribution> SqliteWarehouse::frozen_totals() {
  HIRESTREAM_ASSIGN(
      Statement rows,
      database_.prepare("SELECT days, hours, SUM(impressions), SUM(clicks), SUM(conversions), "
                        "SUM(qualified), SUM(unqualified), SUM(bid_micros) FROM hirestream_frozen "
                        "GROUP BY days, hours ORDER BY days, hours"));
  Contribution totals;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      canonicalize(totals);
      return totals;
    }
    Cell cell;
    cell.key.local_hour = static_cast<int32_t>(rows.integer(0) * 24 + rows.integer(1));
    cell.measures = {rows.integer(2), rows.integer(3), rows.integer(4),
                     rows.integer(5), rows.integer(6), rows.integer(7)};
    totals.push_back(cell);
  }
}

Result<std::vector<StoredReject>> SqliteWarehouse::load_rejects(SourceId source, size_t limit) {
  HIRESTREAM_ASSIGN(
      Statement rows,
      database_.prepare("SELECT shard, bucket, row_id, reason, column_name, value, row_json, "
                        "first_seen_us FROM hirestream_rejects WHERE source_id = ?1 "
                        "ORDER BY first_seen_us DESC, shard, bucket, row_id LIMIT ?2"));
  rows.bind(1, int64_t{source});
  rows.bind(2, static_cast<int64_t>(std::min<size_t>(limit, INT64_MAX)));
  std::vector<StoredReject> rejects;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return rejects;
    }
    StoredReject reject;
    reject.slice = {static_cast<int32_t>(rows.integer(0)), rows.integer(1)};
    const std::string_view id = rows.blob(2);
    if (id.size() == 16) {
      reject.row.id = row_id_from_bytes(
          std::span<const uint8_t, 16>(reinterpret_cast<const uint8_t*>(id.data()), 16));
    }
    reject.row.reason = rows.text(3);
    reject.row.column = rows.text(4);
    reject.row.value = rows.text(5);
    reject.row.row = rows.text(6);
    reject.first_seen_us = rows.integer(7);
    rejects.push_back(std::move(reject));
  }
}

Result<void> SqliteWarehouse::expire_rejects(int64_t before_us, int64_t cap) {
  HIRESTREAM_ASSIGN(Transaction transaction,
                    Transaction::begin(database_, TransactionMode::kWrite));
  HIRESTREAM_ASSIGN(Statement old,
                    database_.prepare("DELETE FROM hirestream_rejects WHERE first_seen_us < ?1"));
  HIRESTREAM_TRY(old.bind(1, before_us).run());
  int64_t dropped = database_.changes();
  HIRESTREAM_ASSIGN(
      Statement beyond,
      database_.prepare("DELETE FROM hirestream_rejects WHERE rowid IN (SELECT rowid FROM "
                        "hirestream_rejects ORDER BY first_seen_us DESC, shard, bucket, row_id "
                        "LIMIT -1 OFFSET ?1)"));
  HIRESTREAM_TRY(beyond.bind(1, std::max<int64_t>(cap, 0)).run());
  dropped += database_.changes();
  if (dropped > 0) {
    HIRESTREAM_TRY(note_change());
  }
  return transaction.commit();
}

Result<std::vector<std::pair<std::string, std::string>>> SqliteWarehouse::probe() {
  std::vector<std::pair<std::string, std::string>> findings = {{"server", server()},
                                                               {"file", config_.path}};
  for (const char* pragma : {"journal_mode", "synchronous", "page_size", "page_count",
                             "freelist_count", "quick_check(1)"}) {
    HIRESTREAM_ASSIGN(Statement row, database_.prepare(fmt::format("PRAGMA {}", pragma)));
    HIRESTREAM_ASSIGN(bool found, row.step());
    findings.emplace_back(pragma, found ? std::string(row.text(0)) : std::string("-"));
  }
  HIRESTREAM_TRY(Transaction::begin(database_, TransactionMode::kWrite));
  findings.emplace_back("write lock", "ok");
  return findings;
}

}  // namespace hirestream
