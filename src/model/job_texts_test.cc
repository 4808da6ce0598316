#include "model/job_texts.h"

#include <gtest/gtest.h>

#include <array>

namespace hirestream {
namespace {

using Texts = std::array<std::string_view, kJobTexts>;

TEST(JobTexts, TakeWordsForNullForNoNumber) {
  for (const char* none : {"", " ", "\\N", "NULL", "null", " NULL "}) {
    const auto job = read_job(Texts{"7", "3", none, none, "Nurse", "", "", ""});
    ASSERT_TRUE(job) << none;
    EXPECT_EQ(*job, (Job{7, 3, 0, 0, "Nurse", "", "", ""})) << none;
    EXPECT_FALSE(read_job(Texts{none, "3", "", "", "", "", "", ""}).value()) << none;
    EXPECT_FALSE(read_publisher(none, "Board").value()) << none;
    EXPECT_FALSE(read_publisher("1", none).value()) << none;
  }
}

TEST(JobTexts, TakeNumbersHoweverTheyAreWritten) {
  EXPECT_EQ(read_job(Texts{"7.0", "03", " 4", "5", "", "", "", ""}).value(),
            (Job{7, 3, 4, 5, "", "", "", ""}));
  EXPECT_EQ(read_publisher("10.0", "Board").value(), (Publisher{10, "Board"}));
}

TEST(JobTexts, NameTheTextThatIsNoNumber) {
  EXPECT_EQ(read_job(Texts{"7", "Clinic", "", "", "", "", "", ""}).error().place, 1U);
  EXPECT_EQ(read_job(Texts{"ACME", "Clinic", "", "", "", "", "", ""}).error().place, 0U);
  EXPECT_FALSE(read_publisher("ACME", "Board"));
}

}  // namespace
}  // namespace hirestream
