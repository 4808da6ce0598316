#include "adapters/files/json_mending.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

std::string with_nulls(std::string_view text, size_t expected) {
  std::string out;
  EXPECT_EQ(append_with_nulls(text, out), expected);
  return out;
}

TEST(JsonMending, PutsNullInThePlaceOfWordsThatAreNoJson) {
  EXPECT_EQ(with_nulls(R"({"a":NaN,"b":-Infinity,"c":[Infinity]})", 3),
            R"({"a":null,"b":null,"c":[null]})");
  EXPECT_EQ(with_nulls(R"({"NaN":"a\"NaN","b":1})", 0), R"({"NaN":"a\"NaN","b":1})");
  EXPECT_EQ(with_nulls(R"({"NaN)", 0), R"({"NaN)");
}

TEST(JsonMending, TellsDoubledBackslashes) {
  EXPECT_TRUE(has_doubled_backslashes(R"(a\\b\\\\)"));
  EXPECT_FALSE(has_doubled_backslashes(R"(a\\b\\\)"));
  EXPECT_FALSE(has_doubled_backslashes("a"));
  std::string out;
  append_single_backslashes(R"(a\\b\\\\")", out);
  EXPECT_EQ(out, R"(a\b\\")");
}

TEST(JsonMending, KnowsWhatCqlshPrintsAroundRows) {
  for (const char* line : {"[json]", "---", "-------", "---MORE---", "(1 rows)", "(12 rows)"}) {
    EXPECT_TRUE(is_cqlsh_frame(line)) << line;
  }
  for (const char* line : {"", "--", "[]", "( rows)", "(x rows)", "(1 rows", "{}", "--- {}"}) {
    EXPECT_FALSE(is_cqlsh_frame(line)) << line;
  }
  EXPECT_TRUE(is_cqlsh_heading("[json]"));
  EXPECT_FALSE(is_cqlsh_heading("---"));
  EXPECT_EQ(without_cqlsh_prompt("---MORE--- {}"), "{}");
  EXPECT_EQ(without_cqlsh_prompt("{}"), "{}");
}

}  // namespace
}  // namespace hirestream
