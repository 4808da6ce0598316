#include "adapters/files/csv_job_directory.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "adapters/files/record_reader.h"
#include "model/decimal.h"

namespace hirestream {
namespace {

constexpr size_t kExcerptBytes = 80;
constexpr size_t kNumberCount = 4;  // id, company_id, group_id, campaign_id stand first

// For people: where, and what is wrong with it.
std::string left_out(const std::string& path, int64_t line, const std::string& message) {
  return fmt::format("{}:{}: {}; the row is left out", path, line, message);
}

// Empty: the record can be read.
std::string malformed_text(const Record& record) {
  return record.malformed.empty()
             ? std::string()
             : fmt::format("{}: {}", record.malformed, excerpt(record.bytes, kExcerptBytes));
}

// Nothing: `fault` says what is wrong.
std::optional<Job> job_of(const Record& record, std::span<const WantedColumn> columns,
                          std::string& fault) {
  std::array<int64_t, kNumberCount> numbers{};
  for (size_t index = 0; index < kNumberCount; ++index) {
    if (!record.values[index]) continue;
    const std::string_view text = *record.values[index];
    const std::optional<int64_t> number = parse_integer(text);
    if (!number) {
      fault = fmt::format("column {} holds \"{}\", an integer is needed", columns[index].name,
                          excerpt(text, kExcerptBytes));
      return std::nullopt;
    }
    numbers[index] = *number;
  }
  if (!record.values[0]) {
    fault = fmt::format("column {} is empty", columns[0].name);
    return std::nullopt;
  }
  const auto text = [&](size_t index) {
    return std::string(record.values[index].value_or(std::string_view()));
  };
  return Job{numbers[0], numbers[1], numbers[2], numbers[3], text(4), text(5), text(6), text(7)};
}

}  // namespace

Result<Loaded<Job>> CsvJobDirectory::load() {
  const std::array<WantedColumn, 8> columns = {{{options_.id_column, true},
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
  HIRESTREAM_ASSIGN(auto reader, open_record_reader(FileFormat::kCsv, options_.path, columns));
  std::map<int64_t, Job> jobs;
  LeftOutRows rows;
  for (Record record;;) {
    HIRESTREAM_ASSIGN(const bool some, reader->next(record));
    if (!some) break;
    std::string fault = malformed_text(record);
    auto job = fault.empty() ? job_of(record, columns, fault) : std::nullopt;
    if (!job) {
      rows.add(left_out(options_.path, record.line, fault));
      continue;
    }
    jobs[job->job_id] = std::move(*job);
  }
  Loaded<Job> sorted;
  sorted.warnings = rows.take();
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
  HIRESTREAM_ASSIGN(auto reader, open_record_reader(FileFormat::kCsv, path, columns));
  std::map<int64_t, std::string> publishers;
  LeftOutRows rows;
  for (Record record;;) {
    HIRESTREAM_ASSIGN(const bool some, reader->next(record));
    if (!some) break;
    if (const std::string fault = malformed_text(record); !fault.empty()) {
      rows.add(left_out(path, record.line, fault));
      continue;
    }
    if (!record.values[0] || record.values[1].value_or(std::string_view()).empty()) continue;
    const std::optional<int64_t> number = parse_integer(*record.values[0]);
    if (!number) {
      rows.add(left_out(path, record.line,
                        fmt::format("column {} holds \"{}\", an integer is needed", columns[0].name,
                                    excerpt(*record.values[0], kExcerptBytes))));
      continue;
    }
    publishers[*number] = *record.values[1];
  }
  sorted.warnings = rows.take();
  for (auto& [id, name] : publishers) sorted.entries.push_back({id, std::move(name)});
  return sorted;
}

}  // namespace hirestream
