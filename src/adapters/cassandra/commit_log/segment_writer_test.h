// Writes commit log segments as Cassandra does, piece by piece, so that tests can look at a segment
// in every state of being written.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace hirestream::test {

class Bytes {
 public:
  Bytes& integer(uint64_t value, size_t size) {
    for (size_t i = size; i > 0; --i) {
      bytes_ += static_cast<char>(value >> (8 * (i - 1)));
    }
    return *this;
  }
  Bytes& text(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  Bytes& crc(std::string_view of) {
    return integer(
        crc32(0, reinterpret_cast<const Bytef*>(of.data()), static_cast<uInt>(of.size())), 4);
  }
  const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
};

// Its bytes; write() makes the file what they are now.
class SegmentBytes {
 public:
  explicit SegmentBytes(int64_t id, int32_t version = 7, std::string_view parameters = "{}")
      : id_(id), version_(version) {
    const Bytes head = Bytes().integer(static_cast<uint64_t>(version), 4);
    const auto bits = static_cast<uint64_t>(id);
    const std::string checked = Bytes()
                                    .text(head.str())
                                    .integer(bits & 0xffffffff, 4)
                                    .integer(bits >> 32, 4)
                                    .integer(parameters.size(), 4)
                                    .text(parameters)
                                    .str();
    bytes = Bytes()
                .text(head.str())
                .integer(bits, 8)
                .integer(parameters.size(), 2)
                .text(parameters)
                .crc(checked)
                .str();
    begin_section();
  }

  static std::string entry(std::string_view content) {
    const std::string size = Bytes().integer(content.size(), 4).str();
    return Bytes().text(size).crc(size).text(content).crc(size + std::string(content)).str();
  }
  void add(std::string_view content) { bytes += entry(content); }
  // Sets the marker of the section and begins the next one.
  void close_section() {
    const std::string end = Bytes().integer(bytes.size(), 4).str();
    bytes.replace(marker_, 8, Bytes().text(end).crc(marker_crc_input()).str());
    begin_section();
  }
  // A compressed section: what follows the marker.
  void close_section_with(std::string_view content) {
    bytes += content;
    close_section();
  }

  std::string path(const std::filesystem::path& folder) const {
    return folder / ("CommitLog-" + std::to_string(version_) + "-" + std::to_string(id_) + ".log");
  }
  std::string write(const std::filesystem::path& folder, size_t zeros = 4096) const {
    std::ofstream file(path(folder), std::ios::binary | std::ios::trunc);
    file << bytes << std::string(zeros, '\0');
    return path(folder);
  }

  std::string bytes;

 private:
  void begin_section() {
    marker_ = bytes.size();
    bytes += std::string(8, '\0');
  }
  std::string marker_crc_input() const {
    const auto bits = static_cast<uint64_t>(id_);
    return Bytes().integer(bits & 0xffffffff, 4).integer(bits >> 32, 4).integer(marker_, 4).str();
  }

  int64_t id_;
  int32_t version_;
  size_t marker_ = 0;
};

}  // namespace hirestream::test
