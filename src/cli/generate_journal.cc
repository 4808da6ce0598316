#include "cli/generate_journal.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "model/json_text.h"

namespace hirestream {
namespace {

void append_csv(const RawEvent& event, std::string& out) {
  bool first = true;
  for (const auto& value : event.values) {
    if (!first) {
      out += ',';
    }
    first = false;
    if (!value) {
      continue;
    }
    if (value->find_first_of(",\"\r\n") == std::string::npos) {
      out += *value;
      continue;
    }
    out += '"';
    for (const char c : *value) {
      out.append(c == '"' ? 2 : 1, c);
    }
    out += '"';
  }
  out += '\n';
}

void append_ndjson(const RawEvent& event, std::string& out) {
  char separator = '{';
  for (size_t i = 0; i < event.values.size(); ++i) {
    if (event.values[i]) {
      out += separator;
      separator = ',';
      append_json_string(kRawColumnNames[i], out);
      out += ':';
      append_json_string(*event.values[i], out);
    }
  }
  out += separator == '{' ? "{}\n" : "}\n";
}

}  // namespace

Result<Journal> Journal::open(const std::string& path, RawLogFate fate) {
  const std::string_view name = path;
  Format format = Format::kCsv;
  if (name.ends_with(".ndjson") || name.ends_with(".jsonl")) {
    format = Format::kNdjson;
  } else if (!name.ends_with(".csv")) {
    return fail(ErrorKind::kConfig, "open journal", path, "the format cannot be told from the name",
                "name it *.csv, *.ndjson or *.jsonl");
  }
  std::FILE* file = std::fopen(path.c_str(), "ab");
  if (file == nullptr) {
    return fail(ErrorKind::kConfig, "open journal", path, std::strerror(errno),
                "give --journal a file in a directory that can be written to");
  }
  Journal journal(file, path, format, fate);
  std::fseek(file, 0, SEEK_END);
  if (format == Format::kCsv && std::ftell(file) == 0) {
    for (const std::string_view column : kRawColumnNames) {
      journal.buffer_ += journal.buffer_.empty() ? "" : ",";
      journal.buffer_ += column;
    }
    journal.buffer_ += '\n';
    if (auto written = journal.write_buffer(); !written) {
      written.error().hint = "free some space";  // no row was written yet
      return forward(std::move(written).error());
    }
  }
  return journal;
}

Result<void> Journal::append(std::span<const RawEvent> events) {
  for (const RawEvent& event : events) {
    format_ == Format::kCsv ? append_csv(event, buffer_) : append_ndjson(event, buffer_);
  }
  return write_buffer();
}

Result<void> Journal::write_buffer() {
  const bool written =
      std::fwrite(buffer_.data(), 1, buffer_.size(), file_.get()) == buffer_.size() &&
      std::fflush(file_.get()) == 0;
  buffer_.clear();
  if (!written) {
    return fail(ErrorKind::kConfig, "write journal", path_, std::strerror(errno),
                fate_ == RawLogFate::kKept
                    ? "free some space; the rows written since are in the raw log but not in the "
                      "journal"
                    : "free some space and generate again with a new journal: this one's rows of "
                      "this run are in no raw log, which would have been made at the end");
  }
  return {};
}

}  // namespace hirestream
