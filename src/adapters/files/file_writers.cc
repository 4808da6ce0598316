#include "adapters/files/file_writers.h"

#include <fmt/format.h>

#include <utility>

#include "adapters/files/record_reader.h"
#include "model/json_text.h"
#include "model/text.h"

namespace hirestream {
namespace {

constexpr size_t kBufferBytes = 1 << 20;
constexpr size_t kValueExcerptBytes = 80;

Result<void> check_event(const RawEvent& event, const std::string& path) {
  for (size_t index = 0; index < event.values.size(); ++index) {
    const auto& value = event.values[index];
    if (!value || is_utf8(*value)) continue;
    return fail(ErrorKind::kRejected, "write row", path,
                fmt::format("row {}: {} is no valid UTF-8: {}",
                            excerpt(event[RawColumn::kCreateTime].value_or(""), kValueExcerptBytes),
                            kRawColumnNames[index], excerpt(*value, kValueExcerptBytes)));
  }
  return {};
}

Result<void> flush(ByteSink& sink, std::string& buffer, size_t bytes_min) {
  if (buffer.size() < bytes_min) return {};
  HIRESTREAM_TRY(sink.write(buffer));
  buffer.clear();
  return {};
}

// Makes room before a batch is taken, and takes it as a whole or not at all: then the batch of a
// write that failed is not in the buffer when it is tried again.
Result<void> begin_batch(ByteSink& sink, std::string& buffer, std::span<const RawEvent> events) {
  for (const RawEvent& event : events) {
    HIRESTREAM_TRY(check_event(event, sink.path()));
  }
  return flush(sink, buffer, kBufferBytes);
}

void append_csv(std::string& buffer, std::string_view value) {
  if (value.find_first_of(",\"\r\n") == value.npos) {
    buffer += value;
    return;
  }
  buffer += '"';
  for (const char c : value) {
    if (c == '"') buffer += '"';
    buffer += c;
  }
  buffer += '"';
}

// Without exponents.
bool is_plain_json_number(std::string_view text) {
  return is_json_number(text) && text.find_first_of("eE") == text.npos;
}

bool is_numeric(RawColumn column) {
  switch (column) {
    case RawColumn::kBid:
    case RawColumn::kCampaignId:
    case RawColumn::kGroupId:
    case RawColumn::kJobId:
    case RawColumn::kPublisherId:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<std::unique_ptr<CsvWriter>> CsvWriter::create(const std::string& path) {
  HIRESTREAM_ASSIGN(auto sink, ByteSink::create(path));
  std::unique_ptr<CsvWriter> writer(new CsvWriter(std::move(sink)));
  for (const std::string_view name : kRawColumnNames) {
    if (!writer->buffer_.empty()) writer->buffer_ += ',';
    writer->buffer_ += name;
  }
  writer->buffer_ += '\n';
  return writer;
}

Result<void> CsvWriter::write(std::span<const RawEvent> events) {
  HIRESTREAM_TRY(begin_batch(*sink_, buffer_, events));
  for (const RawEvent& event : events) {
    for (size_t index = 0; index < event.values.size(); ++index) {
      if (index > 0) buffer_ += ',';
      if (event.values[index]) append_csv(buffer_, *event.values[index]);
    }
    buffer_ += '\n';
  }
  return {};
}

Result<void> CsvWriter::check(const RawEvent& event) const {
  return check_event(event, sink_->path());
}

Result<void> CsvWriter::finish() {
  HIRESTREAM_TRY(flush(*sink_, buffer_, 0));
  return sink_->finish();
}

Result<std::unique_ptr<NdjsonWriter>> NdjsonWriter::create(const std::string& path) {
  HIRESTREAM_ASSIGN(auto sink, ByteSink::create(path));
  return std::unique_ptr<NdjsonWriter>(new NdjsonWriter(std::move(sink)));
}

Result<void> NdjsonWriter::write(std::span<const RawEvent> events) {
  HIRESTREAM_TRY(begin_batch(*sink_, buffer_, events));
  for (const RawEvent& event : events) {
    char before = '{';
    for (size_t index = 0; index < event.values.size(); ++index) {
      if (!event.values[index]) continue;
      const std::string& value = *event.values[index];
      buffer_ += std::exchange(before, ',');
      append_json_string(kRawColumnNames[index], buffer_);
      buffer_ += ':';
      if (is_numeric(static_cast<RawColumn>(index)) && is_plain_json_number(value)) {
        buffer_ += value;
      } else {
        append_json_string(value, buffer_);
      }
    }
    buffer_ += before == '{' ? "{}\n" : "}\n";
  }
  return {};
}

Result<void> NdjsonWriter::check(const RawEvent& event) const {
  return check_event(event, sink_->path());
}

Result<void> NdjsonWriter::finish() {
  HIRESTREAM_TRY(flush(*sink_, buffer_, 0));
  return sink_->finish();
}

}  // namespace hirestream
