// What one kind of database does in its own way for a warehouse: its tables, the migration to them
// and the writing of commits. The rest of ports/warehouse.h is written once around it
// (adapters/sql/warehouse.h). Methods as there.
//
// Threading, errors: as that port says. Nothing is called within a transaction of the session
// unless it says so.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/sql/session.h"
#include "adapters/sql/shadow_tables.h"
#include "ports/warehouse.h"

namespace hirestream::sql {

class Backend {
 public:
  virtual ~Backend() = default;
  virtual Session& session() = 0;
  virtual std::vector<std::string> schema_statements() const = 0;
  virtual Result<EventsTableState> events_table() = 0;
  virtual Result<void> init() = 0;
  virtual Result<Migration> migrate(int64_t now_us, std::optional<int32_t> until_hour) = 0;
  // Of an append-only `events`: what migrate() would note. kConfig: shows the rows that it could
  // not take over. Reads the table once.
  virtual Result<std::vector<std::string>> foresee_migration() = 0;
  virtual Result<CommitOutcome> commit(const Commit& commit) = 0;
  virtual Result<bool> resolve(const Commit& commit) = 0;
  // Within a transaction: gives the rows of these jobs (id → company) in `events` and
  // hirestream_days their company, without reading those that have it. Returns rows of `events`
  // rewritten.
  virtual Result<int64_t> rewrite_companies(const std::map<int64_t, int64_t>& companies,
                                            int64_t now_us) = 0;
  // From now on the session takes as long as the tables are large, and may lie idle meanwhile.
  virtual Result<void> be_patient() = 0;
  // From now on the ledger is read from these tables, and commits write their slices to them and
  // nothing else. kConfig: this database has one ledger alone.
  virtual Result<void> use_ledger(const LedgerTables& tables) = 0;
  // Of that run (shadow_tables.h). Not longer than this.
  virtual Result<std::unique_ptr<ShadowTables>> shadow_tables(const std::string& run) = 0;
};

}  // namespace hirestream::sql
