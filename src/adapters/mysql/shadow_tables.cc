#include "adapters/mysql/shadow_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <utility>

#include "adapters/sql/change_count.h"
#include "adapters/sql/multi_row_insert.h"

namespace hirestream::mysql {

using sql::Row;

namespace {

// As long as somebody reads `events`, nobody else may while the lock is waited for.
constexpr std::chrono::seconds kLockWait{3};

constexpr const char* kPrivileges =
    "rebuild needs an account that may also CREATE, DROP, ALTER, INDEX and LOCK TABLES in this "
    "database: an administrator runs it, while engines go on with theirs";

Result<void> run(Session& session, const std::string& statement) {
  return run_ddl(session, statement, "rebuild", kPrivileges);
}

struct TablePair {
  std::string from;
  std::string to;
};

std::vector<TablePair> pairs(const sql::LedgerTables& from, const sql::LedgerTables& to) {
  return {{from.slices, to.slices},
          {from.deltas, to.deltas},
          {from.rejects, to.rejects},
          {from.kinds, to.kinds}};
}

// Of a table of the ledger, what belongs to slices that it has; frozen kinds have a bucket, too.
std::string of_slices(const TablePair& tables, const std::string& condition) {
  const bool kinds = tables.from == sql::LedgerTables().kinds;
  return condition + (kinds ? " AND frozen = 0" : "");
}

}  // namespace

ShadowTables::ShadowTables(const std::string& run, Session& session,
                           std::unique_ptr<Session> locker, std::unique_ptr<Session> guard)
    : sql::ShadowTables(run),
      session_(session),
      locker_(std::move(locker)),
      guard_(std::move(guard)),
      rename_(*locker_, session, old_events(), {"rebuild", kPrivileges}) {}

sql::Session& ShadowTables::writer() {
  return rename_.is_locked() ? *locker_ : session_;
}

std::vector<sql::Session*> ShadowTables::writers() {
  HIRESTREAM_CHECK(!rename_.is_locked());
  return {&session_, locker_.get(), guard_.get()};
}

// What would be lost with the old table.
Result<void> ShadowTables::check_form() {
  HIRESTREAM_ASSIGN(
      const int64_t triggers,
      session_.number("SELECT COUNT(*) FROM information_schema.triggers WHERE event_object_schema "
                      "= DATABASE() AND event_object_table IN ('events', 'hirestream_days')"));
  std::vector<std::string> columns;
  HIRESTREAM_TRY(session_.each(
      "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND "
      "table_name = 'events' AND column_name NOT IN ('job_id', 'dates', 'hours', 'publisher_id', "
      "'company_id', 'campaign_id', 'group_id', 'disqualified_application', "
      "'qualified_application', 'conversion', 'clicks', 'impressions', 'bid_set', 'spend_hour', "
      "'sources', 'updated_at') AND extra NOT LIKE '%GENERATED%' ORDER BY ordinal_position",
      [&](const Row& row) { columns.emplace_back(row.text(0)); }));
  if (triggers == 0 && columns.empty()) {
    return {};
  }
  return fail(ErrorKind::kConfig, "rebuild", session_.subject() + " events",
              columns.empty() ? "the table has triggers, which would go with the old table"
                              : fmt::format("the table has columns of somebody else's, which would "
                                            "be empty in a new one: {}",
                                            fmt::join(columns, ", ")),
              "`hirestream verify --repair` puts single cells right; for a new table take them off "
              "first and make them anew afterwards");
}

Result<void> ShadowTables::create() {
  HIRESTREAM_TRY(check_form());
  std::vector<std::string> left;
  HIRESTREAM_TRY(session_.each(
      fmt::format("SELECT table_name FROM information_schema.tables WHERE table_schema = "
                  "DATABASE() AND LEFT(table_name, {}) = '{}'",
                  kPrefix.size(), kPrefix),
      [&](const Row& row) { left.emplace_back(row.text(0)); }));
  HIRESTREAM_TRY(drop_others(session_, left));
  HIRESTREAM_TRY(run(session_, fmt::format("CREATE TABLE {} LIKE events", events())));
  HIRESTREAM_TRY(run(session_, fmt::format("CREATE TABLE {} LIKE hirestream_days", days())));
  HIRESTREAM_ASSIGN(add_events_keys_, take_keys_off(events()));
  HIRESTREAM_ASSIGN(add_days_keys_, take_keys_off(days()));
  return {};
}

Result<void> ShadowTables::copy_ledger() {
  with_ledger_ = true;
  for (const auto& [from, to] : pairs({}, ledger())) {
    HIRESTREAM_TRY(run(session_, fmt::format("CREATE TABLE {} LIKE {}", to, from)));
    HIRESTREAM_TRY(session_.execute(fmt::format("INSERT INTO {} SELECT * FROM {}", to, from)));
  }
  return {};
}

Result<void> ShadowTables::copy_slices(int32_t source, std::span<const SliceKey> keys) {
  HIRESTREAM_CHECK(guarded_.has_value());
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session_.begin_write());
  for (const std::string& condition : sql::slice_conditions(source, keys)) {
    for (const TablePair& tables : pairs({}, ledger())) {
      const std::string rows = of_slices(tables, condition);
      HIRESTREAM_TRY(session_.execute(session_.dialect().delete_by_key(tables.to, rows)));
      HIRESTREAM_TRY(session_.execute(
          fmt::format("INSERT INTO {} SELECT * FROM {} WHERE {}", tables.to, tables.from, rows)));
    }
  }
  return transaction.commit();
}

