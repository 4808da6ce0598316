#include "adapters/cassandra/commit_log/segment_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "adapters/cassandra/commit_log/byte_cursor.h"

namespace hirestream {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr size_t kWindowBytes = 256U << 10;
constexpr int64_t kMarkerBytes = 8;
constexpr int64_t kEntryHeadBytes = 8;
constexpr int64_t kEntryFrameBytes = 12;
constexpr size_t kFixedHeaderBytes = 14;
// At a look each 10 ms, some seconds.
constexpr int kLooksMax = 300;
constexpr int kSectionsCountedMax = 10'000;
constexpr int32_t kOldestVersion = 7;
constexpr int32_t kNewestVersion = 8;
constexpr std::string_view kPrefix = "CommitLog-";

uint32_t crc(Bytes bytes, uint32_t before = 0) {
  return static_cast<uint32_t>(crc32(before, bytes.data(), static_cast<uInt>(bytes.size())));
}

uint32_t crc_of_integer(uint32_t value, uint32_t before = 0) {
  const uint8_t bytes[] = {static_cast<uint8_t>(value >> 24), static_cast<uint8_t>(value >> 16),
                           static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
  return crc(bytes, before);
}

// The halves of a segment's id, the lower first.
uint32_t crc_of_id(int64_t id, uint32_t before = 0) {
  const auto bits = static_cast<uint64_t>(id);
  return crc_of_integer(static_cast<uint32_t>(bits >> 32),
                        crc_of_integer(static_cast<uint32_t>(bits), before));
}

template <typename Integer>
bool take_number(std::string_view& text, Integer& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) {
    return false;
  }
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

// The bytes of the entry that `bytes` begin with; empty: there is none, or not whole.
Bytes checked_entry(Bytes bytes) {
  ByteCursor cursor(bytes);
  const uint64_t size = cursor.integer(4);
  const auto size_crc = static_cast<uint32_t>(cursor.integer(4));
  if (size == 0 || size > INT32_MAX || size_crc != crc(bytes.first(4))) {
    return {};
  }
  const Bytes entry = cursor.take(size);
  const auto entry_crc = static_cast<uint32_t>(cursor.integer(4));
  return cursor.failed() || entry_crc != crc(entry, size_crc) ? Bytes() : entry;
}

}  // namespace

std::optional<SegmentName> parse_segment_name(std::string_view file_name) {
  SegmentName name;
  if (!file_name.starts_with(kPrefix)) {
    return std::nullopt;
  }
  std::string_view rest = file_name.substr(kPrefix.size());
  if (!take_number(rest, name.version) || !rest.starts_with('-')) {
    return std::nullopt;
  }
  rest.remove_prefix(1);
  return take_number(rest, name.id) && rest == SegmentReader::kSuffix && name.id >= 0
             ? std::optional(name)
             : std::nullopt;
}

SegmentReader::SegmentReader(std::string path, int file, SegmentName name, LogVisibility visibility,
                             SegmentPlace place)
    : path_(std::move(path)),
      file_(file),
      name_(name),
      visibility_(visibility),
      section_(place.section),
      entry_place_(place.entry) {}

SegmentReader::~SegmentReader() {
  ::close(file_);
}

std::string SegmentReader::index_path(const std::string& path) {
  return path.substr(0, path.size() - kSuffix.size()).append(kIndexSuffix);
}

Result<std::unique_ptr<SegmentReader>> SegmentReader::open(const std::string& path,
                                                           LogVisibility visibility,
                                                           SegmentPlace place) {
  const auto name = parse_segment_name(path.substr(path.rfind('/') + 1));
  HIRESTREAM_CHECK(name.has_value());
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) {
    return nullptr;
  }
  if (file < 0 && (errno == EACCES || errno == EPERM)) {
    return fail_for_now("open commit log", path, std::strerror(errno),
                        "run as a member of the group that owns Cassandra's files, which must "
                        "let the group read");
  }
  if (file < 0) {
    return fail(ErrorKind::kTransient, "open commit log", path, std::strerror(errno));
  }
  std::unique_ptr<SegmentReader> reader(new SegmentReader(path, file, *name, visibility, place));
  if (name->version < kOldestVersion || name->version > kNewestVersion) {
    return reader->failed(ErrorKind::kConfig,
                          fmt::format("segments of version {} are not known", name->version),
                          fmt::format("versions {} and {} are, of Cassandra 4.0 to 5.0",
                                      kOldestVersion, kNewestVersion));
  }
  return reader;
}

