#include "adapters/sql/warehouse.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "adapters/sql/change_count.h"
#include "adapters/sql/events_table.h"
#include "adapters/sql/fingerprint_json.h"
#include "adapters/sql/multi_row_insert.h"
#include "adapters/sql/reject_row.h"
#include "adapters/sql/source_status.h"
#include "ports/source_check.h"

namespace hirestream {

using sql::Dialect;
using sql::MultiRowInsert;
using sql::Row;
using sql::Transaction;

namespace {

constexpr size_t kOwnerCharactersMax = 255;

}  // namespace

// What was counted is gone from `events`: nobody may add to it, under any name.
Result<void> SqlWarehouse::check_rows_are_there(const SourceRegistration& given) {
  HIRESTREAM_ASSIGN(const bool lost, sql::lacks_counted_rows(session_));
  return lost ? refuse_ledger_without_rows(given) : Result<void>();
}

// Within the transaction that registers it.
Result<void> SqlWarehouse::check_new_name(const SourceRegistration& given) {
  std::vector<SourceRegistration> known;
  HIRESTREAM_TRY(session_.each(
      "SELECT name, kind, fingerprint FROM hirestream_sources ORDER BY id", [&](const Row& row) {
        known.push_back(
            {std::string(row.text(0)), std::string(row.text(1)), decode_fingerprint(row.text(2))});
      }));
  HIRESTREAM_TRY(check_new_source(known, given));
  HIRESTREAM_ASSIGN(const auto migrated, migrated_hours());
  if (migrated) {
    HIRESTREAM_TRY(check_hand_over(*migrated, given));
  }
  if (!known.empty()) {
    return check_rows_are_there(given);
  }
  HIRESTREAM_ASSIGN(const bool unknown, sql::has_unknown_rows(session_));
  return unknown ? refuse_rows_without_ledger(given) : Result<void>();
}

Result<SourceId> SqlWarehouse::register_source(const SourceRegistration& registration) {
  const std::string encoded = encode_fingerprint(registration.fingerprint);
  const SourceRegistration given{registration.name, registration.kind, decode_fingerprint(encoded)};
  const auto find = [&](SourceId& id, SourceRegistration& stored) {
    return session_.first(
        fmt::format("SELECT id, kind, fingerprint FROM hirestream_sources WHERE name = {}",
                    session_.quoted(given.name)),
        [&](const Row& row) {
          id = static_cast<SourceId>(row.integer(0));
          stored = {given.name, std::string(row.text(1)), decode_fingerprint(row.text(2))};
        });
  };
  SourceId id = 0;
  SourceRegistration stored;
  HIRESTREAM_ASSIGN(bool known, find(id, stored));
  if (!known) {
    HIRESTREAM_ASSIGN(Transaction transaction, session_.begin_write());
    // One registers at a time.
    HIRESTREAM_TRY(
        session_.execute(fmt::format("SELECT value FROM hirestream_meta WHERE name = "
                                     "'schema_version'{}",
                                     session_.dialect().lock_rows)));
    HIRESTREAM_ASSIGN(known, find(id, stored));
    if (!known) {
      HIRESTREAM_ASSIGN(id, register_new(given, encoded));
      HIRESTREAM_TRY(transaction.commit());
      return id;
    }
  }
  HIRESTREAM_TRY(check_known_source(stored, given));
  HIRESTREAM_TRY(check_rows_are_there(given));
  if (stored.fingerprint != given.fingerprint) {
    HIRESTREAM_TRY(write_fingerprint(session_, id, given.fingerprint));
  }
  return id;
}

Result<SourceId> SqlWarehouse::register_new(const SourceRegistration& given,
                                            const std::string& encoded) {
  HIRESTREAM_TRY(check_new_name(given));
  HIRESTREAM_TRY(session_.execute(fmt::format(
      "INSERT INTO hirestream_sources (name, kind, fingerprint) VALUES ({}, {}, {})",
      session_.quoted(given.name), session_.quoted(given.kind), session_.quoted(encoded))));
  return static_cast<SourceId>(session_.last_insert_id());
}

Result<std::vector<SourceStatus>> SqlWarehouse::sources() {
  HIRESTREAM_ASSIGN(const auto snapshot, session_.begin_read());
  // Whoever goes on to read or repair these sources would take a newer version's ledger for ours.
  HIRESTREAM_TRY(sql::stored_version(session_));
  HIRESTREAM_ASSIGN(std::vector<SourceStatus> all, sql::read_source_status(session_));
  HIRESTREAM_TRY(session_.each(
      "SELECT source_id, shard, settled_until FROM hirestream_writers WHERE settled_until IS NOT "
      "NULL",
      [&](const Row& row) {
        const auto status = std::find_if(all.begin(), all.end(), [&](const SourceStatus& some) {
          return some.id == row.integer(0);
        });
        if (status != all.end()) {
          status->settled_until[static_cast<int32_t>(row.integer(1))] = row.integer(2);
        }
      }));
  return all;
}

Result<std::vector<WriterEpoch>> SqlWarehouse::take_epochs(SourceId source,
                                                           std::span<const int32_t> shards,
                                                           const std::string& owner) {
  std::vector<WriterEpoch> taken;
  if (shards.empty()) {
    return taken;
  }
  const Dialect& dialect = session_.dialect();
  const std::set<int32_t> sorted(shards.begin(), shards.end());
  HIRESTREAM_ASSIGN(Transaction transaction, session_.begin_write());
  MultiRowInsert take(
      session_,
      fmt::format("INSERT INTO hirestream_writers (source_id, shard, epoch, owner, token, {}) "
                  "VALUES",
                  dialect.updated_at),
      dialect.upsert("source_id, shard",
                     fmt::format("epoch = hirestream_writers.epoch + 1, owner = new.owner, {0} = "
                                 "new.{0}",
                                 dialect.updated_at)));
  for (const int32_t shard : sorted) {
    std::string& row = take.row();
    fmt::format_to(std::back_inserter(row), "{},{},1,", source, shard);
    session_.append_text(row, storable_name(owner, kOwnerCharactersMax));
    fmt::format_to(std::back_inserter(row), ",0,{}", dialect.now);
    HIRESTREAM_TRY(take.end_row());
  }
  HIRESTREAM_TRY(take.flush());
  std::map<int32_t, int64_t> epochs;
  HIRESTREAM_TRY(session_.each(
      fmt::format("SELECT shard, epoch FROM hirestream_writers WHERE source_id = {} AND shard IN "
                  "({})",
                  source, fmt::join(sorted, ",")),
      [&](const Row& row) { epochs[static_cast<int32_t>(row.integer(0))] = row.integer(1); }));
  HIRESTREAM_TRY(transaction.commit());
  for (const int32_t shard : shards) {
    taken.push_back({shard, epochs.at(shard)});
  }
  return taken;
}

Result<std::vector<Job>> SqlWarehouse::load_jobs() {
  std::vector<Job> jobs;
  HIRESTREAM_TRY(session_.each(
      "SELECT job_id, company_id, group_id, campaign_id, title, company_name, campaign_name, "
      "group_name FROM hirestream_jobs ORDER BY job_id",
      [&](const Row& row) {
        jobs.push_back({row.integer(0), row.integer(1), row.integer(2), row.integer(3),
                        std::string(row.text(4)), std::string(row.text(5)),
                        std::string(row.text(6)), std::string(row.text(7))});
      }));
  return jobs;
}

Result<int64_t> SqlWarehouse::jobs_version() {
  return sql::version_of_jobs(session_);
}

Result<StoredJobs> SqlWarehouse::store_jobs(std::span<const Job> changed, int64_t now_us) {
  const Dialect& dialect = session_.dialect();
  std::map<int64_t, Job> sorted;
  std::map<int64_t, int64_t> companies;
  for (const Job& job : changed) {
    sorted[job.job_id] = storable(job);
    companies[job.job_id] = job.company_id;
  }
  HIRESTREAM_ASSIGN(Transaction transaction, session_.begin_write());
  // First: a commit, which holds this row, has the companies of before and is over, or waits.
  HIRESTREAM_TRY(sql::note_jobs(session_));
  HIRESTREAM_TRY(sql::note_change(session_));
  MultiRowInsert store(
      session_,
      fmt::format("INSERT INTO hirestream_jobs (job_id, company_id, group_id, campaign_id, title, "
                  "company_name, campaign_name, group_name, {}) VALUES",
                  dialect.updated_at),
      dialect.upsert("job_id",
                     fmt::format("company_id = new.company_id, group_id = new.group_id, "
                                 "campaign_id = new.campaign_id, title = new.title, company_name = "
                                 "new.company_name, campaign_name = new.campaign_name, group_name "
                                 "= new.group_name, {0} = new.{0}",
                                 dialect.updated_at)));
  for (const auto& [id, job] : sorted) {
    std::string& row = store.row();
    fmt::format_to(std::back_inserter(row), "{},{},{},{}", id, job.company_id, job.group_id,
                   job.campaign_id);
    for (const std::string* name :
         {&job.title, &job.company_name, &job.campaign_name, &job.group_name}) {
      row += ',';
      session_.append_text(row, *name);
    }
    row += "," + dialect.moment_value(now_us);
    HIRESTREAM_TRY(store.end_row());
  }
  HIRESTREAM_TRY(store.flush());
  StoredJobs stored;
  HIRESTREAM_ASSIGN(stored.rewritten, backend_->rewrite_companies(companies, now_us));
  HIRESTREAM_ASSIGN(stored.version, sql::version_of_jobs(session_));
  HIRESTREAM_TRY(transaction.commit());
  return stored;
}

Result<void> SqlWarehouse::store_publishers(std::span<const Publisher> changed) {
  HIRESTREAM_ASSIGN(Transaction transaction, session_.begin_write());
  HIRESTREAM_TRY(sql::note_change(session_));
  MultiRowInsert store(session_, "INSERT INTO hirestream_publishers (publisher_id, name) VALUES",
                       session_.dialect().upsert("publisher_id", "name = new.name"));
  for (const Publisher& publisher : changed) {
    std::string& row = store.row();
    fmt::format_to(std::back_inserter(row), "{},", publisher.publisher_id);
    session_.append_text(row, storable(publisher).name);
    HIRESTREAM_TRY(store.end_row());
  }
  HIRESTREAM_TRY(store.flush());
  return transaction.commit();
}

Result<std::vector<StoredReject>> SqlWarehouse::load_rejects(SourceId source, size_t limit) {
  std::vector<StoredReject> rejects;
  HIRESTREAM_TRY(session_.each(
      fmt::format("SELECT shard, bucket, first_seen_us, {} FROM hirestream_rejects WHERE source_id "
                  "= {} ORDER BY first_seen_us DESC, shard, bucket, row_id LIMIT {}",
                  sql::kRejectColumns, source, std::min<size_t>(limit, INT64_MAX)),
      [&](const Row& row) {
        rejects.push_back({{static_cast<int32_t>(row.integer(0)), row.integer(1)},
                           sql::read_reject(row, 3),
                           row.integer(2)});
      }));
  return rejects;
}

Result<void> SqlWarehouse::expire_rejects(int64_t before_us, int64_t cap) {
  const std::string expired = fmt::format("hirestream_rejects WHERE first_seen_us < {}", before_us);
  const int64_t most = std::max<int64_t>(cap, 0);
  HIRESTREAM_ASSIGN(const int64_t any,
                    session_.number(fmt::format("SELECT EXISTS (SELECT 1 FROM {}) OR (SELECT "
                                                "COUNT(*) FROM hirestream_rejects) > {}",
                                                expired, most)));
  if (any == 0) {
    return {};
  }
  HIRESTREAM_ASSIGN(Transaction transaction, session_.begin_write());
  // Before rows are locked, as a commit does: it may be waiting for these.
  HIRESTREAM_TRY(sql::note_change(session_));
  HIRESTREAM_TRY(session_.execute("DELETE FROM " + expired));
  HIRESTREAM_ASSIGN(const int64_t kept, session_.number("SELECT COUNT(*) FROM hirestream_rejects"));
  if (kept > most) {
    HIRESTREAM_TRY(session_.execute(session_.dialect().delete_first(
        "hirestream_rejects", "first_seen_us, shard DESC, bucket DESC, row_id DESC", kept - most)));
  }
  return transaction.commit();
}

}  // namespace hirestream
