#include "adapters/files/raw_event_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "adapters/files/file_writers.h"
#include "adapters/files/temporary_folder_test.h"

namespace hirestream {
namespace {

using ::testing::HasSubstr;

std::vector<RawEvent> random_events(size_t count) {
  std::mt19937 random(7);
  const std::vector<std::string> pieces = {",",
                                           "\"",
                                           "\n",
                                           "\r\n",
                                           "\\",
                                           "x",
                                           "\xC3\xA4",
                                           "\t",
                                           "1",
                                           "{\"jobId\":\"188\"}",
                                           std::string(1, '\0')};
  std::vector<RawEvent> events(count);
  for (size_t index = 0; index < count; ++index) {
    for (auto& value : events[index].values) {
      if (random() % 2 == 0) continue;
      value.emplace();
      for (auto left = 1 + random() % 4; left > 0; --left)
        *value += pieces[random() % pieces.size()];
    }
    events[index][RawColumn::kCreateTime] = "id " + std::to_string(index);
    events[index][RawColumn::kJobId] = std::to_string(random() % 1000);
    events[index][RawColumn::kBid] = index % 2 == 0 ? "1.50" : "01.5";
  }
  return events;
}

std::vector<RawEvent> read_all(RawEventReader& reader, size_t rows_max) {
  std::vector<RawEvent> all;
  std::vector<RawEvent> events;
  for (;;) {
    const auto outcome = reader.next(events, rows_max);
    EXPECT_TRUE(outcome) << outcome.error().text();
    if (events.empty()) return all;
    EXPECT_LE(events.size(), rows_max);
    all.insert(all.end(), events.begin(), events.end());
  }
}

class EveryFileKind : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryFileKind, GivesBackEveryColumnAsItWasWritten) {
  const TemporaryFolder folder;
  const std::string path = folder.path("events" + GetParam());
  const FileFormat format = GetParam().starts_with(".csv") ? FileFormat::kCsv : FileFormat::kNdjson;
  const std::vector<RawEvent> events = random_events(3000);
  std::unique_ptr<RawLogWriter> writer;
  if (format == FileFormat::kCsv) {
    writer = CsvWriter::create(path).value();
  } else {
    writer = NdjsonWriter::create(path).value();
  }
  ASSERT_TRUE(writer->write(std::span(events).first(1000)));
  ASSERT_TRUE(writer->write(std::span(events).subspan(1000)));
  ASSERT_TRUE(writer->finish());

  auto reader = RawEventReader::open(format, path, [](const MalformedRow& row) {
    ADD_FAILURE() << row.line << ": " << row.reason;
  });
  ASSERT_TRUE(reader) << reader.error().text();
  const std::vector<RawEvent> found = read_all(*reader, 700);
  ASSERT_EQ(found.size(), events.size());
  for (size_t index = 0; index < events.size(); ++index) {
    EXPECT_EQ(found[index].values, events[index].values) << index;
  }
  EXPECT_EQ(reader->bytes_read(), reader->bytes_total());
}

INSTANTIATE_TEST_SUITE_P(RawEventReader, EveryFileKind,
                         ::testing::Values(".csv", ".csv.gz", ".csv.zst", ".ndjson", ".jsonl.gz",
                                           ".ndjson.zst"),
                         [](const auto& kind) {
                           std::string name = kind.param.substr(1);
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST(RawEventReader, ReportsRowsThatCannotBeImported) {
  const TemporaryFolder folder;
  folder.write("a.csv", "create_time,ts\nx,\n1,2,3\n,2022-07-01\n");
  folder.write("b.csv", "ts,create_time\n,y\n\"open,z\n");
  std::vector<std::string> reports;
  auto reader = RawEventReader::open(FileFormat::kCsv, folder.path(), [&](const MalformedRow& row) {
    reports.push_back(std::filesystem::path(row.file).filename().string() + ":" +
                      std::to_string(row.line) + " " + row.reason + " [" + row.beginning + "]");
  });
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->file_count(), 2U);
  const std::vector<RawEvent> events = read_all(*reader, 100);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0][RawColumn::kCreateTime], "x");
  EXPECT_EQ(events[1][RawColumn::kCreateTime], "y");
  EXPECT_EQ(events[1][RawColumn::kTs], std::nullopt);
  EXPECT_THAT(reports, ::testing::ElementsAre("a.csv:3 3 fields where the header has 2 [1,2,3]",
                                              "a.csv:4 no create_time [,2022-07-01]",
                                              "b.csv:3 a quote is never closed [\"open,z]"));
}

TEST(RawEventReader, RefusesFoldersWithoutFilesAndHeadersWithoutColumns) {
  const TemporaryFolder folder;
  EXPECT_EQ(RawEventReader::open(FileFormat::kCsv, folder.path(), {}).error().kind,
            ErrorKind::kConfig);
  folder.write("a.csv", "id,ts\n");
  auto reader = RawEventReader::open(FileFormat::kCsv, folder.path(), {});
  ASSERT_TRUE(reader);
  std::vector<RawEvent> events;
  const auto outcome = reader->next(events, 10);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().text(), HasSubstr("no column create_time"));
}

TEST(FileWriters, RefuseTextThatIsNoUtf8) {
  const TemporaryFolder folder;
  std::vector<RawEvent> events(1);
  events[0][RawColumn::kCreateTime] = "x";
  events[0][RawColumn::kUa] = "\xFF";
  const auto outcome = CsvWriter::create(folder.path("a.csv")).value()->write(events);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::kRejected);
  EXPECT_THAT(outcome.error().message, HasSubstr("row x: ua is no valid UTF-8: \\xff"));
}

TEST(NdjsonWriter, WritesNumbersAsTheyStandAndLeavesNullsOut) {
  const TemporaryFolder folder;
  std::vector<RawEvent> events(2);
  events[0][RawColumn::kCreateTime] = "x";
  events[0][RawColumn::kBid] = "1.40";
  events[0][RawColumn::kJobId] = "007";
  events[0][RawColumn::kEv] = "1";
  events[0][RawColumn::kPublisherId] = "-7";
  auto writer = NdjsonWriter::create(folder.path("a.ndjson")).value();
  ASSERT_TRUE(writer->write(events));
  ASSERT_TRUE(writer->finish());
  EXPECT_EQ(folder.read("a.ndjson"),
            "{\"create_time\":\"x\",\"bid\":1.40,\"ev\":\"1\",\"job_id\":\"007\",\"publisher_id\":-"
            "7}\n{}\n");
}

}  // namespace
}  // namespace hirestream
