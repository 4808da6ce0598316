#include "model/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace hirestream {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) {
    return fail(ErrorKind::kRejected, "halve", std::to_string(value), "is odd", "give an even one");
  }
  return value / 2;
}

Result<int> quarter(int value) {
  HIRESTREAM_ASSIGN(const int first, half(value));
  HIRESTREAM_ASSIGN(const int second, half(first));
  return second;
}

Result<std::string> checked_name(int value) {
  HIRESTREAM_TRY(half(value));
  return "even";
}

Result<std::unique_ptr<int>> owned(bool good) {
  if (!good) {
    return fail(ErrorKind::kTransient, "own", "", "nothing there");
  }
  return std::make_unique<int>(7);
}

Result<int> unwrapped(bool good) {
  HIRESTREAM_ASSIGN(const std::unique_ptr<int> value, owned(good));
  return *value;
}

TEST(Result, AssignTakesTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(12).value(), 3);
  const auto bad = quarter(6);
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(bad.error().operation, "halve");
  EXPECT_EQ(bad.error().subject, "3");
  EXPECT_EQ(bad.error().message, "is odd");
  EXPECT_EQ(bad.error().hint, "give an even one");
}

TEST(Result, AssignMovesWhatCannotBeCopied) {
  EXPECT_EQ(unwrapped(true).value(), 7);
  EXPECT_EQ(unwrapped(false).error().kind, ErrorKind::kTransient);
}

TEST(Result, TryReturnsOnlyErrors) {
  EXPECT_EQ(checked_name(4).value(), "even");
  EXPECT_EQ(checked_name(5).error().subject, "5");
}

TEST(Error, TextIsOneLineWithTheHintInParentheses) {
  EXPECT_EQ((Error{ErrorKind::kConfig, "connect", "db:3306", "access denied", "check the password"})
                .text(),
            "connect db:3306: access denied (check the password)");
  EXPECT_EQ((Error{ErrorKind::kConfig, "connect", "db:3306", "access denied", ""}).text(),
            "connect db:3306: access denied");
  EXPECT_EQ((Error{ErrorKind::kConfig, "connect", "", "access denied", ""}).text(),
            "connect: access denied");
  EXPECT_EQ((Error{ErrorKind::kConfig, "", "db:3306", "access denied", ""}).text(),
            "db:3306: access denied");
}

TEST(Error, TextOfAMessageAloneHasNoColonInFront) {
  EXPECT_EQ((Error{ErrorKind::kBug, "", "", "lost", ""}).text(), "lost");
}

TEST(CheckDeathTest, StopsTheProcessAndSaysWhere) {
  const int two = 2;
  HIRESTREAM_CHECK(two == 2);
  EXPECT_DEATH(HIRESTREAM_CHECK(two == 3), "bug: check failed: two == 3 .*result_test\\.cc:");
}

}  // namespace
}  // namespace hirestream
