#include "adapters/sql/leases.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "adapters/sql/multi_row_insert.h"

namespace hirestream {
namespace {

// The rows that are to be decided about are there, and nobody else decides meanwhile.
Result<void> lock_rows(sql::Session& session, const std::string& source,
                       const std::set<int32_t>& shards) {
  sql::MultiRowInsert insert(
      session, "INSERT INTO hirestream_leases (source, shard, owner, until_us) VALUES",
      session.dialect().upsert("source, shard", "until_us = hirestream_leases.until_us"));
  for (const int32_t shard : shards) {
    std::string& row = insert.row();
    session.append_text(row, source);
    fmt::format_to(std::back_inserter(row), ",{},'',0", shard);
    HIRESTREAM_TRY(insert.end_row());
  }
  return insert.flush();
}

Result<void> store_rows(sql::Session& session, const std::string& source,
                        const std::vector<LeaseRow>& before, const std::vector<LeaseRow>& after) {
  std::vector<int32_t> gone;
  for (const LeaseRow& row : before) {
    if (std::find_if(after.begin(), after.end(), [&row](const LeaseRow& other) {
          return other.shard == row.shard;
        }) == after.end()) {
      gone.push_back(row.shard);
    }
  }
  if (!gone.empty()) {
    HIRESTREAM_TRY(session.execute(
        fmt::format("DELETE FROM hirestream_leases WHERE source = {} AND shard IN ({})",
                    session.quoted(source), fmt::join(gone, ","))));
  }
  sql::MultiRowInsert insert(
      session, "INSERT INTO hirestream_leases (source, shard, owner, until_us) VALUES",
      session.dialect().upsert("source, shard", "owner = new.owner, until_us = new.until_us"));
  for (const LeaseRow& row : after) {
    if (std::find(before.begin(), before.end(), row) != before.end()) {
      continue;
    }
    std::string& text = insert.row();
    session.append_text(text, source);
    fmt::format_to(std::back_inserter(text), ",{},", row.shard);
    session.append_text(text, row.owner);
    fmt::format_to(std::back_inserter(text), ",{}", row.until_us);
    HIRESTREAM_TRY(insert.end_row());
  }
  return insert.flush();
}

}  // namespace

Leases::Leases(std::unique_ptr<sql::Session> session) : session_(std::move(session)) {}

Leases::~Leases() = default;

Result<std::optional<LeaseHolder>> Leases::take(const std::string& source,
                                                std::span<const int32_t> shards,
                                                const std::string& owner, int64_t lease_us) {
  sql::Session& session = *session_;
  const std::set<int32_t> sorted(shards.begin(), shards.end());
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session.begin_write());
  HIRESTREAM_TRY(lock_rows(session, source, sorted));
  const std::string now_us = session.dialect().moment_micros(session.dialect().now);
  const std::string mine =
      fmt::format("source = {} AND shard IN ({})", session.quoted(source), fmt::join(sorted, ","));
  LeaseHolder other;
  HIRESTREAM_ASSIGN(const bool held,
                    session.first(fmt::format("SELECT owner, until_us - {0} FROM hirestream_leases "
                                              "WHERE {1} AND owner <> {2} AND until_us > {0} "
                                              "ORDER BY until_us DESC",
                                              now_us, mine, session.quoted(owner)),
                                  [&](const sql::Row& row) {
                                    other = {std::string(row.text(0)), row.integer(1)};
                                  }));
  if (held) {
    return std::optional(std::move(other));
  }
  HIRESTREAM_TRY(session.execute(fmt::format(
      "UPDATE hirestream_leases SET owner = {}, until_us = {} WHERE {}", session.quoted(owner),
      lease_us == 0 ? "0" : fmt::format("{} + {}", now_us, lease_us), mine)));
  HIRESTREAM_TRY(transaction.commit());
  return std::optional<LeaseHolder>();
}

// The shards' rows are locked: of those of one source only one engine asks at a time.
Result<Share> Leases::share(const std::string& source, const ShareRequest& request) {
  sql::Session& session = *session_;
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session.begin_write());
  HIRESTREAM_TRY(lock_rows(session, source, {request.shards.begin(), request.shards.end()}));
  const std::string mine = fmt::format("source = {}", session.quoted(source));
  const std::string now = session.dialect().moment_micros(session.dialect().now);
  int64_t now_us = 0;
  std::vector<LeaseRow> rows;
  HIRESTREAM_TRY(session.each(
      fmt::format("SELECT shard, owner, until_us, {} FROM hirestream_leases WHERE {}", now, mine),
      [&](const sql::Row& row) {
        rows.push_back(
            {static_cast<int32_t>(row.integer(0)), std::string(row.text(1)), row.integer(2)});
        now_us = row.integer(3);
      }));
  const std::vector<LeaseRow> before = rows;
  const Share share = exchange_leases(rows, request, now_us);
  HIRESTREAM_TRY(store_rows(session, source, before, rows));
  HIRESTREAM_TRY(transaction.commit());
  return share;
}

}  // namespace hirestream
