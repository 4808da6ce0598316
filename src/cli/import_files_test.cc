#include "cli/import_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <utility>

#include "adapters/files/file_writers.h"

namespace hirestream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kId1 = "b54adc00-6207-11ef-8000-000000000001";
const std::string kId2 = "b54adc00-6207-11ef-8000-000000000002";
const std::string kId3 = "b54adc00-6207-11ef-8000-000000000003";

// A raw log in memory whose `bid` column takes numbers only; checks all rows of a write before it
// stores any.
class MemoryWriter : public RawLogWriter {
 public:
  Result<void> write(std::span<const RawEvent> events) override {
    if (before_write) {
      before_write();
    }
    if (failures_left > 0) {
      --failures_left;
      return fail(ErrorKind::kTransient, "write", "memory", "lost connection");
    }
    for (const RawEvent& event : events) {
      if (event[RawColumn::kBid] == "free") {
        return fail(ErrorKind::kRejected, "write", "bid", "\"free\" is not a number");
      }
    }
    for (const RawEvent& event : events) {
      rows[*event[RawColumn::kCreateTime]] = event;
    }
    return {};
  }
  Result<void> finish() override { return {}; }

  std::map<std::string, RawEvent> rows;
  int failures_left = 0;
  std::function<void()> before_write = nullptr;
};

class FileImporterTest : public testing::Test {
 protected:
  FileImporterTest()
      : directory_(std::filesystem::temp_directory_path() /
                   ("import_files_test_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(directory_);
  }
  ~FileImporterTest() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& content) {
    const std::string path = directory_ / name;
    std::ofstream(path) << content;
    return path;
  }
  // Errors of the attempts, and whether the pauses stayed within the patience.
  std::vector<std::string> told_within(int64_t give_up_after_us) {
    std::vector<std::string> told;
    int64_t paused_us = 0;
    const auto on_retry = [&](const Error& error, int attempt, int64_t delay_us) {
      told.push_back(std::to_string(attempt) + " " + error.message);
      paused_us += delay_us;
    };
    FileImporter importer({.files = {file("a.csv", "create_time\n" + kId1 + "\n")},
                           .give_up_after_us = give_up_after_us,
                           .on_retry = on_retry},
                          writer_, [](int64_t, const ImportReport&) {});
    EXPECT_FALSE(importer.run({}));
    EXPECT_LE(paused_us, give_up_after_us);
    return told;
  }
  Result<ImportReport> import(std::vector<std::string> files, bool skip = false) {
    FileImporter importer({.files = std::move(files), .skip_bad_rows = skip, .batch_rows = 2},
                          writer_, [](int64_t, const ImportReport&) {});
    HIRESTREAM_TRY(importer.run({}));
    return importer.report();
  }

  MemoryWriter writer_;

 private:
  std::filesystem::path directory_;
};

TEST_F(FileImporterTest, TellsEachFailureAndGivesUpInTime) {
  writer_.failures_left = 1000;
  // The first pause is 100 to 200 ms, the second what is left of the time.
  EXPECT_THAT(told_within(300'000), ElementsAre("1 lost connection", "2 lost connection"));
  EXPECT_THAT(told_within(0), ElementsAre());
}

TEST_F(FileImporterTest, TellsTheFormatByEndingsInCapitals) {
  const auto report = import({file("A.CSV", "create_time\n" + kId1 + "\n"),
                              file("b.Jsonl", R"({"create_time":")" + kId2 + "\"}\n")});
  ASSERT_TRUE(report.has_value()) << report.error().text();
  EXPECT_EQ(report->rows_written, 2);
}

TEST_F(FileImporterTest, MovesRowsOfCsvAndNdjson) {
  const auto report =
      import({file("a.csv", "ts,create_time,bid\nT," + kId1 + ",1.5\n"),
              file("b.ndjson", R"({"create_time":")" + kId2 + R"(","bid":2})" + "\n")});
  ASSERT_TRUE(report.has_value()) << report.error().text();
  EXPECT_EQ(report->files, 2);
  EXPECT_EQ(report->rows_written, 2);
  EXPECT_EQ(writer_.rows.at(kId1)[RawColumn::kBid], "1.5");
  EXPECT_EQ(writer_.rows.at(kId1)[RawColumn::kTs], "T");
  EXPECT_EQ(writer_.rows.at(kId2)[RawColumn::kBid], "2");
  EXPECT_FALSE(writer_.rows.at(kId2)[RawColumn::kTs].has_value());
}

TEST_F(FileImporterTest, LeavesOutExactRepeatsAcrossFilesAndLetsTheLaterVersionStay) {
  const auto report = import(
      {file("a.csv", "create_time,ts,bid\n" + kId1 + ",,1\n" + kId1 + ",,1\n"),
       file("b.csv", "create_time,ts,bid\n" + kId1 + ",,1\n" + kId1 + ",,2\n" + kId2 + ",,3\n")});
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->rows_read, 5);
  EXPECT_EQ(report->rows_written, 3);
  EXPECT_EQ(report->duplicates, 2);
  EXPECT_EQ(report->overwritten, 1);
  EXPECT_EQ(writer_.rows.at(kId1)[RawColumn::kBid], "2");
}

