#include "adapters/files/ndjson_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "adapters/files/json_mending.h"
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

std::string_view sentence_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::DEPTH_ERROR:
      return "its brackets are nested too deep";
    case simdjson::STRING_ERROR:
      return "a string has an escape that JSON does not know";
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR:
      return "a word is none of true, false and null";
    case simdjson::NUMBER_ERROR:
      return "a number is not written as in JSON";
    case simdjson::UTF8_ERROR:
      return "invalid UTF-8";
    case simdjson::UNESCAPED_CHARS:
      return "a string has a control character that is not escaped";
    case simdjson::UNCLOSED_STRING:
      return "a string is not closed: the row is cut off, or a quote in it is not escaped";
    case simdjson::INCORRECT_TYPE:
    case simdjson::SCALAR_DOCUMENT_AS_VALUE:
      return "no JSON object: a row is one, as {\"create_time\": …}";
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      return "the object is not closed: the row is cut off, or goes on in the next line";
    case simdjson::TRAILING_CONTENT:
      return "more stands behind the object: one row a line is read";
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
      return "it is too long";
    default:
      return "no JSON: a bracket, quote, comma or colon is missing or too many";
  }
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
    met.resize(names.size());
  }

  Key match(std::string_view text) const {
    Key key;
    for (size_t index = 0; index < names.size(); ++index) {
      if (names[index] == text) return Key{{}, static_cast<int>(index), true};
      if (equal_without_case(names[index], text)) key.column = static_cast<int>(index);
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
    // Newer versions of the library skip one, of which nobody knows that it is there.
    if (line.starts_with(kByteOrderMark)) return simdjson::TAPE_ERROR;
    if (const auto error =
            parser.iterate(line.data(), line.size(), line.size() + simdjson::SIMDJSON_PADDING)
                .get(document)) {
      return error;
    }
    ondemand::object object;
    if (const auto error = document.get_object().get(object)) return error;
    next_seen = 0;
    unreadable.clear();
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
      met[column] = true;
      if (const auto error = read_value(field.value(), values[column])) {
        unreadable = names[column];
        return error;
      }
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
  std::vector<bool> met;   // by wanted column: some record had it
  std::vector<Key> keys;   // seen so far
  std::string unreadable;  // the column whose value ended the last parse; empty: another reason
  size_t next_seen = 0;
};

NdjsonReader::NdjsonReader(std::unique_ptr<ByteStream> stream, std::span<const WantedColumn> wanted,
                           std::string name, size_t window_bytes)
    : window_(std::move(stream), window_bytes),
      name_(std::move(name)),
      parser_(std::make_unique<Parser>(wanted)),
      values_(wanted.size()) {}

NdjsonReader::~NdjsonReader() = default;

std::vector<std::string> NdjsonReader::found_columns() const {
  std::vector<std::string> found;
  for (size_t column = 0; column < parser_->names.size(); ++column) {
    if (parser_->met[column]) found.push_back(parser_->names[column]);
  }
  for (const Parser::Key& key : parser_->keys) {
    if (key.column == kUnwanted) found.push_back(key.quoted.substr(0, key.quoted.size() - 1));
  }
  return found;
}

std::vector<std::string> NdjsonReader::notes() const {
  std::vector<std::string> notes;
  if (null_words_ > 0) {
    notes.push_back(
        fmt::format("{} value{} NaN read as null", null_words_, null_words_ == 1 ? "" : "s"));
  }
  if (frame_lines_ > 0) {
    notes.push_back(fmt::format("{} line{} that cqlsh prints around rows skipped", frame_lines_,
                                frame_lines_ == 1 ? "" : "s"));
  }
  if (halves_ > 0) {
    notes.push_back(fmt::format("{} escape{} that {} half of a surrogate pair read as U+FFFD",
                                halves_, halves_ == 1 ? "" : "s", halves_ == 1 ? "is" : "are"));
  }
  if (doubled_rows_ > 0) {
    notes.push_back(fmt::format("{} row{} with backslashes doubled by cqlsh read with single ones",
                                doubled_rows_, doubled_rows_ == 1 ? "" : "s"));
  }
  return notes;
}

void NdjsonReader::consume(size_t bytes) {
  lines_passed_ += std::count(window_.begin(), window_.begin() + bytes, '\n');
  window_.consume(bytes);
}

void NdjsonReader::consume_record() {
  if (place_ == Place::kLines) {
    window_.consume(consumed_size_);
  } else {
    consume(consumed_size_);
  }
  consumed_size_ = 0;
}

std::optional<size_t> NdjsonReader::blanks_size(size_t from) const {
  for (size_t place = from; place < window_.size(); ++place) {
    if (!is_blank(window_.begin()[place])) return place;
  }
  return std::nullopt;
}

Result<bool> NdjsonReader::find_record() {
  consume_record();
  for (;;) {
    if (place_ == Place::kUnknown) {
      HIRESTREAM_ASSIGN(place_, find_place());
    }
    if (place_ == Place::kLines) return find_line();
    HIRESTREAM_ASSIGN(const bool some, find_element());
    if (some) return true;
    // Another array may follow, or lines.
    place_ = Place::kUnknown;
  }
}

Result<NdjsonReader::Place> NdjsonReader::find_place() {
  for (;;) {
    const auto first = blanks_size(0);
    window_.note_examined(first.value_or(window_.size()));
    const std::string_view rest(window_.begin() + first.value_or(0),
                                window_.size() - first.value_or(0));
    if (rest.starts_with(kByteOrderMark)) {
      consume(*first + kByteOrderMark.size());
      continue;
    }
    if (!rest.empty() && !window_.at_end() && kByteOrderMark.starts_with(rest)) {
      HIRESTREAM_TRY(window_.fill());
      continue;
    }
    if (first && window_.begin()[*first] != '[') return Place::kLines;
    const auto second = first ? blanks_size(*first + 1) : std::nullopt;
    if (second) {
      const char byte = window_.begin()[*second];
      if (byte != '{' && byte != ']') return Place::kLines;
      consume(*first + 1);
      any_array_ = true;
      return Place::kArray;
    }
    if (window_.at_end() || window_.size() > kRecordBytesMax) return Place::kLines;
    HIRESTREAM_TRY(window_.fill());
  }
}

Result<bool> NdjsonReader::find_line() {
  line_is_overlong_ = false;
  for (;;) {
    std::string_view rest(window_.begin(), window_.size());
    const size_t feed = rest.find('\n');
    window_.note_examined(std::min(feed, rest.size()));
    if (std::min(feed, rest.size()) > kRecordBytesMax) {
      line_ = ++lines_passed_;
      line_is_overlong_ = true;
      return true;
    }
    if (feed == rest.npos && !window_.at_end()) {
      HIRESTREAM_TRY(window_.fill());
      continue;
    }
    if (rest.empty()) return false;
    line_ = ++lines_passed_;
    std::string_view line = rest.substr(0, feed);
    consumed_size_ = feed == rest.npos ? rest.size() : feed + 1;
    if (line.starts_with(kByteOrderMark)) {
      line.remove_prefix(kByteOrderMark.size());
      window_.consume(kByteOrderMark.size());
      consumed_size_ -= kByteOrderMark.size();
    }
    line = trim_end(line);
    record_size_ = line.size();
    if (!line.empty()) return true;
    window_.consume(consumed_size_);
    consumed_size_ = 0;
  }
}

Result<bool> NdjsonReader::find_element() {
  for (;;) {
    const auto begin = blanks_size(0);
    consume(begin.value_or(window_.size()));
    if (begin && *window_.begin() == ']') {
      consume(1);
      return false;
    }
    if (begin && *window_.begin() == ',') {
      consume(1);
      continue;
    }
    if (begin) {
      HIRESTREAM_ASSIGN(const auto size, element_size());
      if (size && *size <= kRecordBytesMax) {
        const std::string_view element(window_.begin(), *size);
        line_ = lines_passed_ + 1;
        record_size_ = trim_end(element).size();
        consumed_size_ = *size;
        return true;
      }
      if (size.value_or(window_.size()) > kRecordBytesMax) {
        return damaged(fmt::format("an element is longer than {} bytes", kRecordBytesMax));
      }
    }
    if (window_.at_end()) return damaged("the array that begins the file is not closed");
    HIRESTREAM_TRY(window_.fill());
  }
}

Result<std::optional<size_t>> NdjsonReader::element_size() {
  size_t depth = 0;
  bool in_string = false;
  const std::string_view rest(window_.begin(), window_.size());
  window_.note_examined(rest.size());
  for (size_t place = 0; place < rest.size(); ++place) {
    const char byte = rest[place];
    if (in_string) {
      if (byte == '\n') {
        lines_passed_ += std::count(rest.begin(), rest.begin() + place, '\n');
        return damaged("a string is not closed");
      }
      if (byte == '\\') ++place;
      in_string = byte != '"';
    } else if (byte == '"') {
      in_string = true;
    } else if (byte == '{' || byte == '[') {
      ++depth;
    } else if (depth == 0 && (byte == ',' || byte == ']')) {
      return std::optional(place);
    } else if (byte == '}' || byte == ']') {
      depth -= depth > 0 ? 1 : 0;
    }
  }
  return std::optional<size_t>();
}

tl::unexpected<Error> NdjsonReader::damaged(std::string message) const {
  return fail(
      ErrorKind::kRejected, "read rows", fmt::format("{}:{}", name_, lines_passed_ + 1),
      std::move(message),
      "the file is damaged or not completely written; a file of one JSON array counts only as "
      "a whole, one object a line does not");
}

Result<bool> NdjsonReader::next(Record& record) {
  for (;;) {
    HIRESTREAM_ASSIGN(const bool some, find_record());
    if (!some) return false;
    record.line = line_;
    record.values = values_;
    record.malformed.clear();
    if (line_is_overlong_) {
      HIRESTREAM_TRY(take_overlong(record));
      return true;
    }
    record.bytes = std::string_view(window_.begin(), record_size_);
    window_.note_examined(record_size_);
    auto malformed = parse(record.bytes);
    if (!malformed) continue;
    record.malformed = std::move(*malformed);
    if (!record.malformed.empty()) std::fill(values_.begin(), values_.end(), std::nullopt);
    return true;
  }
}

std::optional<std::string> NdjsonReader::parse(std::string_view record) {
  const auto parse_mended = [this] {
    const size_t size = mended_.size();
    mended_.append(InputWindow::kPadding, '\0');
    return parser_->parse(std::string_view(mended_).substr(0, size), values_);
  };
  if (in_frame_ && has_doubled_backslashes(record)) {
    mended_.clear();
    append_single_backslashes(trim(record), mended_);
    if (parse_mended() == simdjson::SUCCESS) {
      ++doubled_rows_;
      return "";
    }
  }
  const auto error = parser_->parse(record, values_);
  if (error == simdjson::SUCCESS) return "";
  const std::string column = parser_->unreadable;
  window_.note_examined(2 * record.size());
  if (place_ == Place::kLines && is_cqlsh_frame(trim(record))) {
    in_frame_ = in_frame_ || is_cqlsh_heading(trim(record));
    ++frame_lines_;
    return std::nullopt;
  }
  mended_.clear();
  const std::string_view row = without_cqlsh_prompt(trim(record));
  const MendedWords words = append_as_json(row, mended_);
  const size_t halves = replace_halves_of_pairs(mended_);
  if ((words.nulls + words.texts + halves > 0 || row.size() < trim(record).size()) &&
      parse_mended() == simdjson::SUCCESS) {
    null_words_ += static_cast<int64_t>(words.nulls);
    halves_ += static_cast<int64_t>(halves);
    return "";
  }
  return error == simdjson::STRING_ERROR && !column.empty()
             ? fmt::format("column {}: {}", column, sentence_of(error))
             : std::string(sentence_of(error));
}

Result<void> NdjsonReader::take_overlong(Record& record) {
  overlong_.assign(window_.begin(), kOverlongShown);
  std::fill(values_.begin(), values_.end(), std::nullopt);
  record.bytes = overlong_;
  record.malformed = fmt::format("longer than {} bytes", kRecordBytesMax);
  return window_.skip_line();
}

}  // namespace hirestream
