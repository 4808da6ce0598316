#include "adapters/mysql/backend.h"

#include "adapters/mysql/commit_writer.h"
#include "adapters/mysql/company_rewriter.h"
#include "adapters/mysql/shadow_tables.h"
#include "adapters/sql/warehouse.h"

namespace hirestream {

using mysql::CommitWriter;
using mysql::Session;

Result<std::unique_ptr<MysqlBackend>> MysqlBackend::open(const MysqlConfig& config) {
  HIRESTREAM_ASSIGN(auto session, Session::open(config));
  return std::unique_ptr<MysqlBackend>(new MysqlBackend(config, std::move(session)));
}

Result<std::unique_ptr<Warehouse>> open_mysql_warehouse(const MysqlConfig& config) {
  HIRESTREAM_ASSIGN(auto backend, MysqlBackend::open(config));
  return std::unique_ptr<Warehouse>(std::make_unique<SqlWarehouse>(std::move(backend)));
}

Result<std::unique_ptr<Session>> MysqlBackend::open_patient(std::chrono::seconds idle_max) const {
  MysqlConfig patient = config_;
  patient.read_timeout = std::chrono::seconds(0);
  patient.table_lock_max = std::chrono::hours(24);
  patient.idle_max = idle_max;
  return Session::open(patient);
}

Result<void> MysqlBackend::be_patient() {
  HIRESTREAM_ASSIGN(session_, open_patient(std::chrono::hours(24)));
  return {};
}

Result<std::unique_ptr<sql::ShadowTables>> MysqlBackend::shadow_tables(const std::string& run) {
  HIRESTREAM_ASSIGN(auto locker, open_patient());
  HIRESTREAM_ASSIGN(auto guard, open_patient());
  return std::make_unique<mysql::ShadowTables>(run, *session_, std::move(locker), std::move(guard));
}

Result<void> MysqlBackend::use_ledger(const sql::LedgerTables& tables) {
  session_->use_ledger(tables);
  ledger_alone_ = true;
  return {};
}

Result<CommitOutcome> MysqlBackend::commit(const Commit& commit) {
  CommitOutcome outcome;
  {
    HIRESTREAM_ASSIGN(sql::Transaction transaction, session_->begin_write());
    CommitWriter writer(*session_, commit);
    HIRESTREAM_ASSIGN(outcome, ledger_alone_ ? writer.write_slices() : writer.write());
    if (outcome.verdict == CommitVerdict::kCommitted && !transaction.commit()) {
      return CommitOutcome{CommitVerdict::kUnknown, {}};
    }
  }
  if (outcome.verdict == CommitVerdict::kConflict && outcome.conflicts.empty() &&
      !commit.based_on_changes) {
    HIRESTREAM_ASSIGN(sql::Transaction transaction, session_->begin_write());
    HIRESTREAM_ASSIGN(outcome.conflicts, CommitWriter(*session_, commit).moved_slices());
    if (outcome.conflicts.empty()) {
      // Whoever was in the way has gone again.
      return fail(ErrorKind::kTransient, "commit", session_->subject(),
                  "a slice was created and removed by somebody else meanwhile");
    }
  }
  return outcome;
}

Result<bool> MysqlBackend::resolve(const Commit& commit) {
  session_->give_up();
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session_->begin_write());
  return CommitWriter(*session_, commit).carries_token();
}

Result<int64_t> MysqlBackend::rewrite_companies(const std::map<int64_t, int64_t>& companies,
                                                int64_t now_us) {
  return mysql::rewrite_companies(*session_, companies, now_us);
}

}  // namespace hirestream
