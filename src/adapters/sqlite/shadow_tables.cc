#include "adapters/sqlite/shadow_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "adapters/sql/change_count.h"
#include "adapters/sqlite/warehouse_schema.h"

namespace hirestream::sqlite {

tl::unexpected<Error> one_ledger(const sql::Session& session) {
  return fail(ErrorKind::kConfig, "rebuild", session.subject(),
              "in SQLite a run is not rebuilt but published",
              "`hirestream publish --run ID` gives the same numbers");
}

sql::Session& ShadowTables::writer() {
  return session_;
}

// What would be lost with the old tables.
Result<void> ShadowTables::check_form() {
  std::string ours;
  for (const SqliteIndex& index : sqlite_indexes()) {
    ours += fmt::format("{}'{}'", ours.empty() ? "" : ", ", index.name);
  }
  std::vector<std::string> foreign;
  HIRESTREAM_TRY(session_.each(
      fmt::format(
          "SELECT 'column ' || x.name FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) x WHERE "
          "t.name IN ('events_micros', 'hirestream_days') AND x.name NOT IN ('days', 'hours', "
          "'job_id', 'publisher_id', 'campaign_id', 'group_id', 'company_id', 'impressions', "
          "'clicks', 'conversions', 'qualified', 'unqualified', 'bid_micros', 'sources', "
          "'updated_at_us') UNION ALL SELECT type || ' ' || name FROM sqlite_schema WHERE tbl_name "
          "IN ('events_micros', 'hirestream_days') AND (type = 'trigger' OR type = 'index' AND "
          "name NOT LIKE 'sqlite_%' AND name NOT IN ({}))",
          ours),
      [&](const sql::Row& row) { foreign.emplace_back(row.text(0)); }));
  if (foreign.empty()) {
    return {};
  }
  return fail(ErrorKind::kConfig, "rebuild", session_.subject() + " events_micros",
              fmt::format("the tables have what is somebody else's, which would go with the old "
                          "ones: {}",
                          fmt::join(foreign, ", ")),
              "`hirestream verify --repair` puts single cells right; for new tables take it off "
              "first and make it anew afterwards");
}

Result<void> ShadowTables::create() {
  HIRESTREAM_TRY(check_form());
  std::vector<std::string> left;
  HIRESTREAM_TRY(session_.each(
      fmt::format("SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, {}) = "
                  "'{}'",
                  kPrefix.size(), kPrefix),
      [&](const sql::Row& row) { left.emplace_back(row.text(0)); }));
  HIRESTREAM_TRY(drop_others(session_, left));
  HIRESTREAM_TRY(session_.execute(sqlite_events_table(events())));
  return session_.execute(sqlite_days_table(days()));
}

Result<void> ShadowTables::copy_ledger() {
  return one_ledger(session_);
}

Result<void> ShadowTables::copy_slices(int32_t, std::span<const SliceKey>) {
  return one_ledger(session_);
}

Result<void> ShadowTables::copy_frozen() {
  return one_ledger(session_);
}

Result<void> ShadowTables::lock() {
  // Else a table could not be renamed to one that a view names already.
  HIRESTREAM_TRY(session_.execute("PRAGMA legacy_alter_table = ON"));
  HIRESTREAM_ASSIGN(sql::Transaction locked, session_.begin_write());
  locked_.emplace(std::move(locked));
  return {};
}

Result<void> ShadowTables::swap() {
  HIRESTREAM_CHECK(locked_.has_value());
  sql::Transaction locked = std::move(*locked_);
  locked_.reset();
  for (const std::string& statement :
       {std::string("DROP TABLE events_micros"), std::string("DROP TABLE hirestream_days"),
        fmt::format("ALTER TABLE {} RENAME TO events_micros", events()),
        fmt::format("ALTER TABLE {} RENAME TO hirestream_days", days())}) {
    HIRESTREAM_TRY(session_.execute(statement));
  }
  for (const SqliteIndex& index : sqlite_indexes()) {
    HIRESTREAM_TRY(session_.execute(index.statement()));
  }
  HIRESTREAM_TRY(sql::note_change(session_));
  return locked.commit();
}

Result<void> ShadowTables::drop() {
  locked_.reset();
  HIRESTREAM_TRY(session_.execute("DROP TABLE IF EXISTS " + events()));
  return session_.execute("DROP TABLE IF EXISTS " + days());
}

}  // namespace hirestream::sqlite
