#include "adapters/files/ndjson_reader.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <strings.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "model/json_text.h"
#include "model/text.h"

namespace hirestream {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(InputWindow::kPadding >= simdjson::SIMDJSON_PADDING);

constexpr size_t kOverlongShown = 4096;
constexpr int kUnwanted = -1;
constexpr int kDepthMax = 500;

simdjson::error_code check_scalar(ondemand::json_type type, std::string_view text) {
  switch (type) {
    case ondemand::json_type::number:
      return is_json_number(text) ? simdjson::SUCCESS : simdjson::NUMBER_ERROR;
    case ondemand::json_type::boolean:
      return text == "true" || text == "false" ? simdjson::SUCCESS : simdjson::T_ATOM_ERROR;
    default:
      return text == "null" ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
  }
}

// Goes through a value down to its last scalar. simdjson's own skipping only counts brackets and so
// takes `"x":"y":1` for one value, behind which a column may get lost. Escapes inside strings are
// not checked.
simdjson::error_code pass_through(ondemand::value value, int depth = 0) {
  if (depth > kDepthMax) return simdjson::DEPTH_ERROR;
  auto type = ondemand::json_type::null;
  if (const auto error = value.type().get(type)) return error;
  if (type == ondemand::json_type::string) return value.get_raw_json_string().error();
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    for (auto field : object) {
      if (field.error()) return field.error();
      if (const auto error = pass_through(field.value().value_unsafe(), depth + 1)) return error;
    }
    return simdjson::SUCCESS;
  }
  if (type == ondemand::json_type::array) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    for (auto element : array) {
      if (element.error()) return element.error();
      if (const auto error = pass_through(element.value_unsafe(), depth + 1)) return error;
    }
    return simdjson::SUCCESS;
  }
  return check_scalar(type, trim_end(value.raw_json_token()));
}

}  // namespace

// Knows simdjson; and which column a key means. Lines of a file mostly have their keys in one
// order, some left out, so a key is looked for among the keys seen so far, from the one behind the
// last on.
struct NdjsonReader::Parser {
  struct Key {
    std::string quoted;  // the text and the closing quote, as in the file
    int column = kUnwanted;
    bool exact = false;
  };
  static constexpr size_t kKeysMax = 128;
  // Behind the beginning of a key so many bytes can be read.
  static constexpr size_t kQuotedBytesMax = InputWindow::kPadding;

  explicit Parser(std::span<const WantedColumn> wanted) {
    for (const WantedColumn& column : wanted) names.emplace_back(column.name);
    exact.resize(names.size());
  }

  Key match(std::string_view text) const {
    Key key;
    for (size_t index = 0; index < names.size(); ++index) {
      if (names[index] == text) return Key{{}, static_cast<int>(index), true};
      if (names[index].size() == text.size() &&
          ::strncasecmp(names[index].data(), text.data(), text.size()) == 0) {
        key.column = static_cast<int>(index);
      }
    }
    return key;
  }

  const Key* find_seen(const char* raw) {
    for (size_t tried = 0; tried < keys.size(); ++tried) {
      if (next_seen == keys.size()) next_seen = 0;
      const Key& key = keys[next_seen++];
      if (std::memcmp(raw, key.quoted.data(), key.quoted.size()) == 0) return &key;
    }
    return nullptr;
  }

