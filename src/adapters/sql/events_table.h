// What is said alike about a table `events` that may be somebody else's, and about tables of other
// versions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/sql/session.h"
#include "ports/warehouse.h"

namespace hirestream::sql {

// Columns that tables got later: table, name. Engines of before can go on beside them.
inline constexpr std::pair<const char*, const char*> kLaterColumns[] = {
    {"hirestream_minutes", "rejected"}, {"hirestream_slices", "corrected_at_us"}};

bool contains(std::span<const std::string> names, std::string_view name);
// Of the session's own schema; empty: there is no such table.
Result<std::vector<std::string>> columns_of(Session& session, std::string_view table);
// Of an `events` of ours.
std::vector<std::string> missing_columns(std::span<const std::string> have);
// What events.sources calls a kind of source. Boards of before ask for 'Cassandra'.
std::string_view sources_name(std::string_view kind);
// Where migrate keeps the old table.
std::string old_events_name(int64_t now_us);

// init, for a table in another state than missing or ready. `reason`: why it is not written to, or
// what is wrong with it; `remedy`: a statement that mends it, or empty.
tl::unexpected<Error> refuse_init(const Session& session, EventsTableState state,
                                  const std::string& reason, const std::string& remedy = {});
// init, before it makes an `events` that is missing: refused if the ledger (when there is one)
// counts rows of it.
Result<void> check_new_events(Session& session, bool has_ledger);
// Whether `events` is empty though something was counted.
Result<bool> lacks_counted_rows(Session& session);
// Whether `events` has rows that nothing tells where they are from: neither a source nor migrate.
Result<bool> has_unknown_rows(Session& session);
// Whether `events` and the ledger belong together; as init and register_source refuse them.
Result<void> check_events_and_ledger(Session& session);
// Whether anything was counted: in the ledger, or in frozen slices.
Result<bool> has_counted(Session& session);
// migrate, for a table that is not append-only.
tl::unexpected<Error> refuse_migration(const Session& session, EventsTableState state,
                                       const std::string& fault);
// migrate, of an append-only table: kConfig if the ledger has counted rows. Those are not in this
// `events`, and would be in none, or they are and would be counted as what was there before.
Result<void> check_migration_without_ledger(Session& session);
// The version of the tables, 0 if there is none; kConfig when it is one that this program does not
// know.
Result<int64_t> stored_version(Session& session);
// Fences every engine and notes this program's version. Within a transaction.
Result<void> raise_version(Session& session);

}  // namespace hirestream::sql
