#include "adapters/sqlite/raw_log_recount.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <initializer_list>
#include <utility>

#include "adapters/sqlite/raw_log_writer.h"

namespace hirestream {
namespace {

class RawLogRecountTest : public testing::Test {
 protected:
  RawLogRecountTest()
      : path_((std::filesystem::temp_directory_path() /
               ("raw_log_recount_test_" + std::to_string(getpid()) + ".db"))
                  .string()) {
    std::filesystem::remove(path_);
  }
  ~RawLogRecountTest() override {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(path_ + suffix);
    }
  }

  // Adds a click of job 1 with other values where given.
  void add(std::initializer_list<std::pair<RawColumn, const char*>> values) {
    RawEvent event;
    event[RawColumn::kCreateTime] = "b54adc00-6207-11ef-8000-00000000000" + std::to_string(rows_++);
    event[RawColumn::kTs] = "2024-08-24 10:59:59.999";
    event[RawColumn::kJobId] = "1";
    event[RawColumn::kCustomTrack] = "click";
    event[RawColumn::kEv] = "1";
    for (const auto& [column, value] : values) {
      event[column] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
    }
    auto writer = SqliteRawLogWriter::open(path_);
    ASSERT_TRUE(writer.has_value());
    ASSERT_TRUE((*writer)->write(std::span(&event, 1)).has_value());
    ASSERT_TRUE((*writer)->finish().has_value());
  }
  RawLogRecount recount() {
    auto result = recount_sqlite_raw_log(path_);
    EXPECT_TRUE(result.has_value());
    return *result;
  }

  std::string path_;

 private:
  int rows_ = 0;
};

TEST_F(RawLogRecountTest, CountsKindsOfOneHourIntoOneCell) {
  add({{RawColumn::kBid, "1.5"}});
  add({});
  add({{RawColumn::kCustomTrack, nullptr}});
  add({{RawColumn::kCustomTrack, "conversion"}, {RawColumn::kBid, "9"}});
  add({{RawColumn::kCustomTrack, "alive"}});
  add({{RawColumn::kJobId, nullptr}});
  const RawLogRecount result = recount();
  EXPECT_EQ(result.rows, 6);
  ASSERT_EQ(result.cells.size(), 1U);
  EXPECT_EQ(result.cells[0].key.local_hour, 1'724'493'600 / 3600);
  EXPECT_EQ(result.cells[0].measures,
            (Measures{.impressions = 1, .clicks = 2, .conversions = 1, .bid_micros = 1'500'000}));
}

TEST_F(RawLogRecountTest, RoundsBidsHalfToEven) {
  int64_t expected = 0;
  for (const auto& [bid, micros] :
       std::initializer_list<std::pair<const char*, int64_t>>{{"0.0000005", 0},
                                                              {"0.0000015", 2},
                                                              {"0.0000025", 2},
                                                              {"0.00000250001", 3},
                                                              {"7", 7'000'000}}) {
    add({{RawColumn::kBid, bid}});
    expected += micros;
    EXPECT_EQ(recount().cells[0].measures.bid_micros, expected) << bid;
  }
}

TEST_F(RawLogRecountTest, MissingFileIsAnError) {
  EXPECT_FALSE(recount_sqlite_raw_log(path_).has_value());
}

}  // namespace
}  // namespace hirestream
