// One engine through hundreds of simulated days of a bucketed table: busy days and quiet ones,
// nights and a long while without a single row, faults now and then, restarts, rows that expire.
// What a short run cannot show: that nothing grows with the days that have passed.
//
// Throughout:  the ledger holds no more slices than minutes with rows that are not past the
//              retention; a start loads no more than that, and reads no more rows than came since;
//              the engine's memory is a constant and so much a slice of the ledger; one frozen sum
//              a shard and day.
// At the end:  `events` equals the sum of all rows that were ever written, `verify` is content, and
//              the engine holds about as much memory, and reads as many rows a row, as at the
//              beginning.
#pragma once

#include <cstdint>
#include <string>

#include "simulation/simulation.h"

namespace hirestream::simulation {

struct YearParameters {
  uint64_t seed = 1;
  // A few more follow without rows, until the last audits are done.
  int64_t days = 400;
  bool tracing = false;
};

struct YearReport {
  // As of any run; rows: that were written.
  RunReport run;
  int64_t restarts = 0;
  int64_t retention_days = 0;
  // Rows of `events`.
  int64_t cells = 0;
  int64_t slices_frozen = 0;
  int64_t frozen_days = 0;
  // The most that the ledger held.
  int64_t slices_max = 0;
  // The most entries of the ledger that a start loaded.
  int64_t loaded_max = 0;
  // The most raw rows that were read between a start and having caught up.
  int64_t caught_up_rows_max = 0;
  // Bytes that the engine held when it was first looked at, at the end, and at most.
  int64_t heap_first = 0;
  int64_t heap_last = 0;
  int64_t heap_max = 0;
  // The ledger's slices at these times.
  int64_t slices_first = 0;
  int64_t slices_last = 0;
};

YearReport run_year(const YearParameters& parameters);

}  // namespace hirestream::simulation
