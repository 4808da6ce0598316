// Two tables beside `events` and hirestream_days, of the same form, that are filled while engines
// write to those two, and then take their place (adapters/sql/rebuild.h). Where what slices gave is
// to change with them, there is a copy of the ledger's tables, too (MySQL and MariaDB).
// Implementations: adapters/mysql, adapters/sqlite.
//
// Threading: one thread at a time, but for the sessions of writers(). Blocking. Errors: as the
// database's own connection says; kConfig where the tables cannot be made anew like this, or the
// account may not.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/sql/session.h"
#include "model/slice.h"

namespace hirestream::sql {

class ShadowTables {
 public:
  // Every table that a rebuild makes begins so.
  static constexpr std::string_view kPrefix = "hirestream_rebuild_";

  // `run` names this rebuild among all: letters and digits.
  explicit ShadowTables(const std::string& run) : stem_(std::string(kPrefix) + run) {}
  // The lock ends.
  virtual ~ShadowTables() = default;

  std::string events() const { return stem_ + "_events"; }
  std::string days() const { return stem_ + "_days"; }
  LedgerTables ledger() const {
    return {stem_ + "_slices", stem_ + "_deltas", stem_ + "_rejects", stem_ + "_kinds"};
  }

  // The session to fill them with. Another one while the tables are locked.
  virtual Session& writer() = 0;
  // Sessions that may fill them at the same time, each on a thread of its own, until lock(): the
  // writer first.
  virtual std::vector<Session*> writers() { return {&writer()}; }
  // Makes them, empty, with their primary keys alone, and drops what rebuilds that were killed have
  // left.
  virtual Result<void> create() = 0;
  // Also a copy of the ledger: each of its tables as it is at some moment of the call. They change
  // places with the other two. After create(). kConfig: this database cannot.
  virtual Result<void> copy_ledger() = 0;
  // While the tables are locked: the copy has of these slices, and of all that is frozen, what the
  // ledger has.
  virtual Result<void> copy_slices(int32_t source, std::span<const SliceKey> keys) = 0;
  virtual Result<void> copy_frozen() = 0;
  // The other keys of events() and days(), where they can be added before the swap. By the writer.
  virtual Result<void> add_events_keys() = 0;
  virtual Result<void> add_days_keys() = 0;
  // From now on nobody else changes, or (but for SQLite) reads, `events` and hirestream_days: a
  // commit that has written to one of them is over, another one waits; with a copy of the ledger
  // every commit waits. kTransient: somebody uses them for too long; nothing is locked.
  virtual Result<void> lock() = 0;
  // All take their places at once, and the lock ends. Whoever planned a change of cells by what
  // the tables held before (ports/warehouse.h: based_on_changes) cannot commit it any more. After
  // an error nothing is locked, and the tables of before are in their places or the new ones.
  virtual Result<void> swap() = 0;
  // What is left of them.
  virtual Result<void> drop() = 0;

 protected:
  std::string old_events() const { return stem_ + "_old_events"; }
  std::string old_days() const { return stem_ + "_old_days"; }
  LedgerTables old_ledger() const {
    return {stem_ + "_old_slices", stem_ + "_old_deltas", stem_ + "_old_rejects",
            stem_ + "_old_kinds"};
  }
  // Drops those of other runs. `names`: all tables that begin with kPrefix.
  Result<void> drop_others(Session& session, const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
      if (!name.starts_with(stem_ + "_")) {
        HIRESTREAM_TRY(session.execute("DROP TABLE IF EXISTS " + name));
      }
    }
    return {};
  }

 private:
  std::string stem_;
};

}  // namespace hirestream::sql
