#include "adapters/files/csv_escape.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

std::string unescaped(CsvEscape escape, std::string_view field, bool quoted = true) {
  std::string text;
  append_unescaped(escape, quoted, field, text);
  return text;
}

TEST(CsvEscape, GivesTheTextThatWasMeant) {
  EXPECT_EQ(unescaped(CsvEscape::kBackslash, R"(a\"b\\c\\\"d)"), R"(a"b\c\"d)");
  EXPECT_EQ(unescaped(CsvEscape::kPlainBackslash, R"(a\"b\\c\\"d)"), R"(a"b\\c\"d)");
  EXPECT_EQ(unescaped(CsvEscape::kTwiceBackslash, R"(a\"b\\\\c\\\\\"d)"), R"(a"b\c\"d)");
}

TEST(CsvEscape, LeavesBackslashesThatEscapeNothing) {
  for (const CsvEscape escape : {CsvEscape::kBackslash, CsvEscape::kPlainBackslash}) {
    EXPECT_EQ(unescaped(escape, R"(\N)", false), R"(\N)");
    EXPECT_EQ(unescaped(escape, R"(C:\dir\)"), R"(C:\dir\)");
  }
  EXPECT_EQ(unescaped(CsvEscape::kBackslash, R"(\\N)", false), R"(\N)");
}

TEST(CsvEscape, TakesUnquotedTextWithBareQuotesAsItIs) {
  EXPECT_EQ(unescaped(CsvEscape::kBackslash, R"({"k":"a\"b\\"})", false), R"({"k":"a\"b\\"})");
  EXPECT_EQ(unescaped(CsvEscape::kBackslash, R"({\"k\":1})", false), R"({"k":1})");
}

TEST(CsvEscape, KnowsEscapedQuotesByTheBackslashesBeforeThem) {
  const auto escaped = [](CsvEscape escape, std::string_view text) {
    return is_escaped_quote(escape, text.data(), text.data() + text.size() - 1);
  };
  EXPECT_TRUE(escaped(CsvEscape::kBackslash, R"(\")"));
  EXPECT_FALSE(escaped(CsvEscape::kBackslash, R"(\\")"));
  EXPECT_TRUE(escaped(CsvEscape::kTwiceBackslash, R"(a\\\\\")"));
  EXPECT_TRUE(escaped(CsvEscape::kPlainBackslash, R"(\\")"));
  EXPECT_FALSE(escaped(CsvEscape::kPlainBackslash, R"(a")"));
}

TEST(CsvEscape, TellsLoneBackslashesAndPairs) {
  EXPECT_TRUE(has_lone_backslash(R"(a\n)"));
  EXPECT_TRUE(has_lone_backslash(R"(\\a\)"));
  EXPECT_FALSE(has_lone_backslash(R"(\"\\)"));
  EXPECT_TRUE(has_backslash_pair(R"(a\\)"));
  EXPECT_FALSE(has_backslash_pair(R"(a\"\")"));
  EXPECT_TRUE(has_only_escaped_quotes(R"(\"a\")"));
  EXPECT_FALSE(has_only_escaped_quotes(R"(\"a")"));
  EXPECT_FALSE(has_only_escaped_quotes("a"));
}

}  // namespace
}  // namespace hirestream