TEST_F(FileImporterTest, WritesTheLastVersionOnlyIntoAFile) {
  const std::vector<std::string> files = {
      file("a.csv", "create_time,ts,bid\n" + kId1 + ",,1\n" + kId1 + ",,2\n" + kId2 + ",,1\n"),
      file("b.csv", "create_time,ts,bid\n" + kId1 + ",,3\n" + kId2 + ",,5\n" + kId2 + ",,1\n" +
                        kId3 + ",,4\n" + kId3 + ",,\xFF\n")};
  const std::string path = file("new.csv", "");
  const auto writer = CsvWriter::create(path).value();
  FileImporter importer({.files = files, .skip_bad_rows = true, .batch_rows = 2}, *writer,
                        [](int64_t, const ImportReport&) {});
  const auto done = importer.run({});
  ASSERT_TRUE(done.has_value()) << done.error().text();
  const ImportReport& report = importer.report();
  EXPECT_EQ(report.files, 2);
  EXPECT_EQ(report.rows_read, 8);
  EXPECT_EQ(report.rows_written, 3);
  EXPECT_EQ(report.superseded, 3);
  EXPECT_EQ(report.duplicates, 1);
  EXPECT_EQ(report.bad_rows, 1);
  const auto written = import({path});
  ASSERT_TRUE(written.has_value()) << written.error().text();
  EXPECT_EQ(written->rows_read, 3);
  EXPECT_EQ(writer_.rows.at(kId1)[RawColumn::kBid], "3");
  EXPECT_EQ(writer_.rows.at(kId2)[RawColumn::kBid], "1");
  EXPECT_EQ(writer_.rows.at(kId3)[RawColumn::kBid], "4");
}

TEST_F(FileImporterTest, FilesThatChangeBetweenTheReadingsAreRefused) {
  const std::string path = file("a.csv", "create_time,ts\n" + kId1 + ",\n" + kId2 + ",\n");
  const auto writer = CsvWriter::create(file("new.csv", "")).value();
  bool changed = false;
  FileImporter importer({.files = {path}}, *writer, [&](int64_t, const ImportReport&) {
    if (!std::exchange(changed, true)) {
      file("a.csv", "create_time,ts\n" + kId1 + ",\n");
    }
  });
  const auto done = importer.run({});
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().message, HasSubstr("changed while being read"));
}

TEST_F(FileImporterTest, AFileIsMadeAsAWholeOrNotAtAll) {
  const std::string source = file("a.csv", "create_time,ts\n" + kId1 + ",\n" + kId2 + ",\nx,\n");
  const std::string path = file("new.csv", "old");
  for (const bool skip : {true, false}) {
    std::stop_source stop;
    auto writer = CsvWriter::create(path).value();
    FileImporter importer({.files = {source}, .skip_bad_rows = skip, .batch_rows = 1}, *writer,
                          [&](int64_t, const ImportReport& report) {
                            if (report.rows_written > 0) {
                              stop.request_stop();
                            }
                          });
    const auto done = importer.run(stop.get_token());
    EXPECT_EQ(done.has_value(), skip);
    EXPECT_EQ(importer.report().interrupted, skip);
    EXPECT_EQ(importer.report().kept, !skip);
    EXPECT_EQ(importer.report().rows_written, 0);
    if (!done) {
      EXPECT_THAT(done.error().hint, HasSubstr("no row was kept"));
    }
    writer.reset();
    std::string text;
    std::ifstream(path) >> text;
    EXPECT_EQ(text, "old");
  }
}

TEST_F(FileImporterTest, AVersionThatComesBackIsWrittenAgain) {
  const auto report = import(
      {file("a.csv", "create_time,ts,bid\n" + kId1 + ",,1\n" + kId1 + ",,2\n" + kId1 + ",,1\n")});
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(writer_.rows.at(kId1)[RawColumn::kBid], "1");
}

TEST_F(FileImporterTest, ReadsIdsAsTheyAreCountedAndStoresThemInOneForm) {
  const auto report = import({file("a.csv", "create_time,ts\n\" " + kId1 + " \",\n{" + kId2 +
                                                "},\nB54ADC00-6207-11EF-8000-000000000003,\n" +
                                                kId3 + ",\n{" + kId1 + ",\n")},
                             true);
  ASSERT_TRUE(report.has_value()) << report.error().text();
  EXPECT_EQ(report->rows_written, 3);
  EXPECT_EQ(report->duplicates, 1);
  EXPECT_EQ(report->bad_rows, 1);
  EXPECT_TRUE(writer_.rows.contains(kId1));
  EXPECT_TRUE(writer_.rows.contains(kId2));
  EXPECT_TRUE(writer_.rows.contains(kId3));
}

