// What every EventSource must do, as a typed test suite over whoever makes one: a source of raw rows that are known.
//
//   class MyFactory : public EventSourceFactory { … };        // default constructible
//   INSTANTIATE_TYPED_TEST_SUITE_P(My, EventSourceContract, MyFactory);
//
// All values are such that typed columns hold them too (ids are integers, times have milliseconds), except where holds_bad_values() says
// that any text may stand in any column.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/raw_event.h"
#include "model/row_id.h"
#include "model/timestamp.h"
#include "model/tracking_batch.h"
#include "ports/event_source.h"

namespace hirestream {

class EventSourceFactory {
 public:
  virtual ~EventSourceFactory() = default;
  virtual std::string name() const = 0;
  // A source over a new, otherwise empty raw log into which these rows were written in this order. It stays valid as long as the factory.
  // Called at most once per factory.
  virtual std::unique_ptr<EventSource> make(std::span<const RawEvent> events) = 0;
  // Whether ids, bid and ts may hold text that is no number or time.
  virtual bool holds_bad_values() const { return true; }
};

// A row as it was delivered: each column as "null", "=VALUE" or "!TEXT" (bad).
struct DeliveredRow {
  std::array<std::string, kColumnCount> columns;
  friend auto operator<=>(const DeliveredRow&, const DeliveredRow&) = default;
};

inline void PrintTo(const DeliveredRow& row, std::ostream* out) {
  for (size_t index = 0; index < kColumnCount; ++index) {
    *out << column_name(static_cast<Column>(index)) << row.columns[index] << " ";
  }
}

inline DeliveredRow delivered_row(const TrackingBatch& batch, size_t row) {
  DeliveredRow delivered;
  for (size_t index = 0; index < kColumnCount; ++index) {
    const auto column = static_cast<Column>(index);
    std::string& shown = delivered.columns[index];
    shown = "null";
    if (batch.status(column, row) == CellStatus::kValue) {
      shown = "=";
      if (column == Column::kCreateTime) {
        shown += format_uuid(batch.id(row));
      } else if (column >= Column::kCustomTrack) {
        shown += batch.text(column, row);
      } else {
        shown += std::to_string(batch.integer(column, row));
      }
    }
  }
  for (const TrackingBatch::BadCell& bad : batch.bad_cells()) {
    if (bad.row == row) delivered.columns[static_cast<size_t>(bad.column)] = "!" + bad.text;
  }
  return delivered;
}

struct Delivery {
  size_t request = 0;
  RowId id;
  int64_t position = 0;
  DeliveredRow row;
};

class DeliveryCollector : public RowSink {
 public:
  Result<void> on_rows(size_t index, const TrackingBatch& batch) override {
    for (size_t row = 0; row < batch.rows(); ++row) {
      deliveries.push_back({index, batch.id(row), batch.position(row), delivered_row(batch, row)});
    }
    return {};
  }
  // Every row once. A row that came in two versions fails the test.
  std::map<RowId, DeliveredRow> rows() const {
    std::map<RowId, DeliveredRow> rows;
    for (const Delivery& delivery : deliveries) {
      const auto [known, added] = rows.emplace(delivery.id, delivery.row);
      EXPECT_EQ(known->second, delivery.row) << "two versions of one row";
    }
    return rows;
  }
  std::vector<Delivery> deliveries;
};

template <typename Factory>
class EventSourceContract : public ::testing::Test {
 protected:
  // 2022-07-01 12:00:00 UTC, a millisecond apart.
  static RowId id(int64_t number) {
    constexpr int64_t kBaseTicks = 16'566'768'000'000'000;
    return make_version_1(kBaseTicks + number * 10'000, static_cast<uint16_t>(number % 16'384), 42);
  }

  static RawEvent event(int64_t number) {
    RawEvent event;
    event[RawColumn::kCreateTime] = format_uuid(id(number));
    event[RawColumn::kTs] = format_timestamp_ms(arrival_time_us(id(number)) / 1000 * 1000);
    event[RawColumn::kJobId] = std::to_string(number % 15 + 1);
    event[RawColumn::kPublisherId] = std::to_string(number % 4 + 1);
    event[RawColumn::kCampaignId] = std::to_string(number % 8 + 1);
    event[RawColumn::kGroupId] = std::to_string(number % 3 + 1);
    event[RawColumn::kBid] = number % 2 == 0 ? "1.5" : "7";
    event[RawColumn::kCustomTrack] = "click";
    event[RawColumn::kEv] = "1";
    event[RawColumn::kEd] = R"({"customEvent":"click","jobId":"188"})";
    event[RawColumn::kUa] = "Mozilla/5.0 (X11; Linux x86_64), \"quoted\"";
    return event;
  }

