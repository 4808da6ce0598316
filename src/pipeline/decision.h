// The one rule of what becomes of a slice: from what the ledger has of it, what a recount found and
// the policy follows one action. Every engine, verify and repair ask here. Pure.
//
// Guard Shrink lives here: what was counted is taken away only when somebody allowed it. By the
// strongest read alone it may only move from one cell to another, where its rows were seen with
// other values.
#pragma once

#include <cstdint>

#include "model/slice.h"

namespace hirestream {

enum class Action : uint8_t {
  // Nothing is written.
  kKeep,
  // The same rows as before: it is noted when that was seen.
  kAudit,
  // The recount takes the place of what is stored; also of the same rows, to settle or open the
  // slice.
  kReplace,
  // The recount lacks what was counted: the slice keeps it and is marked.
  kHold,
  // A slice that was held is whole again: the mark goes.
  kRelease,
  // Nothing can be concluded yet: read again at the strongest level, at once or later.
  kWait,
};

// How far a read can be believed when rows are missing in it.
enum class Trust : uint8_t {
  kConfigured,
  // Read at the strongest level, or of a source that has no replicas.
  kStrongest,
  // The strongest read was tried and failed.
  kUnconfirmed,
};

// A recount beside what is stored of the slice.
struct Comparison {
  RowDigest found;
  // Some measure of some cell differs, or is less than stored; some measure is less over all cells.
  // None is known of a damaged slice.
  bool differs = false;
  bool takes_away = false;
  bool lowers_totals = false;
  Trust trust = Trust::kConfigured;
};

struct Policy {
  // What the slice shall be now: open while rows may still come to it in time.
  SliceState state = SliceState::kSettled;
  bool allow_shrink = false;
  // A damaged slice whose rows have changed may be replaced, together with a correction of `events`
  // (repair); else it is held.
  bool replaces_damaged = false;
  // Rows that gave nothing may go: a file's rows are what it says now, and whoever mends it takes
  // unreadable ones out.
  bool rows_may_go = false;
};

// What a recount means for a slice. `damaged`: its stored contribution cannot be read.
Action decide(const LedgerEntry& stored, bool damaged, const Comparison& recount,
              const Policy& policy);

// Whether a slice past its retention is frozen: it keeps what it gave for ever. A damaged one is
// repaired first.
bool may_freeze(const LedgerEntry& stored, bool damaged);

}  // namespace hirestream
