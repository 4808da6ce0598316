// A warehouse on MySQL (8.0.19 and later) and MariaDB; the dialect is seen from the server's
// version.
//
// Threading, errors: as the port says.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/mysql/session.h"
#include "adapters/mysql/warehouse_schema.h"
#include "adapters/sql/backend.h"
#include "adapters/sql/migration.h"

namespace hirestream {

class MysqlBackend final : public sql::Backend {
 public:
  // Connects, so that wrong settings are found at once. kTransient: the server cannot be reached.
  static Result<std::unique_ptr<MysqlBackend>> open(const MysqlConfig& config);

  mysql::Session& session() override { return *session_; }
  std::vector<std::string> schema_statements() const override;
  Result<EventsTableState> events_table() override;
  Result<void> init() override;
  // Rows that are written while it runs void it: nothing is changed, and the error is kTransient.
  // Writers wait while the rows are read for the last time.
  Result<Migration> migrate(int64_t now_us, std::optional<int32_t> until_hour) override;
  Result<std::vector<std::string>> foresee_migration() override;
  Result<CommitOutcome> commit(const Commit& commit) override;
  // kTransient while the old transaction still holds its locks.
  Result<bool> resolve(const Commit& commit) override;
  Result<int64_t> rewrite_companies(const std::map<int64_t, int64_t>& companies,
                                    int64_t now_us) override;
  // With another connection, before anybody else uses the session.
  Result<void> be_patient() override;
  Result<void> use_ledger(const sql::LedgerTables& tables) override;
  Result<std::unique_ptr<sql::ShadowTables>> shadow_tables(const std::string& run) override;

  // What `doctor` shows: name and finding.
  Result<std::vector<std::pair<std::string, std::string>>> probe();
  // Makes the account where it is missing, with this password and what it needs of our tables,
  // which must exist; the engine's also reads the tables of jobs and publishers that are there. For
  // users who may make accounts. Run again it sets the password anew. The database is this one.
  Result<void> create_account(MysqlAccount account, const std::string& password,
                              MysqlGrants grants = {});
  // Of INSERT, UPDATE and DELETE, those this user lacks on our tables, which must exist: "UPDATE on
  // events".
  Result<std::vector<std::string>> missing_privileges();

 private:
  MysqlBackend(MysqlConfig config, std::unique_ptr<mysql::Session> session)
      : config_(std::move(config)), session_(std::move(session)) {}

  struct EventsTable {
    EventsTableState state = EventsTableState::kMissing;
    // kForeign: what is wrong with it, and the statement that widens columns that are too narrow.
    std::string fault;
    std::string alter;
    std::vector<std::string> columns;
  };
  static Result<EventsTable> inspect_events(mysql::Session& session);
  // For statements that take as long as the tables are large. Idle at most so long: its locks are
  // waited for by all engines, and its host may be gone.
  Result<std::unique_ptr<mysql::Session>> open_patient(
      std::chrono::seconds idle_max = std::chrono::minutes(10)) const;
  // Fills hirestream_days of a warehouse that had no such table; engines that do not know it are
  // fenced.
  Result<void> upgrade();
  // `but_events`: all tables except events.
  Result<void> create_missing(mysql::Session& session, bool but_events);
  Result<void> add_columns(mysql::Session& session);
  Result<void> add_indexes();
  Result<void> fold_case_of_sources();
  Result<Migration> migrate_rows(mysql::Session& session, const sql::OldEvents& old, int64_t now_us,
                                 std::optional<int32_t> until_hour);

  MysqlConfig config_;
  std::unique_ptr<mysql::Session> session_;
  bool ledger_alone_ = false;
};

Result<std::unique_ptr<Warehouse>> open_mysql_warehouse(const MysqlConfig& config);

}  // namespace hirestream
