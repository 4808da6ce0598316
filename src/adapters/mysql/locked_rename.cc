#include "adapters/mysql/locked_rename.h"

#include <fmt/format.h>

#include <thread>

namespace hirestream::mysql {
namespace {

// Waits for readers that came between the two sessions.
constexpr std::chrono::seconds kRenameWait{60};
constexpr std::chrono::seconds kSeenWaitingWithin{10};
constexpr std::chrono::milliseconds kLookInterval{2};

std::string wait_at_most(std::chrono::seconds seconds) {
  return fmt::format("SET SESSION lock_wait_timeout = {}", seconds.count());
}

}  // namespace

LockedRename::~LockedRename() {
  (void)unlock();
}

Result<void> LockedRename::run(Session& session, const std::string& statement) {
  return run_ddl(session, statement, purpose_.operation.c_str(), purpose_.privileges);
}

Result<void> LockedRename::make_gate() {
  return run(renamer_, fmt::format("CREATE TABLE IF NOT EXISTS {} (taken INT PRIMARY KEY)", gate_));
}

Result<void> LockedRename::lock(const std::string& tables, std::chrono::seconds wait_max) {
  HIRESTREAM_TRY(run(locker_, wait_at_most(wait_max)));
  HIRESTREAM_ASSIGN(sql::Transaction locked, locker_.begin_write());
  HIRESTREAM_TRY(run(locker_, fmt::format("LOCK TABLES {}, {} WRITE", tables, gate_)));
  locked_.emplace(std::move(locked));
  return {};
}

Result<void> LockedRename::unlock() {
  if (!locked_) {
    return {};
  }
  auto done = locker_.execute("UNLOCK TABLES");
  if (!done) {
    locker_.give_up();
  }
  locked_.reset();
  return done;
}

Result<bool> LockedRename::waits_to_rename(int64_t connection_id) {
  bool waits = false;
  HIRESTREAM_TRY(locker_.each("SHOW PROCESSLIST", [&](const sql::Row& row) {
    waits = waits || (row.integer(0) == connection_id &&
                      row.text(6).find("metadata lock") != std::string_view::npos &&
                      row.text(7).starts_with("RENAME"));
  }));
  return waits;
}

Result<void> LockedRename::open_gate(int64_t renamer_id, const std::atomic<bool>& ended,
                                     const std::function<Result<void>()>& may_go) {
  const auto until = std::chrono::steady_clock::now() + kSeenWaitingWithin;
  Result<bool> waits = false;
  while (waits && !*waits && !ended && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(kLookInterval);
    waits = waits_to_rename(renamer_id);
  }
  Result<void> opened = may_go();
  if (opened && waits && *waits) {
    opened = locker_.execute("DROP TABLE " + gate_);
  } else if (opened && !waits) {
    opened = forward(std::move(waits).error());
  }
  const auto unlocked = unlock();
  return opened && !unlocked ? unlocked : opened;
}

Result<void> LockedRename::rename(const std::string& renames,
                                  const std::function<Result<void>()>& may_go) {
  HIRESTREAM_CHECK(locked_.has_value());
  HIRESTREAM_TRY(run(renamer_, wait_at_most(kRenameWait)));
  HIRESTREAM_ASSIGN(const int64_t id, renamer_.number("SELECT CONNECTION_ID()"));
  std::atomic<bool> ended = false;
  Result<void> renamed;
  Result<void> opened;
  {
    const std::jthread renaming([&] {
      renamed = run(renamer_, "RENAME TABLE " + renames);
      ended = true;
    });
    opened = open_gate(id, ended, may_go);
  }
  if (renamed) {
    return {};
  }
  Error error = std::move(renamed).error();
  error.message = "the tables were not renamed, `events` is as it was: " +
                  (opened ? error.message : opened.error().message);
  error.kind = error.kind == ErrorKind::kConfig && opened ? error.kind : ErrorKind::kTransient;
  return forward(std::move(error));
}

}  // namespace hirestream::mysql
