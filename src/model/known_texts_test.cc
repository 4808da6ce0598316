#include "model/known_texts.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace hirestream {
namespace {

// With other bytes behind it, as in a batch.
KnownTexts::Text key_of(const std::string& text, char behind = 'x') {
  const std::string padded = text + std::string(KnownTexts::kTextSizeMax, behind);
  return KnownTexts::text_of(padded.data(), text.size());
}

TEST(KnownTexts, KnowWhatWasAdded) {
  KnownTexts texts;
  EXPECT_EQ(texts.find(key_of("click")), 0);
  EXPECT_EQ(texts.add(key_of("click")), 1);
  EXPECT_EQ(texts.find(key_of("click", 'y')), 1);
  ASSERT_EQ(texts.all().size(), 2);
  EXPECT_EQ(texts.all()[1], key_of("click"));
}

TEST(KnownTexts, TellTextsApartThatAreNearlyTheSame) {
  const std::string longest(KnownTexts::kTextSizeMax, 'a');
  KnownTexts texts;
  std::set<size_t> numbers;
  for (const std::string& text :
       {std::string("1"), std::string("11"), std::string("1\0", 2), std::string("\0", 1),
        std::string("12345678"), std::string("123456789"), longest.substr(1), longest,
        longest.substr(1) + "b", "b" + longest.substr(1)}) {
    EXPECT_EQ(texts.find(key_of(text)), 0) << text;
    const size_t number = texts.add(key_of(text));
    EXPECT_NE(number, 0) << text;
    EXPECT_EQ(texts.find(key_of(text)), number) << text;
    EXPECT_TRUE(numbers.insert(number).second) << text;
  }
}

TEST(KnownTexts, KnowTheEmptyTextFromTheBeginning) {
  const KnownTexts texts;
  EXPECT_EQ(texts.find(key_of("", 'z')), 0);
  ASSERT_EQ(texts.all().size(), 1);
  EXPECT_EQ(texts.all()[0], key_of(""));
}

TEST(KnownTexts, HaveNoPlaceForTooMany) {
  KnownTexts texts;
  for (size_t i = 1; i < KnownTexts::kMax; ++i) {
    EXPECT_EQ(texts.add(key_of(std::to_string(i))), i);
  }
  EXPECT_EQ(texts.add(key_of("one more")), 0);
  EXPECT_EQ(texts.find(key_of("one more")), 0);
  EXPECT_EQ(texts.find(key_of("63")), 63);
  EXPECT_EQ(texts.all().size(), KnownTexts::kMax);
}

}  // namespace
}  // namespace hirestream
