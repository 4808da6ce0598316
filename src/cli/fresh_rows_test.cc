#include "cli/fresh_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hirestream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

FreshRows usual() {
  FreshRows rows;
  rows.classes.counted = 8;
  rows.given = {.impressions = 5, .clicks = 3};
  return rows;
}

TEST(FreshRows, SaysNothingOfUsualOnesOrOfNone) {
  EXPECT_THAT(fresh_warnings(usual()), IsEmpty());
  EXPECT_THAT(fresh_warnings({}), IsEmpty());
  EXPECT_EQ(not_counted_text(usual()), "");
}

TEST(FreshRows, NamesTheKindThatMayBeAClick) {
  FreshRows rows = usual();
  rows.given.clicks = 0;
  EXPECT_THAT(fresh_warnings(rows), ElementsAre(HasSubstr("no click was counted")));
  rows.not_counted.add(WhyNotCounted::kOtherKind, "ev=", "2", 1, {});
  rows.not_counted.add(WhyNotCounted::kOtherKind, "", "job_click", 1, {});
  EXPECT_THAT(fresh_warnings(rows), ElementsAre(HasSubstr("--kinds job_click=click")));
}

TEST(FreshRows, SaysWhyThereIsNoImpression) {
  FreshRows rows = usual();
  rows.given.impressions = 0;
  EXPECT_THAT(fresh_warnings(rows), ElementsAre(HasSubstr("--page-view-ev")));
}

TEST(FreshRows, SaysWhyFewWereCounted) {
  FreshRows rows = usual();
  rows.classes.unattributed = 9;
  EXPECT_THAT(fresh_warnings(rows), ElementsAre(HasSubstr("--attribution payload")));
  rows.classes.other = 20;
  EXPECT_THAT(fresh_warnings(rows), ElementsAre(HasSubstr("--kinds")));
  rows.classes.rejected = 30;
  EXPECT_THAT(fresh_warnings(rows), ElementsAre(HasSubstr("hirestream rejects")));
}

TEST(FreshRows, ListsKindsByReason) {
  FreshRows rows = usual();
  for (int i = 0; i < 2; ++i) {
    rows.not_counted.add(WhyNotCounted::kOtherKind, "", "unknown", 1, {});
  }
  rows.not_counted.add(WhyNotCounted::kOtherKind, "", "alive", 1, {});
  rows.not_counted.add(WhyNotCounted::kNoJob, "", "click", 1, {});
  const std::string text = not_counted_text(rows);
  EXPECT_THAT(text, HasSubstr("kinds that are not counted: unknown 2 (newest "));
  EXPECT_THAT(text, HasSubstr(", alive 1 (newest "));
  EXPECT_THAT(text, HasSubstr("\nwithout a job: click 1 (newest "));
}

}  // namespace
}  // namespace hirestream
