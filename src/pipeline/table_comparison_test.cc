#include "pipeline/table_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "aggregation/row_spec_test.h"

namespace hirestream {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr int64_t kMinuteUs = 60'000'000;

// Two rows a page.
class ListedSource : public EventSource {
 public:
  explicit ListedSource(const std::vector<RowSpec>& rows) : rows_(rows) {}
  const SourceDescription& description() const override { return description_; }
  Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t>) override {
    return discovery_of({});
  }
  Result<int64_t> newest_bucket(int64_t) override { return 0; }
  Result<std::unique_ptr<Sweep>> sweep(SweepRequest) override {
    if (fails) {
      return fail(ErrorKind::kTransient, "read", "table", "not now");
    }
    return std::make_unique<ListedSweep>(rows_);
  }
  ReadStatistics statistics() const override { return {}; }

  bool fails = false;

 private:
  class ListedSweep : public Sweep {
   public:
    explicit ListedSweep(const std::vector<RowSpec>& rows) : rows_(rows) {}
    Result<std::optional<SweepPage>> next() override {
      batch_.clear();
      for (; next_ < rows_.size() && batch_.rows() < 2; ++next_) {
        append_row(batch_, rows_[next_]);
      }
      return batch_.empty() ? std::optional<SweepPage>()
                            : std::optional<SweepPage>({.slice = std::nullopt, .rows = batch_});
    }

   private:
    const std::vector<RowSpec>& rows_;
    size_t next_ = 0;
    TrackingBatch batch_;
  };
  const std::vector<RowSpec>& rows_;
  SourceDescription description_;
};

// A slice is a minute of arrival.
std::optional<SliceKey> minute_of(const RowId& id) {
  if (!is_version_1(id)) {
    return std::nullopt;
  }
  return SliceKey{.shard = 0, .bucket = arrival_time_us(id) / kMinuteUs};
}

SliceKey minute(int64_t after) {
  return {.shard = 0, .bucket = kArrivalUs / kMinuteUs + after};
}

class TableComparisonTest : public testing::Test {
 protected:
  static RowSpec row(int64_t minutes, uint64_t number = 0) {
    return {.id = id_at(kArrivalUs + minutes * kMinuteUs, number)};
  }
  std::vector<SliceKey> differing(int64_t from_us = INT64_MIN, int64_t until_us = INT64_MAX) {
    SweptComparison comparison(std::make_unique<ListedSource>(table_),
                               std::make_unique<ListedSource>(mirror_), with_payload_, minute_of);
    comparison.begin(from_us, until_us);
    for (;;) {
      const auto more = comparison.next();
      EXPECT_TRUE(more);
      if (!more || !*more) {
        EXPECT_EQ(comparison.rows_read(), table_.size() + mirror_.size());
        return comparison.differing();
      }
    }
  }

  std::vector<RowSpec> table_;
  std::vector<RowSpec> mirror_;
  bool with_payload_ = false;
};

TEST_F(TableComparisonTest, FindsNothingWhereBothHaveTheSameRowsInAnyOrder) {
  table_ = {row(0), row(1), row(1, 1), row(2)};
  mirror_ = {row(2), row(1, 1), row(0), row(1)};
  EXPECT_THAT(differing(), IsEmpty());
}

TEST_F(TableComparisonTest, FindsSlicesWithMissingWithMoreAndWithOtherRows) {
  table_ = {row(0), row(0, 1), row(1), row(2), row(3)};
  mirror_ = {row(0), row(1), row(1, 1), row(2, 1), row(3)};
  EXPECT_THAT(differing(), UnorderedElementsAre(minute(0), minute(1), minute(2)));
}

TEST_F(TableComparisonTest, FindsEachValueThatCanCount) {
  const std::vector<std::pair<const char*, void (*)(RowSpec&)>> changes = {
      {"ts", [](RowSpec& r) { r.ts_us = kArrivalUs + 1000; }},
      {"no ts", [](RowSpec& r) { r.ts_us.reset(); }},
      {"job", [](RowSpec& r) { r.job_id = 189; }},
      {"no job", [](RowSpec& r) { r.job_id.reset(); }},
      {"publisher", [](RowSpec& r) { r.publisher_id = 2; }},
      {"campaign", [](RowSpec& r) { r.campaign_id = 9; }},
      {"group", [](RowSpec& r) { r.group_id = 4; }},
      {"bid", [](RowSpec& r) { r.bid_micros = 1; }},
      {"custom_track", [](RowSpec& r) { r.custom_track = "conversion"; }},
      {"another unknown custom_track", [](RowSpec& r) { r.custom_track = "clock"; }},
      {"ev", [](RowSpec& r) { r.ev = "2"; }},
  };
  for (const auto& [what, change] : changes) {
    table_ = {row(0), row(1)};
    mirror_ = table_;
    change(mirror_[1]);
    EXPECT_THAT(differing(), UnorderedElementsAre(minute(1))) << what;
  }
}

TEST_F(TableComparisonTest, ComparesThePayloadWhereItIsMirrored) {
  table_ = {row(0)};
  mirror_ = table_;
  mirror_[0].ed = R"({"job_id": 5})";
  EXPECT_THAT(differing(), IsEmpty());
  with_payload_ = true;
  EXPECT_THAT(differing(), UnorderedElementsAre(minute(0)));
}

TEST_F(TableComparisonTest, LeavesOutWhatAMirrorCannotKeepApart) {
  table_ = {row(0)};
  table_[0].ts_us = kArrivalUs + 1;  // below a millisecond
  mirror_ = {row(0)};
  EXPECT_THAT(differing(), IsEmpty());
}

TEST_F(TableComparisonTest, LeavesOutOtherTimesAndRowsWithoutAPlace) {
  table_ = {row(0), row(1), row(2), {.id = RowId{1, 2}}};
  EXPECT_THAT(differing(kArrivalUs + kMinuteUs, kArrivalUs + 2 * kMinuteUs),
              UnorderedElementsAre(minute(1)));
}

TEST_F(TableComparisonTest, BeginsAgainAfterAnError) {
  table_ = {row(0), row(1)};
  mirror_ = {row(0)};
  auto copy = std::make_unique<ListedSource>(mirror_);
  ListedSource& failing = *copy;
  SweptComparison comparison(std::make_unique<ListedSource>(table_), std::move(copy), false,
                             minute_of);
  comparison.begin(INT64_MIN, INT64_MAX);
  failing.fails = true;
  ASSERT_TRUE(comparison.next());
  ASSERT_FALSE(comparison.next());
  failing.fails = false;
  comparison.begin(INT64_MIN, INT64_MAX);
  while (*comparison.next()) {
  }
  EXPECT_THAT(comparison.differing(), UnorderedElementsAre(minute(1)));
}

}  // namespace
}  // namespace hirestream
