#include "adapters/files/csv_job_directory.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "adapters/files/file_set.h"
#include "adapters/files/record_reader.h"
#include "model/job_texts.h"

namespace hirestream {
namespace {

constexpr size_t kExcerptBytes = 80;

// For people: where, and what is wrong with it.
std::string left_out_text(const std::string& path, int64_t line, const std::string& message) {
  return fmt::format("{}:{}: {}; the row is left out", path, line, message);
}

// Empty: the record can be read.
std::string malformed_text(const Record& record) {
  return record.malformed.empty()
             ? std::string()
             : fmt::format("{}: {}", record.malformed, excerpt(record.bytes, kExcerptBytes));
}

std::string_view text_of(const Record& record, size_t index) {
  return record.values[index].value_or(std::string_view());
}

std::string no_number_text(const WantedColumn& column, std::string_view text) {
  return fmt::format("column {} holds \"{}\", an integer is needed", column.name,
                     excerpt(text, kExcerptBytes));
}

// Each record that is not malformed; `take` says what is wrong with it, or nothing.
Result<std::vector<std::string>> read_records(
    const std::string& path, std::span<const WantedColumn> columns,
    const std::function<std::string(const Record&)>& take) {
  HIRESTREAM_ASSIGN(auto reader, open_record_reader(FileFormat::kCsv, path, columns));
  LeftOutRows left_out;
  for (Record record;;) {
    HIRESTREAM_ASSIGN(const bool some, reader->next(record));
    if (!some) break;
    std::string fault = malformed_text(record);
    if (fault.empty()) fault = take(record);
    if (!fault.empty()) left_out.add(left_out_text(path, record.line, fault));
  }
  return left_out.take();
}

// The same, of a file that stays as it is meanwhile: a row that was cut off looks like a whole one.
Result<std::vector<std::string>> read_whole(const std::string& path,
                                            std::span<const WantedColumn> columns,
                                            const std::function<std::string(const Record&)>& take) {
  const auto version = current_version(path);
  auto warnings = read_records(path, columns, take);
  if (version) HIRESTREAM_TRY(check_unchanged(path, version));
  return warnings;
}

}  // namespace

Result<Loaded<Job>> CsvJobDirectory::load() {
  const std::array<WantedColumn, kJobTexts> columns = {{{options_.id_column, true},
                                                        {options_.company_id_column, true},
                                                        {options_.group_id_column, false},
                                                        {options_.campaign_id_column, false},
                                                        {options_.title_column, false},
                                                        {options_.company_name_column, false},
                                                        {options_.campaign_name_column, false},
                                                        {options_.group_name_column, false}}};
  std::error_code ignored;
  if (!std::filesystem::exists(options_.path, ignored) && !ignored) {
    return fail(ErrorKind::kConfig, "load jobs", options_.path, "there is no such file",
                fmt::format("name a CSV file with the columns {} and {}, or leave the jobs out",
                            options_.id_column, options_.company_id_column));
  }
  std::map<int64_t, Job> jobs;
  const auto take = [&](const Record& record) -> std::string {
    std::array<std::string_view, kJobTexts> texts;
    for (size_t index = 0; index < texts.size(); ++index) texts[index] = text_of(record, index);
    auto job = read_job(texts);
    if (!job) return no_number_text(columns[job.error().place], texts[job.error().place]);
    if (!*job) return fmt::format("column {} is empty", columns[0].name);
    jobs[(*job)->job_id] = std::move(**job);
    return {};
  };
  Loaded<Job> sorted;
  HIRESTREAM_ASSIGN(sorted.warnings, read_whole(options_.path, columns, take));
  for (auto& [id, job] : jobs) sorted.entries.push_back(std::move(job));
  return sorted;
}

Result<Loaded<Publisher>> CsvJobDirectory::load_publishers() {
  const std::string path =
      (std::filesystem::path(options_.path).parent_path() / options_.publishers_file).string();
  Loaded<Publisher> sorted;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return sorted;
  const std::array<WantedColumn, 2> columns = {
      {{options_.publisher_id_column, false}, {options_.publisher_name_column, false}}};
  std::map<int64_t, Publisher> publishers;
  const auto take = [&](const Record& record) -> std::string {
    auto publisher = read_publisher(text_of(record, 0), text_of(record, 1));
    if (!publisher) return no_number_text(columns[0], text_of(record, 0));
    if (*publisher) publishers[(*publisher)->publisher_id] = std::move(**publisher);
    return {};
  };
  HIRESTREAM_ASSIGN(sorted.warnings, read_whole(path, columns, take));
  for (auto& [id, publisher] : publishers) sorted.entries.push_back(std::move(publisher));
  return sorted;
}

}  // namespace hirestream
