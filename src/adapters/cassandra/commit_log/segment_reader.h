// Reads the entries of one commit log segment while Cassandra writes it:
// org.apache.cassandra.db.commitlog, segment versions 7 and 8 (4.0 to 5.0), plain or compressed.
//
// A file is a header, then sections: a marker of 8 bytes (end of the section, CRC), then entries
// (size, CRC of the size, bytes, CRC of all). The marker of the section that is being written is
// zero. Whatever is not written whole yet has a wrong CRC or is zero: it is waited for.
//
// One thread. Blocking: reads of a local file. Errors: kTransient when the file cannot be read;
// kConfig when it can never be understood (encrypted, another version, an unknown compression).
// Memory: kWindowBytes, or the largest entry, or (compressed) a section and its compressed bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/cassandra/commit_log/section_codec.h"
#include "model/result.h"

namespace hirestream {

struct SegmentName {
  int32_t version = 0;
  int64_t id = 0;
  friend bool operator==(const SegmentName&, const SegmentName&) = default;
};
// Of "CommitLog-7-1700000000000.log"; nothing: another file.
std::optional<SegmentName> parse_segment_name(std::string_view file_name);

// Up to where a segment is read.
enum class LogVisibility : uint8_t {
  kMarker,  // what Cassandra would replay after its process was killed; it marks every 100 ms
  kTail,    // all that is written, before that: what a killed Cassandra may forget, too
  // What is on the disk by CDC's index file (…_cdc.idx); compressed sections are written with the
  // marker and forced to the disk at once, so there it is the same.
  kSynced,
};

// Where reading goes on. 0, 0: at the begin.
struct SegmentPlace {
  int64_t section = 0;  // of its marker
  int64_t entry = 0;    // of the next entry, in the file (compressed: in the section)
  friend bool operator==(const SegmentPlace&, const SegmentPlace&) = default;
};

class SegmentReader {
 public:
  enum class Step : uint8_t {
    kEntry,    // entry() is the next one
    kWait,     // nothing more for now
    kDamaged,  // a section that is closed cannot be read on; going on behind it. See damage()
  };

  static constexpr std::string_view kSuffix = ".log";
  // Of CDC's index file, in the place of kSuffix.
  static constexpr std::string_view kIndexSuffix = "_cdc.idx";
  static std::string index_path(const std::string& path);
  // Null: there is no such file (any more).
  static Result<std::unique_ptr<SegmentReader>> open(const std::string& path,
                                                     LogVisibility visibility,
                                                     SegmentPlace place = {});
  ~SegmentReader();
  SegmentReader(const SegmentReader&) = delete;
  SegmentReader& operator=(const SegmentReader&) = delete;

  const SegmentName& name() const { return name_; }
  Result<Step> next();
  // Valid until the next call of next().
  std::span<const uint8_t> entry() const { return entry_; }
  // next() gives the entry again. Only after kEntry.
  void put_back();
  const std::string& damage() const { return damage_; }
  // Behind the last entry that next() gave.
  SegmentPlace place() const { return {section_, entry_place_}; }
  // Cassandra has put something into it.
  bool begun() const { return begun_; }
  bool compressed() const { return compression_ != SectionCompression::kNone; }
  // Marked and not given yet, in the file. Of very many sections a part only: a look costs a read
  // for each.
  Result<int64_t> unread_bytes() const;
  // What stands behind all that next() gave when it said kWait.
  enum class Rest : uint8_t {
    kNothing,  // no marker: nothing was written there
    kMore,     // closed meanwhile, or not given yet
    kDamaged,  // a marker, or the header, that cannot be read
  };
  Result<Rest> rest() const;
  const std::string& path() const { return path_; }
  // The file has no name any more: Cassandra needs it no longer, all of it is in its tables.
  Result<bool> is_unlinked() const;
  // Does not look beyond the last marker from now on: what follows it died with its Cassandra.
  void stop_at_markers();

 private:
  SegmentReader(std::string path, int file, SegmentName name, LogVisibility visibility,
                SegmentPlace place);
  Result<bool> read_header();
  Result<void> read_parameters(std::string_view parameters);
  Result<int64_t> read_marker(int64_t section);
  Result<int64_t> section_end_at(int64_t section) const;
  Result<Step> next_plain();
  Result<Step> next_compressed();
  // False: it is no such section.
  Result<bool> load_section(int64_t end);
  // Empty: there is no whole entry.
  Result<std::span<const uint8_t>> entry_at(int64_t place, int64_t limit);
  // Fewer at the end of the file.
  Result<std::span<const uint8_t>> bytes_at(int64_t place, size_t size);
  Step wait();
  Result<int64_t> synced_up_to() const;
  void go_to_section(int64_t section);
  Result<Step> unreadable_at(int64_t place, int64_t end, std::string_view what);
  tl::unexpected<Error> failed(ErrorKind kind, std::string message, std::string hint = {}) const;

  std::string path_;
  int file_ = -1;
  SegmentName name_;
  LogVisibility visibility_;
  SectionCompression compression_ = SectionCompression::kNone;
  bool header_read_ = false;
  bool begun_ = false;
  int64_t section_ = 0;
  int64_t entry_place_ = 0;
  int64_t section_end_ = 0;      // 0: not closed when last looked
  bool section_loaded_ = false;  // compressed
  // Where a closed section could not be read, and how often it was looked at: what was written
  // before the marker may be seen after it.
  int64_t suspect_ = -1;
  int looks_ = 0;
  std::vector<uint8_t> plain_;
  std::vector<uint8_t> window_;
  int64_t window_begin_ = 0;
  std::span<const uint8_t> entry_;
  std::string damage_;
};

}  // namespace hirestream
