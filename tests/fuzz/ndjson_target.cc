// Input: one byte that chooses the size of the pieces, then an NDJSON file.
#include <strings.h>

#include <array>

#include "adapters/files/json_mending.h"
#include "adapters/files/ndjson_reader.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/json_reference.h"
#include "fuzz/record_check.h"
#include "model/text.h"

namespace hirestream {
namespace {

constexpr size_t kBracketsSafe = 400;
constexpr size_t kNdjsonWindowBytes = 128;  // so small that records cross its end
constexpr std::array<WantedColumn, 4> kNdjsonColumns = {
    {{"create_time", true}, {"ts", true}, {"ed", false}, {"bid", false}}};

Result<std::unique_ptr<RecordReader>> open_ndjson(std::unique_ptr<ByteStream> stream) {
  return std::unique_ptr<RecordReader>(std::make_unique<NdjsonReader>(
      std::move(stream), kNdjsonColumns, "fuzz.ndjson", kNdjsonWindowBytes));
}

// The last value whose key is `name`, or else the last whose key is it without case.
const nlohmann::json* find_field(const JsonFields& fields, std::string_view name) {
  const nlohmann::json* exact = nullptr;
  const nlohmann::json* near = nullptr;
  for (const auto& [key, value] : fields) {
    if (key == name) exact = &value;
    if (key.size() == name.size() && ::strncasecmp(key.data(), name.data(), name.size()) == 0) {
      near = &value;
    }
  }
  return exact != nullptr ? exact : near;
}

void check_value(const nlohmann::json* expected, const std::optional<std::string>& value) {
  if (expected == nullptr || expected->is_null() || *expected == "") {
    FUZZ_REQUIRE(!value.has_value());
  } else if (expected->is_string()) {
    FUZZ_REQUIRE(value == expected->get<std::string>());
  } else {
    FUZZ_REQUIRE(value.has_value());
    FUZZ_REQUIRE(nlohmann::json::parse(*value, nullptr, false) == *expected);
  }
}

}  // namespace

void fuzz_ndjson(Bytes input) {
  InputReader reader(input);
  const size_t piece = reader.byte();
  const Bytes file = reader.rest();
  const auto records =
      read_and_check(open_ndjson, file, piece,
                     {" \t\r[],\xEF\xBB\xBF", /*has_header=*/false,
                      [](std::string_view line) { return is_cqlsh_frame(trim(line)); }});
  // An array that is not whole.
  if (!records) return;
  const bool from_cqlsh = as_text(file).find("[json]") != std::string_view::npos;
  for (const ReadRecord& record : *records) {
    if (bracket_count(record.bytes) > kBracketsSafe) continue;
    if (from_cqlsh && record.bytes.find('\\') != std::string::npos) continue;
    const auto fields = json_fields(record.bytes);
    if (fields) {
      FUZZ_REQUIRE(record.malformed.empty());
      for (size_t i = 0; i < kNdjsonColumns.size(); ++i) {
        check_value(find_field(*fields, kNdjsonColumns[i].name), record.values[i]);
      }
    } else {
      // Escapes are checked only in values that are wanted.
      const bool excused = record.bytes.find('\\') != std::string::npos ||
                           has_huge_number(record.bytes) || record.bytes.size() > 300 ||
                           record.bytes.find("NaN") != std::string::npos ||
                           record.bytes.find("Infinity") != std::string::npos ||
                           record.bytes.find("---MORE---") != std::string::npos;
      FUZZ_REQUIRE(!record.malformed.empty() || excused);
    }
  }
}

}  // namespace hirestream
