// Where the fields and records of CSV end, found for many records at once, 64 bytes at a time:
// quotes are doubled, a line feed ends a record (RFC 4180). The rules are CsvReader's; what needs a
// closer look is left to it: records from the first irregular place on, where a quote opens within
// a field, or is closed and something else than a delimiter or a line end follows.
//
// Not thread-safe. Allocates once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace hirestream {

class CsvIndex {
 public:
  static constexpr size_t kBytesMax = 64 << 10;
  // So many bytes behind those that are indexed can be read.
  static constexpr size_t kPadding = 64;

  // A record begins at `begin`. Looks at kBytesMax bytes at most.
  void build(const char* begin, size_t size, char delimiter);

  // Bytes that were looked at.
  size_t size() const { return size_; }
  // Whole records, all of them regular.
  size_t records() const { return records_; }
  // Offset behind the last of them.
  size_t records_size() const { return record_begin(records_); }
  // No irregular place: what is behind the records is only not whole.
  bool is_regular() const { return is_regular_; }
  bool any_feed_in_quotes() const { return any_feed_in_quotes_; }

  // Offset of a record, or behind the last one.
  size_t record_begin(size_t record) const { return field_begin(first_field(record)); }
  // Fields of all records have one numbering.
  size_t first_field(size_t record) const { return feeds_[record]; }
  size_t field_count(size_t record) const { return first_field(record + 1) - first_field(record); }
  // Quotes are of the field, and the carriage return of the last one's line end.
  size_t field_begin(size_t field) const { return behind_[field]; }
  size_t field_end(size_t field) const { return behind_[field + 1] - 1; }

 private:
  struct Quoting;
  struct Found;

  size_t size_ = 0;
  size_t records_ = 0;
  bool is_regular_ = true;
  bool any_feed_in_quotes_ = false;
  // Without checks of bounds: a fifth of the time.
  // Offset 0, then what is behind the delimiter or line feed of each field.
  std::unique_ptr<uint32_t[]> behind_;
  // 0, then by record the number of fields up to its end.
  std::unique_ptr<uint32_t[]> feeds_;
};

}  // namespace hirestream
