#include "adapters/files/csv_dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hirestream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CsvDialect, ReadsWhatSettingsSay) {
  const CsvSettings open = read_csv_settings("auto", "auto", " ").value();
  EXPECT_THAT(open.escapes, IsEmpty());
  EXPECT_FALSE(open.delimiter);
  EXPECT_THAT(open.header, IsEmpty());
  const CsvSettings set = read_csv_settings("backslash-plain", "tab", "a, b ,c").value();
  EXPECT_THAT(set.escapes, ElementsAre(CsvEscape::kPlainBackslash));
  EXPECT_EQ(set.delimiter, '\t');
  EXPECT_THAT(set.header, ElementsAre("a", "b", "c"));
  EXPECT_EQ(read_csv_settings("backslash", "auto", "").value().escapes.size(), 3U);
}

TEST(CsvDialect, RefusesOtherTextsAndSaysWhatIsAllowed) {
  EXPECT_THAT(read_csv_settings("twice", "auto", "").error().text(), HasSubstr("backslash-plain"));
  EXPECT_THAT(read_csv_settings("auto", ":", "").error().text(), HasSubstr("one of , ; tab |"));
  EXPECT_THAT(read_csv_settings("auto", "auto", "a,,b").error().text(),
              HasSubstr("column 2 has no name"));
}

TEST(CsvDialect, SaysWhatDiffersFromTheUsual) {
  EXPECT_EQ(CsvDialect().text(), "");
  CsvDialect dialect;
  dialect.delimiter = '\t';
  dialect.escape = CsvEscape::kPlainBackslash;
  dialect.line_end = '\r';
  dialect.header = {"a"};
  EXPECT_EQ(
      dialect.text(),
      "delimiter tab, a backslash before quotes, backslashes not doubled, lines that end with "
      "CR, columns named by --csv-header");
}

}  // namespace
}  // namespace hirestream
