#include "adapters/cassandra/commit_log/log_position.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

TEST(LogPosition, IsStoredAsText) {
  const LogPosition position{{{1'700'000'000'000, {20, 4711}}, {1'700'000'000'001, {}}}};
  EXPECT_EQ(position.text(), "1 1700000000000:20:4711 1700000000001:0:0");
  EXPECT_EQ(LogPosition::parse(position.text()), position);
  EXPECT_EQ(LogPosition::parse(LogPosition().text()), LogPosition());
}

TEST(LogPosition, IsNotReadFromAnythingElse) {
  for (const char* text : {"", "2 1:2:3", "1 1:2", "1 1:2:3:4", "1 1:2:-3", "1 2:0:0 1:0:0",
                           "1 1:2:3 ", "1  1:2:3", "1 1:2:x"}) {
    EXPECT_FALSE(LogPosition::parse(text)) << text;
  }
}

}  // namespace
}  // namespace hirestream
