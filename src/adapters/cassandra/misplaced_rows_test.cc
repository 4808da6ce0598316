#include "adapters/cassandra/misplaced_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hirestream {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(MisplacedRows, SaysNothingOfRowsThatStandWhereTheyBelong) {
  EXPECT_THAT(misplaced_rows_advice({.sampled = 4000}, "logs.tracking"), IsEmpty());
}

TEST(MisplacedRows, TellsTheGravestFirstWithAnExample) {
  const MisplacedRows found = {.sampled = 100,
                               .in_wrong_bucket = 7,
                               .in_two_shards = 2,
                               .of_other_shards = 90,
                               .example = "00000000-0000-1000-8000-000000000000 stands there"};
  EXPECT_THAT(
      misplaced_rows_advice(found, "logs.tracking"),
      ElementsAre(HasSubstr("of 100 rows of logs.tracking that were looked at, 2 stand in two"),
                  AllOf(HasSubstr("7 stand in another bucket"), HasSubstr("stands there")),
                  AllOf(HasSubstr("90 are in other shards"), Not(HasSubstr("stands there")))));
}

}  // namespace
}  // namespace hirestream
