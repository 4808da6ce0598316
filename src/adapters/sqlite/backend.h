// A warehouse on SQLite: the embedded default. The counters live as integers in `events_micros`;
// the view `events` shows them with the column names people chart. Several processes may open the
// file: WAL, one writer at a time, readers never wait.
//
// Threading, errors: as the port says. A lock held by another process for longer than busy_timeout
// is kTransient, a full disk too; a read-only file is kConfig. Every commit is synced before it is
// reported (unless synchronous_full is off).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/sql/backend.h"
#include "adapters/sql/migration.h"
#include "adapters/sqlite/session.h"

namespace hirestream {

struct SqliteWarehouseConfig {
  std::string path;
  bool create = true;  // the file, if it is not there
  std::chrono::milliseconds busy_timeout{5000};
  bool synchronous_full = true;  // commits survive power loss, not only kill -9
};

// Gives rows of job ?1 in a table the company ?2 where theirs compares so ("<" or ">"): a range of
// the index of job and company, which "another one" would not be. `touch`: what else to set.
std::string sqlite_rewrite_companies(const char* table, const char* touch, const char* comparison);

class SqliteBackend final : public sql::Backend {
 public:
  static Result<std::unique_ptr<SqliteBackend>> open(const SqliteWarehouseConfig& config);

  sqlite::Session& session() override { return *session_; }
  std::vector<std::string> schema_statements() const override;
  Result<EventsTableState> events_table() override;
  Result<void> init() override;
  Result<Migration> migrate(int64_t now_us, std::optional<int32_t> until_hour) override;
  Result<std::vector<std::string>> foresee_migration() override;
  Result<CommitOutcome> commit(const Commit& commit) override;
  Result<bool> resolve(const Commit& commit) override;
  Result<int64_t> rewrite_companies(const std::map<int64_t, int64_t>& companies,
                                    int64_t now_us) override;
  Result<void> be_patient() override { return {}; }
  Result<void> use_ledger(const sql::LedgerTables&) override;
  Result<std::unique_ptr<sql::ShadowTables>> shadow_tables(const std::string& run) override;

  // What `doctor` shows: name and finding.
  Result<std::vector<std::pair<std::string, std::string>>> probe();

 private:
  explicit SqliteBackend(std::unique_ptr<sqlite::Session> session) : session_(std::move(session)) {}

  sqlite::Database& database() { return session_->database(); }
  Result<bool> exists(const char* type, const char* name);
  // In a transaction.
  Result<void> fill_days();
  Result<void> check_schema_version();
  Result<void> check_column_types();
  Result<void> create_missing();
  Result<void> check_migration();
  Result<Migration> migrate_rows(const sql::OldEvents& old, int64_t now_us,
                                 std::optional<int32_t> until_hour);

  Result<bool> epochs_hold(const Commit& commit);
  Result<std::vector<SliceKey>> moved_slices(const Commit& commit);
  Result<void> write_slice(const Commit& commit, const SliceChange& change);
  Result<void> write_rejects(const Commit& commit, const SliceChange& change);
  Result<void> drop_deltas(SourceId source, const SliceKey& key);
  Result<void> drop_slice(SourceId source, const SliceKey& key);
  Result<void> write_cells(const Commit& commit);
  Result<void> delete_zero_cells(const Commit& commit);
  Result<void> write_days(const Commit& commit);
  Result<void> write_progress(const Commit& commit);
  Result<std::string> kind_of(SourceId source);

  std::unique_ptr<sqlite::Session> session_;
};

Result<std::unique_ptr<Warehouse>> open_sqlite_warehouse(const SqliteWarehouseConfig& config);

}  // namespace hirestream