// Rejects that belong to no slice of the ledger are of rows that were counted as history.
Result<void> ShadowTables::copy_frozen() {
  HIRESTREAM_CHECK(guarded_.has_value());
  const sql::LedgerTables old;
  const sql::LedgerTables copy = ledger();
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session_.begin_write());
  HIRESTREAM_TRY(session_.execute(fmt::format("DELETE FROM {} WHERE frozen = 1", copy.kinds)));
  HIRESTREAM_TRY(session_.execute(
      fmt::format("INSERT INTO {} SELECT * FROM {} WHERE frozen = 1", copy.kinds, old.kinds)));
  HIRESTREAM_TRY(session_.execute(
      fmt::format("INSERT IGNORE INTO {} SELECT r.* FROM {} r LEFT JOIN {} s ON s.source_id = "
                  "r.source_id AND s.shard = r.shard AND s.bucket = r.bucket WHERE s.revision IS "
                  "NULL",
                  copy.rejects, old.rejects, old.slices)));
  return transaction.commit();
}

// Others (unique, of a column's beginning, of expressions) stay and are filled with the rows.
Result<std::string> ShadowTables::take_keys_off(const std::string& table) {
  struct Key {
    std::vector<std::string> columns;
    bool plain = true;
  };
  std::map<std::string, Key> keys;
  const sql::Dialect& dialect = session_.dialect();
  HIRESTREAM_TRY(session_.each(
      fmt::format("SELECT index_name, column_name, non_unique, index_type, sub_part, collation "
                  "FROM information_schema.statistics WHERE table_schema = DATABASE() AND "
                  "table_name = '{}' ORDER BY index_name, seq_in_index",
                  table),
      [&](const Row& row) {
        Key& key = keys[std::string(row.text(0))];
        key.plain = key.plain && !row.is_null(1) && row.integer(2) == 1 && row.text(3) == "BTREE" &&
                    row.is_null(4) && row.text(5) == "A";
        key.columns.push_back(dialect.quoted_identifier(row.text(1)));
      }));
  std::vector<std::string> drops;
  std::vector<std::string> adds;
  for (const auto& [name, key] : keys) {
    if (key.plain) {
      const std::string quoted = dialect.quoted_identifier(name);
      drops.push_back("DROP KEY " + quoted);
      adds.push_back(fmt::format("ADD KEY {} ({})", quoted, fmt::join(key.columns, ", ")));
    }
  }
  if (adds.empty()) {
    return std::string();
  }
  HIRESTREAM_TRY(run(session_, fmt::format("ALTER TABLE {} {}", table, fmt::join(drops, ", "))));
  return fmt::format("ALTER TABLE {} {}", table, fmt::join(adds, ", "));
}

