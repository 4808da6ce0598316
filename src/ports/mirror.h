// What a mirror keeps equal: a raw log whose writers do not know of it, and a table that is made
// for reading (docs/mirror.md). One thread at a time each.
//
// Errors: kTransient is tried again; whatever was asked is then asked again from the begin.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/changed_row.h"
#include "model/result.h"
#include "model/slice.h"

namespace hirestream {

// Rows as they are written, from a log that the server keeps anyway. Rows may come again, and in
// any order. What it cannot vouch for is a gap: rows may be missing there that only the table has.
class ChangeLog {
 public:
  virtual ~ChangeLog() = default;
  // Goes on behind a position() of an earlier run. Without one, or where that is not possible any
  // more: at a place such that a copy of the table which is begun afterwards misses nothing; then
  // it says why.
  virtual Result<std::optional<std::string>> start(const std::optional<std::string>& position) = 0;

  struct Poll {
    bool more = false;               // there is more already
    std::optional<std::string> gap;  // why rows may be missing in what was given so far
  };
  // Appends what was written since, of at most about `rows_max` rows.
  virtual Result<Poll> poll(size_t rows_max, std::vector<ChangedRow>& rows) = 0;
  // Behind everything that was given, also by a poll that failed.
  virtual std::string position() const = 0;
  // What lies before this position() is written, no copy is under way, and all of that is stored:
  // it is not asked for again. Where a log is kept for its reader, the reader deletes it.
  virtual Result<void> delete_before(const std::string& /*position*/) { return {}; }
};

// The whole table, by parts of the ring (ports/event_source.h), some rows at a time.
class TableHistory {
 public:
  using Take = std::function<Result<void>(std::span<const ChangedRow> rows)>;
  virtual ~TableHistory() = default;
  virtual Result<void> read(uint64_t begin_place, uint64_t end_place, const Take& take) = 0;
};

// Finds slices of the mirror whose rows or values are not the table's. After an error it begins
// again.
class TableComparison {
 public:
  virtual ~TableComparison() = default;
  // Of rows that arrived in [from_us, until_us), by the times in their ids.
  virtual void begin(int64_t from_us, int64_t until_us) = 0;
  // Reads some more. False: that was all.
  virtual Result<bool> next() = 0;
  // When next() has said false.
  virtual std::vector<SliceKey> differing() const = 0;
  // Of both, since begin().
  virtual int64_t rows_read() const = 0;
};

inline constexpr int64_t kMirrorCopyParts = 128;

// How far a mirror is. What is stored is true: everything before the position is written.
struct MirrorState {
  std::optional<std::string> position;  // nothing: no log is followed
  int64_t copied_parts = 0;             // of the copy that is under way, or was the last
  int64_t copied_us = 0;                // when the last copy was complete; 0: never
  friend bool operator==(const MirrorState&, const MirrorState&) = default;
};

class MirrorTable {
 public:
  virtual ~MirrorTable() = default;
  // Returns when all are acknowledged; writing them again changes nothing. kRejected: a row does
  // not fit, named; some of the others may have been written.
  virtual Result<void> write(std::span<const ChangedRow> rows) = 0;

  // Those of the rows, rising, that are not in the table, or with an older value: what write()
  // would change.
  virtual Result<std::vector<size_t>> find_lacking(std::span<const ChangedRow> rows) = 0;

  struct Place {
    SliceKey slice;
    int64_t end_us = 0;  // when its bucket is over
  };
  // Where a row belongs. Nothing: nowhere, it will be rejected.
  virtual std::optional<Place> place_of(const ChangedRow& row) const = 0;
  // Tells whoever counts that rows came into these slices after their time. Behind their write.
  virtual Result<void> note_late(std::span<const SliceKey> slices, int64_t now_us) = 0;
  // The same of any slice that there is.
  virtual Result<void> note_late_anywhere(int64_t now_us) = 0;

  // Nothing: it was never stored.
  virtual Result<std::optional<MirrorState>> load() = 0;
  virtual Result<void> store(const MirrorState& state) = 0;
  // The positions that are stored, by node (ChangedRow::nodes): this mirror's and the others'.
  virtual Result<std::map<std::string, std::string>> positions() = 0;
};

}  // namespace hirestream
