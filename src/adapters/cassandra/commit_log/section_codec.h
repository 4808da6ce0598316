// Sections of compressed commit log segments (org.apache.cassandra.db.commitlog.CompressedSegment).
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hirestream {

enum class SectionCompression : uint8_t { kNone, kLz4, kSnappy, kZstd, kDeflate };

// Of the class as a segment's header names it: "LZ4Compressor". Nothing: not known here.
std::optional<SectionCompression> section_compression(std::string_view class_name);

// False: it is no such section, or not of that size; `plain` is then anything.
bool decompress_section(SectionCompression compression, std::span<const uint8_t> compressed,
                        size_t plain_size, std::vector<uint8_t>& plain);

}  // namespace hirestream
