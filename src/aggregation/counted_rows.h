// Rows that count, side by side: the cell of each and what it adds. What a block's rows become
// between the classifier and the cells, so that each step goes over all of them before the next one
// begins. Uninitialised but for its size: 20 KB that are not worth clearing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "aggregation/counting_options.h"
#include "model/contribution.h"

namespace hirestream {

// Rows that are looked at together: few enough to stay in the first cache.
inline constexpr size_t kBlockRows = 512;

struct CountedRows {
  size_t size = 0;
  std::array<int32_t, kBlockRows> local_hour;
  std::array<int64_t, kBlockRows> job_id;
  std::array<int64_t, kBlockRows> publisher_id;
  std::array<int64_t, kBlockRows> campaign_id;
  std::array<int64_t, kBlockRows> group_id;
  std::array<EventKind, kBlockRows> kind;      // never kOther
  std::array<int64_t, kBlockRows> bid_micros;  // 0 unless it is a click

  CellKey key(size_t i) const {
    return {local_hour[i], job_id[i], publisher_id[i], campaign_id[i], group_id[i]};
  }
  Measures measures(size_t i) const {
    const auto one_of = [this, i](EventKind wanted) { return kind[i] == wanted ? 1 : 0; };
    return {.impressions = one_of(EventKind::kImpression),
            .clicks = one_of(EventKind::kClick),
            .conversions = one_of(EventKind::kConversion),
            .qualified = one_of(EventKind::kQualified),
            .unqualified = one_of(EventKind::kUnqualified),
            .bid_micros = bid_micros[i]};
  }
  void append(const CellKey& cell, EventKind event, int64_t bid) {
    local_hour[size] = cell.local_hour;
    job_id[size] = cell.job_id;
    publisher_id[size] = cell.publisher_id;
    campaign_id[size] = cell.campaign_id;
    group_id[size] = cell.group_id;
    kind[size] = event;
    bid_micros[size] = bid;
    ++size;
  }
};

}  // namespace hirestream
