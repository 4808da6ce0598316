// Renames tables while nobody else can change them, in one step.
//
// RENAME ends a transaction and its locks, so the lock and the renaming are two sessions' business:
// one holds the tables by LOCK TABLES, together with an empty table, the gate, of a name that the
// RENAME needs; the other asks for the RENAME and waits. Once it is seen to wait, the first one
// drops the gate and lets go: a session that waits to rename comes before all that wait to write.
// If the session with the lock is lost before, the RENAME finds the name taken, and nothing is
// renamed.
//
// Threading: one thread, and one of its own that waits. Errors: as the sessions'; kTransient: the
// tables are in use for too long.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "adapters/mysql/session.h"

namespace hirestream::mysql {

class LockedRename {
 public:
  // What for, and what an account that may not lock or rename tables is told.
  struct Purpose {
    std::string operation;
    std::string privileges;
  };
  // The sessions outlive it.
  LockedRename(Session& locker, Session& renamer, std::string gate, Purpose purpose)
      : locker_(locker), renamer_(renamer), gate_(std::move(gate)), purpose_(std::move(purpose)) {}
  // The lock ends.
  ~LockedRename();
  LockedRename(const LockedRename&) = delete;
  LockedRename& operator=(const LockedRename&) = delete;

  Result<void> make_gate();
  // `tables`: as LOCK TABLES takes them, "events WRITE". After make_gate().
  Result<void> lock(const std::string& tables, std::chrono::seconds wait_max);
  bool is_locked() const { return locked_.has_value(); }
  Result<void> unlock();
  // Ends the lock. `renames`: as RENAME TABLE takes them; one of them is to the gate's name. An
  // error of `may_go`, which is asked when the RENAME waits, keeps the tables as they are.
  Result<void> rename(const std::string& renames, const std::function<Result<void>()>& may_go);

 private:
  Result<void> run(Session& session, const std::string& statement);
  // Drops the gate once the renamer waits, and unlocks.
  Result<void> open_gate(int64_t renamer_id, const std::atomic<bool>& ended,
                         const std::function<Result<void>()>& may_go);
  Result<bool> waits_to_rename(int64_t connection_id);

  Session& locker_;
  Session& renamer_;
  std::string gate_;
  Purpose purpose_;
  // Keeps the locker from connecting anew, which would lose the lock without a word.
  std::optional<sql::Transaction> locked_;
};

}  // namespace hirestream::mysql
