#include "adapters/mysql/job_directory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "model/decimal.h"

namespace hirestream {

using mysql::Connection;
using mysql::quoted_identifier;
using mysql::ResultSet;

Result<void> MysqlJobDirectory::connect() {
  if (connection_ == nullptr || !connection_->alive()) {
    HIRESTREAM_ASSIGN(connection_, Connection::open(config_));
  }
  return {};
}

Result<MysqlJobDirectory::Table> MysqlJobDirectory::table_of(const std::string& name) {
  const size_t point = name.find('.');
  Table table{point == std::string::npos ? config_.database : name.substr(0, point),
              point == std::string::npos ? name : name.substr(point + 1),
              {}};
  HIRESTREAM_ASSIGN(ResultSet rows,
                    connection_->query(fmt::format(
                        "SELECT column_name FROM information_schema.columns WHERE table_schema = "
                        "{} AND table_name = {}",
                        connection_->quoted(table.database), connection_->quoted(table.name))));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return table;
    }
    table.columns.emplace(rows.text(0));
  }
}

Result<std::string> MysqlJobDirectory::select_statement() {
  HIRESTREAM_ASSIGN(const Table table, table_of(table_.table));
  const std::set<std::string>& have = table.columns;
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
  return fmt::format("SELECT {} FROM {}.{}", fmt::join(selected, ", "),
                     quoted_identifier(table.database), quoted_identifier(table.name));
}

Result<std::vector<Job>> MysqlJobDirectory::load() {
  HIRESTREAM_TRY(connect());
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

Result<std::vector<Publisher>> MysqlJobDirectory::load_publishers() {
  HIRESTREAM_TRY(connect());
  HIRESTREAM_ASSIGN(const Table table, table_of(table_.publishers_table));
  std::vector<Publisher> publishers;
  if (!table.columns.contains(table_.publisher_id) ||
      !table.columns.contains(table_.publisher_name)) {
    return publishers;
  }
  const std::string id = quoted_identifier(table_.publisher_id);
  const std::string name = quoted_identifier(table_.publisher_name);
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection_->query(fmt::format(
          "SELECT {0}, MAX({1}) FROM {2}.{3} WHERE {0} IS NOT NULL AND {1} <> '' GROUP BY {0}", id,
          name, quoted_identifier(table.database), quoted_identifier(table.name))));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      break;
    }
    const auto number = parse_integer(rows.text(0));
    if (!number) {
      return fail(ErrorKind::kRejected, "load publishers",
                  config_.subject() + " table " + table_.publishers_table,
                  fmt::format("publisher {} has no integer as id", rows.text(0)));
    }
    publishers.push_back({*number, std::string(rows.text(1))});
  }
  std::sort(publishers.begin(), publishers.end(),
            [](const Publisher& a, const Publisher& b) { return a.publisher_id < b.publisher_id; });
  return publishers;
}

}  // namespace hirestream
