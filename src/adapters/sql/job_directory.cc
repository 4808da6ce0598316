#include "adapters/sql/job_directory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "model/job_texts.h"
#include "model/text.h"

namespace hirestream {

using sql::Row;

namespace {

constexpr const char* kNameThem = "name the table and the columns of the jobs in the settings";
constexpr size_t kExcerptBytes = 80;

// Every error is one of this operation. Nobody needs `hirestream init` for somebody else's table.
Error own_error(Error error, const char* operation) {
  error.operation = operation;
  if (error.hint.find("hirestream init") != std::string::npos) {
    error.hint = kNameThem;
  }
  return error;
}

std::string what_is_wrong(const std::string& table, const std::string& which,
                          const std::string& column, std::string_view value) {
  return fmt::format("table {}, {}: {} is \"{}\", an integer is needed; the row is left out", table,
                     which, column, storable_name(value, kExcerptBytes));
}

template <typename Entry>
std::vector<Entry> values_of(std::map<int64_t, Entry>&& sorted) {
  std::vector<Entry> values;
  values.reserve(sorted.size());
  for (auto& [id, entry] : sorted) {
    values.push_back(std::move(entry));
  }
  return values;
}

}  // namespace

Result<SqlJobDirectory::Table> SqlJobDirectory::find(sql::Session& session,
                                                     const std::string& name) const {
  const sql::Dialect& dialect = session.dialect();
  const size_t point = dialect.has_schemas ? name.find('.') : std::string::npos;
  const std::string schema = point == std::string::npos ? "" : name.substr(0, point);
  const std::string plain = point == std::string::npos ? name : name.substr(point + 1);
  Table table{dialect.quoted_identifier(plain), {}};
  if (!schema.empty()) {
    table.name = dialect.quoted_identifier(schema) + "." + table.name;
  }
  HIRESTREAM_TRY(session.each(
      dialect.columns_query(schema.empty() ? "" : session.quoted(schema), session.quoted(plain)),
      [&](const Row& row) { table.columns.emplace(row.text(0)); }));
  return table;
}

Result<std::string> SqlJobDirectory::select_jobs(sql::Session& session) const {
  HIRESTREAM_ASSIGN(const Table table, find(session, table_.table));
  if (table.columns.empty()) {
    return fail(ErrorKind::kConfig, "load jobs", session.subject(),
                fmt::format("there is no table {} that this user may read", table_.table),
                "name the table of the jobs in the settings, or grant SELECT on it");
  }
  std::vector<std::string> selected;
  for (const auto& name : {table_.job_id, table_.company_id}) {
    if (!table.columns.contains(name)) {
      return fail(ErrorKind::kConfig, "load jobs", session.subject() + " table " + table_.table,
                  fmt::format("there is no column {}; columns are {}", name,
                              fmt::join(table.columns, ", ")),
                  kNameThem);
    }
    selected.push_back(session.dialect().quoted_identifier(name));
  }
  for (const auto& name : {table_.group_id, table_.campaign_id, table_.title, table_.company_name,
                           table_.campaign_name, table_.group_name}) {
    selected.push_back(table.columns.contains(name) ? session.dialect().quoted_identifier(name)
                                                    : "NULL");
  }
  return fmt::format("SELECT {} FROM {}", fmt::join(selected, ", "), table.name);
}

Result<Loaded<Job>> SqlJobDirectory::read_jobs() const {
  HIRESTREAM_ASSIGN(const std::unique_ptr<sql::Session> session, open_());
  HIRESTREAM_ASSIGN(const std::string statement, select_jobs(*session));
  const std::array<std::string, 4> columns = {table_.job_id, table_.company_id, table_.group_id,
                                              table_.campaign_id};
  std::map<int64_t, Job> jobs;
  LeftOutRows left_out;
  int64_t number = 0;
  HIRESTREAM_TRY(session->each(statement, [&](const Row& row) {
    ++number;
    std::array<std::string_view, kJobTexts> texts;
    for (size_t i = 0; i < texts.size(); ++i) {
      texts[i] = row.text(static_cast<int>(i));
    }
    auto job = read_job(texts);
    if (!job) {
      const size_t place = job.error().place;
      const std::string which =
          place == 0 ? fmt::format("row {}", number) : fmt::format("job {}", trim(texts[0]));
      left_out.add(what_is_wrong(table_.table, which, columns[place], texts[place]));
    } else if (*job) {
      jobs[(*job)->job_id] = std::move(**job);
    }
  }));
  return Loaded<Job>{values_of(std::move(jobs)), left_out.take()};
}

Result<Loaded<Publisher>> SqlJobDirectory::read_publishers() const {
  HIRESTREAM_ASSIGN(const std::unique_ptr<sql::Session> session, open_());
  HIRESTREAM_ASSIGN(const Table table, find(*session, table_.publishers_table));
  Loaded<Publisher> none;
  if (!table.columns.contains(table_.publisher_id) ||
      !table.columns.contains(table_.publisher_name)) {
    return none;
  }
  std::map<int64_t, Publisher> publishers;
  LeftOutRows left_out;
  int64_t number = 0;
  HIRESTREAM_TRY(session->each(
      fmt::format("SELECT {}, {} FROM {}",
                  session->dialect().quoted_identifier(table_.publisher_id),
                  session->dialect().quoted_identifier(table_.publisher_name), table.name),
      [&](const Row& row) {
        ++number;
        auto publisher = read_publisher(row.text(0), row.text(1));
        if (!publisher) {
          left_out.add(what_is_wrong(table_.publishers_table, fmt::format("row {}", number),
                                     table_.publisher_id, row.text(0)));
        } else if (*publisher) {
          publishers[(*publisher)->publisher_id] = std::move(**publisher);
        }
      }));
  return Loaded<Publisher>{values_of(std::move(publishers)), left_out.take()};
}

Result<Loaded<Job>> SqlJobDirectory::load() {
  auto loaded = read_jobs();
  if (!loaded) {
    return forward(own_error(std::move(loaded).error(), "load jobs"));
  }
  return loaded;
}

Result<Loaded<Publisher>> SqlJobDirectory::load_publishers() {
  auto loaded = read_publishers();
  if (!loaded) {
    return forward(own_error(std::move(loaded).error(), "load publishers"));
  }
  return loaded;
}

}  // namespace hirestream
