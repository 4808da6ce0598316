// ports/warehouse.h on MySQL (8.0.19 and later) and MariaDB; the dialect is seen from the server's version.
//
// Threading, errors: as the port says. One session, opened anew when it was lost; the first failure inside a transaction rolls it back
// and is reported, nothing is retried here. read_events streams from the server: its `visit` must not use this object.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/mysql/connection.h"
#include "ports/warehouse.h"

namespace hirestream {

class MysqlWarehouse final : public Warehouse {
 public:
  // Connects, so that wrong settings are found at once. kTransient: the server cannot be reached.
  static Result<std::unique_ptr<MysqlWarehouse>> open(const MysqlConfig& config);

  std::string server() const override;
  std::vector<std::string> schema_statements() const override;
  Result<EventsTableState> events_table() override;
  Result<void> init() override;
  // Rows appended while it runs void it: the old table gets its name back and the error is kTransient.
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
  // kTransient while the old transaction still holds its locks.
  Result<bool> resolve(const Commit& commit) override;

  // Names of jobs are cut at 1000 characters; bytes that are not UTF-8 become U+FFFD.
  Result<std::vector<Job>> load_jobs() override;
  Result<int64_t> store_jobs(std::span<const Job> changed, int64_t now_us) override;
  Result<void> store_publishers(std::span<const Publisher> changed) override;

  Result<void> begin_snapshot() override;
  void end_snapshot() override;
  Result<int64_t> changes() override;
  Result<void> read_events(const std::function<Result<void>(const EventsRow&)>& visit) override;
  Result<void> read_days(const std::function<Result<void>(const EventsRow&)>& visit) override;
  Result<Contribution> frozen_totals() override;
  // Newest first.
  Result<std::vector<StoredReject>> load_rejects(SourceId source, size_t limit) override;
  Result<void> expire_rejects(int64_t before_us, int64_t cap) override;

  // What `doctor` shows: name and finding.
  Result<std::vector<std::pair<std::string, std::string>>> probe();
  // Of INSERT, UPDATE and DELETE, those this user lacks on our tables, which must exist.
  Result<std::vector<std::string>> missing_privileges();

  // Tests break the connection at a statement of their choice.
  void set_statement_hook(mysql::StatementHook hook);

 private:
  explicit MysqlWarehouse(MysqlConfig config) : config_(std::move(config)) {}

  // The session, opened or opened anew if need be. Nothing may be under way on it.
  Result<mysql::Connection*> ready();
  Result<void> reconnect();

  struct EventsTable {
    EventsTableState state = EventsTableState::kMissing;
    std::string fault;  // kForeign: what is wrong with it
    std::string alter;  // kForeign: the statement that widens columns that are too narrow
    std::vector<std::string> columns;
  };
  static Result<EventsTable> inspect_events(mysql::Connection& connection);
  Result<void> walk(const std::string& sql,
                    const std::function<Result<void>(const EventsRow&)>& visit);
  // Fills hirestream_days of a warehouse that had no such table; engines that do not know it are fenced.
  Result<void> add_days();
  // `but_events`: all tables except events.
  Result<void> create_missing(mysql::Connection& connection, bool but_events);
  Result<std::pair<int64_t, int64_t>> copy_grouped(mysql::Connection& connection,
                                                   const std::vector<std::string>& columns,
                                                   int64_t now_us);
  Result<std::vector<StoredContribution>> load_in_snapshot(mysql::Connection& connection,
                                                           SourceId source,
                                                           std::span<const SliceKey> keys);

  MysqlConfig config_;
  std::unique_ptr<mysql::Connection> connection_;
  mysql::StatementHook hook_;
  std::optional<mysql::Transaction> snapshot_;
};

}  // namespace hirestream
