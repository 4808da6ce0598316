// adapters/sql/shadow_tables.h on MySQL and MariaDB: one RENAME TABLE of both (locked_rename.h),
// which is atomic.
//
// RENAME takes the tables one after the other, so a commit that writes no cell could still change
// the old ledger once `events` is let go. Where the ledger changes places, too, a third session,
// the guard, holds the rows that every commit begins with (the writers' epochs, the count of
// changes) until all of it is over.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/mysql/locked_rename.h"
#include "adapters/mysql/session.h"
#include "adapters/sql/shadow_tables.h"

namespace hirestream::mysql {

class ShadowTables final : public sql::ShadowTables {
 public:
  // Three connections that may wait as long as it takes; the first one outlives this. The others
  // have their parts in locking, and help to fill the tables before.
  ShadowTables(const std::string& run, Session& session, std::unique_ptr<Session> locker,
               std::unique_ptr<Session> guard);

  sql::Session& writer() override;
  std::vector<sql::Session*> writers() override;
  Result<void> create() override;
  Result<void> copy_ledger() override;
  Result<void> copy_slices(int32_t source, std::span<const SliceKey> keys) override;
  Result<void> copy_frozen() override;
  Result<void> add_events_keys() override;
  Result<void> add_days_keys() override;
  Result<void> lock() override;
  Result<void> swap() override;
  Result<void> drop() override;

 private:
  Result<void> check_form();
  // Drops the keys of a table that can be made again. Returns the statement that does; empty: there
  // are none.
  Result<std::string> take_keys_off(const std::string& table);
  // No commit is under way, and none begins until guarded_ ends.
  Result<void> stop_commits();
  std::string renames() const;

  Session& session_;
  std::unique_ptr<Session> locker_;
  std::unique_ptr<Session> guard_;
  LockedRename rename_;
  std::optional<sql::Transaction> guarded_;
  bool with_ledger_ = false;
  std::string add_events_keys_;
  std::string add_days_keys_;
};

}  // namespace hirestream::mysql
