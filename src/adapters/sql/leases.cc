#include "adapters/sql/leases.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <type_traits>
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

struct LeaseTable {
  std::vector<LeaseRow> rows;
  int64_t now_us = 0;
};

// All rows of the source, at a moment of the warehouse's clock.
Result<LeaseTable> load_rows(sql::Session& session, const std::string& source) {
  LeaseTable table;
  HIRESTREAM_TRY(session.each(
      fmt::format("SELECT shard, owner, until_us, {} FROM hirestream_leases WHERE source = {}",
                  session.dialect().moment_micros(session.dialect().now), session.quoted(source)),
      [&table](const sql::Row& row) {
        table.rows.push_back(
            {static_cast<int32_t>(row.integer(0)), std::string(row.text(1)), row.integer(2)});
        table.now_us = row.integer(3);
      }));
  return table;
}

// `decide(rows, now_us)` changes the source's rows. The rows of `shards` are locked: of those who
// ask for the same shard one is answered at a time.
template <typename Decide>
Result<std::invoke_result_t<Decide, std::vector<LeaseRow>&, int64_t>> exchange(
    sql::Session& session, const std::string& source, std::span<const int32_t> shards,
    Decide decide) {
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session.begin_write());
  HIRESTREAM_TRY(lock_rows(session, source, {shards.begin(), shards.end()}));
  HIRESTREAM_ASSIGN(LeaseTable table, load_rows(session, source));
  const std::vector<LeaseRow> before = table.rows;
  auto answer = decide(table.rows, table.now_us);
  HIRESTREAM_TRY(store_rows(session, source, before, table.rows));
  HIRESTREAM_TRY(transaction.commit());
  return answer;
}

}  // namespace

Leases::Leases(std::unique_ptr<sql::Session> session) : session_(std::move(session)) {}

Leases::~Leases() = default;

Result<std::optional<LeaseHolder>> Leases::take(const std::string& source,
                                                std::span<const int32_t> shards,
                                                const std::string& owner, int64_t lease_us) {
  return exchange(*session_, source, shards,
                  [&](std::vector<LeaseRow>& rows, int64_t now_us) -> std::optional<LeaseHolder> {
                    const auto other = take_leases(rows, shards, owner, lease_us, now_us);
                    if (!other) {
                      return std::nullopt;
                    }
                    return LeaseHolder{other->owner, other->until_us - now_us};
                  });
}

Result<Share> Leases::share(const std::string& source, const ShareRequest& request) {
  return exchange(*session_, source, request.shards,
                  [&](std::vector<LeaseRow>& rows, int64_t now_us) {
                    return exchange_leases(rows, request, now_us);
                  });
}

}  // namespace hirestream