tl::unexpected<Error> SegmentReader::failed(ErrorKind kind, std::string message,
                                            std::string hint) const {
  return fail(kind, "read commit log", path_, std::move(message), std::move(hint));
}

Result<bool> SegmentReader::is_unlinked() const {
  struct stat status{};
  if (::fstat(file_, &status) != 0) {
    return failed(ErrorKind::kTransient, std::strerror(errno));
  }
  return status.st_nlink == 0;
}

void SegmentReader::stop_at_markers() {
  if (visibility_ == LogVisibility::kTail) {
    visibility_ = LogVisibility::kMarker;
  }
}

Result<SegmentReader::Step> SegmentReader::next() {
  entry_ = {};
  if (!header_read_) {
    HIRESTREAM_ASSIGN(header_read_, read_header());
    if (!header_read_) {
      return wait();
    }
  }
  return compressed() ? next_compressed() : next_plain();
}

void SegmentReader::put_back() {
  HIRESTREAM_CHECK(!entry_.empty());
  entry_place_ -= static_cast<int64_t>(entry_.size()) + kEntryFrameBytes;
  entry_ = {};
}

SegmentReader::Step SegmentReader::wait() {
  window_.clear();
  return Step::kWait;
}

// int version, long id, short length, so many bytes of JSON, int CRC.
Result<bool> SegmentReader::read_header() {
  HIRESTREAM_ASSIGN(const Bytes fixed, bytes_at(0, kFixedHeaderBytes));
  ByteCursor cursor(fixed);
  const auto version = static_cast<int32_t>(cursor.integer(4));
  const auto id = static_cast<int64_t>(cursor.integer(8));
  const uint64_t length = cursor.integer(2);
  if (cursor.failed()) {
    return false;
  }
  const size_t size = kFixedHeaderBytes + length + 4;
  HIRESTREAM_ASSIGN(const Bytes header, bytes_at(0, size));
  if (header.size() < size) {
    return false;
  }
  const Bytes parameters = header.subspan(kFixedHeaderBytes, length);
  const uint32_t expected = crc(parameters, crc_of_integer(static_cast<uint32_t>(length),
                                                           crc_of_id(id, crc(header.first(4)))));
  if (ByteCursor(header.last(4)).integer(4) != expected) {
    return false;
  }
  if (version != name_.version || id != name_.id) {
    return failed(ErrorKind::kConfig, fmt::format("its header says version {}, id {}", version, id),
                  "the file was renamed or copied from elsewhere");
  }
  HIRESTREAM_TRY(
      read_parameters({reinterpret_cast<const char*>(parameters.data()), parameters.size()}));
  if (section_ == 0) {
    go_to_section(static_cast<int64_t>(size));
  }
  return true;
}

Result<void> SegmentReader::read_parameters(std::string_view parameters) {
  const auto said = nlohmann::json::parse(parameters, nullptr, false);
  if (!said.is_object()) {
    return failed(ErrorKind::kConfig, "its header's parameters are no JSON object");
  }
  if (said.contains("encCipher")) {
    return failed(ErrorKind::kConfig, "it is encrypted",
                  "mirror by reconciling alone (without --commit-log), or switch "
                  "transparent_data_encryption_options off");
  }
  const auto named = said.find("compressionClass");
  if (named == said.end()) {
    return {};
  }
  const std::string name = named->is_string() ? named->get<std::string>() : named->dump();
  const auto compression = section_compression(name);
  if (!compression) {
    return failed(ErrorKind::kConfig, fmt::format("it is compressed by {}", name),
                  "known are LZ4Compressor, SnappyCompressor, ZstdCompressor, DeflateCompressor "
                  "(commitlog_compression in cassandra.yaml)");
  }
  compression_ = *compression;
  return {};
}

