// Input: a text that may be a UUID; its first 16 bytes are also taken as a UUID's bytes.
#include <algorithm>
#include <array>
#include <string>

#include "fuzz/fuzz_target.h"
#include "model/row_id.h"
#include "model/tracking_batch.h"

namespace hirestream {
namespace {

bool is_uuid_text(std::string_view text) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
  if (text.size() != kShape.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (kShape[i] == '-' ? text[i] != '-' : kDigits.find(text[i]) == kDigits.npos) return false;
  }
  return true;
}

void check_id(const RowId& id) {
  FUZZ_REQUIRE(parse_uuid(format_uuid(id)) == id);
  std::array<uint8_t, 16> bytes{};
  row_id_to_bytes(id, bytes);
  FUZZ_REQUIRE(row_id_from_bytes(bytes) == id);
  if (!is_version_1(id)) return;
  const int64_t us = arrival_time_us(id);
  FUZZ_REQUIRE(arrival_time_us(lowest_version_1(us)) == us);
  FUZZ_REQUIRE(is_version_1(lowest_version_1(us)));
  // From its parts: 100 ns ticks since 1582 in the UUID's first half.
  const uint64_t ticks = (id.high & 0xFFF) << 48 | (id.high >> 16 & 0xFFFF) << 32 | id.high >> 32;
  const auto since_1970 = static_cast<int64_t>(ticks) - int64_t{0x01B21DD213814000};
  FUZZ_REQUIRE(make_version_1(since_1970, static_cast<uint16_t>(id.low >> 48 & 0x3FFF),
                              id.low & 0xFFFFFFFFFFFF) == id);
}

}  // namespace

void fuzz_uuid(Bytes input) {
  const std::string_view text = as_text(input);
  const auto id = parse_uuid(text);
  FUZZ_REQUIRE(id.has_value() == is_uuid_text(text));
  TrackingBatch batch;
  batch.add_row();
  batch.set_id_text(text);
  if (id) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
      return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    FUZZ_REQUIRE(format_uuid(*id) == lower);
    FUZZ_REQUIRE(batch.id(0) == *id && batch.status(Column::kCreateTime, 0) == CellStatus::kValue);
    check_id(*id);
  } else if (const auto read = read_uuid_text(text); read.is_uuid) {
    FUZZ_REQUIRE(batch.id(0) == read.id);
    FUZZ_REQUIRE(text.size() > 36);
  } else if (ReadingRules().is_null(text)) {
    FUZZ_REQUIRE(batch.status(Column::kCreateTime, 0) == CellStatus::kNull);
  } else {
    FUZZ_REQUIRE(batch.status(Column::kCreateTime, 0) == CellStatus::kBad);
    FUZZ_REQUIRE((batch.id(0).high & 0xF000) == 0);  // no version: never a real row's
  }
  if (input.size() >= 16) check_id(row_id_from_bytes(input.first<16>()));
}

}  // namespace hirestream
