#include <gtest/gtest.h>

#include "adapters/cassandra/cql_session_internal.h"

namespace hirestream {
namespace {

std::vector<CqlRow> rows_of(const std::string& bytes, size_t count, size_t columns) {
  std::vector<CqlRow> rows;
  const auto walked = for_each_row({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                                   count, columns, [&](const CqlRow& row) { rows.push_back(row); });
  EXPECT_TRUE(walked) << walked.error().text();
  return rows;
}

TEST(CqlRows, AreWalkedCellByCell) {
  std::string bytes;
  append_int32(2, bytes);
  bytes += "ab";
  append_int32(-1, bytes);
  append_int32(0, bytes);
  append_int32(1, bytes);
  bytes += "c";
  const auto rows = rows_of(bytes, 2, 2);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0], (CqlRow{"ab", std::nullopt}));
  EXPECT_EQ(rows[1], (CqlRow{"", "c"}));
}

TEST(CqlRows, AreAllNullWhenThePageHasNoBytes) {
  EXPECT_EQ(rows_of("", 2, 1), (std::vector<CqlRow>{{std::nullopt}, {std::nullopt}}));
}

TEST(CqlRows, AreRefusedWhenTheyEndTooEarly) {
  std::string whole;
  append_int32(2, whole);
  whole += "ab";
  for (size_t size = 1; size < whole.size(); ++size) {
    const std::vector<uint8_t> cut(whole.begin(),
                                   whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(for_each_row(cut, 1, 1, [](const CqlRow&) {}));
  }
  const std::vector<uint8_t> one_row(whole.begin(), whole.end());
  EXPECT_FALSE(for_each_row(one_row, 2, 1, [](const CqlRow&) {}));
}

TEST(BoundValues, KeepsValuesUnsetsAndForgetsDiscardedOnes) {
  BoundValues values;
  values.add("ab");
  values.add_unset();
  values.bytes() += "half a val";
  values.discard();
  values.add("");
  values.bytes() += "cde";
  values.commit();
  const auto cells = values.cells();
  ASSERT_EQ(cells.size(), 4U);
  const auto text = [&](size_t i) {
    return std::string(reinterpret_cast<const char*>(cells[i].data),
                       static_cast<size_t>(cells[i].size));
  };
  EXPECT_EQ(text(0), "ab");
  EXPECT_EQ(cells[1].size, HS_CQL_CELL_UNSET);
  EXPECT_EQ(text(2), "");
  EXPECT_EQ(text(3), "cde");
  EXPECT_EQ(values.byte_count(), 5U);
}

TEST(QuoteIdentifier, KeepsQuotesInside) {
  EXPECT_EQ(quote_identifier("Order"), "\"Order\"");
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
}

}  // namespace
}  // namespace hirestream
