#include "adapters/files/file_writers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "adapters/files/record_reader.h"
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

std::vector<RawEvent> read_all(FileFormat format, const std::string& path) {
  std::vector<WantedColumn> wanted;
  for (const std::string_view name : kRawColumnNames) wanted.push_back({name});
  const auto reader = open_record_reader(format, path, wanted).value();
  std::vector<RawEvent> all;
  for (Record record; reader->next(record).value();) {
    EXPECT_EQ(record.malformed, "") << record.line;
    RawEvent& event = all.emplace_back();
    for (size_t index = 0; index < event.values.size(); ++index) {
      if (record.values[index]) event.values[index].emplace(*record.values[index]);
    }
  }
  EXPECT_EQ(reader->file_bytes(), static_cast<int64_t>(std::filesystem::file_size(path)));
  return all;
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

  const std::vector<RawEvent> found = read_all(format, path);
  ASSERT_EQ(found.size(), events.size());
  for (size_t index = 0; index < events.size(); ++index) {
    EXPECT_EQ(found[index].values, events[index].values) << index;
  }
}

INSTANTIATE_TEST_SUITE_P(FileWriters, EveryFileKind,
                         ::testing::Values(".csv", ".csv.gz", ".csv.zst", ".ndjson", ".jsonl.gz",
                                           ".ndjson.zst"),
                         [](const auto& kind) {
                           std::string name = kind.param.substr(1);
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

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
