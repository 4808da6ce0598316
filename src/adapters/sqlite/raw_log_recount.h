// A SQLite raw log counted by one plain SQL statement: independent of the engine, to check it
// against. For rows as `generate` writes them: kinds and attribution of the default settings,
// reporting in UTC, ts "YYYY-MM-DD HH:MM:SS[.fff]", bids as plain decimals (rounded half to even at
// the sixth digit). Blocking; reads every row.
#pragma once

#include <cstdint>
#include <string>

#include "model/contribution.h"
#include "model/result.h"

namespace hirestream {

struct RawLogRecount {
  int64_t rows = 0;  // all rows of the raw log, whatever they are
  Contribution cells;
};

Result<RawLogRecount> recount_sqlite_raw_log(const std::string& path);

}  // namespace hirestream