Result<void> ShadowTables::add_events_keys() {
  return add_events_keys_.empty() ? Result<void>() : run(session_, add_events_keys_);
}

Result<void> ShadowTables::add_days_keys() {
  return add_days_keys_.empty() ? Result<void>() : run(session_, add_days_keys_);
}

// Whoever is no engine counts its change first, an engine locks its writers' rows. Gaps between
// those rows are locked, too: nobody begins to be a writer meanwhile. An engine that makes a
// shard's first mark locks both the other way round: the server ends one of the two, which tries
// again.
Result<void> ShadowTables::stop_commits() {
  HIRESTREAM_TRY(guard_->execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"));
  HIRESTREAM_ASSIGN(sql::Transaction guarded, guard_->begin_write());
  HIRESTREAM_TRY(sql::note_change(*guard_));
  HIRESTREAM_TRY(
      guard_->each("SELECT epoch FROM hirestream_writers FOR UPDATE", [](const Row&) {}));
  guarded_.emplace(std::move(guarded));
  return {};
}

Result<void> ShadowTables::lock() {
  HIRESTREAM_TRY(rename_.make_gate());
  // Counted before the lock is waited for: whoever changes cells without being an engine counts
  // that first, too. Committed once nobody can read the old cells any more, before the new ones can
  // be read: what was planned by the old ones is known by its count.
  std::optional<sql::Transaction> counted;
  if (with_ledger_) {
    HIRESTREAM_TRY(stop_commits());
  } else {
    HIRESTREAM_ASSIGN(sql::Transaction begun, session_.begin_write());
    counted.emplace(std::move(begun));
    HIRESTREAM_TRY(sql::note_change(session_));
  }
  auto locked = rename_.lock(
      fmt::format("events WRITE, hirestream_days WRITE, {} WRITE, {} WRITE", events(), days()),
      kLockWait);
  if (locked && counted) {
    locked = counted->commit();
  }
  if (!locked) {
    (void)rename_.unlock();
    guarded_.reset();
  }
  return locked;
}

std::string ShadowTables::renames() const {
  std::vector<TablePair> tables = {{"events", old_events()},
                                   {events(), "events"},
                                   {"hirestream_days", old_days()},
                                   {days(), "hirestream_days"}};
  if (with_ledger_) {
    for (const std::vector<TablePair>& more : {pairs({}, old_ledger()), pairs(ledger(), {})}) {
      tables.insert(tables.end(), more.begin(), more.end());
    }
  }
  std::vector<std::string> renames;
  for (const auto& [from, to] : tables) {
    renames.push_back(fmt::format("{} TO {}", from, to));
  }
  return fmt::format("{}", fmt::join(renames, ", "));
}

Result<void> ShadowTables::swap() {
  // Whatever it kept from committing would be lost, or counted twice.
  const auto renamed = rename_.rename(
      renames(), [this] { return guarded_ ? guard_->execute("DO 0") : Result<void>(); });
  // Its end says that there was a change; whatever was planned by the old tables is refused.
  Result<void> counted;
  if (guarded_) {
    counted = guarded_->commit();
    guarded_.reset();
  }
  HIRESTREAM_TRY(renamed);
  if (!counted) {
    Error error = std::move(counted).error();
    error.message =
        "the tables were renamed, but whether nobody committed meanwhile is not known: " +
        error.message;
    error.hint = "run `hirestream verify`; if it finds differences, rebuild once more";
    return forward(std::move(error));
  }
  return {};
}

Result<void> ShadowTables::drop() {
  (void)rename_.unlock();
  guarded_.reset();
  std::vector<std::string> tables = {events(), days(), old_events(), old_days()};
  for (const sql::LedgerTables& left : {ledger(), old_ledger()}) {
    tables.insert(tables.end(), {left.slices, left.deltas, left.rejects, left.kinds});
  }
  return session_.execute(fmt::format("DROP TABLE IF EXISTS {}", fmt::join(tables, ", ")));
}

}  // namespace hirestream::mysql
