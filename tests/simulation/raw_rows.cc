#include "simulation/raw_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/timestamp.h"
#include "simulation/world.h"

namespace hirestream::simulation {
namespace {

constexpr int64_t kLatelyUs = 180'000'000;

}  // namespace

bool RawRow::is_gone(int64_t now_us) const {
  return now_us >= expires_us || (now_us >= gone_from_us && now_us < gone_until_us);
}

bool RawRow::was_gone_lately(int64_t now_us) const {
  return is_gone(now_us) ||
         (comes_back() && now_us >= gone_from_us && now_us < gone_until_us + kLatelyUs);
}

const RowVersion* RawRow::seen_on(int replica, int64_t now_us) const {
  if (is_gone(now_us)) {
    return nullptr;
  }
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    if (version->visible_us[replica] <= now_us) {
      return &*version;
    }
  }
  return nullptr;
}

const RowVersion* RawRow::seen_anywhere(int64_t now_us) const {
  if (is_gone(now_us)) {
    return nullptr;
  }
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    if (std::min(version->visible_us[0], version->visible_us[1]) <= now_us) {
      return &*version;
    }
  }
  return nullptr;
}

int64_t RawRow::everywhere_us() const {
  const int64_t seen_us = std::max(versions.front().visible_us[0], versions.front().visible_us[1]);
  return comes_back() ? std::max(seen_us, gone_until_us) : seen_us;
}

bool RawRow::everywhere_by(int64_t now_us) const {
  return everywhere_us() <= now_us;
}

namespace {

// 0 is none.
bool has_id(const Value& value) {
  return value.kind == Value::Kind::kGood && value.meaning != 0;
}

}  // namespace

Outcome outcome_of(const RawRow& row, const RowValues& values, const Reading& reading) {
  Outcome outcome;
  if (!row.id_text.empty()) {
    outcome.fate = Fate::kRejected;
    return outcome;
  }
  if (is_version_1(row.id) && arrival_time_us(row.id) < reading.start_at_us) {
    outcome.fate = Fate::kBeforeStart;
    return outcome;
  }
  Measures measures;
  const std::string track = values.custom_track.value_or("");
  if (track.empty() && values.ev == "1") {
    measures.impressions = 1;
  } else if (track == "click") {
    measures.clicks = 1;
    measures.bid_micros = values.bid.kind == Value::Kind::kGood ? values.bid.meaning : 0;
  } else if (track == "conversion") {
    measures.conversions = 1;
  } else if (track == "qualified") {
    measures.qualified = 1;
  } else if (track == "unqualified") {
    measures.unqualified = 1;
  } else {
    outcome.fate = Fate::kOther;
    return outcome;
  }
  outcome.fate = Fate::kRejected;
  for (const Value* value : {&values.ts, &values.job_id, &values.publisher_id, &values.campaign_id,
                             &values.group_id, &values.bid}) {
    if (value->kind == Value::Kind::kBad) {
      return outcome;
    }
  }
  if (values.ts.kind == Value::Kind::kNull || values.ts.meaning < reading.ts_min_us ||
      values.ts.meaning > row.arrival_us + reading.future_max_us) {
    return outcome;
  }
  std::optional<int64_t> job;
  std::optional<int64_t> publisher;
  if (has_id(values.job_id)) {
    job = values.job_id.meaning;
  } else if (reading.payload_attribution) {
    job = values.ed_job_id;
  }
  if (has_id(values.publisher_id)) {
    publisher = values.publisher_id.meaning;
  } else if (reading.payload_attribution) {
    publisher = values.ed_publisher_id;
  }
  if (!job) {
    outcome.fate = Fate::kUnattributed;
    return outcome;
  }
  outcome.fate = Fate::kCounted;
  outcome.cell.local_hour = reading.zone.local_hour(values.ts.meaning);
  outcome.cell.job_id = *job;
  outcome.cell.publisher_id = publisher.value_or(0);
  outcome.cell.campaign_id =
      values.campaign_id.kind == Value::Kind::kGood ? values.campaign_id.meaning : 0;
  outcome.cell.group_id = values.group_id.kind == Value::Kind::kGood ? values.group_id.meaning : 0;
  outcome.measures = measures;
  return outcome;
}

namespace {

RowValues without(RowValues values, Column column) {
  switch (column) {
    case Column::kJobId:
      values.job_id = {};
      break;
    case Column::kPublisherId:
      values.publisher_id = {};
      break;
    case Column::kCampaignId:
      values.campaign_id = {};
      break;
    case Column::kGroupId:
      values.group_id = {};
      break;
    case Column::kBid:
      values.bid = {};
      break;
    case Column::kEv:
      values.ev.reset();
      break;
    case Column::kEd:
      values.ed.reset();
      values.ed_job_id.reset();
      values.ed_publisher_id.reset();
      break;
    default:
      violated("Contract", "no table loses that column");
  }
  return values;
}

}  // namespace

void drop_column(RawRow& row, Column column, const std::array<int64_t, 2>& from_us,
                 const Reading& reading) {
  const std::vector<RowVersion> before = row.versions;
  // Nobody sees those that are written after it as they would have been.
  std::erase_if(row.versions, [&](const RowVersion& version) {
    return version.visible_us[0] >= from_us[0] && version.visible_us[1] >= from_us[1];
  });
  for (const RowVersion& version : before) {
    RowVersion after = version;
    after.values = without(version.values, column);
    after.outcome = outcome_of(row, after.values, reading);
    for (size_t replica = 0; replica < from_us.size(); ++replica) {
      after.visible_us[replica] = std::max(version.visible_us[replica], from_us[replica]);
    }
    row.versions.push_back(std::move(after));
  }
}

void add_to(CellMap& cells, const CellKey& key, const Measures& measures) {
  Measures& sum = cells[key];
  sum += measures;
  if (sum.is_zero()) {
    cells.erase(key);
  }
}

CellMap to_map(const Contribution& contribution) {
  CellMap out;
  for (const Cell& cell : contribution) {
    add_to(out, cell.key, cell.measures);
  }
  return out;
}

std::string describe(const CellKey& key) {
  return fmt::format("{} {:02}h job {} publisher {} campaign {} group {}", format_date(key.days()),
                     key.hour(), key.job_id, key.publisher_id, key.campaign_id, key.group_id);
}

std::string describe(const Measures& m) {
  return fmt::format(
      "[impressions {} clicks {} conversions {} qualified {} unqualified {} bids {}]",
      m.impressions, m.clicks, m.conversions, m.qualified, m.unqualified, m.bid_micros);
}

bool at_most(const Measures& a, const Measures& b) {
  Measures rest = b;
  rest -= a;
  return !rest.any_negative();
}

}  // namespace hirestream::simulation
