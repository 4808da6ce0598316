#include "adapters/sql/leases.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>
#include <set>
#include <utility>

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

}  // namespace hirestream
