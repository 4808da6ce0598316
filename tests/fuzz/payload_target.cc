// Input: the text of `ed`.
#include <algorithm>
#include <cctype>

#include "aggregation/payload.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/json_reference.h"

namespace hirestream {
namespace {

constexpr size_t kPayloadBracketsSafe = 1000;

// The first key that is `name` without case; then an integer, or a string of digits.
std::optional<int64_t> id_or_zero(const JsonFields& fields, std::string_view name) {
  for (const auto& [key, value] : fields) {
    std::string lower = key;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lower != name) continue;
    if (value.is_number_unsigned()) {
      const auto number = value.get<uint64_t>();
      return number <= INT64_MAX ? std::optional(static_cast<int64_t>(number)) : std::nullopt;
    }
    if (value.is_number_integer()) return value.get<int64_t>();
    if (!value.is_string()) return std::nullopt;
    const auto& text = value.get_ref<const std::string&>();
    uint64_t number = 0;
    for (const char c : text) {
      const auto digit = static_cast<uint64_t>(c - '0');
      if (c < '0' || c > '9' || number > (uint64_t{INT64_MAX} - digit) / 10) return std::nullopt;
      number = number * 10 + digit;
    }
    return text.empty() ? std::nullopt : std::optional(static_cast<int64_t>(number));
  }
  return std::nullopt;
}

// 0 is no id.
std::optional<int64_t> expected_id(const JsonFields& fields, std::string_view name) {
  const auto id = id_or_zero(fields, name);
  return id == 0 ? std::nullopt : id;
}

}  // namespace

void fuzz_payload(Bytes input) {
  static PayloadParser parser;
  const std::string_view text = as_text(input);
  const PayloadIds ids = parser.parse(text);
  const PayloadIds fresh = PayloadParser().parse(text);
  FUZZ_REQUIRE(ids.job_id == fresh.job_id && ids.publisher_id == fresh.publisher_id);
  if (bracket_count(text) > kPayloadBracketsSafe) return;
  const auto fields = json_fields(shorten_numbers(text));
  if (!fields) {
    const bool nothing = !ids.job_id && !ids.publisher_id;
    FUZZ_REQUIRE(nothing || text.starts_with("\xEF\xBB\xBF"));
    return;
  }
  FUZZ_REQUIRE(ids.job_id == expected_id(*fields, "jobid"));
  FUZZ_REQUIRE(ids.publisher_id == expected_id(*fields, "publisherid"));
}

}  // namespace hirestream
