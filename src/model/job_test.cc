#include "model/job.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

TEST(StorableName, KeepsEveryWellFormedCharacter) {
  const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
  EXPECT_EQ(storable_name(text), text);
}

TEST(StorableName, ReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(storable_name("caf\xe9 ok"), "caf\xef\xbf\xbd ok");
  EXPECT_EQ(storable_name("\xc3"), "\xef\xbf\xbd");
  // An overlong slash, a surrogate, beyond U+10FFFF: byte by byte.
  EXPECT_EQ(storable_name("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(storable_name("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(storable_name("\xf4\x90\x80\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(StorableName, IsCutByCharactersNotByBytes) {
  EXPECT_EQ(storable_name("\xc3\xa9\xc3\xa9\xc3\xa9", 2), "\xc3\xa9\xc3\xa9");
  EXPECT_EQ(storable_name(std::string(2000, 'x')).size(), kNameCharactersMax);
}

TEST(StorableName, OfAStorableOneIsTheSame) {
  const Job job = storable({1, 2, 3, 4, std::string(2000, '\xe9'), "b\xff", "c", ""});
  EXPECT_EQ(storable(job), job);
  const Publisher publisher = storable(Publisher{1, std::string(1500, '\xff')});
  EXPECT_EQ(storable(publisher), publisher);
}

}  // namespace
}  // namespace hirestream