TEST_F(FileImporterTest, StopsAtABadRowNamingFileLineAndReason) {
  const std::string path =
      file("a.csv", "create_time,ts,bid\n" + kId1 + ",,1\n" + kId2 + ",,free\n" + kId3 + ",,3\n");
  const auto report = import({path});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(report.error().subject, path + ":3");
  EXPECT_THAT(report.error().message, HasSubstr("\"free\" is not a number"));
  EXPECT_THAT(report.error().hint, HasSubstr("1 rows before it"));
  EXPECT_EQ(writer_.rows.size(), 1U);
}

TEST_F(FileImporterTest, WritesWhatStandsBeforeAMalformedRow) {
  const auto report =
      import({file("a.csv", "create_time,ts\n" + kId1 + ",\nnot-a-uuid,\n" + kId3 + ",\n")});
  ASSERT_FALSE(report.has_value());
  EXPECT_THAT(report.error().subject, HasSubstr("a.csv:3"));
  EXPECT_THAT(report.error().message, HasSubstr("not-a-uuid"));
  EXPECT_EQ(writer_.rows.size(), 1U);
}

TEST_F(FileImporterTest, SkipsBadRowsWhenAskedAndCountsThem) {
  const std::string path = file("a.csv", "create_time,ts,bid\n" + kId1 + ",,1\n" + kId2 +
                                             ",,free\nnope,,1\n,,1\n" + kId3 + ",,3\nx,y\n");
  const auto report = import({path}, true);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->rows_read, 6);
  EXPECT_EQ(report->rows_written, 2);
  EXPECT_EQ(report->bad_rows, 4);
  ASSERT_EQ(report->bad_sample.size(), 4U);
  std::vector<int64_t> lines;
  for (const BadRow& bad : report->bad_sample) {
    EXPECT_EQ(bad.file, path);
    lines.push_back(bad.line);
  }
  EXPECT_THAT(lines, testing::UnorderedElementsAre(3, 4, 5, 7));
  EXPECT_TRUE(writer_.rows.contains(kId3));
}

TEST_F(FileImporterTest, TriesAgainAfterAPassingError) {
  writer_.failures_left = 2;
  const auto report = import({file("a.csv", "create_time,ts\n" + kId1 + ",\n")});
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->retries, 2);
  EXPECT_EQ(writer_.rows.size(), 1U);
}

TEST_F(FileImporterTest, EndsWithoutAnErrorWhenStoppedWhileAWriteFails) {
  std::stop_source stop;
  const auto on_retry = [&](const Error&, int, int64_t) { stop.request_stop(); };
  FileImporter importer(
      {.files = {file("a.csv", "create_time,ts\n" + kId1 + ",\n" + kId2 + ",\n" + kId3 + ",\n")},
       .batch_rows = 2,
       .on_retry = on_retry},
      writer_, [&](int64_t, const ImportReport&) { writer_.failures_left = 1000; });
  const auto done = importer.run(stop.get_token());
  ASSERT_TRUE(done.has_value()) << done.error().text();
  EXPECT_TRUE(importer.report().interrupted);
  EXPECT_EQ(importer.report().rows_read, 2);
  EXPECT_EQ(importer.report().rows_written, 2);
}

TEST_F(FileImporterTest, ReadsColumnsOfOtherNamesAndWordsForNull) {
  ReadingRules rules;
  rules.names[static_cast<size_t>(Column::kCreateTime)] = "event_id";
  rules.names[static_cast<size_t>(Column::kTs)] = "created_at";
  const auto import_with = [&](const std::string& path) {
    FileImporter importer({.files = {path}, .rules = rules}, writer_,
                          [](int64_t, const ImportReport&) {});
    return importer.run({});
  };
  ASSERT_TRUE(import_with(file("a.csv", "event_id,created_at,ts,bid\n" + kId1 + ",T,U,NULL\n")));
  EXPECT_EQ(writer_.rows.at(kId1)[RawColumn::kTs], "T");
  EXPECT_EQ(writer_.rows.at(kId1)[RawColumn::kBid], std::nullopt);
  const auto refused = import_with(file("b.csv", "event_id,ts\n" + kId2 + ",U\n"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("no column created_at"));
}

// Its last row may be cut off and still look whole: here the bid is 30.
TEST_F(FileImporterTest, KeepsTheLastRowOfAFileBackThatChangesWhileItIsRead) {
  const std::string path =
      file("a.csv", "create_time,bid\n" + kId1 + ",1\n" + kId2 + ",2\n" + kId3 + ",3");
  writer_.before_write = [&] { std::ofstream(path, std::ios::app) << "0\n"; };
  FileImporter importer({.files = {path}, .batch_rows = 1}, writer_,
                        [](int64_t, const ImportReport&) {});
  const auto done = importer.run({});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(done.error().message, HasSubstr("changed while being read"));
  EXPECT_EQ(writer_.rows.size(), 2U);
  EXPECT_FALSE(writer_.rows.contains(kId3));
}

TEST_F(FileImporterTest, RefusesAFileWhoseNameTellsNoFormat) {
  const auto report = import({file("a.txt", "")});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(report.error().hint, HasSubstr("*.ndjson"));
}

}  // namespace
}  // namespace hirestream
