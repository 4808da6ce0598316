#include "pipeline/decision.h"

namespace hirestream {
namespace {

// Every row that was counted is there and still gives as much, only to other cells. In a slice that
// is held new rows may have made up for missing ones.
bool only_moved(const LedgerEntry& stored, const Comparison& recount) {
  const int64_t rows = recount.found.rows;
  return !recount.lowers_totals &&
         (stored.held ? rows == stored.digest.rows : rows >= stored.digest.rows);
}

// What the slice gave before is not known, but how many rows it had is.
Action decide_damaged(const LedgerEntry& stored, const Comparison& recount, const Policy& policy) {
  if (recount.found == stored.digest) {
    return Action::kReplace;  // what cannot be read any more was this, and no cell changes
  }
  if (recount.trust == Trust::kConfigured) {
    return Action::kWait;
  }
  const bool lacks_rows =
      recount.trust != Trust::kStrongest || recount.found.rows < stored.digest.rows;
  return policy.replaces_damaged && (policy.allow_shrink || !lacks_rows) ? Action::kReplace
                                                                         : Action::kHold;
}

}  // namespace

Action decide(const LedgerEntry& stored, bool damaged, const Comparison& recount,
              const Policy& policy) {
  if (stored.revision == 0) {
    return recount.found.rows == 0 ? Action::kKeep : Action::kReplace;
  }
  if (damaged) {
    return decide_damaged(stored, recount, policy);
  }
  if (stored.digest.may_be(recount.found) && !recount.differs) {
    if (stored.state != policy.state || !stored.digest.hash_known()) {
      return Action::kReplace;
    }
    if (stored.held) {
      return Action::kRelease;
    }
    return stored.state == SliceState::kSettled ? Action::kAudit : Action::kKeep;
  }
  const bool rows_are_missing = recount.found.rows < stored.digest.rows && !policy.rows_may_go;
  const bool shrinks = rows_are_missing || recount.takes_away;
  if (!shrinks) {
    return Action::kReplace;
  }
  if (recount.trust == Trust::kConfigured) {
    return Action::kWait;
  }
  if (policy.allow_shrink) {
    return Action::kReplace;
  }
  if (recount.trust == Trust::kUnconfirmed) {
    return Action::kWait;
  }
  return only_moved(stored, recount) ? Action::kReplace : Action::kHold;
}

bool may_freeze(const LedgerEntry& stored, bool damaged) {
  return stored.state == SliceState::kSettled && !damaged;
}

}  // namespace hirestream
