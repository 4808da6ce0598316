#include "aggregation/payload.h"

#include <simdjson.h>

#include <charconv>
#include <string>

#include "model/json_text.h"
#include "model/text.h"

namespace hirestream {
namespace {

// 0 is no id, as in a column of ids.
std::optional<int64_t> unless_zero(int64_t id) {
  return id == 0 ? std::nullopt : std::optional(id);
}

std::optional<int64_t> id_of(const simdjson::dom::element& value) {
  if (value.is_int64()) {
    return unless_zero(value.get_int64().value_unsafe());
  }
  if (!value.is_string()) {
    return std::nullopt;
  }
  const std::string_view text = value.get_string().value_unsafe();
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  int64_t id = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), id);
  return status == std::errc() ? unless_zero(id) : std::nullopt;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Every number that is no id becomes null, so that none is too large for the parser. Stops at what
// is no number: the parser refuses the text for it.
void blank_out_numbers(std::string& json) {
  constexpr std::string_view kNull = "null";
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
      continue;
    }
    in_string = c == '"';
    if (c != '-' && !is_digit(c)) {
      continue;
    }
    const size_t length = json_number_size(std::string_view(json).substr(i));
    if (length == 0) {
      return;
    }
    int64_t id = 0;
    const auto [end, status] = std::from_chars(json.data() + i, json.data() + i + length, id);
    const bool is_id = status == std::errc() && end == json.data() + i + length;
    if (!is_id && length >= kNull.size()) {
      json.replace(i, length, length, ' ');
      json.replace(i, kNull.size(), kNull);
    }
    i += length - 1;
  }
}

}  // namespace

struct PayloadParser::State {
  simdjson::dom::parser parser;
  std::string rewritten;
};

PayloadParser::PayloadParser() : state_(std::make_unique<State>()) {}
PayloadParser::PayloadParser(PayloadParser&&) noexcept = default;
PayloadParser& PayloadParser::operator=(PayloadParser&&) noexcept = default;
PayloadParser::~PayloadParser() = default;

PayloadIds PayloadParser::parse(std::string_view json) {
  PayloadIds ids;
  if (json.empty()) {
    return ids;  // may be a null pointer, which the parser would hand to memcpy
  }
  simdjson::dom::object object;
  // The parser copies the text into its own padded buffer.
  auto status = state_->parser.parse(json.data(), json.size()).get(object);
  if (status != simdjson::SUCCESS && status != simdjson::INCORRECT_TYPE) {
    // It takes a number beyond 64 bits or beyond double for malformed, with an error that differs
    // from version to version; JSON knows no such limit.
    state_->rewritten = json;
    blank_out_numbers(state_->rewritten);
    status = state_->parser.parse(state_->rewritten).get(object);
  }
  if (status != simdjson::SUCCESS) {
    return ids;
  }
  bool job_seen = false;
  bool publisher_seen = false;
  for (const auto field : object) {
    if (!job_seen && equal_without_case(field.key, "jobid")) {
      job_seen = true;
      ids.job_id = id_of(field.value);
    } else if (!publisher_seen && equal_without_case(field.key, "publisherid")) {
      publisher_seen = true;
      ids.publisher_id = id_of(field.value);
    }
  }
  return ids;
}

}  // namespace hirestream
