#include "adapters/files/row_versions.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace hirestream {
namespace {

using Outcome = RowVersions::Outcome;

TEST(RowVersions, AgreesWithAMapOverManyRows) {
  std::mt19937_64 random(5);
  RowVersions versions;
  std::map<RowId, uint64_t> expected;
  for (int row = 0; row < 50'000; ++row) {
    const RowId id{random() % 70, random() % 70};
    const uint64_t hash = random() % 3;
    const auto [known, added] = expected.emplace(id, hash);
    const Outcome outcome = added                   ? Outcome::kNew
                            : known->second == hash ? Outcome::kSameBytes
                                                    : Outcome::kOtherBytes;
    ASSERT_EQ(versions.add(id, hash), outcome);
  }
  EXPECT_EQ(versions.size(), expected.size());
  EXPECT_TRUE(expected.contains(RowId()));
}

}  // namespace
}  // namespace hirestream
