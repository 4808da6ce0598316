#include "adapters/sql/change_count.h"

#include <fmt/format.h>

namespace hirestream::sql {
namespace {

std::string select_count(std::string_view name) {
  return fmt::format("SELECT CAST(value AS SIGNED) FROM hirestream_meta WHERE name = '{}'", name);
}

// -1: it is not there.
Result<int64_t> version_or_none(Session& session, std::string_view lock) {
  int64_t version = -1;
  HIRESTREAM_TRY(session.first(fmt::format("{}{}", select_count("jobs"), lock),
                               [&](const Row& row) { version = row.integer(0); }));
  return version;
}

Result<void> count_one(Session& session, std::string_view name) {
  return session.execute(
      fmt::format("INSERT INTO hirestream_meta (name, value) VALUES ('{}', '1')", name) +
      session.dialect().upsert("name",
                               "value = CAST(CAST(hirestream_meta.value AS SIGNED) + 1 AS CHAR)"));
}

}  // namespace

Result<void> note_change(Session& session) {
  return count_one(session, "changes");
}

Result<int64_t> count_of_changes(Session& session) {
  return session.number(select_count("changes"));
}

// Writes the count as it is, for that locks it whether it was there before or not.
Result<void> hold_changes(Session& session) {
  return session.execute("INSERT INTO hirestream_meta (name, value) VALUES ('changes', '0')" +
                         session.dialect().upsert("name", "value = hirestream_meta.value"));
}

Result<void> note_jobs(Session& session) {
  return count_one(session, "jobs");
}

// Only a row that is there can be locked: whoever is to commit makes it.
Result<int64_t> version_of_jobs(Session& session) {
  HIRESTREAM_ASSIGN(const int64_t version, version_or_none(session, ""));
  if (version >= 0) {
    return version;
  }
  HIRESTREAM_TRY(
      session.execute(fmt::format("{} INTO hirestream_meta (name, value) VALUES ('jobs', '0')",
                                  session.dialect().insert_or_ignore)));
  return version_or_none(session, "");
}

Result<bool> jobs_hold(Session& session, const Commit& commit) {
  if (!commit.jobs_version) {
    return true;
  }
  HIRESTREAM_ASSIGN(const int64_t now, version_or_none(session, session.dialect().share_rows));
  return now == *commit.jobs_version;
}

}  // namespace hirestream::sql