  static std::vector<RawEvent> events(int64_t count) {
    std::vector<RawEvent> events;
    for (int64_t number = 0; number < count; ++number) events.push_back(event(number));
    return events;
  }

  // What must arrive: the text parsed as TrackingBatch parses it.
  static std::map<RowId, DeliveredRow> expected(std::span<const RawEvent> events) {
    TrackingBatch batch;
    for (const RawEvent& event : events) {
      const auto text = [&](RawColumn column) {
        return event[column] ? std::string_view(*event[column]) : std::string_view();
      };
      batch.add_row();
      batch.set_id_text(text(RawColumn::kCreateTime));
      batch.set_ts_text(text(RawColumn::kTs));
      batch.set_integer_text(Column::kJobId, text(RawColumn::kJobId));
      batch.set_integer_text(Column::kPublisherId, text(RawColumn::kPublisherId));
      batch.set_integer_text(Column::kCampaignId, text(RawColumn::kCampaignId));
      batch.set_integer_text(Column::kGroupId, text(RawColumn::kGroupId));
      batch.set_bid_text(text(RawColumn::kBid));
      batch.set_text(Column::kCustomTrack, text(RawColumn::kCustomTrack));
      batch.set_text(Column::kEv, text(RawColumn::kEv));
      batch.set_text(Column::kEd, text(RawColumn::kEd));
    }
    std::map<RowId, DeliveredRow> rows;
    for (size_t row = 0; row < batch.rows(); ++row) rows[batch.id(row)] = delivered_row(batch, row);
    return rows;
  }

  void open(std::span<const RawEvent> events) {
    source_ = factory_.make(events);
    ASSERT_NE(source_, nullptr);
  }

  bool is_scan() const { return source_->description().strategy == Strategy::kScan; }

  std::vector<int32_t> shards() const {
    std::vector<int32_t> shards(static_cast<size_t>(source_->description().shard_count));
    std::iota(shards.begin(), shards.end(), 0);
    return shards;
  }

  std::vector<SliceRead> whole_slices() {
    const auto slices = source_->discover(shards());
    EXPECT_TRUE(slices) << slices.error().text();
    std::vector<SliceRead> requests;
    if (slices) {
      for (const SliceListing& slice : *slices) requests.push_back({slice.key, {}, {}});
    }
    return requests;
  }

  DeliveryCollector read(std::span<const SliceRead> requests) {
    DeliveryCollector collector;
    const auto outcome = source_->read(requests, collector);
    EXPECT_TRUE(outcome) << outcome.error().text();
    return collector;
  }

  DeliveryCollector read_everything() {
    if (!is_scan()) return read(whole_slices());
    DeliveryCollector collector;
    const auto outcome = source_->scan(ScanBound{}, collector);
    EXPECT_TRUE(outcome) << outcome.error().text();
    return collector;
  }

  Factory factory_;
  std::unique_ptr<EventSource> source_;
};

TYPED_TEST_SUITE_P(EventSourceContract);

