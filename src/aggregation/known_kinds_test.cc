#include "aggregation/known_kinds.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace hirestream {
namespace {

using From = KnownKinds::From;

// With other bytes behind it, as in a batch.
KnownKinds::Text key_of(const std::string& text, From from, char behind = 'x') {
  const std::string padded = text + std::string(KnownKinds::kTextSizeMax, behind);
  return KnownKinds::text_of(padded.data(), text.size(), from);
}

TEST(KnownKinds, KnowWhatWasAdded) {
  KnownKinds kinds;
  EXPECT_EQ(kinds.find(key_of("click", From::kTrack)), nullptr);
  ASSERT_NE(kinds.add(key_of("click", From::kTrack), EventKind::kClick), nullptr);
  const auto* known = kinds.find(key_of("click", From::kTrack, 'y'));
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->kind, EventKind::kClick);
}

TEST(KnownKinds, TellTextsApartThatAreNearlyTheSame) {
  const std::string longest(KnownKinds::kTextSizeMax, 'a');
  KnownKinds kinds;
  std::set<int> numbers;
  int added = 0;
  for (const From from : {From::kTrack, From::kEv}) {
    for (const std::string& text :
         {std::string("1"), std::string("11"), std::string("1\0", 2), std::string("\0", 1),
          std::string("12345678"), std::string("123456789"), longest.substr(1), longest,
          longest.substr(1) + "b", "b" + longest.substr(1)}) {
      EXPECT_EQ(kinds.find(key_of(text, from)), nullptr) << text;
      const auto* known = kinds.add(key_of(text, from), EventKind::kOther);
      ASSERT_NE(known, nullptr);
      EXPECT_EQ(kinds.find(key_of(text, from)), known);
      numbers.insert(known->number);
      ++added;
    }
  }
  EXPECT_EQ(static_cast<int>(numbers.size()), added);
}

// A row without either column has no text.
TEST(KnownKinds, KnowTheEmptyText) {
  KnownKinds kinds;
  ASSERT_NE(kinds.add(key_of("", From::kEv), EventKind::kOther), nullptr);
  EXPECT_NE(kinds.find(key_of("", From::kEv, 'z')), nullptr);
  EXPECT_EQ(kinds.find(key_of("1", From::kEv)), nullptr);
}

TEST(KnownKinds, HaveNoPlaceForLongTextsNorForTooMany) {
  KnownKinds kinds;
  const std::string too_long(KnownKinds::kTextSizeMax + 1, 'a');
  EXPECT_EQ(kinds.add(key_of(too_long, From::kTrack), EventKind::kClick), nullptr);
  EXPECT_EQ(kinds.find(key_of(too_long, From::kTrack)), nullptr);
  for (size_t i = 0; i < KnownKinds::kTextsMax; ++i) {
    const auto* known = kinds.add(key_of(std::to_string(i), From::kTrack), EventKind::kOther);
    ASSERT_NE(known, nullptr);
    EXPECT_LT(known->number, KnownKinds::kTextsMax);
  }
  EXPECT_EQ(kinds.add(key_of("one more", From::kTrack), EventKind::kOther), nullptr);
  EXPECT_EQ(kinds.find(key_of("one more", From::kTrack)), nullptr);
  EXPECT_EQ(kinds.size(), KnownKinds::kTextsMax);
}

}  // namespace
}  // namespace hirestream
