#include "adapters/sqlite/job_directory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "adapters/sqlite/database.h"
#include "model/decimal.h"

namespace hirestream {
namespace {

std::string quoted_name(const std::string& identifier) {
  std::string out = "\"";
  for (const char c : identifier) {
    out += c;
    if (c == '"') {
      out += c;
    }
  }
  return out + "\"";
}

Result<std::set<std::string>> columns_of(sqlite::Database& database, const std::string& table) {
  HIRESTREAM_ASSIGN(sqlite::Statement rows,
                    database.prepare("SELECT name FROM pragma_table_info(?1)"));
  rows.bind(1, std::string_view(table));
  std::set<std::string> names;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      return names;
    }
    names.emplace(rows.text(0));
  }
}

}  // namespace

Result<std::vector<Job>> SqliteJobDirectory::load() {
  HIRESTREAM_ASSIGN(sqlite::Database database,
                    sqlite::Database::open({.path = path_, .mode = sqlite::OpenMode::kReadOnly}));
  HIRESTREAM_ASSIGN(const std::set<std::string> have, columns_of(database, table_.table));
  if (have.empty()) {
    return fail(ErrorKind::kConfig, "load jobs", path_, "there is no table " + table_.table,
                "name the table of the jobs in the settings");
  }
  std::vector<std::string> selected;
  for (const auto& name : {table_.job_id, table_.company_id, table_.group_id, table_.campaign_id}) {
    if (!have.contains(name)) {
      return fail(ErrorKind::kConfig, "load jobs", path_ + " table " + table_.table,
                  fmt::format("there is no column {}; columns are {}", name, fmt::join(have, ", ")),
                  "name the columns of the jobs in the settings");
    }
    selected.push_back(quoted_name(name));
  }
  for (const auto& name :
       {table_.title, table_.company_name, table_.campaign_name, table_.group_name}) {
    selected.push_back(have.contains(name) ? quoted_name(name) : "NULL");
  }
  HIRESTREAM_ASSIGN(sqlite::Statement rows,
                    database.prepare(fmt::format("SELECT {} FROM {}", fmt::join(selected, ", "),
                                                 quoted_name(table_.table))));
  std::map<int64_t, Job> jobs;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      break;
    }
    if (rows.is_null(0)) {
      continue;
    }
    std::array<int64_t, 4> ids{};
    for (int i = 0; i < 4; ++i) {
      const auto id = rows.is_null(i) ? std::optional<int64_t>(0) : parse_integer(rows.text(i));
      if (!id) {
        return fail(ErrorKind::kRejected, "load jobs", path_ + " table " + table_.table,
                    fmt::format("job {}: {} is no integer", rows.text(0), rows.text(i)));
      }
      ids[static_cast<size_t>(i)] = *id;
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

Result<std::vector<Publisher>> SqliteJobDirectory::load_publishers() {
  HIRESTREAM_ASSIGN(sqlite::Database database,
                    sqlite::Database::open({.path = path_, .mode = sqlite::OpenMode::kReadOnly}));
  HIRESTREAM_ASSIGN(const std::set<std::string> have,
                    columns_of(database, table_.publishers_table));
  std::vector<Publisher> publishers;
  if (!have.contains(table_.publisher_id) || !have.contains(table_.publisher_name)) {
    return publishers;
  }
  HIRESTREAM_ASSIGN(
      sqlite::Statement rows,
      database.prepare(fmt::format(
          "SELECT {0}, MAX({1}) FROM {2} WHERE {0} IS NOT NULL AND {1} <> '' GROUP BY {0}",
          quoted_name(table_.publisher_id), quoted_name(table_.publisher_name),
          quoted_name(table_.publishers_table))));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.step());
    if (!more) {
      break;
    }
    const auto number = parse_integer(rows.text(0));
    if (!number) {
      return fail(ErrorKind::kRejected, "load publishers",
                  path_ + " table " + table_.publishers_table,
                  fmt::format("publisher {} has no integer as id", rows.text(0)));
    }
    publishers.push_back({*number, std::string(rows.text(1))});
  }
  std::sort(publishers.begin(), publishers.end(),
            [](const Publisher& a, const Publisher& b) { return a.publisher_id < b.publisher_id; });
  return publishers;
}

}  // namespace hirestream
