// For the kernel's tests and benchmarks: one raw row as plain values. The default is a click that
// counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/row_id.h"
#include "model/tracking_batch.h"

namespace hirestream {

inline constexpr int64_t kArrivalUs = 1'656'678'896'789'000;  // 2022-07-01 12:34:56.789 UTC
inline constexpr int32_t kArrivalHour = 460'188;

// The version-1 id of a row that arrived at `us`; `number` tells rows of one time apart.
inline RowId id_at(int64_t us, uint64_t number = 0) {
  return make_version_1(us * 10, 0, number);
}

struct RowSpec {
  std::optional<RowId> id = id_at(kArrivalUs);
  std::optional<int64_t> ts_us = kArrivalUs;
  std::optional<int64_t> job_id = 188;
  std::optional<int64_t> publisher_id = 1;
  std::optional<int64_t> campaign_id = 8;
  std::optional<int64_t> group_id = 3;
  std::optional<int64_t> bid_micros = 1'400'000;
  std::string custom_track = "click";
  std::string ev = {};
  std::string ed = {};
};

inline void append_row(TrackingBatch& batch, const RowSpec& row) {
  batch.add_row();
  if (row.id) {
    batch.set_id(*row.id);
  }
  if (row.ts_us) {
    batch.set_ts_us(*row.ts_us);
  }
  const auto set = [&batch](Column column, const std::optional<int64_t>& value) {
    if (value) {
      batch.set_integer(column, *value);
    }
  };
  set(Column::kJobId, row.job_id);
  set(Column::kPublisherId, row.publisher_id);
  set(Column::kCampaignId, row.campaign_id);
  set(Column::kGroupId, row.group_id);
  set(Column::kBid, row.bid_micros);
  batch.set_text(Column::kCustomTrack, row.custom_track);
  batch.set_text(Column::kEv, row.ev);
  batch.set_text(Column::kEd, row.ed);
}

}  // namespace hirestream
