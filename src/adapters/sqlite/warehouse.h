// ports/warehouse.h on SQLite: the embedded default. The counters live as integers in `events_micros`; the view `events` shows them with
// the column names people chart. Several processes may open the file: WAL, one writer at a time, readers never wait.
//
// Threading, errors: as the port says. A lock held by another process for longer than busy_timeout is kTransient, a full disk too;
// a read-only file is kConfig. Every commit is synced before it is reported (unless synchronous_full is off).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/sqlite/database.h"
#include "ports/warehouse.h"

namespace hirestream {

struct SqliteWarehouseConfig {
  std::string path;
  bool create = true;  // the file, if it is not there
  std::chrono::milliseconds busy_timeout{5000};
  bool synchronous_full = true;  // commits survive power loss, not only kill -9
};

class SqliteWarehouse final : public Warehouse {
 public:
  static Result<std::unique_ptr<SqliteWarehouse>> open(const SqliteWarehouseConfig& config);

  std::string server() const override;
  std::vector<std::string> schema_statements() const override;
  Result<EventsTableState> events_table() override;
  Result<void> init() override;
  Result<std::pair<int64_t, int64_t>> migrate(int64_t now_us) override;

  Result<SourceId> register_source(const SourceRegistration& registration) override;
  Result<std::vector<SourceStatus>> sources() override;
  Result<std::vector<WriterEpoch>> take_epochs(SourceId source, std::span<const int32_t> shards,
                                               const std::string& owner) override;

  Result<std::vector<LedgerEntry>> load_ledger(SourceId source, std::span<const int32_t> shards,
                                               int64_t from_bucket) override;
  Result<std::vector<StoredContribution>> load_contributions(
      SourceId source, std::span<const SliceKey> keys) override;
  Result<CommitOutcome> commit(const Commit& commit) override;
  Result<bool> resolve(const Commit& commit) override;

  Result<std::vector<Job>> load_jobs() override;
  Result<int64_t> store_jobs(std::span<const Job> changed, int64_t now_us) override;
  Result<void> store_publishers(std::span<const Publisher> changed) override;

  Result<void> begin_snapshot() override;
  void end_snapshot() override;
  Result<int64_t> changes() override;
  // `visit` may call other methods of this object.
  Result<void> read_events(const std::function<Result<void>(const EventsRow&)>& visit) override;
  Result<void> read_days(const std::function<Result<void>(const EventsRow&)>& visit) override;
  Result<Contribution> frozen_totals() override;
  // Newest first.
  Result<std::vector<StoredReject>> load_rejects(SourceId source, size_t limit) override;
  Result<void> expire_rejects(int64_t before_us, int64_t cap) override;

  // What `doctor` shows: name and finding.
  Result<std::vector<std::pair<std::string, std::string>>> probe();

 private:
  SqliteWarehouse(SqliteWarehouseConfig config, sqlite::Database database)
      : config_(std::move(config)), database_(std::move(database)) {}

  Result<void> reopen();
  Result<std::vector<std::string>> columns_of_events();
  Result<bool> exists(const char* type, const char* name);
  Result<bool> exists_column(const char* table, const char* name);
  Result<void> walk(const char* sql, const std::function<Result<void>(const EventsRow&)>& visit);
  // In a transaction.
  Result<void> fill_days();
  Result<void> check_schema_version();
  Result<void> create_missing();
  Result<void> check_column_types();
  Result<bool> has_counted();  // the ledger, if there is one
  Result<std::pair<int64_t, int64_t>> migrate_rows(const std::string& old_table, int64_t now_us);

  Result<bool> epochs_hold(const Commit& commit);
  Result<std::vector<SliceKey>> moved_slices(const Commit& commit);
  Result<void> write_slice(const Commit& commit, const SliceChange& change);
  Result<void> write_rejects(const Commit& commit, const SliceChange& change);
  Result<void> write_frozen(SourceId source, const Contribution& contribution);
  Result<void> write_cells(const Commit& commit);
  Result<void> delete_zero_cells(const Commit& commit);
  Result<void> write_days(const Commit& commit);
  Result<void> write_progress(const Commit& commit);
  Result<void> note_change();
  Result<std::string> kind_of(SourceId source);
  Result<void> fold(SourceId source, StoredContribution& stored);

  SqliteWarehouseConfig config_;
  // None within a snapshot: what it is for is there already.
  Result<std::optional<sqlite::Transaction>> begin_read();

  sqlite::Database database_;
  std::optional<sqlite::Transaction> snapshot_;
};

}  // namespace hirestream
