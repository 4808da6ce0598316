#include "adapters/files/record_reader.h"

#include <gtest/gtest.h>
#include <simdjson.h>
#include <sys/stat.h>

#include <random>

#include "adapters/files/temporary_folder_test.h"

namespace hirestream {
namespace {

TEST(Excerpt, ShowsTextAsItIsAndTheRestAsHexadecimal) {
  EXPECT_EQ(excerpt("a\xC3\xA4,\"\xF0\x9F\x98\x80", 100), "a\xC3\xA4,\"\xF0\x9F\x98\x80");
  EXPECT_EQ(excerpt(std::string_view("\0\n\x7F\xFF\xC3", 5), 100), "\\x00\\x0a\\x7f\\xff\\xc3");
  EXPECT_EQ(excerpt("\xED\xA0\x80\xC0\x80", 100), "\\xed\\xa0\\x80\\xc0\\x80");
}

TEST(Excerpt, EndsBetweenCharacters) {
  EXPECT_EQ(excerpt("\xC3\xA4\xC3\xA4", 3), "\xC3\xA4");
  EXPECT_EQ(excerpt("abc", 2), "ab");
  EXPECT_EQ(excerpt("\xFF\xFF", 5), "\\xff");
}

TEST(Excerpt, OfTheEndMarksWhatIsCut) {
  EXPECT_EQ(excerpt_of_end("/a/b.csv", 8), "/a/b.csv");
  EXPECT_EQ(excerpt_of_end("/a/b.csv", 5), "…b.csv");
  EXPECT_EQ(excerpt_of_end("/\xC3\xA4.csv", 5), "….csv");
}

TEST(RecordReader, RefusesAPipeInsteadOfWaitingForItsWriter) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  for (const FileFormat format : {FileFormat::kCsv, FileFormat::kNdjson, FileFormat::kParquet}) {
    const auto reader = open_record_reader(format, folder.path("pipe"), {});
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().kind, ErrorKind::kConfig);
    EXPECT_EQ(reader.error().message, "it is no regular file");
  }
}

TEST(Excerpt, IsValidUtf8ForAnyBytes) {
  std::mt19937 random(6);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (auto count = random() % 12; count > 0; --count) {
      bytes += static_cast<char>(random() % 2 == 0 ? random() % 256 : 0x80 + random() % 0x40);
    }
    const std::string shown = excerpt(bytes, random() % 50);
    EXPECT_TRUE(simdjson::validate_utf8(shown));
    if (simdjson::validate_utf8(bytes) && bytes.find('\x7F') == bytes.npos &&
        std::none_of(bytes.begin(), bytes.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
      EXPECT_EQ(excerpt(bytes, 100), bytes);
    }
  }
}

TEST(MalformedRowId, TellsBytesAndLinesApartAndIsNoVersion1Uuid) {
  Record record;
  record.bytes = "x";
  record.line = 1;
  const RowId first = malformed_row_id(record);
  EXPECT_EQ(malformed_row_id(record), first);
  EXPECT_FALSE(is_version_1(first));
  record.line = 2;
  EXPECT_NE(malformed_row_id(record), first);
  record.line = 1;
  record.bytes = "y";
  EXPECT_NE(malformed_row_id(record), first);
}

}  // namespace
}  // namespace hirestream