TYPED_TEST_P(EventSourceContract, DeliversEveryRow) {
  const auto events = this->events(20'000);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  EXPECT_EQ(this->read_everything().rows(), this->expected(events));
  EXPECT_GE(this->source_->statistics().rows, 20'000);
}

TYPED_TEST_P(EventSourceContract, DeliversNothingOfAnEmptyRawLog) {
  ASSERT_NO_FATAL_FAILURE(this->open({}));
  EXPECT_TRUE(this->read_everything().deliveries.empty());
}

TYPED_TEST_P(EventSourceContract, DeliversTheSameRowsAgain) {
  const auto events = this->events(500);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  const auto first = this->read_everything().rows();
  EXPECT_EQ(this->read_everything().rows(), first);
}

TYPED_TEST_P(EventSourceContract, GivesEachRowToOneSliceOfItsListing) {
  const auto events = this->events(2'000);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  if (this->is_scan()) return;  // slices of a scan are the pipeline's
  const std::vector<SliceRead> requests = this->whole_slices();
  ASSERT_FALSE(requests.empty());
  EXPECT_TRUE(
      std::is_sorted(requests.begin(), requests.end(),
                     [](const SliceRead& a, const SliceRead& b) { return a.slice < b.slice; }));
  std::map<RowId, size_t> slice_of_row;
  for (const Delivery& delivery : this->read(requests).deliveries) {
    EXPECT_EQ(slice_of_row.emplace(delivery.id, delivery.request).first->second, delivery.request);
  }
  EXPECT_EQ(slice_of_row.size(), events.size());
  for (size_t index = 0; index < requests.size(); ++index) {
    std::set<RowId> alone;
    for (const Delivery& delivery : this->read(std::span(requests).subspan(index, 1)).deliveries) {
      EXPECT_EQ(delivery.request, 0U);
      alone.insert(delivery.id);
    }
    EXPECT_FALSE(alone.empty()) << "a slice without rows is listed";
    for (const auto& [id, request] : slice_of_row) EXPECT_EQ(alone.contains(id), request == index);
  }
}

TYPED_TEST_P(EventSourceContract, LosesNoRowAtOrBehindAPosition) {
  const auto events = this->events(1'000);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  if (!this->source_->description().range_reads) return;  // there, slices are always read whole
  for (const SliceRead& whole : this->whole_slices()) {
    const auto all = this->read({&whole, 1}).deliveries;
    std::set<int64_t> positions;
    for (const Delivery& delivery : all) positions.insert(delivery.position);
    std::vector<int64_t> tried = {
        *positions.begin() - 1, *positions.begin(), *positions.rbegin(),
        *std::next(positions.begin(), static_cast<int64_t>(positions.size() / 2))};
    for (const int64_t from : tried) {
      SliceRead part = whole;
      part.from_position = from;
      std::set<RowId> found;
      for (const Delivery& delivery : this->read({&part, 1}).deliveries) found.insert(delivery.id);
      for (const Delivery& delivery : all) {
        if (delivery.position < from) continue;
        EXPECT_TRUE(found.contains(delivery.id)) << from;
      }
    }
    SliceRead behind = whole;
    behind.from_position = *positions.rbegin() + 1;
    for (const Delivery& delivery : this->read({&behind, 1}).deliveries) {
      EXPECT_TRUE(positions.contains(
          delivery.position));  // more than asked for is allowed, inventions are not
    }
  }
}

TYPED_TEST_P(EventSourceContract, DeliversEveryPatternOfNulls) {
  constexpr std::array kColumns = {
      RawColumn::kTs,          RawColumn::kJobId,   RawColumn::kPublisherId,
      RawColumn::kCampaignId,  RawColumn::kGroupId, RawColumn::kBid,
      RawColumn::kCustomTrack, RawColumn::kEv,      RawColumn::kEd};
  std::vector<RawEvent> events;
  for (unsigned pattern = 0; pattern < (1U << kColumns.size()); ++pattern) {
    RawEvent& event = events.emplace_back(this->event(pattern));
    for (size_t index = 0; index < kColumns.size(); ++index) {
      if ((pattern >> index & 1U) != 0) event[kColumns[index]].reset();
    }
  }
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  EXPECT_EQ(this->read_everything().rows(), this->expected(events));
}

TYPED_TEST_P(EventSourceContract, DeliversValuesAsTheyWereWritten) {
  std::vector<RawEvent> events;
  const auto add = [&](RawColumn column, const std::string& value) {
    events.push_back(this->event(static_cast<int64_t>(events.size())));
    events.back()[column] = value;
  };
  for (const char* bid : {"0", "0.1", "1.4", "2.5", "100", "999999.75"}) add(RawColumn::kBid, bid);
  for (const char* number : {"0", "-1", "188", "30000"}) {
    for (const RawColumn column : {RawColumn::kJobId, RawColumn::kPublisherId,
                                   RawColumn::kCampaignId, RawColumn::kGroupId}) {
      add(column, number);
    }
  }
  for (const char* ts : {"1970-01-01 00:00:00.000", "2022-06-30 23:59:59.999",
                         "2022-07-01 00:00:00.000", "2024-02-29 12:34:56.789"}) {
    add(RawColumn::kTs, ts);
  }
  for (const char* text : {"page view", "a,b", "\"", "line\nbreak", "\r\n", "\\", "\t",
                           "\xC3\xA4\xE2\x82\xAC", "\xF0\x9F\x98\x80", "null", " x "}) {
    add(RawColumn::kCustomTrack, text);
    add(RawColumn::kEd, text);
  }
  add(RawColumn::kEv, "2");
  add(RawColumn::kEd, R"({"customEvent":"click","jobId":188,"publisherId":"4,1,2","userId":78})");
  add(RawColumn::kEd, std::string(100'000, 'x'));
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  EXPECT_EQ(this->read_everything().rows(), this->expected(events));
}

TYPED_TEST_P(EventSourceContract, DeliversUnreadableValuesAsBadCellsWithTheirText) {
  if (!this->factory_.holds_bad_values()) return;  // typed columns cannot hold them
  std::vector<RawEvent> events;
  const auto add = [&](RawColumn column, const std::string& value) {
    events.push_back(this->event(static_cast<int64_t>(events.size())));
    events.back()[column] = value;
  };
  for (const RawColumn column :
       {RawColumn::kJobId, RawColumn::kPublisherId, RawColumn::kCampaignId, RawColumn::kGroupId}) {
    for (const char* value : {"abc", "1.5", "1e3", "99999999999999999999", "4,1,2", "-", "1x"})
      add(column, value);
  }
  for (const char* value : {"cheap", "-1", "1.4.5", "nan", "1e30", "$2"})
    add(RawColumn::kBid, value);
  for (const char* value : {"yesterday", "2022-13-01 00:00:00", "1656676800000"})
    add(RawColumn::kTs, value);
  const auto wanted = this->expected(events);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  const auto found = this->read_everything().rows();
  EXPECT_EQ(found, wanted);
  for (const auto& [id, row] : wanted) {
    EXPECT_TRUE(std::any_of(row.columns.begin(), row.columns.end(),
                            [](const std::string& shown) { return shown.starts_with("!"); }));
  }
}

TYPED_TEST_P(EventSourceContract, DeliversOneVersionOfAnOverwrittenRow) {
  std::vector<RawEvent> events = this->events(100);
  // Later and greater: both rules (the last write wins, the greater bytes win) choose it.
  for (int64_t number = 0; number < 100; number += 10) {
    events.push_back(this->event(number));
    events.back()[RawColumn::kBid] = "9";
  }
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  EXPECT_EQ(this->read_everything().rows(), this->expected(events));
}

TYPED_TEST_P(EventSourceContract, StopsAtTheSinksErrorAndServesOnAfterwards) {
  class RefusingSink : public RowSink {
   public:
    Result<void> on_rows(size_t, const TrackingBatch&) override {
      return fail(ErrorKind::kRejected, "test", "sink", "enough");
    }
  };
  const auto events = this->events(300);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  RefusingSink refusing;
  const auto outcome = this->is_scan() ? this->source_->scan(ScanBound{}, refusing)
                                       : this->source_->read(this->whole_slices(), refusing);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "enough");
  EXPECT_EQ(this->read_everything().rows(), this->expected(events));
}

TYPED_TEST_P(EventSourceContract, DescribesItself) {
  ASSERT_NO_FATAL_FAILURE(this->open(this->events(1)));
  const SourceDescription& description = this->source_->description();
  EXPECT_FALSE(description.kind.empty());
  EXPECT_FALSE(description.identity.empty());
  EXPECT_GE(description.shard_count, 1);
}

REGISTER_TYPED_TEST_SUITE_P(EventSourceContract, DeliversEveryRow, DeliversNothingOfAnEmptyRawLog,
                            DeliversTheSameRowsAgain, GivesEachRowToOneSliceOfItsListing,
                            LosesNoRowAtOrBehindAPosition, DeliversEveryPatternOfNulls,
                            DeliversValuesAsTheyWereWritten,
                            DeliversUnreadableValuesAsBadCellsWithTheirText,
                            DeliversOneVersionOfAnOverwrittenRow,
                            StopsAtTheSinksErrorAndServesOnAfterwards, DescribesItself);

}  // namespace hirestream
