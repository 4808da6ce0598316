#include "adapters/files/file_writers.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "adapters/files/record_reader.h"

namespace hirestream {
namespace {

constexpr size_t kBufferBytes = 1 << 20;
constexpr size_t kValueExcerptBytes = 80;

Result<void> check_event(const RawEvent& event, const std::string& path) {
  for (size_t index = 0; index < event.values.size(); ++index) {
    const auto& value = event.values[index];
    if (!value || simdjson::validate_utf8(*value)) continue;
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

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// RFC 8259, section 6, without exponents.
bool is_plain_json_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto digits = [&] {
    const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
    const auto count = static_cast<size_t>(end - text.begin());
    const bool leading_zero = count > 1 && text[0] == '0';
    text.remove_prefix(count);
    return std::pair(count, leading_zero);
  };
  const auto [whole, leading_zero] = digits();
  if (whole == 0 || leading_zero) return false;
  if (text.empty()) return true;
  if (text[0] != '.') return false;
  text.remove_prefix(1);
  return digits().first > 0 && text.empty();
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

void append_json_string(std::string& buffer, std::string_view value) {
  buffer += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      buffer += '\\';
      buffer += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(buffer), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      buffer += c;
    }
  }
  buffer += '"';
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
  for (const RawEvent& event : events) {
    HIRESTREAM_TRY(check_event(event, sink_->path()));
    for (size_t index = 0; index < event.values.size(); ++index) {
      if (index > 0) buffer_ += ',';
      if (event.values[index]) append_csv(buffer_, *event.values[index]);
    }
    buffer_ += '\n';
    HIRESTREAM_TRY(flush(*sink_, buffer_, kBufferBytes));
  }
  return {};
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
  for (const RawEvent& event : events) {
    HIRESTREAM_TRY(check_event(event, sink_->path()));
    char before = '{';
    for (size_t index = 0; index < event.values.size(); ++index) {
      if (!event.values[index]) continue;
      const std::string& value = *event.values[index];
      buffer_ += std::exchange(before, ',');
      append_json_string(buffer_, kRawColumnNames[index]);
      buffer_ += ':';
      if (is_numeric(static_cast<RawColumn>(index)) && is_plain_json_number(value)) {
        buffer_ += value;
      } else {
        append_json_string(buffer_, value);
      }
    }
    buffer_ += before == '{' ? "{}\n" : "}\n";
    HIRESTREAM_TRY(flush(*sink_, buffer_, kBufferBytes));
  }
  return {};
}

Result<void> NdjsonWriter::finish() {
  HIRESTREAM_TRY(flush(*sink_, buffer_, 0));
  return sink_->finish();
}

}  // namespace hirestream
