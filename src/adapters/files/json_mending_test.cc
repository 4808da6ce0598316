#include "adapters/files/json_mending.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

std::string mended(std::string_view text, size_t nulls, size_t texts = 0) {
  std::string out;
  const MendedWords words = append_as_json(text, out);
  EXPECT_EQ(words.nulls, nulls);
  EXPECT_EQ(words.texts, texts);
  return out;
}

TEST(JsonMending, MakesJsonOfWordsThatAreNone) {
  EXPECT_EQ(mended(R"({"a":NaN,"b":-Infinity,"c":[Infinity]})", 1, 2),
            R"({"a":null,"b":"-Infinity","c":["Infinity"]})");
  EXPECT_EQ(mended(R"({"NaN":"a\"NaN","b":1})", 0), R"({"NaN":"a\"NaN","b":1})");
  EXPECT_EQ(mended(R"({"NaN)", 0), R"({"NaN)");
}

TEST(JsonMending, TellsDoubledBackslashes) {
  EXPECT_TRUE(has_doubled_backslashes(R"(a\\b\\\\)"));
  EXPECT_FALSE(has_doubled_backslashes(R"(a\\b\\\)"));
  EXPECT_FALSE(has_doubled_backslashes("a"));
  std::string out;
  append_single_backslashes(R"(a\\b\\\\")", out);
  EXPECT_EQ(out, R"(a\b\\")");
}

TEST(JsonMending, ReplacesHalvesOfSurrogatePairs) {
  const auto replaced = [](std::string text, size_t count) {
    EXPECT_EQ(replace_halves_of_pairs(text), count) << text;
    return text;
  };
  EXPECT_EQ(replaced(R"(a\ud83d\ud83d\ude00\ude00)", 2), R"(a\ufffd\ud83d\ude00\ufffd)");
  EXPECT_EQ(replaced(R"(\uD83D\n\uDe00)", 2), R"(\ufffd\n\ufffd)");
  for (const char* text :
       {R"(\\ud83d)", R"(\u00e4\uFFFD)", R"(\ud83)", R"(\ud8x3)", R"(\)", R"(\u)", ""}) {
    EXPECT_EQ(replaced(text, 0), text);
  }
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
