#include "http/target.h"

#include <gmock/gmock.h>

namespace hirestream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(Target, IsPathAndParameters) {
  const auto target = parse_target("/api/v1/kpis?last=24h&job=1&job=2&flag");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->path, "/api/v1/kpis");
  EXPECT_THAT(target->query, ElementsAre(Pair("flag", ""), Pair("job", "1"), Pair("job", "2"),
                                         Pair("last", "24h")));
}

TEST(Target, IsDecodedOnce) {
  const auto target = parse_target("/a%20b+c?x=%C3%BC+%2B%3D%26&%61=%2525");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->path, "/a b+c");
  EXPECT_THAT(target->query, ElementsAre(Pair("a", "%25"), Pair("x", "\xc3\xbc +=&")));
}

TEST(Target, MayHaveNothingBehindItsMark) {
  for (const char* text : {"/", "/?", "/?&&"}) {
    const auto target = parse_target(text);
    ASSERT_TRUE(target.has_value()) << text;
    EXPECT_THAT(target->query, IsEmpty());
  }
}

TEST(Target, ThatCouldBeUnderstoodOtherwiseIsNone) {
  for (const char* text : {"", "*", "kpis", "?a=b", "/%", "/%4", "/%zz", "/?a=%", "/?%0=b", "/%00",
                           "/?a=%0a", "/?a=%7F", "/%2e%2e%2fmetrics", "/a%5cb"}) {
    EXPECT_FALSE(parse_target(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace hirestream
