#include "config/toml_characters.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace hirestream {
namespace {

TEST(TomlCharacters, AreAsTheyWereAfterTheWay) {
  for (const std::string_view text :
       {"", "name = 1", "\u0080\u00a0\u00e9\u07ff\u0800\u3000\ud7ff\ue000\uffff",
        "\U0001F600\U00010000\U0010FFFF", "\xEF\xBB\xBFname"}) {
    const std::string shielded = shield_characters(text);
    EXPECT_EQ(restore_characters(shielded), text);
  }
}

TEST(TomlCharacters, TravelAsPrivateOnes) {
  EXPECT_EQ(shield_characters("a\u0080\u00e9\uffffz"), "a\U000F0080\U000F00E9\U000FFFFFz");
  EXPECT_EQ(shield_characters("\xEF\xBB\xBF\uFEFF"), "\xEF\xBB\xBF\U000FFEFF");
}

TEST(TomlCharacters, LeaveWhatIsNotUtf8AsItIs) {
  for (const std::string_view text : {"\xC3", "\xC3z", "\xC1\x81", "\xE0\x81\x81", "\xED\xA0\x80",
                                      "\xE3\x80", "\x80", "\xFF\xFE"}) {
    EXPECT_EQ(shield_characters(text), text);
    EXPECT_EQ(restore_characters(text), text);
  }
  EXPECT_EQ(restore_characters("\U000F0041\xF3\xB0\x83"), "\U000F0041\xF3\xB0\x83");
}

}  // namespace
}  // namespace hirestream
