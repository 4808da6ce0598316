#include "adapters/mysql/company_rewriter.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

#include "adapters/mysql/key_condition.h"

namespace hirestream::mysql {
namespace {

constexpr size_t kJobsPerStatement = 500;

// The two tables whose rows carry their job's company.
struct CompanyTable {
  const char* name;
  const char* hours;
  std::string (*condition)(std::span<const CellKey> keys);
  bool has_updated_at;
};
constexpr CompanyTable kEventsTable = {"events", "hours", cell_condition, true};
constexpr CompanyTable kDaysTable = {"hirestream_days", "0", day_condition, false};

// Keys of rows whose company is not their job's, in key order.
Result<std::vector<CellKey>> rows_of_other_companies(Session& session, const CompanyTable& table,
                                                     const std::map<int64_t, int64_t>& companies) {
  std::vector<CellKey> keys;
  const size_t most =
      std::min(kJobsPerStatement, keys_per_statement(session.statement_bytes_max()));
  for (auto next = companies.begin(); next != companies.end();) {
    // Ranges of an index: "another company" would be none.
    std::string condition;
    for (size_t jobs = 0; next != companies.end() && jobs < most; ++jobs, ++next) {
      fmt::format_to(std::back_inserter(condition),
                     "{0}(job_id = {1} AND company_id < {2}) OR (job_id = {1} AND company_id > "
                     "{2})",
                     condition.empty() ? "" : " OR ", next->first, next->second);
    }
    HIRESTREAM_TRY(session.each(
        fmt::format("SELECT DATEDIFF(dates, '1970-01-01') * 24 + {}, job_id, publisher_id, "
                    "campaign_id, group_id FROM {} WHERE {}",
                    table.hours, table.name, condition),
        [&](const sql::Row& row) {
          keys.push_back({static_cast<int32_t>(row.integer(0)), row.integer(1), row.integer(2),
                          row.integer(3), row.integer(4)});
        }));
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

Result<int64_t> rewrite_table(Session& session, const CompanyTable& table,
                              const std::map<int64_t, int64_t>& companies, int64_t now_us) {
  HIRESTREAM_ASSIGN(const std::vector<CellKey> keys,
                    rows_of_other_companies(session, table, companies));
  const std::string touch =
      table.has_updated_at ? ", updated_at = " + session.dialect().moment_value(now_us) : "";
  int64_t rewritten = 0;
  const size_t most = keys_per_statement(session.statement_bytes_max());
  for (size_t begin = 0; begin < keys.size(); begin += most) {
    const auto some =
        std::span<const CellKey>(keys).subspan(begin, std::min(most, keys.size() - begin));
    std::string cases;
    std::set<int64_t> seen;
    for (const CellKey& key : some) {
      if (seen.insert(key.job_id).second) {
        fmt::format_to(std::back_inserter(cases), " WHEN {} THEN {}", key.job_id,
                       companies.at(key.job_id));
      }
    }
    HIRESTREAM_TRY(session.execute(fmt::format(
        "UPDATE {} FORCE INDEX (PRIMARY) SET company_id = CASE job_id{} ELSE company_id END{} "
        "WHERE {}",
        table.name, cases, touch, table.condition(some))));
    rewritten += session.changed_rows();
  }
  return rewritten;
}

}  // namespace

Result<int64_t> rewrite_companies(Session& session, const std::map<int64_t, int64_t>& companies,
                                  int64_t now_us) {
  HIRESTREAM_ASSIGN(const int64_t rewritten,
                    rewrite_table(session, kEventsTable, companies, now_us));
  HIRESTREAM_TRY(rewrite_table(session, kDaysTable, companies, now_us));
  return rewritten;
}

}  // namespace hirestream::mysql
