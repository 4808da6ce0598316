#include "cli/generate_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace hirestream {
namespace {

using testing::HasSubstr;

class JournalTest : public testing::Test {
 protected:
  JournalTest()
      : directory_(std::filesystem::temp_directory_path() /
                   ("journal_test_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(directory_);
  }
  ~JournalTest() override { std::filesystem::remove_all(directory_); }
  std::string path(const std::string& name) const { return directory_ / name; }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path directory_;
};

RawEvent event_with_text(const std::string& text) {
  RawEvent event;
  event[RawColumn::kCreateTime] = "id";
  event[RawColumn::kEd] = text;  // GCC 12 loses it without -fno-strict-aliasing
  return event;
}

TEST_F(JournalTest, QuotesCsvAsRfc4180Says) {
  auto journal = Journal::open(path("a.csv"));
  ASSERT_TRUE(journal.has_value());
  const RawEvent event = event_with_text("{\"a\":1,\n2}");
  ASSERT_TRUE(journal->append(std::span(&event, 1)).has_value());
  EXPECT_EQ(content(path("a.csv")).substr(content(path("a.csv")).find('\n') + 1),
            "id,,,,,,,,,\"{\"\"a\"\":1,\n2}\",,,,,,,,,,,,,,,,,,,\n");
}

TEST_F(JournalTest, LeavesNullsOutOfNdjsonAndEscapesText) {
  auto journal = Journal::open(path("a.ndjson"));
  ASSERT_TRUE(journal.has_value());
  const RawEvent event = event_with_text("\"\\\n");
  ASSERT_TRUE(journal->append(std::span(&event, 1)).has_value());
  EXPECT_EQ(content(path("a.ndjson")), "{\"create_time\":\"id\",\"ed\":\"\\\"\\\\\\n\"}\n");
}

TEST_F(JournalTest, RowsAreInTheFileWhenAppendReturnsAndAnOldFileIsContinued) {
  const RawEvent event = event_with_text("x");
  for (int round = 0; round < 2; ++round) {
    auto journal = Journal::open(path("a.csv"));
    ASSERT_TRUE(journal.has_value());
    ASSERT_TRUE(journal->append(std::span(&event, 1)).has_value());
    const std::string text = content(path("a.csv"));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2 + round);
  }
}

TEST_F(JournalTest, SaysOnAFullDiskWhereTheRowsAre) {
  const RawEvent event = event_with_text("x");
  const auto hint_of = [&](const std::string& name, RawLogFate fate) {
    std::filesystem::create_symlink("/dev/full", path(name));
    auto journal = Journal::open(path(name), fate);
    const auto written =
        journal ? journal->append(std::span(&event, 1)) : Result<void>(forward(journal.error()));
    return written ? "" : written.error().hint;
  };
  EXPECT_THAT(hint_of("a.ndjson", RawLogFate::kKept), HasSubstr("are in the raw log"));
  EXPECT_THAT(hint_of("b.ndjson", RawLogFate::kDiscarded), HasSubstr("are in no raw log"));
  EXPECT_EQ(hint_of("c.csv", RawLogFate::kKept), "free some space") << "already of the header";
}

TEST_F(JournalTest, RefusesANameWithoutAFormat) {
  const auto journal = Journal::open(path("a.txt"));
  ASSERT_FALSE(journal.has_value());
  EXPECT_EQ(journal.error().kind, ErrorKind::kConfig);
}

}  // namespace
}  // namespace hirestream
