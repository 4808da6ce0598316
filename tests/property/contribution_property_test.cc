// Contributions under merge are a commutative group, and their blobs give them back.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>

#include "aggregation/contribution_codec.h"
#include "model_generators.h"

namespace hirestream {
namespace {

// Three of them can be added without leaving int64.
constexpr int64_t kMeasureMax = int64_t{1} << 60;

RC_GTEST_PROP(Contributions, MergeIsCommutative, ()) {
  const auto a = *any_contribution(kMeasureMax);
  const auto b = *any_contribution(kMeasureMax);
  RC_ASSERT(merge(a, b) == merge(b, a));
}

RC_GTEST_PROP(Contributions, MergeIsAssociative, ()) {
  const auto a = *any_contribution(kMeasureMax);
  const auto b = *any_contribution(kMeasureMax);
  const auto c = *any_contribution(kMeasureMax);
  RC_ASSERT(merge(merge(a, b), c) == merge(a, merge(b, c)));
}

RC_GTEST_PROP(Contributions, NothingIsNeutral, ()) {
  const auto a = *any_contribution(kMeasureMax);
  RC_ASSERT(merge(a, {}) == a);
  RC_ASSERT(merge({}, a) == a);
  RC_ASSERT(difference(a, {}) == a);
  RC_ASSERT(difference(a, a).empty());
}

RC_GTEST_PROP(Contributions, DifferenceInvertsMerge, ()) {
  const auto a = *any_contribution(kMeasureMax);
  const auto b = *any_contribution(kMeasureMax);
  RC_ASSERT(difference(merge(a, b), b) == a);
  RC_ASSERT(merge(b, difference(a, b)) == a);
  RC_ASSERT(merge(difference(a, b), difference(b, a)).empty());
}

RC_GTEST_PROP(Contributions, ResultsAreCanonical, ()) {
  const auto a = *any_contribution(kMeasureMax);
  const auto b = *any_contribution(kMeasureMax);
  RC_ASSERT(is_canonical(merge(a, b)));
  RC_ASSERT(is_canonical(difference(a, b)));
}

RC_GTEST_PROP(Contributions, CanonicalFormDoesNotDependOnTheOrder, ()) {
  auto cells = *any_contribution(kMeasureMax);
  const auto more = *any_contribution(kMeasureMax);
  cells.insert(cells.end(), more.begin(), more.end());
  Contribution reversed(cells.rbegin(), cells.rend());
  canonicalize(cells);
  canonicalize(reversed);
  RC_ASSERT(cells == reversed);
  RC_ASSERT(is_canonical(cells));
}

RC_GTEST_PROP(ContributionBlobs, GiveBackWhatWasEncoded, ()) {
  const auto contribution = *extreme_contribution();
  const std::string blob = encode_contribution(contribution);
  const auto decoded = decode_contribution(blob);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == contribution);
  RC_ASSERT(encode_contribution(*decoded) == blob);
}

RC_GTEST_PROP(ContributionBlobs, ReportDamage, ()) {
  std::string blob = encode_contribution(*extreme_contribution());
  const auto changes = *rc::gen::inRange(1, 4);
  const std::string whole = blob;
  for (int i = 0; i < changes; ++i) {
    blob[*rc::gen::inRange<size_t>(0, blob.size())] = *rc::gen::arbitrary<char>();
  }
  blob.resize(*rc::gen::inRange<size_t>(0, blob.size() + 1));
  RC_PRE(blob != whole);
  const auto decoded = decode_contribution(blob);
  RC_ASSERT(!decoded.has_value());
  RC_ASSERT(decoded.error().kind == ErrorKind::kRejected);
}

RC_GTEST_PROP(ContributionBlobs, SurviveAnyBytes, ()) {
  const auto bytes = *rc::gen::arbitrary<std::string>();
  RC_ASSERT(!decode_contribution(bytes).has_value());
  RC_ASSERT(!decode_contribution("HSC1" + bytes).has_value());
}

}  // namespace
}  // namespace hirestream
