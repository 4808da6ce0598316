#include "cli/import_files.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <thread>
#include <utility>

#include "adapters/files/file_endings.h"
#include "adapters/files/file_set.h"
#include "adapters/files/record_reader.h"

namespace hirestream {
namespace {

Result<FileFormat> format_of(const std::string& path) {
  if (const auto format = format_of_name(path)) {
    return *format;
  }
  return fail(
      ErrorKind::kConfig, "import", path, "the format cannot be told from the name",
      "name it *.csv, *.tsv, *.ndjson, *.jsonl or *.json, compressed with .gz or .zst behind it, "
      "or *.parquet, *.parq");
}

std::vector<WantedColumn> wanted_columns(const std::vector<NamedRawColumn>& columns) {
  std::vector<WantedColumn> wanted;
  for (const NamedRawColumn& column : columns) {
    const auto counted = counted_column(column.column);
    wanted.push_back({.name = column.name,
                      .required = column.renamed || column.column == RawColumn::kCreateTime,
                      .must_be_readable = counted && *counted != Column::kEd});
  }
  return wanted;
}

uint64_t content_hash(const RawEvent& event) {
  uint64_t hash = 0;
  for (const auto& value : event.values) {
    hash = value ? XXH3_64bits_withSeed(value->data(), value->size(), hash + 1)
                 : XXH3_64bits_withSeed("", 0, hash);
  }
  return hash;
}

}  // namespace

std::string BadRow::text() const {
  return fmt::format("{}:{}: {}", file, line, reason);
}

FileImporter::FileImporter(ImportOptions options, RawLogWriter& writer, Progress progress)
    : options_(std::move(options)),
      writer_(writer),
      progress_(std::move(progress)),
      columns_(raw_columns(options_.rules)) {}

RawEvent FileImporter::event_of(const Record& record) const {
  RawEvent event;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const auto& value = record.values[i];
    set_value(columns_[i], value ? std::optional<std::string>(*value) : std::nullopt, event);
  }
  apply_rules(options_.rules, event);
  return event;
}

// Rows of NDJSON leave out what is null: a name that none of them has may be a wrong one.
void FileImporter::note_absent_columns(const std::string& path,
                                       const std::vector<std::string>& found) const {
  for (const NamedRawColumn& column : columns_) {
    if (column.renamed && std::ranges::find(found, column.name) == found.end()) {
      options_.on_note(path, fmt::format("no row has {}, which stands for {}", column.name,
                                         kRawColumnNames[static_cast<size_t>(column.column)]));
    }
  }
}

Result<void> FileImporter::run(const std::stop_token& stop) {
  stop_ = stop;
  if (writer_.is_whole_or_nothing()) {
    HIRESTREAM_TRY(read_files(&FileImporter::learn_versions));
  }
  if (!report_.interrupted) {
    report_.files = 0;
    HIRESTREAM_TRY(read_files(&FileImporter::import_file));
  }
  return finish();
}

Result<void> FileImporter::read_files(Result<void> (FileImporter::*read)(const std::string&)) {
  for (const std::string& path : options_.files) {
    const auto& version = first_read_.try_emplace(path, current_version(path)).first->second;
    const auto done = (this->*read)(path);
    if (done && report_.interrupted) {
      return flush(path);
    }
    if (auto unchanged = check_unchanged(path, version); version && !unchanged) {
      // A row that was cut off looks like a whole one.
      leave_out_last_row();
      HIRESTREAM_TRY(flush(path));
      return unchanged;
    }
    HIRESTREAM_TRY(done);
    HIRESTREAM_TRY(flush(path));
    ++report_.files;
    std::error_code ignored;
    const auto size = std::filesystem::file_size(path, ignored);
    bytes_before_ += ignored ? 0 : static_cast<int64_t>(size);
  }
  progress_(bytes_before_, report_);
  return {};
}

