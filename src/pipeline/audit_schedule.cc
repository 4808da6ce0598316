#include "pipeline/audit_schedule.h"

#include <algorithm>

namespace hirestream {

void AuditSchedule::add(const LedgerEntry& entry, int64_t now_us) {
  const int64_t audited_us = std::max(entry.audited_at_us, entry.settled_at_us);
  // Stamped by a clock that ran ahead: nobody knows when that was.
  schedule_after(entry, audited_us > now_us ? INT64_MIN : audited_us);
}

void AuditSchedule::schedule_after(const LedgerEntry& entry, int64_t last_us) {
  if (entry.state != SliceState::kSettled) {
    return;
  }
  const int64_t begin_us = buckets_.audits_begin_us(entry);
  const auto next = std::find_if(options_.audit_delays_us.begin(), options_.audit_delays_us.end(),
                                 [&](int64_t delay_us) { return begin_us + delay_us > last_us; });
  if (next != options_.audit_delays_us.end()) {
    due_.emplace(begin_us + *next, entry.key);
  }
}

std::vector<SliceKey> AuditSchedule::take_due(const SliceBook& book, int64_t now_us) {
  std::vector<SliceKey> out;
  while (!due_.empty() && due_.begin()->first <= now_us) {
    const SliceKey key = due_.begin()->second;
    due_.erase(due_.begin());
    const LedgerEntry* entry = book.find(key);
    if (entry != nullptr && entry->state == SliceState::kSettled) {
      out.push_back(key);
    }
  }
  return out;
}

}  // namespace hirestream