// 0: the section is not closed.
Result<int64_t> SegmentReader::section_end_at(int64_t section) const {
  uint8_t bytes[kMarkerBytes];
  const ssize_t got = ::pread(file_, bytes, sizeof bytes, section);
  if (got < 0) {
    return failed(ErrorKind::kTransient, std::strerror(errno));
  }
  ByteCursor cursor(Bytes(bytes, static_cast<size_t>(got)));
  const auto end = static_cast<int32_t>(cursor.integer(4));
  const auto marker_crc = static_cast<uint32_t>(cursor.integer(4));
  const uint32_t expected = crc_of_integer(static_cast<uint32_t>(section), crc_of_id(name_.id));
  if (cursor.failed() || marker_crc != expected || end < section + kMarkerBytes) {
    return 0;
  }
  return end;
}

Result<int64_t> SegmentReader::read_marker(int64_t section) {
  HIRESTREAM_ASSIGN(const int64_t end, section_end_at(section));
  begun_ = begun_ || end != 0;
  return end;
}

Result<SegmentReader::Rest> SegmentReader::rest() const {
  if (section_end_ != 0) {
    return Rest::kMore;
  }
  const int64_t place = header_read_ ? section_ : 0;
  std::array<uint8_t, kMarkerBytes> bytes{};
  if (::pread(file_, bytes.data(), bytes.size(), place) < 0) {
    return failed(ErrorKind::kTransient, std::strerror(errno));
  }
  if (std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; })) {
    return Rest::kNothing;
  }
  HIRESTREAM_ASSIGN(const int64_t end, header_read_ ? section_end_at(section_) : int64_t{0});
  return end != 0 ? Rest::kMore : Rest::kDamaged;
}

Result<int64_t> SegmentReader::unread_bytes() const {
  if (!header_read_) {
    return 0;
  }
  int64_t marked = section_;
  for (int looks = 0; looks < kSectionsCountedMax; ++looks) {
    HIRESTREAM_ASSIGN(const int64_t end, section_end_at(marked));
    if (end == 0) {
      break;
    }
    marked = end;
  }
  // Entries of a compressed section have no place in the file: it is read, or it is not.
  const bool whole = section_loaded_ && static_cast<size_t>(entry_place_) + 4 > plain_.size();
  const int64_t given = !compressed() ? entry_place_ : whole ? section_end_ : section_;
  return std::max<int64_t>(marked - given, 0);
}

void SegmentReader::go_to_section(int64_t section) {
  section_ = section;
  section_end_ = 0;
  section_loaded_ = false;
  entry_place_ = compressed() ? 0 : section + kMarkerBytes;
  window_.clear();
}

Result<int64_t> SegmentReader::synced_up_to() const {
  std::ifstream file(index_path(path_));
  int64_t offset = 0;
  return file >> offset ? offset : int64_t{0};
}

Result<SegmentReader::Step> SegmentReader::next_plain() {
  for (;;) {
    if (section_end_ == 0) {
      HIRESTREAM_ASSIGN(section_end_, read_marker(section_));
    }
    if (section_end_ == 0 && visibility_ != LogVisibility::kTail) {
      return wait();
    }
    int64_t limit = section_end_ == 0 ? INT64_MAX : section_end_;
    if (visibility_ == LogVisibility::kSynced) {
      HIRESTREAM_ASSIGN(const int64_t synced, synced_up_to());
      limit = std::min(limit, synced);
    }
    if (entry_place_ < limit) {
      HIRESTREAM_ASSIGN(entry_, entry_at(entry_place_, limit));
      if (!entry_.empty()) {
        entry_place_ += static_cast<int64_t>(entry_.size()) + kEntryFrameBytes;
        begun_ = true;
        suspect_ = -1;
        return Step::kEntry;
      }
      // Fewer bytes than an entry's size are no entry: Cassandra does not read them either.
      if (limit == section_end_ && section_end_ - entry_place_ >= 4) {
        return unreadable_at(entry_place_, section_end_, "no entry whose CRC is right");
      }
    }
    if (section_end_ == 0 || limit < section_end_) {
      return wait();
    }
    go_to_section(section_end_);
  }
}

