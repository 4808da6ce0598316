// Input: one byte that chooses what the rest is: a blob as it may stand in the ledger; the cells
// inside a blob whose magic, sizes and checksum are right; or a recipe for a contribution and the
// damage to its blob.
#include <xxhash.h>
#include <zstd.h>

#include <string>

#include "aggregation/contribution_codec.h"
#include "fuzz/fuzz_target.h"

namespace hirestream {
namespace {

constexpr size_t kHeader = 16;  // magic, checksum, size
constexpr size_t kPlainMax = 1 << 20;

std::string little_endian(uint64_t value, size_t bytes) {
  std::string out;
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

std::string blob_of(std::string_view plain) {
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  packed.resize(
      ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), /*level=*/1));
  const std::string body = little_endian(plain.size(), 4) + packed;
  return "HSC1" + little_endian(XXH3_64bits(body.data(), body.size()), 8) + body;
}

std::string plain_of(std::string_view blob) {
  size_t size = 0;
  for (size_t i = 0; i < 4; ++i) {
    size |= static_cast<size_t>(static_cast<uint8_t>(blob[12 + i])) << (8 * i);
  }
  FUZZ_REQUIRE(size <= kPlainMax);
  std::string plain(size, '\0');
  FUZZ_REQUIRE(ZSTD_decompress(plain.data(), size, blob.data() + kHeader, blob.size() - kHeader) ==
               size);
  return plain;
}

// Refused as damaged; or what it holds is what the encoder would have made of it.
void check_decoding(std::string_view blob) {
  const auto decoded = decode_contribution(blob);
  if (!decoded) {
    FUZZ_REQUIRE(decoded.error().kind == ErrorKind::kRejected);
    FUZZ_REQUIRE(!decoded.error().message.empty() && !decoded.error().hint.empty());
    return;
  }
  FUZZ_REQUIRE(is_canonical(*decoded));
  const std::string again = encode_contribution(*decoded);
  const auto twice = decode_contribution(again);
  FUZZ_REQUIRE(twice.has_value() && *twice == *decoded);
  FUZZ_REQUIRE(plain_of(again) == plain_of(blob));
}

int64_t any_number(InputReader& reader) {
  const uint8_t choice = reader.byte();
  switch (choice & 3) {
    case 0:
      return (choice >> 2) - 8;
    case 1:
      return reader.integer<int16_t>();
    case 2:
      return (choice & 4) != 0 ? INT64_MIN : INT64_MAX;
    default:
      return reader.integer<int64_t>();
  }
}

Contribution any_contribution(InputReader& reader) {
  Contribution out;
  for (size_t cells = reader.byte() % 16; cells > 0 && !reader.empty(); --cells) {
    Cell cell;
    cell.key = {reader.integer<int32_t>(), any_number(reader), any_number(reader),
                any_number(reader), any_number(reader)};
    cell.measures.impressions = any_number(reader);
    cell.measures.clicks = any_number(reader);
    cell.measures.conversions = any_number(reader);
    cell.measures.qualified = any_number(reader);
    cell.measures.unqualified = any_number(reader);
    cell.measures.bid_micros = any_number(reader);
    bool known =
        cell.measures.is_zero();  // equal keys would be added up, beyond the range of int64
    for (const Cell& other : out) known = known || other.key == cell.key;
    if (!known) out.push_back(cell);
  }
  canonicalize(out);
  return out;
}

void check_damage(InputReader& reader) {
  const auto place = reader.integer<uint32_t>();
  const auto length = reader.integer<uint16_t>();
  const Contribution contribution = any_contribution(reader);
  const std::string blob = encode_contribution(contribution);
  const auto decoded = decode_contribution(blob);
  FUZZ_REQUIRE(decoded.has_value() && *decoded == contribution);
  FUZZ_REQUIRE(encode_contribution(*decoded) == blob);
  std::string damaged = blob;
  damaged[place / 8 % blob.size()] ^= static_cast<char>(1 << place % 8);
  FUZZ_REQUIRE(!decode_contribution(damaged).has_value());
  FUZZ_REQUIRE(!decode_contribution(std::string_view(blob).substr(0, length % blob.size())));
}

}  // namespace

void fuzz_contribution_blob(Bytes input) {
  InputReader reader(input);
  switch (reader.byte() % 3) {
    case 0:
      check_decoding(as_text(reader.rest()));
      break;
    case 1:
      check_decoding(blob_of(as_text(reader.take(kPlainMax))));
      break;
    default:
      check_damage(reader);
      break;
  }
}

}  // namespace hirestream
