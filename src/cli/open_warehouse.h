// From the warehouse's settings to an adapter. Blocking; kTransient when the server does not
// answer.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/sql/leases.h"
#include "adapters/sql/rebuild.h"
#include "config/settings.h"
#include "ports/staging.h"
#include "ports/warehouse.h"

namespace hirestream {

enum class IfMissing {
  kFail,
  kCreate,  // the SQLite file, or the MySQL database if the user may
};
// settings.uri must be set. The tables are init()'s business.
Result<std::unique_ptr<Warehouse>> open_warehouse(const WarehouseSettings& settings,
                                                  IfMissing missing = IfMissing::kFail);

// The same with a connection of its own; the tables must exist.
Result<std::unique_ptr<Leases>> open_leases(const WarehouseSettings& settings);
Result<std::unique_ptr<Staging>> open_staging(const WarehouseSettings& settings,
                                              IfMissing missing = IfMissing::kFail);

// Makes `events` anew from the ledger (adapters/sql/rebuild.h), with connections of its own.
Result<RebuildReport> rebuild_warehouse(const WarehouseSettings& settings, RebuildOptions options,
                                        Clock& clock, Observer& observer);

// What `init` would run, and for MySQL the accounts with the least privileges that the engine and
// the dashboards need; passwords in it are placeholders. Needs no connection.
struct AccountOptions {
  std::string jobs_table;
  std::string publishers_table;
  bool plain_text_reader = false;  // the readers' account may log in without TLS
};
Result<std::string> warehouse_statements(const WarehouseSettings& settings,
                                         const AccountOptions& options);

// Makes the engine's and the readers' accounts on a MySQL server, with what they need of our
// tables, which must exist, and returns their names. Empty password: not this one. Not for SQLite.
// Where the URI requires TLS (the default to another machine), new accounts do, too.
struct AccountPasswords {
  std::string engine;
  std::string reader;
};
Result<std::vector<std::string>> create_accounts(const WarehouseSettings& settings,
                                                 const AccountPasswords& passwords,
                                                 const AccountOptions& options);
// An empty table of jobs and one of publishers, as `generate --jobs-to` fills them, where there are
// none.
Result<void> create_job_tables(const WarehouseSettings& settings);

// What `doctor` shows: name and finding.
using Findings = std::vector<std::pair<std::string, std::string>>;
Result<Findings> probe_warehouse(const WarehouseSettings& settings);
// What the user needs for counting and lacks. The tables must exist.
Result<std::vector<std::string>> missing_privileges(const WarehouseSettings& settings);
// Whether `events` and the ledger belong together; the error is what an engine would be refused
// with: rows that were counted are gone, or nothing tells where those that are there come from.
Result<void> check_events_and_ledger(const WarehouseSettings& settings);
// Of an append-only `events`: what `migrate` would take under another name or miss; an error shows
// the rows that it could not take over. Reads the table once.
Result<std::vector<std::string>> foresee_migration(const WarehouseSettings& settings);

}  // namespace hirestream
