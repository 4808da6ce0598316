#include "model/json_text.h"

#include <gtest/gtest.h>

#include "model/text.h"

namespace hirestream {
namespace {

using namespace std::string_literals;

TEST(JsonText, QuotesWhatJsonHasToBeQuoted) {
  EXPECT_EQ(json_string(""), "\"\"");
  EXPECT_EQ(json_string("a\\b\"\n\r\t\x01\x1F\x7F\0"s), R"("a\\b\"\n\r\t\u0001\u001f)"
                                                        "\x7F"
                                                        R"(\u0000")");
  std::string out = "x";
  append_json_string("\xC3\xA4\xF0\x9F\x98\x80", out);
  EXPECT_EQ(out, "x\"\xC3\xA4\xF0\x9F\x98\x80\"");
}

TEST(JsonText, ReplacesEachByteThatIsNotUtf8) {
  const std::string bad(kReplacementCharacter);
  // A surrogate, and a character that is cut off.
  EXPECT_EQ(json_string("\xED\xA0\x80"), "\"" + bad + bad + bad + "\"");
  EXPECT_EQ(json_string("\xC3\xA4\xE2\x82"), "\"\xC3\xA4" + bad + bad + "\"");
  EXPECT_EQ(json_string("\xFF\n\xC3\xA4"), "\"" + bad + "\\n\xC3\xA4\"");
}

TEST(JsonText, KnowsNumbers) {
  for (const std::string_view text : {"0", "-0", "12", "-1.50", "0.0", "1e5", "1E+05", "10.25e-3",
                                      "123456789012345678901234567"}) {
    EXPECT_TRUE(is_json_number(text)) << text;
    EXPECT_EQ(json_number_size(std::string(text) + ",1"), text.size()) << text;
  }
  for (const std::string_view text :
       {"", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "e5", "1.e5", "x"}) {
    EXPECT_FALSE(is_json_number(text)) << text;
    EXPECT_EQ(json_number_size(text), 0U) << text;
  }
  EXPECT_FALSE(is_json_number("1x"));
  EXPECT_EQ(json_number_size("1x"), 1U);
  EXPECT_EQ(json_number_size("1 "), 1U);
}

}  // namespace
}  // namespace hirestream
