#include "adapters/cassandra/raw_page_decoder.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <optional>
#include <random>

namespace hirestream {
namespace {

using Columns = std::vector<std::pair<std::string, CqlType>>;

// Serialized rows, made by hand.
class PageBytes {
 public:
  PageBytes& cell(std::string_view value) {
    append_int32(static_cast<int32_t>(value.size()), bytes_);
    bytes_ += value;
    return *this;
  }
  PageBytes& null() {
    append_int32(-1, bytes_);
    return *this;
  }
  PageBytes& length(int32_t value) {
    append_int32(value, bytes_);
    return *this;
  }
  PageBytes& raw(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  std::span<const uint8_t> span() const {
    return {reinterpret_cast<const uint8_t*>(bytes_.data()), bytes_.size()};
  }

 private:
  std::string bytes_;
};

std::string big_endian(int64_t value, size_t size) {
  std::string all;
  append_int64(value, all);
  return all.substr(8 - size);
}

RawPageDecoder decoder_of(const Columns& columns) {
  auto decoder = RawPageDecoder::make("logs.tracking", columns);
  EXPECT_TRUE(decoder) << decoder.error().text();
  return *decoder;
}

// One row of one column.
TrackingBatch decoded(const std::string& column, CqlType type, std::string_view cell) {
  TrackingBatch batch;
  const auto result = decoder_of({{column, type}}).decode(PageBytes().cell(cell).span(), 1, batch);
  EXPECT_TRUE(result) << result.error().text();
  EXPECT_EQ(batch.rows(), 1U);
  return batch;
}

std::string decode_error(const Columns& columns, const PageBytes& page, size_t rows) {
  TrackingBatch batch;
  const auto result = decoder_of(columns).decode(page.span(), rows, batch);
  EXPECT_FALSE(result);
  if (!result) {
    EXPECT_EQ(result.error().kind, ErrorKind::kTransient);
    return result.error().message;
  }
  return {};
}

const std::string kUuidText = "f3a1c2d0-0000-11ed-8123-0123456789ab";

TEST(RawPageDecoder, ReadsCreateTimeOfEveryType) {
  const RowId id = *parse_uuid(kUuidText);
  std::string native;
  append_uuid(id, native);
  for (const auto& [type, cell] :
       std::vector<std::pair<CqlType, std::string>>{{CqlType::kTimeuuid, native},
                                                    {CqlType::kUuid, native},
                                                    {CqlType::kText, kUuidText},
                                                    {CqlType::kAscii, kUuidText}}) {
    const TrackingBatch batch = decoded("create_time", type, cell);
    EXPECT_EQ(batch.status(Column::kCreateTime, 0), CellStatus::kValue) << cql_type_name(type);
    EXPECT_EQ(batch.id(0), id);
    EXPECT_EQ(batch.position(0).value, arrival_time_us(id));
  }
}

TEST(RawPageDecoder, KeepsTextThatIsNoUuidAsBadIdentity) {
  const TrackingBatch batch = decoded("create_time", CqlType::kText, "row 17");
  EXPECT_EQ(batch.status(Column::kCreateTime, 0), CellStatus::kBad);
  ASSERT_EQ(batch.bad_cells().size(), 1U);
  EXPECT_EQ(batch.bad_cells()[0].text, "row 17");
}

TEST(RawPageDecoder, ReadsTsOfEveryType) {
  const int64_t us = 1'658'000'000'123'000;
  EXPECT_EQ(decoded("ts", CqlType::kTimestamp, big_endian(us / 1000, 8)).ts_us(0), us);
  EXPECT_EQ(decoded("ts", CqlType::kTimestamp, big_endian(-1, 8)).ts_us(0), -1000);
  EXPECT_EQ(decoded("ts", CqlType::kText, "2022-07-16 19:33:20.123").ts_us(0), us);
  EXPECT_EQ(decoded("ts", CqlType::kAscii, "2022-07-16T21:33:20.123+02:00").ts_us(0), us);
}

TEST(RawPageDecoder, MakesImpossibleTimesBadCells) {
  for (const int64_t ms : {INT64_MAX, INT64_MIN, INT64_MAX / 1000 + 1}) {
    const TrackingBatch batch = decoded("ts", CqlType::kTimestamp, big_endian(ms, 8));
    EXPECT_EQ(batch.status(Column::kTs, 0), CellStatus::kBad);
    EXPECT_EQ(batch.bad_cells()[0].reason, "ts_unreadable");
  }
  EXPECT_EQ(decoded("ts", CqlType::kText, "soon").status(Column::kTs, 0), CellStatus::kBad);
}

TEST(RawPageDecoder, ReadsIdsOfEveryType) {
  for (const auto& [name, column] :
       std::vector<std::pair<std::string, Column>>{{"job_id", Column::kJobId},
                                                   {"publisher_id", Column::kPublisherId},
                                                   {"campaign_id", Column::kCampaignId},
                                                   {"group_id", Column::kGroupId}}) {
    for (const auto& [type, cell] :
         std::vector<std::pair<CqlType, std::string>>{{CqlType::kInt, big_endian(-7, 4)},
                                                      {CqlType::kBigint, big_endian(-7, 8)},
                                                      {CqlType::kSmallint, big_endian(-7, 2)},
                                                      {CqlType::kTinyint, big_endian(-7, 1)},
                                                      {CqlType::kVarint, big_endian(-7, 3)},
                                                      {CqlType::kVarint, big_endian(-7, 1)},
                                                      {CqlType::kText, "-7"},
                                                      {CqlType::kAscii, " -7 "}}) {
      const TrackingBatch batch = decoded(name, type, cell);
      ASSERT_EQ(batch.status(column, 0), CellStatus::kValue) << name << cql_type_name(type);
      EXPECT_EQ(batch.integer(column, 0), -7);
    }
  }
}

TEST(RawPageDecoder, MakesIdsBeyond64BitsBadCells) {
  const TrackingBatch batch = decoded("job_id", CqlType::kVarint, "\x01" + std::string(8, '\0'));
  EXPECT_EQ(batch.status(Column::kJobId, 0), CellStatus::kBad);
  EXPECT_EQ(batch.bad_cells()[0].text, "0x010000000000000000");
  EXPECT_EQ(batch.bad_cells()[0].reason, "job_id_unreadable");
}

std::string double_cell(double value) {
  std::string cell;
  append_int64(std::bit_cast<int64_t>(value), cell);
  return cell;
}

std::string float_cell(float value) {
  std::string cell;
  append_int32(std::bit_cast<int32_t>(value), cell);
  return cell;
}

std::string decimal_cell(int32_t scale, std::string_view unscaled) {
  std::string cell;
  append_int32(scale, cell);
  return cell.append(unscaled);
}

TEST(RawPageDecoder, ReadsWholeNumbersOfTypesWithFractions) {
  for (const auto& [type, cell] : std::vector<std::pair<CqlType, std::string>>{
           {CqlType::kDouble, double_cell(120)},
           {CqlType::kFloat, float_cell(120)},
           {CqlType::kDecimal, decimal_cell(0, "\x78")},
           {CqlType::kDecimal, decimal_cell(-1, "\x0C")},
           {CqlType::kDecimal, decimal_cell(1, "\x04\xB0")}}) {
    EXPECT_EQ(decoded("job_id", type, cell).integer(Column::kJobId, 0), 120) << cql_type_name(type);
    EXPECT_EQ(decoded("ev", type, cell).text(Column::kEv, 0), "120") << cql_type_name(type);
  }
}

TEST(RawPageDecoder, MakesNumbersThatAreNotWholeBadCellsWithTheirText) {
  struct Case {
    CqlType type;
    std::string cell;
    std::string text;
  };
  for (const Case& c : std::vector<Case>{
           {CqlType::kDouble, double_cell(1.5), "1.5"},
           {CqlType::kDouble, double_cell(std::numeric_limits<double>::infinity()), "inf"},
           {CqlType::kDouble, double_cell(9007199254740994.0), "9007199254740994"},
           {CqlType::kFloat, float_cell(0.1F), "0.1"},
           {CqlType::kDecimal, decimal_cell(1, "\x0F"), "15E-1"},
           {CqlType::kDecimal, decimal_cell(-30, "\x01"), "1E30"}}) {
    for (const auto& [name, column] : std::vector<std::pair<std::string, Column>>{
             {"job_id", Column::kJobId}, {"ev", Column::kEv}}) {
      const TrackingBatch batch = decoded(name, c.type, c.cell);
      ASSERT_EQ(batch.status(column, 0), CellStatus::kBad) << c.text;
      EXPECT_EQ(batch.bad_cells()[0].text, c.text);
      EXPECT_EQ(batch.bad_cells()[0].reason, name + "_unreadable");
    }
  }
}

TEST(RawPageDecoder, TakesNaNAsNull) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [name, column] : std::vector<std::pair<std::string, Column>>{
           {"job_id", Column::kJobId}, {"ev", Column::kEv}, {"bid", Column::kBid}}) {
    EXPECT_EQ(decoded(name, CqlType::kDouble, double_cell(nan)).status(column, 0),
              CellStatus::kNull);
    EXPECT_EQ(decoded(name, CqlType::kFloat, float_cell(static_cast<float>(nan))).status(column, 0),
              CellStatus::kNull);
  }
}

TEST(RawPageDecoder, TakesDatesAsMidnight) {
  std::string cell;
  append_date_cell(19'189, cell);  // 2022-07-16
  EXPECT_EQ(decoded("ts", CqlType::kDate, cell).ts_us(0), 1'657'929'600'000'000);
  append_date_cell(INT32_MAX, cell);
  const TrackingBatch batch = decoded("ts", CqlType::kDate, cell.substr(4));
  EXPECT_EQ(batch.status(Column::kTs, 0), CellStatus::kBad);
}

std::string int64_cell(int64_t value) {
  std::string cell;
  append_int64(value, cell);
  return cell;
}

// Event times of a date and a time of day; nothing where the row has none.
std::vector<std::optional<int64_t>> joined_times(const Columns& columns, const PageBytes& page,
                                                 size_t rows) {
  ReadingRules rules;
  rules.names[static_cast<size_t>(Column::kTs)] = "day";
  rules.time_of_day = "time";
  TrackingBatch batch(rules);
  const auto decoder = RawPageDecoder::make("logs.tracking", columns, rules);
  EXPECT_TRUE(decoder && decoder->decode(page.span(), rows, batch));
  std::vector<std::optional<int64_t>> times;
  for (size_t row = 0; row < batch.rows(); ++row) {
    times.push_back(batch.status(Column::kTs, row) == CellStatus::kValue
                        ? std::optional(batch.ts_us(row))
                        : std::nullopt);
  }
  return times;
}

TEST(RawPageDecoder, JoinsADateAndATimeOfDay) {
  std::string day;
  append_date_cell(19'189, day);  // 2022-07-16
  PageBytes page;
  page.cell(kUuidText).cell(day).cell(int64_cell(3'600'000'000'000 + 5'000));
  page.cell(kUuidText).null().cell(int64_cell(0));
  page.cell(kUuidText).cell(day).null();
  page.cell(kUuidText).cell(day).cell(int64_cell(0));
  constexpr int64_t kMidnight = 1'657'929'600'000'000;
  const std::vector<std::optional<int64_t>> times = {kMidnight + 3'600'000'005, std::nullopt,
                                                     std::nullopt, kMidnight};
  EXPECT_EQ(
      joined_times(
          {{"create_time", CqlType::kText}, {"day", CqlType::kDate}, {"time", CqlType::kTime}},
          page, 4),
      times);
  PageBytes texts;
  texts.cell(kUuidText).cell("2022-07-16").cell("01:00:00.000005");
  EXPECT_EQ(
      joined_times(
          {{"create_time", CqlType::kText}, {"day", CqlType::kText}, {"time", CqlType::kText}},
          texts, 1),
      std::vector({times[0]}));
}

// A partition that has nothing but static columns.
TEST(RawPageDecoder, LeavesOutWhatLacksTheKey) {
  const Columns columns = {{"create_time", CqlType::kText}, {"ev", CqlType::kText}};
  PageBytes page;
  page.null().null().cell(kUuidText).cell("1");
  TrackingBatch batch;
  const auto decoder = RawPageDecoder::make("logs.tracking", columns, {}, true);
  ASSERT_TRUE(decoder);
  ASSERT_TRUE(decoder->decode(page.span(), 2, batch));
  ASSERT_EQ(batch.rows(), 1U);
  EXPECT_EQ(batch.text(Column::kEv, 0), "1");
  batch.clear();
  // The driver's bridge has no bytes for rows without any value.
  ASSERT_TRUE(decoder->decode({}, 3, batch));
  EXPECT_EQ(batch.rows(), 0U);
  ASSERT_TRUE(decoder_of(columns).decode({}, 3, batch));
  EXPECT_EQ(batch.rows(), 3U);
  ASSERT_TRUE(decoder_of(columns).decode(page.span(), 2, batch));
  EXPECT_EQ(batch.rows(), 5U);
}

TEST(RawPageDecoder, ReadsBidsOfEveryType) {
  std::string one_and_a_half_float;
  std::string one_and_a_half_double;
  append_int32(0x3FC00000, one_and_a_half_float);
  append_int64(0x3FF8000000000000, one_and_a_half_double);
  std::string decimal;
  append_int32(1, decimal);
  decimal += '\x0F';
  for (const auto& [type, cell] :
       std::vector<std::pair<CqlType, std::string>>{{CqlType::kFloat, one_and_a_half_float},
                                                    {CqlType::kDouble, one_and_a_half_double},
                                                    {CqlType::kDecimal, decimal},
                                                    {CqlType::kText, "1.5"},
                                                    {CqlType::kAscii, "1.5"}}) {
    EXPECT_EQ(decoded("bid", type, cell).integer(Column::kBid, 0), 1'500'000)
        << cql_type_name(type);
  }
  for (const auto& [type, size] : std::vector<std::pair<CqlType, size_t>>{{CqlType::kInt, 4},
                                                                          {CqlType::kBigint, 8},
                                                                          {CqlType::kSmallint, 2},
                                                                          {CqlType::kTinyint, 1},
                                                                          {CqlType::kVarint, 2}}) {
    EXPECT_EQ(decoded("bid", type, big_endian(7, size)).integer(Column::kBid, 0), 7'000'000)
        << cql_type_name(type);
  }
}

TEST(RawPageDecoder, TakesFloatsAsTheDecimalTheyWereMeantToBe) {
  std::string cell;
  append_int32(0x3FB33333, cell);  // 1.4f
  EXPECT_EQ(decoded("bid", CqlType::kFloat, cell).integer(Column::kBid, 0), 1'400'000);
}

TEST(RawPageDecoder, MakesImpossibleBidsBadCellsWithTheirText) {
  std::string infinite;
  append_int64(0x7FF0000000000000, infinite);
  std::string negative;
  append_int32(2, negative);
  negative += '\x9C';  // -1.00
  std::string huge;
  append_int32(-30, huge);
  huge += '\x01';
  struct Case {
    CqlType type;
    std::string cell;
    std::string text;
    std::string reason;
  };
  for (const Case& c : std::vector<Case>{
           {CqlType::kDouble, infinite, "inf", "bid_too_large"},
           {CqlType::kDecimal, negative, "-100E-2", "bid_negative"},
           {CqlType::kDecimal, huge, "1E30", "bid_too_large"},
           {CqlType::kInt, big_endian(-1, 4), "-1", "bid_negative"},
           {CqlType::kBigint, big_endian(INT64_MAX, 8), "9223372036854775807", "bid_too_large"},
           {CqlType::kText, "free", "free", "bid_unreadable"}}) {
    const TrackingBatch batch = decoded("bid", c.type, c.cell);
    ASSERT_EQ(batch.status(Column::kBid, 0), CellStatus::kBad) << c.text;
    EXPECT_EQ(batch.bad_cells()[0].text, c.text);
    EXPECT_EQ(batch.bad_cells()[0].reason, c.reason);
  }
}

TEST(RawPageDecoder, ReadsTextsAndIntegersAsText) {
  EXPECT_EQ(decoded("ev", CqlType::kText, "1").text(Column::kEv, 0), "1");
  EXPECT_EQ(decoded("ev", CqlType::kInt, big_endian(1, 4)).text(Column::kEv, 0), "1");
  EXPECT_EQ(decoded("ev", CqlType::kBigint, big_endian(-3, 8)).text(Column::kEv, 0), "-3");
  EXPECT_EQ(decoded("ev", CqlType::kSmallint, big_endian(2, 2)).text(Column::kEv, 0), "2");
  EXPECT_EQ(decoded("ev", CqlType::kTinyint, big_endian(2, 1)).text(Column::kEv, 0), "2");
  EXPECT_EQ(decoded("ev", CqlType::kVarint, big_endian(2, 1)).text(Column::kEv, 0), "2");
  EXPECT_EQ(decoded("custom_track", CqlType::kText, "click").text(Column::kCustomTrack, 0),
            "click");
  EXPECT_EQ(decoded("ed", CqlType::kText, "{}").text(Column::kEd, 0), "{}");
}

TEST(RawPageDecoder, TakesValuesOfZeroBytesAsNull) {
  for (const auto& [name, column, type] : std::vector<std::tuple<std::string, Column, CqlType>>{
           {"ts", Column::kTs, CqlType::kTimestamp},
           {"job_id", Column::kJobId, CqlType::kBigint},
           {"bid", Column::kBid, CqlType::kDecimal},
           {"custom_track", Column::kCustomTrack, CqlType::kText}}) {
    EXPECT_EQ(decoded(name, type, "").status(column, 0), CellStatus::kNull) << name;
  }
}

TEST(RawPageDecoder, ReadsEveryPatternOfNulls) {
  const Columns columns = {{"create_time", CqlType::kText},  {"ts", CqlType::kText},
                           {"job_id", CqlType::kText},       {"bid", CqlType::kText},
                           {"custom_track", CqlType::kText}, {"ev", CqlType::kInt}};
  const std::vector<std::string> cells = {kUuidText, "2022-07-16", "5",
                                          "2.5",     "click",      big_endian(1, 4)};
  const std::vector<Column> names = {Column::kCreateTime, Column::kTs,          Column::kJobId,
                                     Column::kBid,        Column::kCustomTrack, Column::kEv};
  PageBytes page;
  for (size_t pattern = 0; pattern < 64; ++pattern) {
    for (size_t i = 0; i < cells.size(); ++i) {
      (pattern >> i & 1) != 0 ? page.null() : page.cell(cells[i]);
    }
  }
  TrackingBatch batch;
  ASSERT_TRUE(decoder_of(columns).decode(page.span(), 64, batch));
  ASSERT_EQ(batch.rows(), 64U);
  for (size_t pattern = 0; pattern < 64; ++pattern) {
    for (size_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ(batch.status(names[i], pattern) == CellStatus::kNull, (pattern >> i & 1) != 0);
    }
    EXPECT_EQ(batch.status(Column::kGroupId, pattern), CellStatus::kNull);
  }
}

TEST(RawPageDecoder, RefusesMalformedPages) {
  const Columns columns = {{"ts", CqlType::kTimestamp}, {"ev", CqlType::kText}};
  const std::string ts = big_endian(5, 8);
  EXPECT_NE(
      decode_error(columns, PageBytes().raw(std::string(1, 0)), 1).find("ends within a length"),
      std::string::npos);
  EXPECT_NE(decode_error(columns, PageBytes().cell(ts).raw("\0\0"), 1).find("column ev"),
            std::string::npos);
  EXPECT_NE(decode_error(columns, PageBytes().length(8).raw("1234567"), 1).find("within a value"),
            std::string::npos);
  EXPECT_NE(decode_error(columns, PageBytes().length(INT32_MAX).raw("x"), 1).find("within a value"),
            std::string::npos);
  EXPECT_NE(decode_error(columns, PageBytes().cell("1234567").null(), 1)
                .find("7 bytes are no "
                      "timestamp"),
            std::string::npos);
  EXPECT_NE(decode_error(columns, PageBytes().cell(ts).null().raw("x"), 1).find("1 bytes are left"),
            std::string::npos);
  EXPECT_NE(decode_error(columns, PageBytes().cell(ts).null(), 2).find("row 1 of 2"),
            std::string::npos);
  EXPECT_NE(decode_error({{"bid", CqlType::kDecimal}}, PageBytes().cell("1234"), 1).find("decimal"),
            std::string::npos);
  EXPECT_NE(
      decode_error({{"create_time", CqlType::kUuid}}, PageBytes().cell("123"), 1).find("uuid"),
      std::string::npos);
}

TEST(RawPageDecoder, SurvivesEveryTruncationAndRandomBytes) {
  const Columns columns = {{"create_time", CqlType::kTimeuuid}, {"ts", CqlType::kTimestamp},
                           {"job_id", CqlType::kVarint},        {"publisher_id", CqlType::kInt},
                           {"bid", CqlType::kDecimal},          {"custom_track", CqlType::kText},
                           {"ev", CqlType::kSmallint}};
  std::string id;
  append_uuid(*parse_uuid(kUuidText), id);
  PageBytes page;
  page.cell(id).cell(big_endian(1, 8)).cell("\5").null();
  page.cell(big_endian(2, 4) + "\x0F").cell("click").cell(big_endian(1, 2));
  const RawPageDecoder decoder = decoder_of(columns);
  TrackingBatch batch;
  ASSERT_TRUE(decoder.decode(page.span(), 1, batch));
  for (size_t size = 1; size < page.span().size(); ++size) {
    // A copy of exactly this size, so that a sanitizer sees any step beyond it.
    const std::vector<uint8_t> cut(page.span().begin(),
                                   page.span().begin() + static_cast<std::ptrdiff_t>(size));
    batch.clear();
    EXPECT_FALSE(decoder.decode(cut, 1, batch));
  }
  std::mt19937 random(17);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<uint8_t> bytes(page.span().begin(), page.span().end());
    for (int flips = 0; flips < 3; ++flips) {
      bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
    }
    batch.clear();
    const auto result = decoder.decode(bytes, 1 + random() % 3, batch);
    if (!result) {
      EXPECT_EQ(result.error().kind, ErrorKind::kTransient);
    }
  }
}

TEST(RawPageDecoder, RefusesColumnTypesItCannotRead) {
  for (const auto& [name, type] : Columns{{"create_time", CqlType::kBigint},
                                          {"ts", CqlType::kDouble},
                                          {"job_id", CqlType::kBoolean},
                                          {"bid", CqlType::kBoolean},
                                          {"custom_track", CqlType::kInt},
                                          {"ev", CqlType::kOther}}) {
    const auto decoder = RawPageDecoder::make("logs.tracking", Columns{{name, type}});
    ASSERT_FALSE(decoder) << name;
    EXPECT_EQ(decoder.error().kind, ErrorKind::kConfig);
    EXPECT_NE(decoder.error().subject.find(name), std::string::npos);
    EXPECT_NE(decoder.error().message.find("allowed"), std::string::npos);
  }
}

}  // namespace
}  // namespace hirestream
