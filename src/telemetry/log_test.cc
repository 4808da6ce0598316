#include "telemetry/log.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

TEST(LogLine, WritesFieldsBehindTheMessageAndQuotesBlanks) {
  const std::string payload =
      with_fields("two\nlines", {{"rows", "3"}, {"detail", "a \"b\""}, {"none", ""}});
  EXPECT_EQ(format_text_line("T", "info", payload),
            "T info two lines rows=3 detail=\"a \\\"b\\\"\" none=\"\"");
}

TEST(LogLine, WritesOneJsonObject) {
  const std::string payload = with_fields("a\\b\x01", {{"k", "\xC3\xA4\xFF"}});
  EXPECT_EQ(format_json_line("T", "warning", payload),
            "{\"time\":\"T\",\"level\":\"warning\",\"message\":\"a\\\\b\\u0001\",\"k\":"
            "\"\xC3\xA4\xEF\xBF\xBD\"}");
}

TEST(LogLine, LetsNoTextBringFieldsOfItsOwn) {
  const std::string payload =
      with_fields("a\x1elevel\x1fnone", {{"file", "b\x1eoutcome\x1fgood.csv"}});
  EXPECT_EQ(format_text_line("T", "info", payload),
            "T info a\\x1elevel\\x1fnone file=b\\x1eoutcome\\x1fgood.csv");
  EXPECT_EQ(format_json_line("T", "info", payload),
            "{\"time\":\"T\",\"level\":\"info\",\"message\":\"a\\\\x1elevel\\\\x1fnone\",\"file\":"
            "\"b\\\\x1eoutcome\\\\x1fgood.csv\"}");
}

TEST(LogLine, TakesMessagesWithoutFields) {
  EXPECT_EQ(format_text_line("T", "error", "plain"), "T error plain");
}

}  // namespace
}  // namespace hirestream
