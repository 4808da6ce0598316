// Writes raw rows into a raw log: for `generate` and `import`. Same create_time again: the later
// write wins (as in Cassandra). Null values are left unset, never written as tombstones. One thread
// at a time.
#pragma once

#include <span>

#include "model/raw_event.h"
#include "model/result.h"

namespace hirestream {

class RawLogWriter {
 public:
  virtual ~RawLogWriter() = default;
  // Returns when all rows are acknowledged. On an error some may have been written; writing the
  // same rows again is harmless. A value that does not fit its column's type is an error kRejected
  // naming the row's create_time, column and value.
  virtual Result<void> write(std::span<const RawEvent> events) = 0;
  // Flushes and closes files. No write may follow. After kTransient it may be called again.
  virtual Result<void> finish() = 0;
  // A file: what is written is seen only after finish(), all of it at once, and is lost without it;
  // and a create_time that is written twice stands there twice.
  virtual bool is_whole_or_nothing() const { return false; }
  // Of such a target: the error kRejected that write() would give the row.
  virtual Result<void> check(const RawEvent& /*event*/) const { return {}; }
};

}  // namespace hirestream
