// The rows of a simulated raw log, with what they mean. Their meaning is worked out here from the
// values that were drawn, independently of the product's classifier and tally: it is the yardstick
// for the engine.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aggregation/counting_options.h"
#include "model/contribution.h"
#include "model/reading_rules.h"
#include "model/slice.h"
#include "simulation/random.h"
#include "simulation/zones.h"

namespace hirestream::simulation {

using CellMap = std::map<CellKey, Measures>;

// A value as it stands in a column: null, readable (with its meaning) or unreadable.
struct Value {
  enum class Kind { kNull, kGood, kBad };
  Kind kind = Kind::kNull;
  int64_t meaning = 0;  // kGood: microseconds UTC, an id, micros of a bid
  std::string text;     // kGood, kBad: as written in a text column
};

struct RowValues {
  Value ts;
  Value job_id;
  Value publisher_id;
  Value campaign_id;
  Value group_id;
  Value bid;
  std::optional<std::string> custom_track;
  std::optional<std::string> ev;
  std::optional<std::string> ed;
  std::optional<int64_t> ed_job_id;  // what `ed` says, for attribution by payload
  std::optional<int64_t> ed_publisher_id;
};

// Before the start: as if it were not there.
enum class Fate { kCounted, kUnattributed, kOther, kRejected, kBeforeStart };

struct Outcome {
  Fate fate = Fate::kOther;
  CellKey cell;       // kCounted only
  Measures measures;  // kCounted only
};

struct RowVersion {
  RowValues values;
  int64_t visible_us[2] = {0, 0};  // by replica
  Outcome outcome;
};

struct RawRow {
  RowId id;
  std::string id_text;  // not empty: create_time is this text, which is no UUID
  int64_t arrival_us = 0;
  int64_t sequence = 0;
  SliceKey slice;                    // tail: by arrival; follow: by sequence; scan: by event time
  std::vector<RowVersion> versions;  // the last one that is visible wins
  int64_t expires_us = INT64_MAX;
  bool lost = false;                 // it expires because its table was made anew
  int64_t gone_from_us = INT64_MAX;  // missing on every replica until …
  int64_t gone_until_us = INT64_MAX;

  bool is_gone(int64_t now_us) const;  // expired, or missing for a while
  // … or was within the last minutes: whoever read then may say so now.
  bool was_gone_lately(int64_t now_us) const;
  bool comes_back() const { return gone_from_us != INT64_MAX; }
  bool has_expired(int64_t now_us) const { return now_us >= expires_us; }
  // The version a reader of that replica sees; nothing when it sees none.
  const RowVersion* seen_on(int replica, int64_t now_us) const;
  // What the strongest read sees.
  const RowVersion* seen_anywhere(int64_t now_us) const;
  bool everywhere_by(int64_t now_us) const;  // first version, on both replicas, for good
  int64_t everywhere_us() const;             // when that is
};

// How rows are read: part of the run's set-up.
struct Reading {
  bool payload_attribution = false;
  Zone zone = zones().front();  // in which is reported
  int64_t ts_min_us = 0;
  int64_t future_max_us = 0;
  int64_t start_at_us = INT64_MIN;
};

// The columns that a table may lose while it is counted.
inline constexpr std::array<Column, 7> kColumnsToDrop = {
    Column::kJobId, Column::kPublisherId, Column::kCampaignId, Column::kGroupId,
    Column::kBid,   Column::kEv,          Column::kEd};

Outcome outcome_of(const RawRow& row, const RowValues& values, const Reading& reading);

// From then on (by replica) the row's values of that column are null, in each of its versions.
void drop_column(RawRow& row, Column column, const std::array<int64_t, 2>& from_us,
                 const Reading& reading);

// Adds measures, drops cells that become zero.
void add_to(CellMap& cells, const CellKey& key, const Measures& measures);
CellMap to_map(const Contribution& contribution);
std::string describe(const CellKey& key);
std::string describe(const Measures& measures);
// "a ≤ b" for every measure.
bool at_most(const Measures& a, const Measures& b);

}  // namespace hirestream::simulation