  simdjson::error_code next_key(ondemand::field& field, Key& key) {
    const char* raw = field.key().raw();
    if (const Key* seen = find_seen(raw)) {
      key.column = seen->column;
      key.exact = seen->exact;
      return simdjson::SUCCESS;
    }
    std::string_view text;
    if (const auto error = field.unescaped_key().get(text)) return error;
    key = match(text);
    const std::string quoted = std::string(text) + '"';
    if (keys.size() < kKeysMax && quoted.size() <= kQuotedBytesMax &&
        text.find('\\') == text.npos && std::memcmp(raw, quoted.data(), quoted.size()) == 0) {
      keys.push_back({quoted, key.column, key.exact});
      next_seen = keys.size();
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code read_value(ondemand::value value, std::optional<std::string_view>& text) {
    auto type = ondemand::json_type::null;
    if (const auto error = value.type().get(type)) return error;
    std::string_view found = value.raw_json_token();
    if (type == ondemand::json_type::string) {
      if (const auto error = value.get_string().get(found)) return error;
    } else if (type == ondemand::json_type::object || type == ondemand::json_type::array) {
      const char* const begin = found.data();
      const char* behind = nullptr;
      if (const auto error = pass_through(value)) return error;
      if (const auto error = document.current_location().get(behind)) return error;
      found = trim_end({begin, static_cast<size_t>(behind - begin)});
    } else {
      found = trim_end(found);
      if (const auto error = check_scalar(type, found)) return error;
      if (type == ondemand::json_type::null) found = {};
    }
    text = found.empty() ? std::nullopt : std::optional(found);
    return simdjson::SUCCESS;
  }

  // `line` must have SIMDJSON_PADDING readable bytes behind it.
  simdjson::error_code parse(std::string_view line,
                             std::vector<std::optional<std::string_view>>& values) {
    std::fill(values.begin(), values.end(), std::nullopt);
    std::fill(exact.begin(), exact.end(), false);
    if (const auto error =
            parser.iterate(line.data(), line.size(), line.size() + simdjson::SIMDJSON_PADDING)
                .get(document)) {
      return error;
    }
    ondemand::object object;
    if (const auto error = document.get_object().get(object)) return error;
    next_seen = 0;
    for (auto field_result : object) {
      ondemand::field field;
      if (const auto error = std::move(field_result).get(field)) return error;
      Key key;
      if (const auto error = next_key(field, key)) return error;
      const auto column = static_cast<size_t>(key.column);
      if (key.column == kUnwanted || (exact[column] && !key.exact)) {
        if (const auto error = pass_through(field.value())) return error;
        continue;
      }
      exact[column] = key.exact;
      if (const auto error = read_value(field.value(), values[column])) return error;
    }
    const char* behind = nullptr;
    return document.current_location().get(behind) == simdjson::OUT_OF_BOUNDS
               ? simdjson::SUCCESS
               : simdjson::TRAILING_CONTENT;
  }

  ondemand::parser parser;
  ondemand::document document;
  std::vector<std::string> names;
  std::vector<bool> exact;
  std::vector<Key> keys;  // seen so far
  size_t next_seen = 0;
};

NdjsonReader::NdjsonReader(std::unique_ptr<ByteStream> stream, std::span<const WantedColumn> wanted,
                           size_t window_bytes)
    : window_(std::move(stream), window_bytes),
      parser_(std::make_unique<Parser>(wanted)),
      values_(wanted.size()) {}

NdjsonReader::~NdjsonReader() = default;

std::vector<std::string> NdjsonReader::found_columns() const {
  std::vector<std::string> found;
  for (const Parser::Key& key : parser_->keys) {
    found.push_back(key.column == kUnwanted ? key.quoted.substr(0, key.quoted.size() - 1)
                                            : parser_->names[static_cast<size_t>(key.column)]);
  }
  return found;
}

Result<bool> NdjsonReader::find_line() {
  if (at_beginning_) HIRESTREAM_TRY(window_.skip_byte_order_mark());
  at_beginning_ = false;
  window_.consume(consumed_size_);
  consumed_size_ = 0;
  line_is_overlong_ = false;
  for (;;) {
    std::string_view rest(window_.begin(), window_.size());
    const size_t feed = rest.find('\n');
    window_.note_examined(std::min(feed, rest.size()));
    if (std::min(feed, rest.size()) > kRecordBytesMax) {
      ++line_;
      line_is_overlong_ = true;
      return true;
    }
    if (feed == rest.npos && !window_.at_end()) {
      HIRESTREAM_TRY(window_.fill());
      continue;
    }
    if (rest.empty()) return false;
    ++line_;
    const std::string_view line = trim_end(rest.substr(0, feed));
    line_size_ = line.size();
    consumed_size_ = feed == rest.npos ? rest.size() : feed + 1;
    if (!line.empty()) return true;
    window_.consume(consumed_size_);
    consumed_size_ = 0;
  }
}

Result<bool> NdjsonReader::next(Record& record) {
  HIRESTREAM_ASSIGN(const bool some, find_line());
  if (!some) return false;
  record.line = line_;
  record.values = values_;
  record.malformed.clear();
  if (line_is_overlong_) {
    HIRESTREAM_TRY(take_overlong(record));
    return true;
  }
  record.bytes = std::string_view(window_.begin(), line_size_);
  window_.note_examined(line_size_);
  if (const auto error = parser_->parse(record.bytes, values_)) {
    record.malformed = simdjson::error_message(error);
    std::fill(values_.begin(), values_.end(), std::nullopt);
  }
  return true;
}

Result<void> NdjsonReader::take_overlong(Record& record) {
  overlong_.assign(window_.begin(), kOverlongShown);
  std::fill(values_.begin(), values_.end(), std::nullopt);
  record.bytes = overlong_;
  record.malformed = fmt::format("longer than {} bytes", kRecordBytesMax);
  return window_.skip_line();
}

}  // namespace hirestream