Result<void> FileImporter::finish() {
  const bool whole = writer_.is_whole_or_nothing();
  if (whole && !report_.interrupted &&
      static_cast<size_t>(report_.rows_written) != versions_.size()) {
    return fail(ErrorKind::kTransient, "import", options_.files.front(),
                "the files changed while they were read", "import them when they are complete");
  }
  if (!whole || !report_.interrupted) {
    HIRESTREAM_ASSIGN(const bool finished,
                      finish_patiently(writer_, {options_.give_up_after_us, options_.on_retry},
                                       stop_, report_.retries));
    report_.interrupted = report_.interrupted || !finished;
  }
  if (whole && report_.interrupted) {
    report_.kept = false;
    report_.rows_written = 0;
    report_.overwritten = 0;
  }
  return {};
}

Result<std::unique_ptr<RecordReader>> FileImporter::open(const std::string& path) const {
  HIRESTREAM_ASSIGN(const FileFormat format, format_of(path));
  return open_record_reader(format, path, wanted_columns(columns_), {}, options_.csv);
}

Result<void> FileImporter::learn_versions(const std::string& path) {
  HIRESTREAM_ASSIGN(const auto reader, open(path));
  Record record;
  Row row;
  for (size_t rows = 1;; ++rows) {
    HIRESTREAM_ASSIGN(const bool more, reader->next(record));
    if (!more) {
      return {};
    }
    if (stop_.stop_requested()) {
      report_.interrupted = true;
      return {};
    }
    const auto fault = read_row(record, row);
    if (!fault) {
      versions_[row.id].hash = row.hash;
    } else if (!options_.skip_bad_rows) {
      return bad_row(path, record.line, fault->reason, fault->group);
    }
    if (rows % options_.batch_rows == 0) {
      progress_(bytes_before_ + reader->file_bytes(), report_);
    }
  }
}

Result<void> FileImporter::import_file(const std::string& path) {
  HIRESTREAM_ASSIGN(const auto reader, open(path));
  Record record;
  Row row;
  while (true) {
    auto more = reader->next(record);
    if (!more) {
      // What stands before the damage is whole.
      HIRESTREAM_TRY(flush(path));
      return forward(more.error());
    }
    if (!*more) {
      break;
    }
    if (stop_.stop_requested()) {
      report_.interrupted = true;
      break;
    }
    // Before the row: the last one is kept back until the file is known to be whole.
    if (batch_.size() >= options_.batch_rows) {
      HIRESTREAM_TRY(flush(path));
      progress_(bytes_before_ + reader->file_bytes(), report_);
    }
    ++report_.rows_read;
    last_line_ = record.line;
    if (const auto fault = read_row(record, row)) {
      HIRESTREAM_TRY(bad_row(path, record.line, fault->reason, fault->group));
      continue;
    }
    take(record.line, std::move(row));
  }
  if (options_.on_note) {
    if (const std::string dialect = reader->dialect(); !dialect.empty()) {
      options_.on_note(path, dialect);
    }
    note_absent_columns(path, reader->found_columns());
    for (const std::string& note : reader->notes()) {
      options_.on_note(path, note);
    }
  }
  return {};
}

void FileImporter::leave_out_last_row() {
  if (!pending_.empty() && pending_.back().line == last_line_) {
    batch_.pop_back();
    pending_.pop_back();
  }
}

std::optional<FileImporter::Fault> FileImporter::read_row(const Record& record, Row& row) const {
  if (!record.malformed.empty()) {
    return Fault{record.malformed, record.malformed};
  }
  row.event = event_of(record);
  auto& create_time = row.event[RawColumn::kCreateTime];
  if (!create_time) {
    return Fault{"create_time is missing", "create_time is missing"};
  }
  const TextId id = read_uuid_text(*create_time);
  if (!id.is_uuid) {
    return Fault{fmt::format("create_time \"{}\" is not a UUID", excerpt(*create_time, 60)),
                 "create_time is not a UUID"};
  }
  row.id = id.id;
  create_time = format_uuid(id.id);
  row.hash = content_hash(row.event);
  const auto checked = writer_.check(row.event);
  return checked ? std::nullopt : std::optional(misfit(checked.error()));
}

