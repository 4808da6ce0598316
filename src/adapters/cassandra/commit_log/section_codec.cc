#include "adapters/cassandra/commit_log/section_codec.h"

#include <lz4.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include <climits>
#include <utility>

namespace hirestream {
namespace {

constexpr std::pair<std::string_view, SectionCompression> kClasses[] = {
    {"LZ4Compressor", SectionCompression::kLz4},
    {"SnappyCompressor", SectionCompression::kSnappy},
    {"ZstdCompressor", SectionCompression::kZstd},
    {"DeflateCompressor", SectionCompression::kDeflate},
};

// No memory for what the bytes cannot hold: the best that each format can do, a little rounded up.
size_t ratio_max(SectionCompression compression) {
  switch (compression) {
    case SectionCompression::kLz4:
      return 256;
    case SectionCompression::kSnappy:
      return 32;
    case SectionCompression::kDeflate:
      return 1'040;
    default:
      return 50'000;
  }
}

// Cassandra's LZ4Compressor puts the size in front, little-endian.
bool decompress_lz4(std::span<const uint8_t> compressed, std::vector<uint8_t>& plain) {
  if (compressed.size() < 4) {
    return false;
  }
  uint32_t size = 0;
  for (size_t i = 4; i > 0; --i) {
    size = size << 8 | compressed[i - 1];
  }
  const auto block = compressed.subspan(4);
  const int got = LZ4_decompress_safe(
      reinterpret_cast<const char*>(block.data()), reinterpret_cast<char*>(plain.data()),
      static_cast<int>(block.size()), static_cast<int>(plain.size()));
  return size == plain.size() && got >= 0 && static_cast<size_t>(got) == plain.size();
}

bool decompress_snappy(std::span<const uint8_t> compressed, std::vector<uint8_t>& plain) {
  const auto* bytes = reinterpret_cast<const char*>(compressed.data());
  size_t size = 0;
  if (snappy_uncompressed_length(bytes, compressed.size(), &size) != SNAPPY_OK ||
      size != plain.size()) {
    return false;
  }
  return snappy_uncompress(bytes, compressed.size(), reinterpret_cast<char*>(plain.data()),
                           &size) == SNAPPY_OK &&
         size == plain.size();
}

bool decompress_zstd(std::span<const uint8_t> compressed, std::vector<uint8_t>& plain) {
  const size_t got =
      ZSTD_decompress(plain.data(), plain.size(), compressed.data(), compressed.size());
  return ZSTD_isError(got) == 0 && got == plain.size();
}

bool decompress_deflate(std::span<const uint8_t> compressed, std::vector<uint8_t>& plain) {
  uLongf size = plain.size();
  return uncompress(plain.data(), &size, compressed.data(), compressed.size()) == Z_OK &&
         size == plain.size();
}

}  // namespace

std::optional<SectionCompression> section_compression(std::string_view class_name) {
  const size_t dot = class_name.rfind('.');
  if (dot != std::string_view::npos) {
    class_name.remove_prefix(dot + 1);
  }
  for (const auto& [name, compression] : kClasses) {
    if (name == class_name) {
      return compression;
    }
  }
  return std::nullopt;
}

bool decompress_section(SectionCompression compression, std::span<const uint8_t> compressed,
                        size_t plain_size, std::vector<uint8_t>& plain) {
  if (plain_size == 0 || plain_size > INT_MAX || compressed.size() > INT_MAX ||
      plain_size / ratio_max(compression) > compressed.size()) {
    return false;
  }
  plain.resize(plain_size);
  switch (compression) {
    case SectionCompression::kLz4:
      return decompress_lz4(compressed, plain);
    case SectionCompression::kSnappy:
      return decompress_snappy(compressed, plain);
    case SectionCompression::kZstd:
      return decompress_zstd(compressed, plain);
    case SectionCompression::kDeflate:
      return decompress_deflate(compressed, plain);
    case SectionCompression::kNone:
      break;
  }
  return false;
}

}  // namespace hirestream
