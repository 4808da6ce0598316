// The statements of one commit, inside a transaction that the caller began and ends.
#pragma once

#include <vector>

#include "adapters/mysql/session.h"
#include "ports/warehouse.h"

namespace hirestream::mysql {

class CommitWriter {
 public:
  // Both outlive this. Used within a transaction of the session.
  CommitWriter(Session& session, const Commit& commit);

  // Anything but kCommitted, or an error: the caller rolls back. kCommitted: everything is written,
  // COMMIT is due.
  Result<CommitOutcome> write();
  // The same of the slices alone: no epoch, no cell, no progress.
  Result<CommitOutcome> write_slices();
  // Which of the commit's slices do not have the revision it is based on. Locks them until the
  // transaction's end.
  Result<std::vector<SliceKey>> moved_slices();
  // Waits for whoever holds the rows of the commit's writers and slices: do they carry its token?
  Result<bool> carries_token();

 private:
  Result<bool> epochs_hold();
  const sql::LedgerTables& ledger() const { return session_.dialect().ledger; }
  std::string insert_slices() const;
  Result<bool> insert_new_slices();
  Result<void> update_slices(bool with_contribution);
  void append_slice(std::string& row, const SliceChange& change) const;
  Result<void> write_deltas();
  Result<void> drop_frozen_slices();
  Result<void> write_rejects();
  Result<void> drop_replaced_rejects();
  Result<void> write_cells();
  // A table of sums: its spend's column, the condition that picks rows by key.
  struct SumTable {
    const char* name;
    const char* spend;
    std::string (*condition)(std::span<const CellKey> keys);
  };
  // Guard Zero: of rows that these changes lessened, those with nothing left.
  Result<void> delete_zeros(const SumTable& table, std::span<const CellChange> changes);
  Result<void> write_days();
  Result<bool> changes_hold();
  Result<void> write_progress();
  Result<std::string> kind_of_source();

  Session& session_;
  const Commit& commit_;
  std::string now_;  // quoted
  std::vector<SliceKey> keys_;
  // Slices whose ledger line says that rows were rejected.
  std::vector<SliceKey> keys_with_rejects_;
};

}  // namespace hirestream::mysql