void FileImporter::take(int64_t line, Row&& row) {
  if (writer_.is_whole_or_nothing()) {
    take_last_version(line, std::move(row));
    return;
  }
  const auto [version, fresh] = versions_.try_emplace(row.id, Version{row.hash});
  if (!fresh && version->second.hash == row.hash) {
    ++report_.duplicates;
    return;
  }
  version->second.hash = row.hash;
  batch_.push_back(std::move(row.event));
  pending_.push_back({line, !fresh});
}

void FileImporter::take_last_version(int64_t line, Row&& row) {
  Version& version = versions_.try_emplace(row.id, Version{row.hash}).first->second;
  if (version.hash != row.hash) {
    ++report_.superseded;
  } else if (version.written) {
    ++report_.duplicates;
  } else {
    version.written = true;
    batch_.push_back(std::move(row.event));
    pending_.push_back({line, false});
  }
}

Result<void> FileImporter::flush(const std::string& path) {
  if (batch_.empty()) {
    return {};
  }
  const auto written = write_with_retries(batch_);
  Result<void> done;
  if (written && *written) {
    for (const Pending& pending : pending_) {
      count_written(pending);
    }
  } else if (written) {
    interrupted_before(pending_.size());
  } else if (written.error().kind == ErrorKind::kRejected) {
    done = write_one_by_one(path);
  } else {
    done = forward(written.error());
  }
  batch_.clear();
  pending_.clear();
  return done;
}

FileImporter::Fault FileImporter::misfit(const Error& error) {
  return {error.subject.empty() ? error.message : error.subject + ": " + error.message,
          "a value does not fit its column"};
}

// Finds the rows that do not fit. Those before it in the batch may be there already: writing them
// again changes nothing.
Result<void> FileImporter::write_one_by_one(const std::string& path) {
  for (size_t i = 0; i < batch_.size(); ++i) {
    const auto written = write_with_retries(std::span(batch_).subspan(i, 1));
    if (written && !*written) {
      interrupted_before(batch_.size() - i);
      return {};
    }
    if (written) {
      count_written(pending_[i]);
    } else if (written.error().kind != ErrorKind::kRejected) {
      return forward(written.error());
    } else {
      const int64_t line = pending_[i].line;
      Fault fault = misfit(written.error());
      // The bad row's place is kept free of the rows behind it: they were not promised anything
      // yet.
      const auto stopped = bad_row(path, line, std::move(fault.reason), fault.group);
      if (!stopped) {
        batch_.clear();
        pending_.clear();
        return stopped;
      }
    }
  }
  return {};
}

Result<bool> FileImporter::write_with_retries(std::span<const RawEvent> events) {
  return write_patiently(writer_, events, {options_.give_up_after_us, options_.on_retry}, stop_,
                         report_.retries);
}

Result<void> FileImporter::bad_row(const std::string& path, int64_t line, std::string reason,
                                   const std::string& group) {
  BadRow bad{path, line, std::move(reason)};
  if (!options_.skip_bad_rows) {
    // Everything before the bad row goes in first, so that the message says how far the import
    // came.
    if (!batch_.empty() && pending_.back().line < line) {
      HIRESTREAM_TRY(flush(path));
    }
    const std::string kept =
        writer_.is_whole_or_nothing()
            ? "no row was kept, for a file is made as a whole or not at all; mend the line and "
              "import again"
            : fmt::format(
                  "{} rows before it are in the raw log; mend the line and import again "
                  "(rows are never doubled)",
                  report_.rows_written);
    return fail(ErrorKind::kRejected, "import", fmt::format("{}:{}", bad.file, bad.line),
                bad.reason, kept + ", or go on without bad rows: --on-bad-row skip");
  }
  ++report_.bad_rows;
  ++report_.bad_by_reason[group];
  if (report_.bad_sample.size() < kBadSampleMax) {
    report_.bad_sample.push_back(std::move(bad));
  }
  return {};
}

// Rows that were read and not written are as good as not read.
void FileImporter::interrupted_before(size_t rows) {
  report_.interrupted = true;
  report_.rows_read -= static_cast<int64_t>(rows);
}

void FileImporter::count_written(const Pending& pending) {
  ++report_.rows_written;
  report_.overwritten += pending.overwrites ? 1 : 0;
}

}  // namespace hirestream
