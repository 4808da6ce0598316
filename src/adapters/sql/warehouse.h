// ports/warehouse.h on every SQL database: all that is said alike, around one backend.
//
// Threading, errors: as the port says. The first failure inside a transaction rolls it back and is
// reported, nothing is retried here. read_events and read_days stream: their `visit` must not use
// this object.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/sql/backend.h"
#include "adapters/sql/frozen_sums.h"
#include "adapters/sql/kinds_table.h"
#include "ports/warehouse.h"

namespace hirestream {

class SqlWarehouse final : public Warehouse {
 public:
  explicit SqlWarehouse(std::unique_ptr<sql::Backend> backend)
      : backend_(std::move(backend)), session_(backend_->session()) {}

  std::string server() const override { return session_.server(); }
  std::vector<std::string> schema_statements() const override {
    return backend_->schema_statements();
  }
  Result<EventsTableState> events_table() override { return backend_->events_table(); }
  Result<void> init() override { return backend_->init(); }
  Result<Migration> migrate(int64_t now_us, std::optional<int32_t> until_hour) override {
    return backend_->migrate(now_us, until_hour);
  }
  Result<std::optional<MigratedHours>> migrated_hours() override;

  Result<SourceId> register_source(const SourceRegistration& registration) override;
  Result<std::vector<SourceStatus>> sources() override;
  Result<std::vector<WriterEpoch>> take_epochs(SourceId source, std::span<const int32_t> shards,
                                               const std::string& owner) override;

  Result<std::vector<FrozenMark>> load_frozen_marks(SourceId source,
                                                    std::span<const int32_t> shards) override {
    return sql::read_frozen_marks(session_, source, shards);
  }
  Result<std::vector<FrozenDay>> load_frozen_days(SourceId source) override {
    return sql::read_frozen_days(session_, source);
  }
  Result<std::vector<LedgerEntry>> load_ledger(SourceId source, std::span<const int32_t> shards,
                                               int64_t from_bucket) override;
  Result<std::vector<StoredContribution>> load_contributions(
      SourceId source, std::span<const SliceKey> keys) override;
  Result<CommitOutcome> commit(const Commit& commit) override { return backend_->commit(commit); }
  Result<bool> resolve(const Commit& commit) override { return backend_->resolve(commit); }

  Result<std::vector<Job>> load_jobs() override;
  // Names are stored as storable() makes them.
  Result<int64_t> jobs_version() override;
  Result<StoredJobs> store_jobs(std::span<const Job> changed, int64_t now_us) override;
  Result<void> store_publishers(std::span<const Publisher> changed) override;

  Result<int64_t> now_us() override {
    const sql::Dialect& dialect = session_.dialect();
    return session_.number("SELECT " + dialect.moment_micros(dialect.now));
  }

  Result<void> begin_snapshot() override;
  void end_snapshot() override { snapshot_.reset(); }
  Result<int64_t> changes() override;
  Result<void> read_events(const std::function<Result<void>(const EventsRow&)>& visit) override;
  Result<void> read_hour(int32_t local_hour,
                         const std::function<Result<void>(const EventsRow&)>& visit) override;
  Result<void> read_days(const std::function<Result<void>(const EventsRow&)>& visit) override;
  Result<Contribution> frozen_totals() override;
  // Newest first.
  Result<std::vector<StoredReject>> load_rejects(SourceId source, size_t limit) override;
  Result<std::vector<NotCounted>> load_not_counted(SourceId source, size_t limit) override {
    return sql::read_kinds(session_, source, limit);
  }
  Result<void> expire_rejects(int64_t before_us, int64_t cap) override;

  sql::Backend& backend() { return *backend_; }

 private:
  Result<SourceId> register_new(const SourceRegistration& given, const std::string& encoded);
  Result<void> check_new_name(const SourceRegistration& given);
  Result<void> check_rows_are_there(const SourceRegistration& given);
  Result<void> walk(const std::string& sql,
                    const std::function<Result<void>(const EventsRow&)>& visit);

  std::unique_ptr<sql::Backend> backend_;
  sql::Session& session_;
  std::optional<sql::Transaction> snapshot_;
};

}  // namespace hirestream
