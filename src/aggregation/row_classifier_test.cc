#include "aggregation/row_classifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "aggregation/row_spec_test.h"
#include "aggregation/tally.h"

namespace hirestream {
namespace {

CountingOptions payload_options() {
  CountingOptions options;
  options.attribution = Attribution::kPayload;
  return options;
}

enum class RowClass { kCounted, kUnattributed, kOther, kRejected };

// All that is said of one row.
struct RowVerdict {
  RowClass row_class = RowClass::kOther;
  EventKind kind = EventKind::kOther;  // kCounted only, as are these:
  CellKey cell;
  Measures measures;
  std::string reason;  // kRejected only
  Column column = Column::kCreateTime;
};

RowVerdict verdict_of(const TrackingBatch& batch, uint32_t row, RowClassifier& classifier) {
  ClassifiedRows block;
  classifier.classify(batch, std::span(&row, 1), block);
  EXPECT_EQ(block.digest, (RowDigest{1, classifier.row_hash(batch, row)}));
  EXPECT_EQ(block.classes.total(), 1);
  EXPECT_EQ(block.counted.size + block.not_counted.size + block.rejected.size, 1U);
  RowVerdict verdict;
  if (block.counted.size == 1) {
    EXPECT_EQ(block.classes, (RowClasses{.counted = 1}));
    return {RowClass::kCounted,
            block.counted.kind[0],
            block.counted.key(0),
            block.counted.measures(0),
            "",
            Column::kCreateTime};
  }
  if (block.rejected.size == 1) {
    EXPECT_EQ(block.classes, (RowClasses{.rejected = 1}));
    EXPECT_EQ(block.rejected.row[0], row);
    const Rejection rejection = classifier.rejection(batch, row);
    verdict.row_class = RowClass::kRejected;
    verdict.reason = rejection.reason;
    verdict.column = rejection.column;
    return verdict;
  }
  EXPECT_EQ(block.not_counted.row[0], row);
  const bool is_other = block.not_counted.why(0) == WhyNotCounted::kOtherKind;
  EXPECT_EQ(block.classes, is_other ? RowClasses{.other = 1} : RowClasses{.unattributed = 1});
  verdict.row_class = is_other ? RowClass::kOther : RowClass::kUnattributed;
  return verdict;
}

RowVerdict classify(const RowSpec& row, const CountingOptions& options = {}) {
  TrackingBatch batch;
  append_row(batch, row);
  RowClassifier classifier(options);
  return verdict_of(batch, 0, classifier);
}

struct Rejected {
  RowClass row_class;
  std::string reason;
  Column column;
  friend bool operator==(const Rejected&, const Rejected&) = default;
};

void PrintTo(const Rejected& rejected, std::ostream* out) {
  *out << "class " << static_cast<int>(rejected.row_class) << " " << rejected.reason << " "
       << column_name(rejected.column);
}

// `change` spoils a good click by the setters that adapters use.
Rejected classify_spoiled(const std::function<void(TrackingBatch&)>& change,
                          const RowSpec& row = {}, const CountingOptions& options = {}) {
  TrackingBatch batch;
  append_row(batch, {});  // a row before, so that reasons are looked up by row
  batch.set_bad(Column::kBid, "x", "reason_of_another_row");
  append_row(batch, row);
  change(batch);
  RowClassifier classifier(options);
  const RowVerdict verdict = verdict_of(batch, 1, classifier);
  return {verdict.row_class, verdict.reason, verdict.column};
}

Rejected rejected(std::string reason, Column column) {
  return {RowClass::kRejected, std::move(reason), column};
}

TEST(RowClassifier, CountsAClickWithItsBid) {
  const RowVerdict verdict = classify({});
  EXPECT_EQ(verdict.row_class, RowClass::kCounted);
  EXPECT_EQ(verdict.kind, EventKind::kClick);
  EXPECT_EQ(verdict.cell, (CellKey{kArrivalHour, 188, 1, 8, 3}));
  EXPECT_EQ(verdict.measures, (Measures{.clicks = 1, .bid_micros = 1'400'000}));
}

TEST(RowClassifier, EachKindAddsToItsMeasureAndOnlyClicksCarryTheBid) {
  const auto measures = [](std::string track) {
    return classify({.custom_track = std::move(track)}).measures;
  };
  EXPECT_EQ(measures("conversion"), (Measures{.conversions = 1}));
  EXPECT_EQ(measures("qualified"), (Measures{.qualified = 1}));
  EXPECT_EQ(measures("unqualified"), (Measures{.unqualified = 1}));
  EXPECT_EQ(classify({.custom_track = "", .ev = "1"}).measures, (Measures{.impressions = 1}));
}

TEST(RowClassifier, NullBidOfAClickIsZero) {
  const RowVerdict verdict = classify({.bid_micros = {}});
  EXPECT_EQ(verdict.row_class, RowClass::kCounted);
  EXPECT_EQ(verdict.measures, (Measures{.clicks = 1}));
}

TEST(RowClassifier, NullDimensionsAreZero) {
  const RowVerdict verdict = classify({.publisher_id = {}, .campaign_id = {}, .group_id = {}});
  EXPECT_EQ(verdict.cell, (CellKey{kArrivalHour, 188, 0, 0, 0}));
}

TEST(RowClassifier, PageViewNeedsAnEmptyTrackAndTheRightEv) {
  EXPECT_EQ(classify({.custom_track = "", .ev = "1"}).kind, EventKind::kImpression);
  for (const char* ev : {"1.0", " 1", "01", "1e0"}) {
    EXPECT_EQ(classify({.custom_track = "", .ev = ev}).kind, EventKind::kImpression) << ev;
  }
  for (const char* ev : {"", "2", "11", "1.5", "page"}) {
    EXPECT_EQ(classify({.custom_track = "", .ev = ev}).row_class, RowClass::kOther) << ev;
  }
  EXPECT_EQ(classify({.custom_track = "click", .ev = "1"}).kind, EventKind::kClick);
  EXPECT_EQ(classify({.custom_track = "alive", .ev = "1"}).row_class, RowClass::kOther);
}

TEST(RowClassifier, PageViewWithoutAJobIsUnattributed) {
  EXPECT_EQ(classify({.job_id = {}, .custom_track = "", .ev = "1"}).row_class,
            RowClass::kUnattributed);
}

TEST(RowClassifier, OtherKindsAreNotCounted) {
  for (const char* track : {"alive", "redirect", "superpixel", "interview_scheduled", "clicks",
                            "c lick", "impression"}) {
    EXPECT_EQ(classify({.custom_track = track}).row_class, RowClass::kOther) << track;
  }
}

TEST(RowClassifier, KindsAreToldWhateverTheirCase) {
  for (const char* track : {"Click", "CLICK", " click", "click "}) {
    EXPECT_EQ(classify({.custom_track = track}).kind, EventKind::kClick) << track;
  }
  for (const char* track : {"null", "NaN", "\\N", " "}) {
    EXPECT_EQ(classify({.custom_track = track, .ev = "1"}).kind, EventKind::kImpression) << track;
  }
}

TEST(RowClassifier, JobZeroIsNoJob) {
  EXPECT_EQ(classify({.job_id = 0}).row_class, RowClass::kUnattributed);
  EXPECT_EQ(classify({.job_id = 0, .ed = R"({"jobId":5})"}, payload_options()).cell.job_id, 5);
}

TEST(RowClassifier, KindsAreWhatTheMappingSays) {
  CountingOptions options;
  options.kinds.kinds = {{"Klick", EventKind::kClick},
                         {"interview_scheduled", EventKind::kQualified},
                         {"view", EventKind::kImpression},
                         {"click", EventKind::kOther}};
  options.kinds.page_view_ev = "page";
  EXPECT_EQ(classify({.custom_track = "Klick"}, options).kind, EventKind::kClick);
  EXPECT_EQ(classify({.custom_track = "interview_scheduled"}, options).kind, EventKind::kQualified);
  EXPECT_EQ(classify({.custom_track = "view"}, options).measures, (Measures{.impressions = 1}));
  EXPECT_EQ(classify({.custom_track = "click"}, options).row_class, RowClass::kOther);
  EXPECT_EQ(classify({.custom_track = "conversion"}, options).row_class, RowClass::kOther);
  EXPECT_EQ(classify({.custom_track = "", .ev = "page"}, options).kind, EventKind::kImpression);
  EXPECT_EQ(classify({.custom_track = "", .ev = "1"}, options).row_class, RowClass::kOther);
}

TEST(RowClassifier, HourIsThatOfTheReportingZone) {
  CountingOptions options;
  options.reporting_zone = *TimeZone::find("Asia/Kolkata");
  EXPECT_EQ(classify({}, options).cell.local_hour, kArrivalHour + 6);  // 12:34 + 5:30 = 18:04
  options.reporting_zone = *TimeZone::find("America/New_York");
  EXPECT_EQ(classify({}, options).cell.local_hour, kArrivalHour - 4);
}

TEST(RowClassifier, HourIsThatOfTheEventNotOfTheArrival) {
  EXPECT_EQ(classify({.ts_us = kArrivalUs - 10 * int64_t{86'400'000'000}}).cell.local_hour,
            kArrivalHour - 240);
}

TEST(RowClassifier, RejectsRowsWithoutAnIdBeforeAnythingElse) {
  const RowVerdict missing = classify({.id = {}, .custom_track = "alive"});
  EXPECT_EQ(missing.row_class, RowClass::kRejected);
  EXPECT_EQ(missing.reason, "create_time_missing");
  EXPECT_EQ(missing.column, Column::kCreateTime);
  EXPECT_EQ(classify_spoiled([](TrackingBatch& batch) { batch.set_id_text("12345"); },
                             {.custom_track = "alive"}),
            rejected("create_time_unreadable", Column::kCreateTime));
}

TEST(RowClassifier, OtherKindsAreOtherHoweverBadTheirValues) {
  const auto spoil = [](TrackingBatch& batch) {
    batch.set_ts_text("?");
    batch.set_bid_text("?");
    batch.set_integer_text(Column::kJobId, "?");
  };
  EXPECT_EQ(classify_spoiled(spoil, {.custom_track = "alive"}).row_class, RowClass::kOther);
  EXPECT_EQ(classify({.ts_us = {}, .job_id = {}, .custom_track = "superpixel"}).row_class,
            RowClass::kOther);
  EXPECT_EQ(classify({.ts_us = INT64_MIN, .custom_track = "alive"}).row_class, RowClass::kOther);
}

TEST(RowClassifier, RejectsEachUnreadableValueWithItsReason) {
  const auto text = [](Column column, const char* value) {
    return classify_spoiled([&](TrackingBatch& batch) { batch.set_integer_text(column, value); });
  };
  EXPECT_EQ(text(Column::kJobId, "4,1"), rejected("job_id_unreadable", Column::kJobId));
  EXPECT_EQ(text(Column::kPublisherId, "4,1"),
            rejected("publisher_id_unreadable", Column::kPublisherId));
  EXPECT_EQ(text(Column::kCampaignId, "1.5"),
            rejected("campaign_id_unreadable", Column::kCampaignId));
  EXPECT_EQ(text(Column::kGroupId, "x"), rejected("group_id_unreadable", Column::kGroupId));
  EXPECT_EQ(classify_spoiled([](TrackingBatch& batch) { batch.set_ts_text("today"); }),
            rejected("ts_unreadable", Column::kTs));
}

TEST(RowClassifier, RejectsEachKindOfBadBidWhateverTheKindOfTheRow) {
  for (const char* track : {"click", "conversion", "qualified"}) {
    const auto bid = [&](const char* text) {
      return classify_spoiled([&](TrackingBatch& batch) { batch.set_bid_text(text); },
                              {.custom_track = track});
    };
    EXPECT_EQ(bid("-1"), rejected("bid_negative", Column::kBid));
    EXPECT_EQ(bid("1000000000.0000001"), rejected("bid_too_large", Column::kBid));
    EXPECT_EQ(bid("cheap"), rejected("bid_unreadable", Column::kBid));
  }
}

TEST(RowClassifier, RejectsWhatCannotTellItsKind) {
  EXPECT_EQ(classify_spoiled(
                [](TrackingBatch& batch) {
                  batch.set_bad(Column::kCustomTrack, "\xFF", "custom_track_unreadable");
                },
                {.ev = "1"}),
            rejected("custom_track_unreadable", Column::kCustomTrack));
  EXPECT_EQ(classify_spoiled(
                [](TrackingBatch& batch) { batch.set_bad(Column::kEv, "\xFF", "ev_unreadable"); },
                {.custom_track = ""}),
            rejected("ev_unreadable", Column::kEv));
  // The track alone decides here.
  EXPECT_EQ(classify_spoiled([](TrackingBatch& batch) {
              batch.set_bad(Column::kEv, "\xFF", "ev_unreadable");
            }).row_class,
            RowClass::kCounted);
}

TEST(RowClassifier, UnreadablePayloadMattersOnlyWhereItIsNeeded) {
  const auto spoil = [](TrackingBatch& batch) {
    batch.set_bad(Column::kEd, "\xFF", "ed_unreadable");
  };
  EXPECT_EQ(classify_spoiled(spoil, {.job_id = {}}, payload_options()),
            rejected("ed_unreadable", Column::kEd));
  EXPECT_EQ(classify_spoiled(spoil, {}, payload_options()).row_class, RowClass::kCounted);
  EXPECT_EQ(classify_spoiled(spoil, {.job_id = {}}).row_class, RowClass::kUnattributed);
}

TEST(RowClassifier, RejectsRowsWithoutEventTime) {
  const RowVerdict verdict = classify({.ts_us = {}});
  EXPECT_EQ(verdict.row_class, RowClass::kRejected);
  EXPECT_EQ(verdict.reason, "ts_missing");
  EXPECT_EQ(verdict.column, Column::kTs);
}

TEST(RowClassifier, RejectsBeforeItAsksForAJob) {
  EXPECT_EQ(classify({.ts_us = {}, .job_id = {}}).row_class, RowClass::kRejected);
  EXPECT_EQ(
      classify_spoiled([](TrackingBatch& batch) { batch.set_bid_text("-1"); }, {.job_id = {}}),
      rejected("bid_negative", Column::kBid));
}

TEST(RowClassifier, UnreadableValueIsNamedBeforeAMissingTime) {
  EXPECT_EQ(classify_spoiled([](TrackingBatch& batch) { batch.set_bid_text("-1"); }, {.ts_us = {}}),
            rejected("bid_negative", Column::kBid));
}

TEST(RowClassifier, OldestEventTimeIsAllowedAndNoOlder) {
  const CountingOptions options;
  EXPECT_EQ(classify({.ts_us = options.ts_min_us}).row_class, RowClass::kCounted);
  const RowVerdict verdict = classify({.ts_us = options.ts_min_us - 1});
  EXPECT_EQ(verdict.row_class, RowClass::kRejected);
  EXPECT_EQ(verdict.reason, "ts_too_old");
  EXPECT_EQ(verdict.column, Column::kTs);
  EXPECT_EQ(classify({.ts_us = INT64_MIN}).reason, "ts_too_old");
  CountingOptions own;
  own.ts_min_us = kArrivalUs;
  EXPECT_EQ(classify({.ts_us = kArrivalUs}, own).row_class, RowClass::kCounted);
  EXPECT_EQ(classify({.ts_us = kArrivalUs - 1}, own).reason, "ts_too_old");
}

TEST(RowClassifier, EventTimeMayLieAheadOfTheArrivalByTheLimitAndNoFurther) {
  const CountingOptions options;
  EXPECT_EQ(classify({.ts_us = kArrivalUs + options.future_max_us}).row_class, RowClass::kCounted);
  const RowVerdict verdict = classify({.ts_us = kArrivalUs + options.future_max_us + 1});
  EXPECT_EQ(verdict.row_class, RowClass::kRejected);
  EXPECT_EQ(verdict.reason, "ts_in_future");
  EXPECT_EQ(verdict.column, Column::kTs);
  EXPECT_EQ(classify({.ts_us = INT64_MAX}).reason, "ts_in_future");
  CountingOptions none;
  none.future_max_us = 0;
  EXPECT_EQ(classify({.ts_us = kArrivalUs}, none).row_class, RowClass::kCounted);
  EXPECT_EQ(classify({.ts_us = kArrivalUs + 1}, none).reason, "ts_in_future");
}

TEST(RowClassifier, TheArrivalIsTheMicrosecondInWhichItLies) {
  CountingOptions none;
  none.future_max_us = 0;
  none.ts_min_us = -kArrivalUs;
  for (const int64_t us : {kArrivalUs, int64_t{-1}, int64_t{-kArrivalUs / 2}}) {
    for (int64_t ticks = 10 * us; ticks < 10 * us + 10; ++ticks) {
      const RowId id = make_version_1(ticks, 1, 2);
      EXPECT_EQ(classify({.id = id, .ts_us = us}, none).row_class, RowClass::kCounted) << ticks;
      EXPECT_EQ(classify({.id = id, .ts_us = us + 1}, none).reason, "ts_in_future") << ticks;
    }
  }
}

TEST(RowClassifier, IdsWithoutATimeLimitTheEventTimeToTheYear2200) {
  const RowId version_4{0x1c8a8a60f8a941ec, 0x8f3d0242ac120002};
  constexpr int64_t kYear2200Us = 7258118400000000;
  EXPECT_EQ(classify({.id = version_4, .ts_us = kYear2200Us}).row_class, RowClass::kCounted);
  EXPECT_EQ(classify({.id = version_4, .ts_us = kYear2200Us + 1}).reason, "ts_in_future");
  // An absurd arrival time does not open the door further.
  EXPECT_EQ(classify({.id = id_at(INT64_C(103072857660684690)), .ts_us = kYear2200Us + 1}).reason,
            "ts_in_future");
}

TEST(RowClassifier, ColumnsAttributionIgnoresThePayload) {
  EXPECT_EQ(classify({.job_id = {}, .ed = R"({"jobId":5})"}).row_class, RowClass::kUnattributed);
  EXPECT_EQ(classify({.publisher_id = {}, .ed = R"({"publisherId":5})"}).cell.publisher_id, 0);
}

TEST(RowClassifier, PayloadAttributionFillsNullColumns) {
  const RowVerdict verdict =
      classify({.job_id = {}, .publisher_id = {}, .ed = R"({"jobId":"5","publisherid":6})"},
               payload_options());
  EXPECT_EQ(verdict.row_class, RowClass::kCounted);
  EXPECT_EQ(verdict.cell, (CellKey{kArrivalHour, 5, 6, 8, 3}));
}

TEST(RowClassifier, PayloadNeverOverridesAColumn) {
  const std::string ed = R"({"jobId":5,"publisherId":6})";
  EXPECT_EQ(classify({.ed = ed}, payload_options()).cell, (CellKey{kArrivalHour, 188, 1, 8, 3}));
  EXPECT_EQ(classify({.job_id = {}, .ed = ed}, payload_options()).cell,
            (CellKey{kArrivalHour, 5, 1, 8, 3}));
  EXPECT_EQ(classify({.publisher_id = {}, .ed = ed}, payload_options()).cell,
            (CellKey{kArrivalHour, 188, 6, 8, 3}));
}

TEST(RowClassifier, UnusablePayloadLeavesTheRowAsItIs) {
  for (const char* ed : {"", "{broken", R"({"jobId":null})", R"({"jobId":"4,1,2"})",
                         R"({"data":{"jobId":5}})", "[5]"}) {
    EXPECT_EQ(classify({.job_id = {}, .ed = ed}, payload_options()).row_class,
              RowClass::kUnattributed)
        << ed;
    EXPECT_EQ(classify({.publisher_id = {}, .ed = ed}, payload_options()).cell.publisher_id, 0);
  }
}

TEST(RowClassifier, BadColumnIsNotHealedByThePayload) {
  EXPECT_EQ(
      classify_spoiled([](TrackingBatch& batch) { batch.set_integer_text(Column::kJobId, "x"); },
                       {.ed = R"({"jobId":5})"}, payload_options()),
      rejected("job_id_unreadable", Column::kJobId));
}

// All combinations of null, value and unreadable in all columns, against the rule as its comment
// tells it.
class ClassOfEveryRow : public testing::TestWithParam<Attribution> {};

constexpr const char* kPayload = R"({"jobId":"5","publisherId":6})";

void set_cell(TrackingBatch& batch, Column column, CellStatus status) {
  if (status == CellStatus::kBad) {
    batch.set_bad(column, "?", std::string(column_name(column)) + "_bad");
  } else if (status == CellStatus::kValue) {
    switch (column) {
      case Column::kCreateTime:
        return batch.set_id(id_at(kArrivalUs));
      case Column::kTs:
        return batch.set_ts_us(kArrivalUs);
      case Column::kCustomTrack:
        return batch.set_text(column, "click");
      case Column::kEv:
        return batch.set_text(column, "1");
      case Column::kEd:
        return batch.set_text(column, kPayload);
      default:
        return batch.set_integer(column, 7);
    }
  }
}

Rejected expected_class(const TrackingBatch& batch, Attribution attribution) {
  const auto status = [&](Column column) { return batch.status(column, 0); };
  const auto is = [&](Column column, CellStatus wanted) { return status(column) == wanted; };
  const auto bad = [](Column column) {
    return rejected(std::string(column_name(column)) + "_bad", column);
  };
  if (is(Column::kCreateTime, CellStatus::kNull)) {
    return rejected("create_time_missing", Column::kCreateTime);
  }
  const bool track_is_null = is(Column::kCustomTrack, CellStatus::kNull);
  for (const Column column : {Column::kCreateTime, Column::kCustomTrack, Column::kEv}) {
    if (is(column, CellStatus::kBad) && (column != Column::kEv || track_is_null)) {
      return bad(column);
    }
  }
  if (track_is_null && is(Column::kEv, CellStatus::kNull)) {
    return {RowClass::kOther, "", Column::kCreateTime};
  }
  for (const Column column : {Column::kTs, Column::kJobId, Column::kPublisherId,
                              Column::kCampaignId, Column::kGroupId, Column::kBid}) {
    if (is(column, CellStatus::kBad)) {
      return bad(column);
    }
  }
  if (is(Column::kTs, CellStatus::kNull)) {
    return rejected("ts_missing", Column::kTs);
  }
  const bool asks_payload =
      attribution == Attribution::kPayload &&
      (is(Column::kJobId, CellStatus::kNull) || is(Column::kPublisherId, CellStatus::kNull));
  if (asks_payload && is(Column::kEd, CellStatus::kBad)) {
    return bad(Column::kEd);
  }
  const bool has_job = is(Column::kJobId, CellStatus::kValue) ||
                       (asks_payload && is(Column::kEd, CellStatus::kValue));
  return {has_job ? RowClass::kCounted : RowClass::kUnattributed, "", Column::kCreateTime};
}

TEST_P(ClassOfEveryRow, IsWhatTheRuleSays) {
  CountingOptions options;
  options.attribution = GetParam();
  RowClassifier classifier(options);
  TrackingBatch batch;
  int combinations = 1;
  for (size_t i = 0; i < kColumnCount; ++i) {
    combinations *= 3;
  }
  for (int combination = 0; combination < combinations; ++combination) {
    batch.clear();
    batch.add_row();
    int rest = combination;
    for (const Column column : kAllColumns) {
      set_cell(batch, column, static_cast<CellStatus>(rest % 3));
      rest /= 3;
    }
    const RowVerdict verdict = verdict_of(batch, 0, classifier);
    ASSERT_EQ((Rejected{verdict.row_class, verdict.reason, verdict.column}),
              expected_class(batch, GetParam()))
        << describe_row(batch, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Attributions, ClassOfEveryRow,
                         testing::Values(Attribution::kColumns, Attribution::kPayload),
                         [](const testing::TestParamInfo<Attribution>& test) {
                           return attribution_name(test.param);
                         });

// Texts that are known, those that find no place, and those that are too long to be kept.
TEST(RowClassifier, KnowsKindsHoweverManyTextsThereAre) {
  RowClassifier classifier({});
  TrackingBatch batch;
  std::vector<std::string> tracks = {"click", "a click of another kind, told at length"};
  for (int i = 0; i < 200; ++i) {
    tracks.push_back("kind " + std::to_string(i));
  }
  tracks.insert(tracks.end(),
                {"CLICK", "Conversion", "qualified", "unqualified", "", "clickclick"});
  const std::vector<EventKind> last = {EventKind::kClick, EventKind::kConversion,
                                       EventKind::kQualified, EventKind::kUnqualified,
                                       EventKind::kImpression};
  for (int pass = 0; pass < 2; ++pass) {
    batch.clear();
    for (const std::string& track : tracks) {
      append_row(batch, {.custom_track = track, .ev = "1"});
    }
    std::vector<uint32_t> rows(batch.rows());
    std::iota(rows.begin(), rows.end(), 0);
    ClassifiedRows block;
    classifier.classify(batch, rows, block);
    ASSERT_EQ(block.classes.other, 202);
    ASSERT_EQ(block.counted.size, 6U);
    EXPECT_EQ(block.counted.kind[0], EventKind::kClick);
    EXPECT_TRUE(std::equal(last.begin(), last.end(), block.counted.kind.begin() + 1));
  }
}

// One classifier counts batches that know different texts by the same numbers.
TEST(RowClassifier, TellsKindsInBatchesThatMetTextsInAnotherOrder) {
  RowClassifier classifier({});
  const std::vector<std::string> tracks = {"click", "conversion", "qualified"};
  std::vector<TrackingBatch> batches(3);
  for (size_t i = 0; i < batches.size(); ++i) {
    for (size_t row = 0; row < tracks.size(); ++row) {
      append_row(batches[i], {.custom_track = tracks[(row + i) % tracks.size()], .ev = "1"});
    }
  }
  append_row(batches[2], {.custom_track = "unqualified"});
  for (int pass = 0; pass < 2; ++pass) {
    for (const TrackingBatch& batch : batches) {
      for (uint32_t row = 0; row < batch.rows(); ++row) {
        const std::string track(batch.text(Column::kCustomTrack, row));
        EXPECT_EQ(verdict_of(batch, row, classifier).kind, KindMapping().kinds.at(track)) << track;
      }
    }
  }
}

uint64_t hash_of(const RowSpec& row, const CountingOptions& options = {}) {
  TrackingBatch batch;
  append_row(batch, {.custom_track = "alive", .ed = "another row before it"});
  append_row(batch, row);
  return RowClassifier(options).row_hash(batch, 1);
}

TEST(RowHash, IsTheSameInAnyBatch) {
  TrackingBatch batch;
  append_row(batch, {});
  EXPECT_EQ(RowClassifier({}).row_hash(batch, 0), hash_of({}));
}

// Of rows with every combination of null, value and unreadable.
uint64_t sum_of_hashes(const CountingOptions& options) {
  RowClassifier classifier(options);
  TrackingBatch batch;
  for (int combination = 0; combination < 59'049; ++combination) {
    batch.add_row();
    int rest = combination;
    for (const Column column : kAllColumns) {
      set_cell(batch, column, static_cast<CellStatus>(rest % 3));
      rest /= 3;
    }
  }
  uint64_t sum = 0;
  for (size_t row = 0; row < batch.rows(); ++row) {
    sum = sum * 31 + classifier.row_hash(batch, row);
  }
  return sum;
}

// The ledger keeps sums of these hashes: a release that changes them would make every audit fail.
TEST(RowHash, DoesNotChangeFromReleaseToRelease) {
  EXPECT_EQ(hash_of({}), 6067290983704369046U);
  EXPECT_EQ(sum_of_hashes({}), 17751225720970192774U);
  EXPECT_EQ(sum_of_hashes(payload_options()), 9100813418460912004U);
}

TEST(RowHash, DiffersWithEverythingThatCanChangeTheNumbers) {
  const std::vector<RowSpec> rows = {{},
                                     {.id = id_at(kArrivalUs + 1)},
                                     {.id = id_at(kArrivalUs, 1)},
                                     {.ts_us = kArrivalUs + 1},
                                     {.ts_us = {}},
                                     {.job_id = 1},
                                     {.job_id = {}},
                                     {.publisher_id = 188},
                                     {.publisher_id = {}},
                                     {.campaign_id = {}},
                                     {.group_id = {}},
                                     {.bid_micros = {}},
                                     {.bid_micros = 0},
                                     {.bid_micros = 1'400'001},
                                     {.custom_track = "clic"},
                                     {.custom_track = "conversion"},
                                     {.custom_track = "", .ev = "1"}};
  std::set<uint64_t> hashes;
  for (const RowSpec& row : rows) {
    hashes.insert(hash_of(row));
  }
  EXPECT_EQ(hashes.size(), rows.size());
}

TEST(RowHash, SeesTheKindNotTheTextsThatTellIt) {
  EXPECT_EQ(hash_of({.custom_track = "clic"}), hash_of({.custom_track = "", .ev = "k"}));
  EXPECT_EQ(hash_of({.ev = "1"}), hash_of({}));
}

TEST(RowHash, SeesThePayloadOnlyWhereItCanMatter) {
  EXPECT_EQ(hash_of({.ed = "a"}), hash_of({.ed = "b"}));
  EXPECT_NE(hash_of({.ed = "a"}, payload_options()), hash_of({.ed = "b"}, payload_options()));
}

uint64_t hash_of_spoiled(const std::function<void(TrackingBatch&)>& change) {
  TrackingBatch batch;
  append_row(batch, {});
  change(batch);
  return RowClassifier({}).row_hash(batch, 0);
}

TEST(RowHash, TellsUnreadableValuesApart) {
  const std::set<uint64_t> hashes = {
      hash_of_spoiled([](TrackingBatch& batch) { batch.set_bid_text("x"); }),
      hash_of_spoiled([](TrackingBatch& batch) { batch.set_bid_text("y"); }),
      hash_of_spoiled([](TrackingBatch& batch) { batch.set_integer_text(Column::kJobId, "x"); }),
      hash_of_spoiled([](TrackingBatch& batch) { batch.set_ts_text("x"); }),
      hash_of_spoiled([](TrackingBatch& batch) { batch.set_id_text("x"); }),
      hash_of_spoiled([](TrackingBatch& batch) { batch.set_id_text("y"); }),
      hash_of_spoiled([](TrackingBatch& batch) { batch.set_bad(Column::kCustomTrack, "x", "r"); }),
      hash_of_spoiled([](TrackingBatch& batch) { batch.set_bad(Column::kCustomTrack, "y", "r"); }),
      hash_of_spoiled([](TrackingBatch&) {})};
  EXPECT_EQ(hashes.size(), 9U);
  EXPECT_EQ(hash_of_spoiled([](TrackingBatch& batch) { batch.set_bad(Column::kEv, "y", "r"); }),
            hash_of({}));
  EXPECT_EQ(hash_of_spoiled([](TrackingBatch& batch) { batch.set_bad(Column::kEd, "y", "r"); }),
            hash_of({}));
}

}  // namespace
}  // namespace hirestream
