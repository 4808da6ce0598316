#include "model/text.h"

#include <gtest/gtest.h>

#include <string>

namespace hirestream {
namespace {

TEST(Text, KnowsTheSizesOfCharacters) {
  EXPECT_EQ(utf8_character_size(std::string_view("\0", 1)), 1U);
  EXPECT_EQ(utf8_character_size("ab"), 1U);
  EXPECT_EQ(utf8_character_size("\xC3\xA4z"), 2U);
  EXPECT_EQ(utf8_character_size("\xE2\x82\xAC\xFF"), 3U);
  EXPECT_EQ(utf8_character_size("\xF0\x9F\x98\x80"), 4U);
}

// Unicode 15, table 3-7.
TEST(Text, KnowsBytesThatBeginNoCharacter) {
  for (const std::string_view text :
       {"\x80\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3z", "\xE0\x9F\xBF", "\xE2\x82",
        "\xE2\x82z", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF"}) {
    EXPECT_EQ(utf8_character_size(text), 0U) << testing::PrintToString(text);
    EXPECT_FALSE(is_utf8(text)) << testing::PrintToString(text);
  }
}

// Character by character says the same of all pairs, and of all triples and quadruples that
// begin like a character, as the whole text's check.
TEST(Text, AgreesWithItselfAboutAllShortTexts) {
  const auto by_characters = [](std::string_view text) {
    while (!text.empty()) {
      const size_t size = utf8_character_size(text);
      if (size == 0) return false;
      text.remove_prefix(size);
    }
    return true;
  };
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      for (const std::string_view rest : {"", "\x80", "z", "\xBF\xBF", "\x80\xC2\x80"}) {
        std::string text{static_cast<char>(first), static_cast<char>(second)};
        text += rest;
        ASSERT_EQ(by_characters(text), is_utf8(text)) << testing::PrintToString(text);
      }
    }
  }
}

TEST(Text, IsTrimmedOfBlanksButNotOfOtherCharacters) {
  EXPECT_EQ(trim(" \t\r\n a b\n "), "a b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\va\f"), "\va\f");
  EXPECT_EQ(trim_end(" a \r\n"), " a");
  EXPECT_EQ(trim_end(" \t"), "");
}

}  // namespace
}  // namespace hirestream
