#include "adapters/mysql/job_directory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <map>
#include <set>

#include "model/decimal.h"

namespace hirestream {

using mysql::Connection;
using mysql::quoted_identifier;
using mysql::ResultSet;

Result<std::string> MysqlJobDirectory::select_statement() {
  const size_t point = table_.table.find('.');
  const std::string database =
      point == std::string::npos ? config_.database : table_.table.substr(0, point);
  const std::string table =
      point == std::string::npos ? table_.table : table_.table.substr(point + 1);
  HIRESTREAM_ASSIGN(ResultSet rows,
                    connection_->query(fmt::format(
                        "SELECT column_name FROM information_schema.columns WHERE table_schema = "
                        "{} AND table_name = {}",
                        connection_->quoted(database), connection_->quoted(table))));
  std::set<std::string> have;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      break;
    }
    have.emplace(rows.text(0));
  }
  if (have.empty()) {
    return fail(ErrorKind::kConfig, "load jobs", config_.subject(),
                fmt::format("there is no table {} that {} may read", table_.table, config_.user),
                "name the table of the jobs in the settings, or grant SELECT on it");
  }
  std::vector<std::string> selected;
  for (const auto& name : {table_.job_id, table_.company_id, table_.group_id, table_.campaign_id}) {
    if (!have.contains(name)) {
      return fail(ErrorKind::kConfig, "load jobs", config_.subject() + " table " + table_.table,
                  fmt::format("there is no column {}; columns are {}", name, fmt::join(have, ", ")),
                  "name the columns of the jobs in the settings");
    }
    selected.push_back(quoted_identifier(name));
  }
  for (const auto& name :
       {table_.title, table_.company_name, table_.campaign_name, table_.group_name}) {
    selected.push_back(have.contains(name) ? quoted_identifier(name) : "NULL");
  }
  return fmt::format("SELECT {} FROM {}.{}", fmt::join(selected, ", "), quoted_identifier(database),
                     quoted_identifier(table));
}

Result<std::vector<Job>> MysqlJobDirectory::load() {
  if (connection_ == nullptr || !connection_->alive()) {
    HIRESTREAM_ASSIGN(connection_, Connection::open(config_));
  }
  HIRESTREAM_ASSIGN(const std::string statement, select_statement());
  HIRESTREAM_ASSIGN(ResultSet rows, connection_->query(statement));
  std::map<int64_t, Job> jobs;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      break;
    }
    if (rows.is_null(0)) {
      continue;
    }
    std::array<int64_t, 4> ids{};
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto id = rows.is_null(i) ? std::optional<int64_t>(0) : parse_integer(rows.text(i));
      if (!id) {
        return fail(ErrorKind::kRejected, "load jobs", config_.subject() + " table " + table_.table,
                    fmt::format("job {}: {} is no integer", rows.text(0), rows.text(i)));
      }
      ids[i] = *id;
    }
    jobs[ids[0]] = {ids[0],
                    ids[1],
                    ids[2],
                    ids[3],
                    std::string(rows.text(4)),
                    std::string(rows.text(5)),
                    std::string(rows.text(6)),
                    std::string(rows.text(7))};
  }
  std::vector<Job> sorted;
  sorted.reserve(jobs.size());
  for (auto& [id, job] : jobs) {
    sorted.push_back(std::move(job));
  }
  return sorted;
}

}  // namespace hirestream
