// `hirestream rebuild`: makes `events` and the roll-up by day anew while engines go on, then puts
// both in place at once (docs/decisions/0025-rebuild-from-the-ledger.md).
//
// The new rows are the sums of the ledger's contributions of one moment. What changes meanwhile is
// found by comparing the ledger of that moment with the ledger of a later one, slice by slice, and
// added; the last such comparison is made while nobody can write to `events`. In hours to which
// frozen slices (or a table that was migrated) gave something the ledger knows only sums by hour:
// there the rows of `events` are taken over as they are.
//
// With RebuildOptions::replace slices are counted anew: they are replaced in a copy of the ledger,
// the new rows are the sums of that copy, and both take their places in the same step
// (docs/decisions/0031-rebuild-of-a-run.md). Nothing of it can be seen before.
//
// Memory: cells of a part of the hours (RebuildOptions), keys and revisions of the ledger's slices.
// Threading: the caller's thread, and some of its own for statements; blocking. Errors: kConfig,
// before anything is changed: damaged slices, cells that would be taken away though that is not
// allowed, tables that are not of our form or an account that may not make tables; kTransient:
// nothing is changed, try again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"
#include "model/slice.h"
#include "ports/clock.h"
#include "ports/observer.h"

namespace hirestream {

class Warehouse;

namespace sql {
class Backend;
}

struct ReplacedSlices {
  std::string source;  // its name
  std::vector<SliceKey> slices;
};
// Replaces slices of one source by committing to a warehouse whose ledger is a copy, where a commit
// changes slices and nothing else.
using ReplaceSlices = std::function<Result<ReplacedSlices>(Warehouse& copy)>;

struct RebuildOptions {
  // Guard Shrink: rows of `events` that hold more than the ledger says may become less.
  bool allow_shrink = false;
  // Names this run among all: letters and digits.
  std::string run = {};
  // Cells held at a time, about: more hours than that are done one part after the other, each of
  // which reads the ledger once.
  size_t cells_max = 2'000'000;
  // None: the ledger stays as it is. Not with SQLite (kConfig).
  ReplaceSlices replace = nullptr;
  // Asked often, until the tables are to change places; ends as interrupted().
  std::stop_token stop = {};
  // Waits so many microseconds.
  std::function<void(int64_t)> wait = nullptr;
  // Told of each step once it is done: "filled", "keyed", "caught up", "locked", "ready". Its error
  // ends the rebuild. For tests.
  std::function<Result<void>(std::string_view step)> at_step = nullptr;
};

struct RebuildReport {
  // As they were when it began.
  int64_t slices = 0;
  int64_t cells = 0;
  // Of these: `events` lacked something of them, or held too much.
  int64_t cells_put_back = 0;
  int64_t cells_taken_away = 0;
  // Rows of hours of frozen slices, taken over.
  int64_t cells_kept = 0;
  // Such hours whose rows are not what the ledger and frozen slices gave: only a backup knows them.
  int64_t hours_unexplained = 0;
  // Slices that changed meanwhile, and comparisons with the ledger.
  int64_t slices_changed = 0;
  int64_t comparisons = 0;
  // Of those that were to be replaced. The others stay as engines have made them, or change hours
  // of frozen slices.
  std::vector<SliceKey> slices_replaced = {};
  // For so long engines could not commit.
  int64_t locked_us = 0;
};

// Opens the warehouse with one more connection.
using OpenBackend = std::function<Result<std::unique_ptr<sql::Backend>>()>;

Result<RebuildReport> rebuild_events(const OpenBackend& open, RebuildOptions options, Clock& clock,
                                     Observer& observer);

}  // namespace hirestream