Result<SegmentReader::Step> SegmentReader::next_compressed() {
  for (;;) {
    if (!section_loaded_) {
      HIRESTREAM_ASSIGN(section_end_, read_marker(section_));
      if (section_end_ == 0) {
        return wait();
      }
      HIRESTREAM_ASSIGN(section_loaded_, load_section(section_end_));
      if (!section_loaded_) {
        return unreadable_at(section_, section_end_, "a section that cannot be decompressed");
      }
    }
    const auto place = static_cast<size_t>(entry_place_);
    if (place + 4 > plain_.size()) {
      go_to_section(section_end_);
      continue;
    }
    entry_ = checked_entry(Bytes(plain_).subspan(place));
    if (entry_.empty()) {
      return unreadable_at(section_, section_end_, "a section with an entry whose CRC is wrong");
    }
    entry_place_ += static_cast<int64_t>(entry_.size()) + kEntryFrameBytes;
    suspect_ = -1;
    return Step::kEntry;
  }
}

// Behind the marker: int size as it was, the compressed bytes.
Result<bool> SegmentReader::load_section(int64_t end) {
  const auto size = static_cast<size_t>(end - section_ - kMarkerBytes);
  HIRESTREAM_ASSIGN(const Bytes section, bytes_at(section_ + kMarkerBytes, size));
  if (section.size() < size || size < 4) {
    return false;
  }
  const auto plain_size = static_cast<size_t>(ByteCursor(section).integer(4));
  const bool fine = decompress_section(compression_, section.subspan(4), plain_size, plain_);
  window_ = {};
  return fine;
}

// Damaged for good once the section behind it is closed, too, or after many looks.
Result<SegmentReader::Step> SegmentReader::unreadable_at(int64_t place, int64_t end,
                                                         std::string_view what) {
  section_loaded_ = false;
  looks_ = suspect_ == place ? looks_ + 1 : 1;
  suspect_ = place;
  HIRESTREAM_ASSIGN(const int64_t next_end, read_marker(end));
  if (looks_ == 1 || (next_end == 0 && looks_ < kLooksMax)) {
    return wait();
  }
  suspect_ = -1;
  damage_ =
      fmt::format("{}: {} at byte {}, bytes up to {} are passed over", path_, what, place, end);
  go_to_section(end);
  return Step::kDamaged;
}

Result<Bytes> SegmentReader::entry_at(int64_t place, int64_t limit) {
  HIRESTREAM_ASSIGN(const Bytes head, bytes_at(place, kEntryHeadBytes));
  if (head.size() < kEntryHeadBytes) {
    return Bytes();
  }
  const auto size = static_cast<int64_t>(ByteCursor(head).integer(4));
  const bool fits = size > 0 && size <= INT32_MAX && size <= limit - place - kEntryFrameBytes;
  if (!fits || ByteCursor(head.subspan(4)).integer(4) != crc(head.first(4))) {
    return Bytes();
  }
  HIRESTREAM_ASSIGN(const Bytes bytes,
                    bytes_at(place, static_cast<size_t>(size + kEntryFrameBytes)));
  return checked_entry(bytes);
}

Result<Bytes> SegmentReader::bytes_at(int64_t place, size_t size) {
  const auto inside = [&] {
    return place >= window_begin_ && place + static_cast<int64_t>(size) <=
                                         window_begin_ + static_cast<int64_t>(window_.size());
  };
  if (!inside()) {
    struct stat status{};
    if (::fstat(file_, &status) != 0) {
      return failed(ErrorKind::kTransient, std::strerror(errno));
    }
    const int64_t left = std::max<int64_t>(status.st_size - place, 0);
    window_.resize(static_cast<size_t>(
        std::min<int64_t>(left, static_cast<int64_t>(std::max(size, kWindowBytes)))));
    window_begin_ = place;
    size_t filled = 0;
    while (filled < window_.size()) {
      const ssize_t got = ::pread(file_, window_.data() + filled, window_.size() - filled,
                                  place + static_cast<int64_t>(filled));
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        window_.clear();
        return failed(ErrorKind::kTransient, std::strerror(errno));
      }
      if (got == 0) {
        window_.resize(filled);
        break;
      }
      filled += static_cast<size_t>(got);
    }
  }
  const auto begin = static_cast<size_t>(place - window_begin_);
  return Bytes(window_).subspan(begin, std::min(size, window_.size() - begin));
}

}  // namespace hirestream
