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

TEST(CqlVerdict, TellsWhatPassesAndWhatMayPassFromWhatIsFinal) {
  const auto expect = [](int32_t code, int32_t server_code, ErrorKind kind, bool may_pass) {
    const CqlVerdict verdict = cql_verdict(code, server_code);
    EXPECT_EQ(verdict.kind, kind) << code << " " << std::hex << server_code;
    EXPECT_EQ(verdict.may_pass, may_pass) << code << " " << std::hex << server_code;
  };
  // A node that cannot read system_auth answers these to whoever is right.
  expect(HS_CQL_E_AUTHENTICATION, 0x0100, ErrorKind::kConfig, true);
  expect(HS_CQL_E_SERVER, 0x0100, ErrorKind::kConfig, true);
  expect(HS_CQL_E_SERVER, 0x2100, ErrorKind::kConfig, true);
  // A table that is gone, and what nobody has foreseen.
  expect(HS_CQL_E_SERVER, 0x2200, ErrorKind::kConfig, true);
  expect(HS_CQL_E_SERVER, 0x2300, ErrorKind::kConfig, true);
  expect(HS_CQL_E_SERVER, 0x2999, ErrorKind::kConfig, true);
  expect(HS_CQL_E_TLS, 0, ErrorKind::kConfig, true);
  expect(HS_CQL_E_SERVER, 0x2000, ErrorKind::kConfig, false);
  for (const int32_t passing :
       {0x0000, 0x000A, 0x1000, 0x1001, 0x1002, 0x1100, 0x1200, 0x1300, 0x1400, 0x1500, 0x2500}) {
    expect(HS_CQL_E_SERVER, passing, ErrorKind::kTransient, false);
  }
  for (const int32_t code : {HS_CQL_E_CONNECT, HS_CQL_E_TIMEOUT, HS_CQL_E_NETWORK}) {
    expect(code, 0, ErrorKind::kTransient, false);
  }
  expect(HS_CQL_E_ARGUMENT, 0, ErrorKind::kBug, false);
}

TEST(QuoteIdentifier, KeepsQuotesInside) {
  EXPECT_EQ(quote_identifier("Order"), "\"Order\"");
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
}

}  // namespace
}  // namespace hirestream
