// What every EventSource must do, as a typed test suite over whoever makes one: a source of raw
// rows that are known.
//
//   class MyFactory : public EventSourceFactory { … };        // default constructible
//   INSTANTIATE_TYPED_TEST_SUITE_P(My, EventSourceContract, MyFactory);
//
// All values are such that typed columns hold them too (ids are integers, times have milliseconds),
// except where holds_bad_values() says that any text may stand in any column.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/raw_event.h"
#include "model/row_id.h"
#include "model/timestamp.h"
#include "model/tracking_batch.h"
#include "ports/drain_sweep_test.h"
#include "ports/event_source.h"

namespace hirestream {

class EventSourceFactory {
 public:
  virtual ~EventSourceFactory() = default;
  virtual std::string name() const = 0;
  // A source over a new, otherwise empty raw log into which these rows were written in this order.
  // It stays valid as long as the factory. Called at most once per factory.
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
  std::optional<SliceKey> slice;
  RowId id;
  Position position;
  DeliveredRow row;
};

using Deliveries = std::vector<Delivery>;

inline void add_page(const SweepPage& page, Deliveries& deliveries) {
  EXPECT_FALSE(page.rows.empty()) << "a page without rows";
  for (size_t row = 0; row < page.rows.rows(); ++row) {
    deliveries.push_back(
        {page.slice, page.rows.id(row), page.rows.position(row), delivered_row(page.rows, row)});
  }
}

// Every row once. A row that came in two versions fails the test.
inline std::map<RowId, DeliveredRow> rows_of(const Deliveries& deliveries) {
  std::map<RowId, DeliveredRow> rows;
  for (const Delivery& delivery : deliveries) {
    const auto [known, added] = rows.emplace(delivery.id, delivery.row);
    EXPECT_EQ(known->second, delivery.row) << "two versions of one row";
  }
  return rows;
}

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

  const SourceDescription& description() const { return source_->description(); }

  std::vector<int32_t> shards() const { return all_shards(description()); }

  std::vector<SliceRead> whole_slices() {
    const auto slices = source_->discover(shards());
    EXPECT_TRUE(slices) << slices.error().text();
    std::vector<SliceRead> reads;
    if (slices) {
      for (const SliceListing& slice : *slices) reads.push_back({slice.key, {}});
    }
    return reads;
  }

  Deliveries sweep(SweepRequest request) {
    Deliveries deliveries;
    const auto outcome = drain_sweep(*source_, std::move(request),
                                     [&](const SweepPage& page) { add_page(page, deliveries); });
    EXPECT_TRUE(outcome) << outcome.error().text();
    return deliveries;
  }

  Deliveries read(const std::vector<SliceRead>& reads) { return sweep({.what = reads}); }

  // Everything there is.
  SweepRequest whole_request() {
    return description().slice_reads ? SweepRequest{.what = whole_slices()}
                                     : SweepRequest{.what = RingPart()};
  }

  Deliveries read_everything() {
    Deliveries deliveries = sweep(whole_request());
    if (description().unique_rows) {
      EXPECT_EQ(rows_of(deliveries).size(), deliveries.size()) << "a row twice";
    }
    return deliveries;
  }

  Factory factory_;
  std::unique_ptr<EventSource> source_;
};

TYPED_TEST_SUITE_P(EventSourceContract);

