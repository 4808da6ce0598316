#include "adapters/cassandra/row_lookup.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cassandra/cassandra_fixture.h"

namespace hirestream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kWrittenUs = kFirstArrivalUs + 5'000'000;

// With all values of event_of(), written at once.
ChangedRow changed_row(int64_t number, int64_t written_us = kWrittenUs) {
  ChangedRow row{.event = event_of(number), .row_written_us = written_us};
  row.written_us.fill(written_us);
  return row;
}

class RowLookupOnServer : public CassandraFixture {
 protected:
  void write_rows(const std::vector<ChangedRow>& rows) {
    auto writer = CassandraWriter::open(config(), TimeZone());
    ASSERT_TRUE(writer) << writer.error().text();
    const auto written = (*writer)->write_changes(rows, std::nullopt);
    ASSERT_TRUE(written) << written.error().text();
  }
  std::vector<size_t> lacking(const std::vector<ChangedRow>& rows) {
    const auto connection = CassandraConnection::open(config()).value();
    const TableShape shape = introspect_table(*connection, {}).value();
    const auto lookup =
        RowLookup::open(*connection, shape, TimeZone(), read_layout(*connection)->history).value();
    const auto found = lookup->find_lacking(rows);
    EXPECT_TRUE(found) << found.error().text();
    return found.value_or(std::vector<size_t>{});
  }
};

TEST_F(RowLookupOnServer, FindsRowsThatAreNotThereInAnyPartition) {
  create_recommended_table();
  std::vector<ChangedRow> rows;
  std::vector<ChangedRow> written;
  std::vector<size_t> missing;
  for (int64_t i = 0; i < 1'000; ++i) {  // some hundred a partition
    rows.push_back(changed_row(i));
    if (i % 7 == 3) {
      missing.push_back(static_cast<size_t>(i));
    } else {
      written.push_back(rows.back());
    }
  }
  write_rows(written);
  EXPECT_EQ(lacking(rows), missing);
  write_rows(rows);
  EXPECT_THAT(lacking(rows), IsEmpty());
}

TEST_F(RowLookupOnServer, ARowThatIsThereLacksValuesThatAreNotOrAreOlder) {
  create_recommended_table();
  write_rows({changed_row(0), changed_row(1), changed_row(2), changed_row(3)});
  ChangedRow newer = changed_row(1);
  newer.set_written(RawColumn::kJobId, kWrittenUs + 1);
  ChangedRow same_time_other_value = changed_row(2);
  same_time_other_value.event[RawColumn::kJobId] = "4711";
  ChangedRow update;
  update.row_written_us = kWrittenUs - 1;
  update.event[RawColumn::kCreateTime] = event_of(3)[RawColumn::kCreateTime];
  update.event[RawColumn::kJobId] = "4711";
  update.set_written(RawColumn::kJobId, kWrittenUs - 1);
  const std::vector<ChangedRow> rows = {changed_row(0), newer, same_time_other_value, update,
                                        changed_row(0, kWrittenUs - 9)};
  EXPECT_THAT(lacking(rows), ElementsAre(1, 2));
}

TEST_F(RowLookupOnServer, WhatOneUpdateHasWrittenIsNoRow) {
  create_recommended_table();
  ChangedRow update;
  update.row_written_us = kWrittenUs;
  update.event[RawColumn::kCreateTime] = event_of(0)[RawColumn::kCreateTime];
  update.event[RawColumn::kBid] = "5";
  update.set_written(RawColumn::kBid, kWrittenUs);
  write_rows({update});
  EXPECT_THAT(lacking({update, changed_row(0, kWrittenUs - 1)}), ElementsAre(1));
}

TEST_F(RowLookupOnServer, RowsWithoutAPlaceOrThatDoNotFitAreLeftToTheWriter) {
  create_recommended_table();
  write_rows({changed_row(0)});
  ChangedRow no_uuid = changed_row(1);
  no_uuid.event[RawColumn::kCreateTime] = "row 17";
  ChangedRow no_number = changed_row(0);
  no_number.event[RawColumn::kJobId] = "many";
  EXPECT_THAT(lacking({no_uuid, changed_row(0), no_number}), ElementsAre(0, 2));
}

}  // namespace
}  // namespace hirestream
