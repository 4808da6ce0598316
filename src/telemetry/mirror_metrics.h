// What a mirror of a raw log is doing, as Prometheus metrics: how far it lies behind the log, what
// it read, wrote, copied and noted, which errors it met, whether it works. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "model/result.h"

namespace hirestream {

// Of a process: nothing is counted anew when it connects anew.
struct MirrorFigures {
  int64_t rows_followed = 0;
  int64_t rows_copied = 0;
  int64_t rows_left = 0;        // that another node's mirror wrote
  int64_t rows_taken_over = 0;  // of those followed: that it had not written
  int64_t rows_rejected = 0;
  int64_t entries_read = 0;  // of the log, all tables'
  int64_t bytes_read = 0;    // of these
  int64_t values_unreadable = 0;
  int64_t gaps = 0;
  int64_t copies = 0;
  int64_t partitions_differed = 0;
  int64_t late_notes = 0;
  std::map<ErrorKind, int64_t> errors = {};  // that were retried
  bool is_up = false;                        // the last step succeeded
  bool is_copying = false;                   // or compares
  bool may_lack_rows = true;                 // a gap, or the first copy is not complete
  int64_t last_success_us = 0;               // of a step; 0: never
  int64_t last_copy_us = 0;                  // 0: the table was never copied whole
  int64_t level_us = 0;                      // what was written before is mirrored; 0: not known
  std::optional<int64_t> unread_bytes = {};  // of the log; nothing: not known, or none is followed

  friend bool operator==(const MirrorFigures&, const MirrorFigures&) = default;
};

// Text exposition format. `table`: what is mirrored, "keyspace.table".
std::string mirror_metrics(const std::string& table, const MirrorFigures& figures, int64_t now_us);

}  // namespace hirestream
