#include "cli/table_printer.h"

#include <gtest/gtest.h>

#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/retry_backoff.h"

namespace hirestream {
namespace {

TEST(TablePrinter, MakesColumnsAsWideAsTheirWidestCell) {
  TablePrinter table({{"NAME"}, {"ROWS", TablePrinter::Align::kRight}, {"NOTE"}});
  table.add_row({"a", "1", ""});
  table.add_row({"Köln", "1,234", "x"});
  EXPECT_EQ(table.text(),
            "NAME   ROWS  NOTE\n"
            "----  -----  ----\n"
            "a         1\n"
            "Köln  1,234  x\n");
}

TEST(TablePrinter, IgnoresColorsInWidths) {
  EXPECT_EQ(display_width("\x1b[31m→ ab\x1b[0m"), 4U);
}

TEST(Quantity, GroupsThousands) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1'000), "1,000");
  EXPECT_EQ(format_count(-1'234'567), "-1,234,567");
  EXPECT_EQ(format_count(-123), "-123");
}

TEST(Quantity, ChoosesTheUnitOfADuration) {
  EXPECT_EQ(format_elapsed(850), "850 µs");
  EXPECT_EQ(format_elapsed(12'340), "12.3 ms");
  EXPECT_EQ(format_elapsed(4'560'000), "4.56 s");
  EXPECT_EQ(format_elapsed(185'000'000), "3 min 5 s");
  EXPECT_EQ(format_elapsed(7'800'000'000), "2 h 10 min");
}

TEST(RetryBackoff, DoublesUpToTenSecondsAndStartsAnewAfterSuccess) {
  RetryBackoff backoff(7);
  int64_t longest = RetryBackoff::kFirstUs;
  for (int i = 0; i < 40; ++i) {
    const int64_t pause = backoff.next();
    EXPECT_GE(pause, longest / 2);
    EXPECT_LE(pause, longest);
    longest = std::min(longest * 2, RetryBackoff::kLongestUs);
  }
  EXPECT_EQ(backoff.attempts(), 40);
  backoff.reset();
  EXPECT_LE(backoff.next(), RetryBackoff::kFirstUs);
}

TEST(Progress, ShowsBarAndRemainingTimeWhereTheTotalIsKnown) {
  EXPECT_EQ(
      Progress::bar_text({.phase = "counting", .rows = 3'000, .done = 1, .total = 4}, "rows", 2),
      "counting  3,000 rows  1,500/s  [######------------------] 25 %  6.00 s left");
  EXPECT_EQ(Progress::bar_text({.phase = "", .rows = 0, .done = 0, .total = -1}, "rows", 0),
            "working  0 rows  0.0/s");
  EXPECT_EQ(Progress::bar_text({.phase = "files", .rows = 9, .done = 4, .total = 4}, "rows", 1),
            "files  9 rows  9.0/s  [########################] 100 %");
}

}  // namespace
}  // namespace hirestream
