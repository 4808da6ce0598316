#include "aggregation/sealed_bytes.h"

#include <xxhash.h>
#include <zstd.h>

#include <utility>

namespace hirestream {
namespace {

constexpr size_t kMagicSize = 4;
constexpr size_t kHeaderSize = kMagicSize + 8 + 4;
constexpr uint32_t kPlainSizeMax = 1U << 30;
// A zstd block holds at most 128 KiB and takes at least 4 bytes (RFC 8878 section 3.1.1.2).
constexpr uint32_t kShrinkMax = (128U << 10) / 4;

void put_size(std::string& out, uint32_t value) {
  for (size_t i = 0; i < sizeof(value); ++i) {
    out += static_cast<char>(value >> (8 * i) & 0xFF);
  }
}

uint64_t get_little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return value;
}

}  // namespace

uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

void put_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void put_signed_varint(std::string& out, int64_t value) {
  put_varint(out, zigzag(value));
}

void put_little_endian(std::string& out, uint64_t value) {
  for (size_t i = 0; i < sizeof(value); ++i) {
    out += static_cast<char>(value >> (8 * i) & 0xFF);
  }
}

void put_bytes(std::string& out, std::string_view bytes) {
  put_varint(out, bytes.size());
  out += bytes;
}

uint8_t ByteReader::byte() {
  if (at_ >= bytes_.size()) {
    failed_ = true;
    return 0;
  }
  return static_cast<uint8_t>(bytes_[at_++]);
}

uint64_t ByteReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint8_t next = byte();
    // Beyond 64 bits, or longer than need be: not what the encoder writes.
    if ((shift == 63 && next > 1) || (shift > 0 && next == 0)) {
      failed_ = true;
    }
    value |= static_cast<uint64_t>(next & 0x7F) << shift;
    if ((next & 0x80) == 0) {
      return value;
    }
  }
  failed_ = true;
  return value;
}

uint64_t ByteReader::little_endian() {
  return get_little_endian(bytes(sizeof(uint64_t)));
}

std::string_view ByteReader::bytes(uint64_t size) {
  if (size > left()) {
    failed_ = true;
    return {};
  }
  const std::string_view found = bytes_.substr(at_, size);
  at_ += size;
  return found;
}

std::string seal(std::string_view magic, std::string_view plain) {
  HIRESTREAM_CHECK(magic.size() == kMagicSize && plain.size() <= kPlainSizeMax);
  std::string body;
  put_size(body, static_cast<uint32_t>(plain.size()));
  const size_t prefix = body.size();
  body.resize(prefix + ZSTD_compressBound(plain.size()));
  const size_t packed = ZSTD_compress(body.data() + prefix, body.size() - prefix, plain.data(),
                                      plain.size(), /*compressionLevel=*/1);
  HIRESTREAM_CHECK(ZSTD_isError(packed) == 0);
  body.resize(prefix + packed);
  std::string blob(magic);
  put_little_endian(blob, XXH3_64bits(body.data(), body.size()));
  return blob + body;
}

Result<std::string> unseal(std::string_view magic, std::string_view blob, const std::string& what) {
  if (blob.size() < kHeaderSize || blob.substr(0, kMagicSize) != magic) {
    return damaged_blob(what, "not a " + what + " of format 1");
  }
  const std::string_view body = blob.substr(kMagicSize + sizeof(uint64_t));
  if (get_little_endian(blob.substr(kMagicSize, sizeof(uint64_t))) !=
      XXH3_64bits(body.data(), body.size())) {
    return damaged_blob(what, "checksum does not match");
  }
  const auto plain_size = static_cast<uint32_t>(get_little_endian(body.substr(0, 4)));
  const std::string_view packed = body.substr(4);
  // A larger claim than a frame can hold is no reason to allocate.
  if (plain_size > kPlainSizeMax || plain_size / kShrinkMax > packed.size()) {
    return damaged_blob(what, "impossible size");
  }
  std::string plain(plain_size, '\0');
  const size_t got = ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size());
  if (ZSTD_isError(got) != 0 || got != plain_size) {
    return damaged_blob(what, "zstd frame is damaged");
  }
  return plain;
}

tl::unexpected<Error> damaged_blob(const std::string& what, std::string message) {
  return fail(ErrorKind::kRejected, "decode", what, std::move(message),
              "run `hirestream verify --repair`: the slice is recounted from the raw log");
}

}  // namespace hirestream