TYPED_TEST_P(EventSourceContract, DeliversEveryRow) {
  const auto events = this->events(20'000);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  EXPECT_EQ(rows_of(this->read_everything()), this->expected(events));
  EXPECT_GE(this->source_->statistics().rows, 20'000);
}

TYPED_TEST_P(EventSourceContract, DeliversNothingOfAnEmptyRawLog) {
  ASSERT_NO_FATAL_FAILURE(this->open({}));
  EXPECT_TRUE(this->read_everything().empty());
}

TYPED_TEST_P(EventSourceContract, DeliversTheSameRowsAgain) {
  const auto events = this->events(500);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  const auto first = rows_of(this->read_everything());
  EXPECT_EQ(rows_of(this->read_everything()), first);
}

TYPED_TEST_P(EventSourceContract, GivesEachRowToOneSliceOfItsListing) {
  const auto events = this->events(2'000);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  if (!this->description().slice_reads) return;
  const std::vector<SliceRead> reads = this->whole_slices();
  ASSERT_FALSE(reads.empty());
  EXPECT_TRUE(
      std::is_sorted(reads.begin(), reads.end(),
                     [](const SliceRead& a, const SliceRead& b) { return a.slice < b.slice; }));
  std::map<RowId, SliceKey> slice_of_row;
  for (const Delivery& delivery : this->read(reads)) {
    ASSERT_TRUE(delivery.slice.has_value());
    EXPECT_TRUE(slice_of_row.emplace(delivery.id, *delivery.slice).second);
  }
  EXPECT_EQ(slice_of_row.size(), events.size());
  for (const SliceRead& read : reads) {
    std::set<RowId> alone;
    for (const Delivery& delivery : this->read({read})) {
      EXPECT_EQ(delivery.slice, read.slice);
      alone.insert(delivery.id);
    }
    EXPECT_FALSE(alone.empty()) << "a slice without rows is listed";
    for (const auto& [id, slice] : slice_of_row) {
      EXPECT_EQ(alone.contains(id), slice == read.slice);
    }
  }
}

TYPED_TEST_P(EventSourceContract, NamesOnlySlicesThatWereAskedFor) {
  ASSERT_NO_FATAL_FAILURE(this->open(this->events(2'000)));
  if (!this->description().slice_reads) {
    for (const Delivery& delivery : this->read_everything()) {
      EXPECT_EQ(delivery.slice, std::nullopt) << "a row's slice is that of its event time";
    }
    return;
  }
  std::vector<SliceRead> reads;
  std::set<SliceKey> asked;
  for (const SliceRead& read : this->whole_slices()) {
    // In any order, some twice, some from a position on.
    if (asked.size() % 3 == 1) reads.insert(reads.begin(), {read.slice, Position{0}});
    reads.insert(reads.begin(), read);
    asked.insert(read.slice);
    if (asked.size() == 5) break;
  }
  std::set<SliceKey> found;
  for (const Delivery& delivery : this->read(reads)) found.insert(delivery.slice.value());
  EXPECT_EQ(found, asked);
}

TYPED_TEST_P(EventSourceContract, LosesNoRowAtOrBehindAPosition) {
  const auto events = this->events(1'000);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  if (!this->description().range_reads) return;  // there, slices are always read whole
  for (const SliceRead& whole : this->whole_slices()) {
    const Deliveries all = this->read({whole});
    std::set<Position> positions;
    for (const Delivery& delivery : all) positions.insert(delivery.position);
    const std::vector<Position> tried = {
        {positions.begin()->value - 1},
        *positions.begin(),
        *positions.rbegin(),
        *std::next(positions.begin(), static_cast<int64_t>(positions.size() / 2))};
    for (const Position from : tried) {
      std::set<RowId> found;
      for (const Delivery& delivery : this->read({{whole.slice, from}})) found.insert(delivery.id);
      for (const Delivery& delivery : all) {
        if (delivery.position < from) continue;
        EXPECT_TRUE(found.contains(delivery.id)) << from.value;
      }
    }
    const Position behind{positions.rbegin()->value + 1};
    for (const Delivery& delivery : this->read({{whole.slice, behind}})) {
      // More than asked for is allowed, inventions are not.
      EXPECT_TRUE(positions.contains(delivery.position));
    }
  }
}

TYPED_TEST_P(EventSourceContract, DeliversEveryRowOfTheRingOnceHoweverItIsCut) {
  const auto events = this->events(3'000);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  if (!this->description().ring_reads) return;
  std::map<RowId, SliceKey> slice_of_row;
  if (this->description().slice_reads) {
    for (const Delivery& delivery : this->read_everything()) {
      slice_of_row.emplace(delivery.id, delivery.slice.value());
    }
  }
  std::mt19937_64 random(3);
  for (int turn = 0; turn < 5; ++turn) {
    std::set<uint64_t> cuts = {0, 1, kRingPlaces - 1, kRingPlaces};
    for (int cut = 0; cut < 2 * turn; ++cut) cuts.insert(random() % kRingPlaces);
    std::set<RowId> found;
    for (auto begin = cuts.begin(); std::next(begin) != cuts.end(); ++begin) {
      const RingPart part{.begin = *begin, .end = *std::next(begin), .event_times = {}};
      for (const Delivery& delivery : this->sweep({.what = part})) {
        EXPECT_TRUE(found.insert(delivery.id).second) << "a row twice";
        EXPECT_EQ(delivery.slice.has_value(), this->description().slice_reads);
        if (delivery.slice) {
          EXPECT_EQ(*delivery.slice, slice_of_row[delivery.id]);
        }
      }
    }
    EXPECT_EQ(found.size(), events.size());
  }
}

TYPED_TEST_P(EventSourceContract, StaysAtTheEndOfASweep) {
  ASSERT_NO_FATAL_FAILURE(this->open(this->events(300)));
  const auto sweep = this->source_->sweep(this->whole_request());
  ASSERT_TRUE(sweep) << sweep.error().text();
  Deliveries deliveries;
  for (;;) {
    const auto page = (*sweep)->next();
    ASSERT_TRUE(page) << page.error().text();
    if (!*page) break;
    add_page(**page, deliveries);
  }
  EXPECT_EQ(deliveries.size(), 300U);
  for (int pull = 0; pull < 3; ++pull) {
    const auto page = (*sweep)->next();
    ASSERT_TRUE(page) << page.error().text();
    EXPECT_FALSE(page->has_value());
  }
}

TYPED_TEST_P(EventSourceContract, ServesOnAfterASweepThatWasEndedEarly) {
  const auto events = this->events(20'000);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  for (const int pulls : {0, 1, 2}) {
    const auto sweep = this->source_->sweep(this->whole_request());
    ASSERT_TRUE(sweep) << sweep.error().text();
    for (int pull = 0; pull < pulls; ++pull) {
      const auto page = (*sweep)->next();
      ASSERT_TRUE(page) << page.error().text();
      EXPECT_TRUE(page->has_value());
    }
  }
  EXPECT_EQ(rows_of(this->read_everything()), this->expected(events));
}

// Nobody's slice: nothing comes of it, or an error.
TYPED_TEST_P(EventSourceContract, ServesOnAfterASweepOfASliceThatIsNotThere) {
  const auto events = this->events(100);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  if (!this->description().slice_reads) return;
  std::vector<SliceRead> reads = this->whole_slices();
  reads.push_back({{0, 12'345}, {}});
  Deliveries deliveries;
  const auto outcome = drain_sweep(*this->source_, {.what = std::move(reads)},
                                   [&](const SweepPage& page) { add_page(page, deliveries); });
  EXPECT_TRUE(outcome || outcome.error().kind == ErrorKind::kRejected) << outcome.error().text();
  EXPECT_EQ(rows_of(deliveries), this->expected(events));
  EXPECT_EQ(rows_of(this->read_everything()), this->expected(events));
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
  EXPECT_EQ(rows_of(this->read_everything()), this->expected(events));
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
  EXPECT_EQ(rows_of(this->read_everything()), this->expected(events));
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
    for (const char* value : {"abc", "1.5", "1e-3", "99999999999999999999", "4,1,2", "-", "1x"})
      add(column, value);
  }
  for (const char* value : {"cheap", "-1", "1.4.5", "1e30", "$2"}) add(RawColumn::kBid, value);
  for (const char* value : {"yesterday", "2022-13-01 00:00:00", "16566768000"})
    add(RawColumn::kTs, value);
  const auto wanted = this->expected(events);
  ASSERT_NO_FATAL_FAILURE(this->open(events));
  const auto found = rows_of(this->read_everything());
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
  EXPECT_EQ(rows_of(this->read_everything()), this->expected(events));
}

TYPED_TEST_P(EventSourceContract, DescribesItself) {
  ASSERT_NO_FATAL_FAILURE(this->open(this->events(1)));
  const SourceDescription& description = this->description();
  EXPECT_FALSE(description.kind.empty());
  EXPECT_FALSE(description.identity.empty());
  EXPECT_GE(description.shard_count, 1);
  EXPECT_TRUE(description.slice_reads || description.ring_reads);
  EXPECT_TRUE(description.slice_reads || !description.range_reads);
}

REGISTER_TYPED_TEST_SUITE_P(EventSourceContract, DeliversEveryRow, DeliversNothingOfAnEmptyRawLog,
                            DeliversTheSameRowsAgain, GivesEachRowToOneSliceOfItsListing,
                            NamesOnlySlicesThatWereAskedFor, LosesNoRowAtOrBehindAPosition,
                            DeliversEveryRowOfTheRingOnceHoweverItIsCut, StaysAtTheEndOfASweep,
                            ServesOnAfterASweepThatWasEndedEarly,
                            ServesOnAfterASweepOfASliceThatIsNotThere, DeliversEveryPatternOfNulls,
                            DeliversValuesAsTheyWereWritten,
                            DeliversUnreadableValuesAsBadCellsWithTheirText,
                            DeliversOneVersionOfAnOverwrittenRow, DescribesItself);

}  // namespace hirestream
