#include "adapters/sql/events_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/timestamp.h"
#include "ports/source_check.h"

namespace hirestream::sql {

bool contains(std::span<const std::string> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Result<std::vector<std::string>> columns_of(Session& session, std::string_view table) {
  std::vector<std::string> names;
  HIRESTREAM_TRY(session.each(session.dialect().columns_query("", session.quoted(table)),
                              [&](const Row& row) { names.emplace_back(row.text(0)); }));
  return names;
}

std::vector<std::string> missing_columns(std::span<const std::string> have) {
  std::vector<std::string> missing;
  for (const char* name :
       {"job_id", "dates", "hours", "publisher_id", "group_id", "campaign_id", "conversion",
        "disqualified_application", "spend_hour", "clicks", "impressions", "qualified_application",
        "company_id", "bid_set", "sources", "updated_at"}) {
    if (!contains(have, name)) {
      missing.emplace_back(name);
    }
  }
  return missing;
}

std::string_view sources_name(std::string_view kind) {
  return kind == "cassandra" ? "Cassandra" : kind;
}

std::string old_events_name(int64_t now_us) {
  std::string stamp = format_timestamp_ms(now_us).substr(0, 19);
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  std::replace(stamp.begin(), stamp.end(), ' ', 'T');
  return "events_before_" + stamp + "Z";
}

tl::unexpected<Error> refuse_init(const Session& session, EventsTableState state,
                                  const std::string& reason, const std::string& remedy) {
  if (state == EventsTableState::kAppendOnly) {
    return fail(ErrorKind::kConfig, "init", session.subject(), reason + "; it is not written to",
                "run `hirestream migrate`, which keeps the old table under another name");
  }
  return fail(ErrorKind::kConfig, "init", session.subject(),
              "there is a table `events` that is not ours; " + reason,
              remedy.empty() ? "use another database, or rename that table"
                             : "stop what writes to it, then run " + remedy);
}

Result<bool> has_counted(Session& session) {
  HIRESTREAM_ASSIGN(
      const int64_t live,
      session.number("SELECT EXISTS (SELECT 1 FROM hirestream_slices WHERE counted > 0)"));
  if (live != 0) {
    return true;
  }
  // Not there before version 3. Old hours whose rows were taken out again add up to 0.
  constexpr std::string_view kFrozen =
      "SELECT EXISTS (SELECT 1 FROM hirestream_frozen_days WHERE counted > 0) AND EXISTS (SELECT 1 "
      "FROM (SELECT SUM(impressions + clicks + conversions + qualified + unqualified) AS given "
      "FROM hirestream_frozen) f WHERE given <> 0)";
  HIRESTREAM_ASSIGN(const bool readable, session.readable(kFrozen));
  if (!readable) {
    return false;
  }
  HIRESTREAM_ASSIGN(const int64_t frozen, session.number(kFrozen));
  return frozen != 0;
}

Result<void> check_new_events(Session& session, bool has_ledger) {
  if (!has_ledger) {
    return {};
  }
  HIRESTREAM_ASSIGN(const bool counted, has_counted(session));
  return hirestream::check_new_events(session.subject(), counted);
}

Result<bool> lacks_counted_rows(Session& session) {
  const auto has_rows = [&session] {
    return session.number(
        fmt::format("SELECT EXISTS (SELECT 1 FROM {})", session.dialect().events));
  };
  HIRESTREAM_ASSIGN(const int64_t rows, has_rows());
  if (rows != 0) {
    return false;
  }
  HIRESTREAM_ASSIGN(const bool counted, has_counted(session));
  // An engine may have committed its first rows in between.
  HIRESTREAM_ASSIGN(const int64_t rows_now, counted ? has_rows() : Result<int64_t>(1));
  return rows_now == 0;
}

Result<bool> has_unknown_rows(Session& session) {
  HIRESTREAM_ASSIGN(const int64_t sources,
                    session.number("SELECT EXISTS (SELECT 1 FROM hirestream_sources)"));
  if (sources != 0) {
    return false;
  }
  HIRESTREAM_ASSIGN(
      const int64_t unknown,
      session.number(fmt::format("SELECT EXISTS (SELECT 1 FROM {}) AND NOT EXISTS (SELECT 1 FROM "
                                 "hirestream_frozen)",
                                 session.dialect().events)));
  return unknown != 0;
}

Result<void> check_events_and_ledger(Session& session) {
  const SourceRegistration any{.name = session.subject(), .kind = {}, .fingerprint = {}};
  HIRESTREAM_ASSIGN(const auto events, columns_of(session, "events"));
  HIRESTREAM_ASSIGN(const auto slices, columns_of(session, "hirestream_slices"));
  if (events.empty() || slices.empty()) {
    return events.empty() ? check_new_events(session, !slices.empty()) : Result<void>();
  }
  HIRESTREAM_ASSIGN(const bool lost, lacks_counted_rows(session));
  if (lost) {
    return refuse_ledger_without_rows(any);
  }
  HIRESTREAM_ASSIGN(const bool unknown, has_unknown_rows(session));
  return unknown ? refuse_rows_without_ledger(any) : Result<void>();
}

tl::unexpected<Error> refuse_migration(const Session& session, EventsTableState state,
                                       const std::string& fault) {
  return fail(ErrorKind::kConfig, "migrate", session.subject(),
              state == EventsTableState::kReady
                  ? "`events` has our form already: nothing to migrate"
                  : "there is no append-only table `events` with the columns that are charted" +
                        (fault.empty() ? "" : "; " + fault),
              state == EventsTableState::kMissing ? "run `hirestream init`" : "");
}

Result<void> check_migration_without_ledger(Session& session) {
  HIRESTREAM_ASSIGN(const auto slices, columns_of(session, "hirestream_slices"));
  HIRESTREAM_ASSIGN(const bool counted,
                    slices.empty() ? Result<bool>(false) : has_counted(session));
  if (!counted) {
    return {};
  }
  return fail(ErrorKind::kConfig, "migrate", session.subject(),
              "the ledger has counted rows for another `events` than this one",
              "put that one back: from a backup, or an empty one (`hirestream init --print` shows "
              "how) and hirestream verify --repair; or migrate in a database without a ledger");
}

Result<int64_t> stored_version(Session& session) {
  HIRESTREAM_ASSIGN(
      const int64_t version,
      session.number(
          "SELECT CAST(value AS SIGNED) FROM hirestream_meta WHERE name = 'schema_version'"));
  if (version > kSchemaVersion) {
    return fail(ErrorKind::kConfig, "open", session.subject(),
                fmt::format("its tables have schema version {}, this program knows {}", version,
                            kSchemaVersion),
                "use a newer hirestream");
  }
  return version;
}

Result<void> raise_version(Session& session) {
  HIRESTREAM_TRY(session.execute("UPDATE hirestream_writers SET epoch = epoch + 1"));
  return session.execute(fmt::format(
      "UPDATE hirestream_meta SET value = '{}' WHERE name = 'schema_version'", kSchemaVersion));
}

}  // namespace hirestream::sql
