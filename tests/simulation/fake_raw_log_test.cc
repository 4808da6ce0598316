// The simulated raw log keeps the contract that the real ones keep (tests/contract,
// tests/integration/cassandra).
#include "simulation/fake_raw_log.h"

#include <map>

#include "contract/event_source_contract.h"
#include "model/floor_divide.h"

namespace hirestream::simulation {
namespace {

Value value_of(const std::optional<std::string>& text) {
  return text ? Value{.kind = Value::Kind::kGood, .text = *text} : Value{};
}

RowVersion version_of(const RawEvent& event) {
  RowVersion version;
  RowValues& values = version.values;
  values.ts = value_of(event[RawColumn::kTs]);
  values.job_id = value_of(event[RawColumn::kJobId]);
  values.publisher_id = value_of(event[RawColumn::kPublisherId]);
  values.campaign_id = value_of(event[RawColumn::kCampaignId]);
  values.group_id = value_of(event[RawColumn::kGroupId]);
  values.bid = value_of(event[RawColumn::kBid]);
  values.custom_track = event[RawColumn::kCustomTrack];
  values.ev = event[RawColumn::kEv];
  values.ed = event[RawColumn::kEd];
  return version;
}

template <Strategy strategy>
class SimulatedFactory : public EventSourceFactory {
 public:
  std::string name() const override { return "simulated"; }

  std::unique_ptr<EventSource> make(std::span<const RawEvent> events) override {
    std::map<RowId, size_t> known;
    for (const RawEvent& event : events) {
      const auto id = parse_uuid(*event[RawColumn::kCreateTime]);
      if (!id) {
        ADD_FAILURE() << *event[RawColumn::kCreateTime];
        return nullptr;
      }
      const auto [at, fresh] = known.emplace(*id, known.size());
      if (fresh) {
        log_.add(row_of(*id, event, static_cast<int64_t>(at->second) + 1));
      } else {
        log_.overwrite(at->second, version_of(event));
      }
    }
    return std::make_unique<FakeEventSource>(world_, log_, "reader");
  }

 private:
  static RawRow row_of(const RowId& id, const RawEvent& event, int64_t sequence) {
    RawRow row;
    row.id = id;
    row.arrival_us = arrival_time_us(id);
    row.sequence = sequence;
    const int64_t bucket = strategy == Strategy::kFollow
                               ? sequence / kBucketWidth
                               : floor_divide(row.arrival_us, kBucketWidth * kSecondUs);
    const int32_t shard =
        strategy == Strategy::kTail ? static_cast<int32_t>(sequence % kShards) : 0;
    row.slice = {shard, bucket};
    row.versions = {version_of(event)};
    return row;
  }

  static SourceDescription description() {
    SourceDescription description;
    description.kind = "simulated";
    description.identity = "raw log";
    description.strategy = strategy;
    description.bucket_width = strategy == Strategy::kFollow ? BucketWidth::rows(kBucketWidth)
                                                             : BucketWidth::seconds(kBucketWidth);
    describe_reads(description);
    description.shard_count = strategy == Strategy::kTail ? kShards : 1;
    return description;
  }

  static constexpr int32_t kShards = 4;
  static constexpr int64_t kBucketWidth = 5;
  World world_{1, arrival_time_us(make_version_1(16'600'000'000'000'000, 0, 0)), false};
  RawLog log_{description(), true};
};

INSTANTIATE_TYPED_TEST_SUITE_P(SimulatedTail, EventSourceContract,
                               SimulatedFactory<Strategy::kTail>);
INSTANTIATE_TYPED_TEST_SUITE_P(SimulatedFollow, EventSourceContract,
                               SimulatedFactory<Strategy::kFollow>);
INSTANTIATE_TYPED_TEST_SUITE_P(SimulatedScan, EventSourceContract,
                               SimulatedFactory<Strategy::kScan>);

}  // namespace
}  // namespace hirestream::simulation
