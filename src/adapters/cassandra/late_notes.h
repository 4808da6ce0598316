// Notes of slices that a writer has put rows into after their time (ports/event_source.h,
// LateNote), in the table "<table>_late" beside the recommended one. Whoever writes old rows into
// that table may leave notes there, after the rows:
//
//   hour bigint      noted_us divided by an hour
//   noted_us bigint  when, microseconds since 1970
//   bucket bigint    number of the bucket: seconds since 1970 divided by the bucket width
//   shard int        -1: any slice whose bucket is not above
//
// Threading, blocking, errors: one thread; see cassandra_connection.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "model/result.h"
#include "ports/event_source.h"

namespace hirestream {

std::string late_table_name(const std::string& table);

class LateNoteReader {
 public:
  // `connection`, to the tracking table, outlives it.
  explicit LateNoteReader(CassandraConnection& connection);
  ~LateNoteReader();
  // At first all that are there, then new ones, each once. Nothing while there is no such table, or
  // none that may be read; that is tried once a minute.
  Result<std::vector<LateNote>> read(int64_t now_us);

 private:
  struct Statements;
  Result<bool> prepare(int64_t now_us);
  std::vector<LateNote> forget_table(int64_t now_us);
  Result<void> read_all(std::vector<LateNote>& notes);
  Result<void> read_hours(int64_t now_us, std::vector<LateNote>& notes);

  CassandraConnection& connection_;
  std::unique_ptr<Statements> statements_;  // null: the table was not there
  std::optional<int64_t> missed_us_;        // when the table was looked for last, and was not there
  std::optional<int64_t> read_us_;          // the last time that it was possible
  std::set<std::pair<int64_t, SliceKey>> seen_;
};

class LateNoteWriter {
 public:
  // Makes the table where it is missing. `table_id`: the tracking table's.
  static Result<std::unique_ptr<LateNoteWriter>> open(CassandraConnection& connection,
                                                      std::string_view table_id);
  ~LateNoteWriter();
  Result<void> write(std::span<const SliceKey> slices, int64_t now_us);

 private:
  struct Statements;
  explicit LateNoteWriter(CassandraConnection& connection);

  CassandraConnection& connection_;
  std::unique_ptr<Statements> statements_;
};

}  // namespace hirestream
