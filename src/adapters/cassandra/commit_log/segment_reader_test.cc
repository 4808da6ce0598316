#include "adapters/cassandra/commit_log/segment_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lz4.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "adapters/cassandra/commit_log/segment_writer_test.h"

namespace hirestream {
namespace {

using Step = SegmentReader::Step;
using test::SegmentBytes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SegmentReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<SegmentReader> open(const std::string& path,
                                      LogVisibility visibility = LogVisibility::kMarker,
                                      SegmentPlace place = {}) {
    auto reader = SegmentReader::open(path, visibility, place);
    EXPECT_TRUE(reader) << reader.error().text();
    return std::move(*reader);
  }
  // Until there is nothing more; "!" for what is damaged.
  static std::vector<std::string> rest(SegmentReader& reader) {
    std::vector<std::string> entries;
    for (;;) {
      const auto step = reader.next();
      EXPECT_TRUE(step) << step.error().text();
      if (!step || *step == Step::kWait) {
        return entries;
      }
      const auto entry = reader.entry();
      entries.push_back(*step == Step::kDamaged ? "!" : std::string(entry.begin(), entry.end()));
    }
  }

  std::filesystem::path folder_;
};

TEST(SegmentName, IsReadFromTheFilesName) {
  EXPECT_EQ(parse_segment_name("CommitLog-7-1795927828108.log"),
            (SegmentName{.version = 7, .id = 1795927828108}));
  for (const char* name :
       {"CommitLog-7-1795927828108_cdc.idx", "CommitLog-7.log", "CommitLog-7-.log",
        "commitlog-7-1.log", "CommitLog-7-1.log2", "CommitLog-7--1.log"}) {
    EXPECT_FALSE(parse_segment_name(name)) << name;
  }
}

TEST_F(SegmentReaderTest, GivesWhatIsMarkedAndWaitsForTheRest) {
  SegmentBytes segment(4711);
  segment.add("one");
  segment.add("two");
  const auto reader = open(segment.write(folder_));
  EXPECT_THAT(rest(*reader), IsEmpty());
  EXPECT_FALSE(reader->begun());
  segment.close_section();
  segment.add("three");
  segment.write(folder_);
  EXPECT_THAT(rest(*reader), ElementsAre("one", "two"));
  EXPECT_TRUE(reader->begun());
  segment.close_section();
  segment.close_section();  // an empty section
  segment.write(folder_);
  EXPECT_THAT(rest(*reader), ElementsAre("three"));
}

TEST_F(SegmentReaderTest, ShowsTheTailBeforeItsMarker) {
  SegmentBytes segment(4711);
  segment.add("one");
  const auto reader = open(segment.write(folder_), LogVisibility::kTail);
  EXPECT_THAT(rest(*reader), ElementsAre("one"));
  segment.add("two");
  const std::string whole = segment.bytes;
  // Whatever part of the entry is there yet.
  for (size_t cut = whole.size() - 14; cut < whole.size(); ++cut) {
    segment.bytes = whole.substr(0, cut);
    segment.write(folder_);
    EXPECT_THAT(rest(*reader), IsEmpty()) << cut;
  }
  segment.bytes = whole;
  // A marker's room is taken before it is set.
  SegmentBytes later = segment;
  later.bytes += std::string(8, '\0');
  later.add("three");
  later.write(folder_);
  EXPECT_THAT(rest(*reader), ElementsAre("two"));
  segment.close_section();
  segment.add("three");
  segment.write(folder_);
  EXPECT_THAT(rest(*reader), ElementsAre("three"));
  reader->stop_at_markers();
  segment.add("four");
  segment.write(folder_);
  EXPECT_THAT(rest(*reader), IsEmpty());
}

TEST_F(SegmentReaderTest, GivesWhatIsSyncedByTheIndexFile) {
  SegmentBytes segment(4711);
  segment.add("one");
  const size_t first_end = segment.bytes.size();
  segment.add("two");
  segment.close_section();
  const std::string path = segment.write(folder_);
  const auto reader = open(path, LogVisibility::kSynced);
  EXPECT_THAT(rest(*reader), IsEmpty());
  const std::string index = path.substr(0, path.size() - 4) + "_cdc.idx";
  std::ofstream(index) << "";
  EXPECT_THAT(rest(*reader), IsEmpty());
  std::ofstream(index) << first_end;
  EXPECT_THAT(rest(*reader), ElementsAre("one"));
  std::ofstream(index) << first_end + 3;
  EXPECT_THAT(rest(*reader), IsEmpty());
  std::ofstream(index) << 1'000'000 << "\nCOMPLETED";
  EXPECT_THAT(rest(*reader), ElementsAre("two"));
}

TEST_F(SegmentReaderTest, TellsHowMuchIsMarkedAndNotGiven) {
  SegmentBytes segment(4711);
  const auto reader = open(segment.write(folder_));
  EXPECT_EQ(reader->unread_bytes(), 0);
  EXPECT_THAT(rest(*reader), IsEmpty());
  segment.add("one");
  segment.write(folder_);
  EXPECT_EQ(reader->unread_bytes(), 0) << "not marked";
  segment.close_section();
  segment.add("two");
  segment.close_section();
  segment.write(folder_);
  const auto entry = static_cast<int64_t>(SegmentBytes::entry("one").size());
  EXPECT_EQ(reader->unread_bytes(), 2 * entry + 8) << "two entries, a marker between them";
  ASSERT_TRUE(reader->next());
  EXPECT_EQ(reader->unread_bytes(), entry + 8);
  EXPECT_THAT(rest(*reader), ElementsAre("two"));
  EXPECT_EQ(reader->unread_bytes(), 0);
}

TEST_F(SegmentReaderTest, GoesOnAtAPlace) {
  SegmentBytes segment(4711);
  segment.add("one");
  segment.add("two");
  segment.close_section();
  segment.add("three");
  segment.close_section();
  const std::string path = segment.write(folder_);
  const auto reader = open(path);
  EXPECT_THAT(rest(*open(path, LogVisibility::kMarker, reader->place())),
              ElementsAre("one", "two", "three"));
  ASSERT_EQ(reader->next(), Step::kEntry);
  EXPECT_THAT(rest(*open(path, LogVisibility::kMarker, reader->place())),
              ElementsAre("two", "three"));
  reader->put_back();
  EXPECT_THAT(rest(*reader), ElementsAre("one", "two", "three"));
  EXPECT_THAT(rest(*open(path, LogVisibility::kMarker, reader->place())), IsEmpty());
}

TEST_F(SegmentReaderTest, LooksTwiceBeforeItPassesOverADamagedSection) {
  SegmentBytes segment(4711);
  segment.add("one");
  const size_t second = segment.bytes.size();
  segment.add("two");
  segment.close_section();
  segment.add("three");
  segment.close_section();
  SegmentBytes damaged = segment;
  damaged.bytes[second + 9] ^= 1;
  const auto reader = open(damaged.write(folder_));
  EXPECT_THAT(rest(*reader), ElementsAre("one"));
  EXPECT_THAT(rest(*reader), ElementsAre("!", "three"));
  EXPECT_THAT(reader->damage(), HasSubstr("4711"));

  const auto lucky = open(damaged.write(folder_));
  EXPECT_THAT(rest(*lucky), ElementsAre("one"));
  segment.write(folder_);
  EXPECT_THAT(rest(*lucky), ElementsAre("two", "three"));
}

TEST_F(SegmentReaderTest, KnowsAHoleFromAnEntry) {
  SegmentBytes segment(4711);
  segment.add("one");
  segment.bytes += std::string(3, '\0');  // no room for a size: not an entry
  segment.close_section();
  segment.add("two");
  segment.bytes += std::string(4, '\0');
  segment.close_section();
  const auto reader = open(segment.write(folder_));
  EXPECT_THAT(rest(*reader), ElementsAre("one", "two"));
  for (int look = 0; look < 100; ++look) {
    EXPECT_THAT(rest(*reader), IsEmpty()) << "the last section may not be seen whole yet";
  }
  segment.close_section();
  segment.write(folder_);
  EXPECT_THAT(rest(*reader), ElementsAre("!"));
}

TEST_F(SegmentReaderTest, ReadsEntriesLargerThanItsWindow) {
  const std::string large(700'000, 'x');
  SegmentBytes segment(4711);
  segment.add(large);
  segment.add("two");
  segment.add(large + "y");
  segment.close_section();
  EXPECT_THAT(rest(*open(segment.write(folder_))), ElementsAre(large, "two", large + "y"));
}

std::string lz4_section(const std::string& plain) {
  std::string block(static_cast<size_t>(LZ4_compressBound(static_cast<int>(plain.size()))), '\0');
  const int size = LZ4_compress_default(plain.data(), block.data(), static_cast<int>(plain.size()),
                                        static_cast<int>(block.size()));
  block.resize(static_cast<size_t>(size));
  std::string little(4, '\0');
  for (size_t i = 0; i < 4; ++i) {
    little[i] = static_cast<char>(plain.size() >> (8 * i));
  }
  return test::Bytes().integer(plain.size(), 4).text(little).text(block).str();
}

TEST_F(SegmentReaderTest, TellsHowMuchOfACompressedLogIsNotGiven) {
  SegmentBytes segment(4711, 7, R"({"compressionClass":"LZ4Compressor"})");
  const auto reader = open(segment.write(folder_));
  EXPECT_THAT(rest(*reader), IsEmpty());
  const size_t before = segment.bytes.size();
  segment.close_section_with(lz4_section(SegmentBytes::entry("one") + SegmentBytes::entry("two")));
  const auto written = static_cast<int64_t>(segment.bytes.size() - before);
  segment.write(folder_);
  EXPECT_EQ(reader->unread_bytes(), written);
  ASSERT_TRUE(reader->next());
  EXPECT_EQ(reader->unread_bytes(), written) << "a section is given, or it is not";
  EXPECT_THAT(rest(*reader), ElementsAre("two"));
  EXPECT_EQ(reader->unread_bytes(), 0);
}

TEST_F(SegmentReaderTest, DecompressesSections) {
  SegmentBytes segment(4711, 7, R"({"compressionClass":"LZ4Compressor"})");
  const auto reader = open(segment.write(folder_));
  EXPECT_THAT(rest(*reader), IsEmpty());
  segment.close_section_with(lz4_section(SegmentBytes::entry("one") + SegmentBytes::entry("two")));
  const std::string path = segment.write(folder_);
  ASSERT_EQ(reader->next(), Step::kEntry);
  EXPECT_TRUE(reader->compressed());
  const SegmentPlace place = reader->place();
  EXPECT_THAT(rest(*reader), ElementsAre("two"));
  EXPECT_THAT(rest(*open(path, LogVisibility::kMarker, place)), ElementsAre("two"));

  std::string damaged = lz4_section(SegmentBytes::entry("three"));
  damaged[3] ^= 1;  // another size
  segment.close_section_with(damaged);
  segment.close_section_with(lz4_section(SegmentBytes::entry("four")));
  segment.write(folder_);
  EXPECT_THAT(rest(*reader), IsEmpty());
  EXPECT_THAT(rest(*reader), ElementsAre("!", "four"));
}

TEST_F(SegmentReaderTest, RefusesWhatItCanNeverRead) {
  const auto refused = [&](const SegmentBytes& segment) {
    auto reader = SegmentReader::open(segment.write(folder_), LogVisibility::kMarker);
    if (!reader) {
      return reader.error();
    }
    const auto step = (*reader)->next();
    EXPECT_FALSE(step);
    return step ? Error() : step.error();
  };
  for (const auto& [segment, said] :
       {std::pair(SegmentBytes(1, 7, R"({"encCipher":"AES"})"), "encrypted"),
        std::pair(SegmentBytes(2, 7, R"({"compressionClass":"org.x.Own"})"), "org.x.Own"),
        std::pair(SegmentBytes(3, 6), "version 6")}) {
    const Error error = refused(segment);
    EXPECT_EQ(error.kind, ErrorKind::kConfig);
    EXPECT_THAT(error.message, HasSubstr(said));
    EXPECT_FALSE(error.hint.empty());
  }
  SegmentBytes renamed(5);
  renamed.write(folder_);
  std::filesystem::rename(renamed.path(folder_), folder_ / "CommitLog-7-6.log");
  EXPECT_FALSE(
      (*SegmentReader::open(folder_ / "CommitLog-7-6.log", LogVisibility::kMarker))->next());
}

TEST_F(SegmentReaderTest, WaitsForAHeader) {
  SegmentBytes segment(4711);
  segment.add("one");
  segment.close_section();
  const std::string whole = segment.bytes;
  for (size_t cut = 0; cut < 20; ++cut) {
    segment.bytes = whole.substr(0, cut);
    const auto reader = open(segment.write(folder_, 0));
    EXPECT_THAT(rest(*reader), IsEmpty()) << cut;
    segment.bytes = whole;
    segment.write(folder_);
    EXPECT_THAT(rest(*reader), ElementsAre("one")) << cut;
  }
}

TEST_F(SegmentReaderTest, ReadsOnWhenTheFileHasNoNameAnyMore) {
  SegmentBytes segment(4711);
  segment.add("one");
  segment.close_section();
  const std::string path = segment.write(folder_);
  const auto reader = open(path);
  EXPECT_FALSE(*reader->is_unlinked());
  std::filesystem::remove(path);
  EXPECT_TRUE(*reader->is_unlinked());
  EXPECT_THAT(rest(*reader), ElementsAre("one"));
}

}  // namespace
}  // namespace hirestream
