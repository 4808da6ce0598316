#include "adapters/files/files_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>

#include "adapters/files/byte_sink.h"
#include "adapters/files/temporary_folder_test.h"
#include "ports/drain_sweep_test.h"

namespace hirestream {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using namespace std::string_literals;

constexpr char kHeader[] = "create_time,custom_track,bid\n";

// For files without ts.
ReadingRules by_arrival() {
  ReadingRules rules;
  rules.arrival_is_event_time = true;
  return rules;
}

std::string uuid(int number) {
  return format_uuid(make_version_1(16'566'000'000'000'000 + number, 1, 1));
}

// "ID BID" of good rows ("-": null), "REASON TEXT" of the others.
void add_rows(const TrackingBatch& batch, std::vector<std::string>& rows) {
  for (size_t row = 0; row < batch.rows(); ++row) {
    if (const auto bad = batch.bad_cells(row); !bad.empty()) {
      rows.push_back(bad[0].reason + " " + bad[0].text);
    } else {
      rows.push_back(format_uuid(batch.id(row)) + " " +
                     (batch.status(Column::kBid, row) == CellStatus::kValue
                          ? std::to_string(batch.integer(Column::kBid, row))
                          : "-"));
    }
  }
}

class FilesSourceTest : public ::testing::Test {
 protected:
  std::unique_ptr<FilesSource> open(const std::string& name = {}) {
    auto source = FilesSource::open({FileFormat::kCsv, folder_.path(name), by_arrival()});
    EXPECT_TRUE(source) << source.error().text();
    return std::move(*source);
  }
  std::vector<SliceRead> all_slices(FilesSource& source) {
    std::vector<SliceRead> reads;
    const auto slices = source.discover({}).value();
    for (const SliceListing& slice : slices) reads.push_back({slice.key, {}});
    return reads;
  }
  Result<std::vector<std::string>> rows(FilesSource& source, std::vector<SliceRead> reads) {
    std::vector<std::string> rows;
    HIRESTREAM_TRY(drain_sweep(source, {.what = std::move(reads)},
                               [&](const SweepPage& page) { add_rows(page.rows, rows); }));
    return rows;
  }
  // Of one file, which may begin again.
  std::vector<std::string> rows_anew(FilesSource& source, int& begun_anew) {
    std::vector<std::string> rows;
    const auto drained = drain_sweep(source, {.what = all_slices(source), .may_begin_anew = true},
                                     [&](const SweepPage& page) {
                                       if (page.anew) {
                                         rows.clear();
                                         ++begun_anew;
                                       }
                                       add_rows(page.rows, rows);
                                     });
    EXPECT_TRUE(drained) << drained.error().text();
    return rows;
  }
  Result<std::vector<std::string>> rows() {
    auto source = open();
    return rows(*source, all_slices(*source));
  }
  TemporaryFolder folder_;
};

TEST_F(FilesSourceTest, ListsEachFileAsASliceNamedByItsPath) {
  folder_.write("a.csv", kHeader);
  folder_.write("b.csv", kHeader);
  auto source = open();
  const auto slices = source->discover({}).value();
  ASSERT_EQ(slices.size(), 2U);
  EXPECT_LT(slices[0].key, slices[1].key);
  EXPECT_THAT((std::vector{slices[0].name, slices[1].name}),
              UnorderedElementsAre(folder_.path("a.csv"), folder_.path("b.csv")));
  for (const SliceListing& slice : slices) {
    EXPECT_EQ(slice.key, (SliceKey{0, bucket_of_path(slice.name)}));
    EXPECT_GE(slice.key.bucket, 0);
    EXPECT_EQ(slice.tag, current_version(slice.name)->tag);
  }
  EXPECT_EQ(source->description().strategy, Strategy::kFiles);
  EXPECT_EQ(source->description().kind, "csv");
  EXPECT_EQ(source->description().identity, folder_.path());
  EXPECT_FALSE(source->description().range_reads);
}

TEST_F(FilesSourceTest, ReadsSlicesThatThisProcessHasNotListed) {
  folder_.write("a.csv", kHeader + uuid(1) + ",,1\n");
  auto source = open();
  const SliceKey slice{0, bucket_of_path(folder_.path("a.csv"))};
  EXPECT_THAT(rows(*source, {{slice, Position{5}}}).value(), ElementsAre(uuid(1) + " 1000000"));
  EXPECT_EQ(source->statistics().rows, 1);
  EXPECT_GT(source->statistics().bytes, 0);
}

TEST_F(FilesSourceTest, DeliversEqualRowsOfAFileOnce) {
  const std::string row = uuid(1) + ",,1\n";
  folder_.write("a.csv", kHeader + row + uuid(2) + ",,2\n" + row + row);
  EXPECT_THAT(rows().value(), ElementsAre(uuid(1) + " 1000000", uuid(2) + " 2000000"));
}

TEST_F(FilesSourceTest, DeliversTheGreatestBytesOfRowsWithOneId) {
  folder_.write("a.csv", kHeader + uuid(1) + ",,1\n" + uuid(2) + ",,9\n" + uuid(1) + ",,3\n" +
                             uuid(2) + ",,7\n" + uuid(3) + ",,5\n" + uuid(1) + ",,2\n" + uuid(1) +
                             ",,3\n");
  EXPECT_THAT(rows().value(), UnorderedElementsAre(uuid(1) + " 3000000", uuid(2) + " 9000000",
                                                   uuid(3) + " 5000000"));
}

TEST_F(FilesSourceTest, TellsEqualRowsFromOthersWhateverTheirIdsAndNumber) {
  const auto id_of = [](int id) { return id == 0 ? format_uuid(RowId()) : uuid(id); };
  const auto bid_of = [](int id) { return std::to_string(1 + id % 7); };
  std::string text = kHeader;
  // Every id comes twice, every third time with other bytes; the nil id is one of them.
  for (int row = 0; row < 10'000; ++row) {
    const int id = row % 5000;
    const bool other = row >= 5000 && id % 3 == 0;
    text += id_of(id) + ",," + (other ? "0" : bid_of(id)) + "\n";
  }
  folder_.write("a.csv", text);
  std::vector<std::string> expected;
  for (int id = 0; id < 5000; ++id) expected.push_back(id_of(id) + " " + bid_of(id) + "000000");
  std::vector<std::string> found = rows().value();
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(found, expected);
}

TEST_F(FilesSourceTest, TakesOneIdInTwoFilesAsTwoRows) {
  folder_.write("a.csv", kHeader + uuid(1) + ",,1\n");
  folder_.write("b.csv", kHeader + uuid(1) + ",,1\n");
  EXPECT_EQ(rows()->size(), 2U);
}

TEST_F(FilesSourceTest, DeliversEveryRowItCannotUnderstandWithFileAndLine) {
  const std::string file = folder_.write(
      "a.csv",
      kHeader + uuid(1) + ",,1\n1,2\n1,2\n\xFF,,\n,2022-07-01,3\n,2022-07-01,3\nno-uuid,,4\n");
  EXPECT_THAT(rows().value(),
              ElementsAre(uuid(1) + " 1000000",
                          "row_malformed " + file + ":3: 2 fields where the header has 3: 1,2",
                          "row_malformed " + file + ":4: 2 fields where the header has 3: 1,2",
                          "row_malformed " + file + ":5: invalid UTF-8: \\xff,,",
                          "create_time_missing " + file + ":6: no create_time: ,2022-07-01,3",
                          "create_time_missing " + file + ":7: no create_time: ,2022-07-01,3",
                          "create_time_unreadable no-uuid"));
}

// Three clicks whose writer put the date where the id belongs are three rows.
TEST_F(FilesSourceTest, TakesEachRowWithoutAReadableIdAsOneOfItsOwn) {
  folder_.write("a.csv", kHeader + "2026-07-01,,1\n"s + "2026-07-01,,2\n" + "2026-07-01,,2\n" +
                             uuid(1) + ",,1\n");
  auto source = open();
  std::set<RowId> ids;
  ASSERT_TRUE(drain_sweep(*source, {.what = all_slices(*source)}, [&](const SweepPage& page) {
    for (size_t row = 0; row < page.rows.rows(); ++row) ids.insert(page.rows.id(row));
  }));
  EXPECT_EQ(ids.size(), 4U);
  EXPECT_THAT(rows().value(),
              ElementsAre("create_time_unreadable 2026-07-01", "create_time_unreadable 2026-07-01",
                          "create_time_unreadable 2026-07-01", uuid(1) + " 1000000"));
}

TEST_F(FilesSourceTest, KnowsAnyTextAsAnIdWhateverBlanksAreAroundIt) {
  folder_.write("a.csv", kHeader + "order 1,,1\n"s + " order 1 ,,1\n" + "order 2,,1\n");
  ReadingRules rules = by_arrival();
  rules.any_text_is_id = true;
  auto source = FilesSource::open({.path = folder_.path(), .rules = rules}).value();
  EXPECT_EQ(rows(*source, all_slices(*source))->size(), 2U);
}

// A bad escape shows only where a text is given: what is malformed is the same in each pass.
TEST_F(FilesSourceTest, DeliversTheGoodRowOfAnIdThatAMalformedOneHasToo) {
  const auto row = [](int id, const std::string& track, int bid) {
    return R"({"create_time":")" + uuid(id) + R"(","custom_track":")" + track + R"(","bid":)" +
           std::to_string(bid) + "}\n";
  };
  folder_.write("a.ndjson", row(1, "click", 1) + row(1, "click\\q", 1) + row(2, "click", 1) +
                                row(2, "click", 2));
  for (const size_t ids_max : {kFileIdsMax, size_t{1}}) {
    auto source = FilesSource::open({.format = FileFormat::kNdjson,
                                     .path = folder_.path(),
                                     .rules = by_arrival(),
                                     .ids_max = ids_max})
                      .value();
    const auto expected = UnorderedElementsAre(uuid(1) + " 1000000", HasSubstr("row_malformed"),
                                               uuid(2) + " 2000000");
    EXPECT_THAT(rows(*source, all_slices(*source)).value(), expected) << ids_max;
    int begun_anew = 0;
    EXPECT_THAT(rows_anew(*source, begun_anew), expected) << ids_max;
  }
}

TEST_F(FilesSourceTest, SaysOfAFileThatItMayNotLookAtWhy) {
  folder_.write("b.csv", kHeader);
  std::filesystem::create_symlink(folder_.path("a.csv"), folder_.path("a.csv"));
  auto source = open();
  EXPECT_EQ(all_slices(*source).size(), 2U);
  const auto read =
      rows(*source, {{SliceKey{0, bucket_of_path(folder_.path("a.csv"))}, std::nullopt}});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(read.error().operation, "open file");
  EXPECT_THAT(read.error().message, HasSubstr("symbolic links"));
}

TEST_F(FilesSourceTest, GivesPagesOfOneFileAfterTheOther) {
  std::string many = kHeader;
  for (int number = 0; number < 20'000; ++number) many += uuid(number) + ",,1\n";
  folder_.write("a.csv", kHeader + uuid(1) + ",,1\n");
  folder_.write("b.csv", many);
  const SliceKey one{0, bucket_of_path(folder_.path("a.csv"))};
  const SliceKey other{0, bucket_of_path(folder_.path("b.csv"))};
  std::vector<SliceKey> slices;
  size_t rows = 0;
  const auto outcome =
      drain_sweep(*open(), {.what = std::vector<SliceRead>{{other, {}}, {one, {}}}},
                  [&](const SweepPage& page) {
                    slices.push_back(page.slice.value());
                    rows += page.rows.rows();
                  });
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_THAT(slices, ElementsAre(other, other, other, one));
  EXPECT_EQ(rows, 20'001U);
}

TEST_F(FilesSourceTest, EndsAReadWhenAStopIsRequested) {
  std::string text = "create_time,custom_track\n";
  for (int i = 0; i < 5000; ++i) text += "x,y\n";
  folder_.write("a.csv", text);
  std::stop_source stop;
  auto source = FilesSource::open({.format = FileFormat::kCsv,
                                   .path = folder_.path("a.csv"),
                                   .rules = by_arrival(),
                                   .stop = stop.get_token()})
                    .value();
  EXPECT_TRUE(rows(*source, all_slices(*source)));
  stop.request_stop();
  const auto ended = rows(*source, all_slices(*source));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind, ErrorKind::kTransient);
  EXPECT_EQ(ended.error().operation, "stop");
}

TEST_F(FilesSourceTest, RefusesAFileWhoseHeaderLacksAColumn) {
  folder_.write("a.csv", "create_time,time,custom_track\n");
  const auto found = [&](const std::string& name) {
    auto source =
        FilesSource::open({.format = FileFormat::kCsv, .path = folder_.path(name), .rules = {}})
            .value();
    const auto outcome = rows(*source, all_slices(*source));
    EXPECT_FALSE(outcome);
    EXPECT_THAT(outcome.error().text(),
                HasSubstr("no column ts; there is create_time, time, custom_track"));
    EXPECT_EQ(outcome.error().subject, folder_.path("a.csv"));
    return outcome.error().kind;
  };
  EXPECT_EQ(found("a.csv"), ErrorKind::kConfig) << "the source itself is wrong";
  EXPECT_EQ(found(""), ErrorKind::kRejected) << "one of a directory's files is";
}

TEST_F(FilesSourceTest, TellsWhichColumnsAFileLacks) {
  folder_.write("a.csv", kHeader + uuid(1) + ",,1\n");
  std::vector<std::string> told;
  const auto source = FilesSource::open(
      {.format = FileFormat::kCsv,
       .path = folder_.path("a.csv"),
       .rules = by_arrival(),
       .on_columns = [&](const std::string& path, std::span<const std::string> columns) {
         told.push_back(path);
         EXPECT_THAT(columns, ElementsAre("create_time", "custom_track", "bid"));
       }});
  ASSERT_TRUE(rows(**source, all_slices(**source)));
  EXPECT_THAT(told, ElementsAre(folder_.path("a.csv")));
}

TEST_F(FilesSourceTest, InspectsOnlyTheBeginningOfAFile) {
  const auto inspect = [&](FileFormat format, const std::string& text) {
    return inspect_file(format, folder_.write("file", text), {});
  };
  const auto columns = [&](FileFormat format, const std::string& text) {
    return inspect(format, text).value().columns;
  };
  EXPECT_THAT(columns(FileFormat::kCsv, "Create_Time,ts,custom_track,x\n\"never closed"),
              ElementsAre("create_time", "ts", "custom_track", "x"));
  EXPECT_EQ(inspect(FileFormat::kCsv, "a,b\n").error().kind, ErrorKind::kConfig);
  EXPECT_EQ(inspect(FileFormat::kCsv, "create_time;ts;custom_track\n").value().dialect,
            "delimiter ;");
  EXPECT_EQ(inspect(FileFormat::kNdjson, "[{\"create_time\":\"1\",\"ts\":\"2\"}").error().kind,
            ErrorKind::kRejected);
  EXPECT_THAT(columns(FileFormat::kNdjson, ""), ElementsAre());
  EXPECT_THAT(columns(FileFormat::kNdjson, "{\"create_time\":\"1\",\"ts\":\"2\"}\nnot JSON\n"),
              ElementsAre("create_time", "ts"));
  EXPECT_THAT(
      inspect(FileFormat::kNdjson, "{\"create_time\":\"1\",\"time\":\"2\"}\n").error().text(),
      HasSubstr("--columns ts=time"));
  EXPECT_EQ(inspect(FileFormat::kNdjson, "a,b\n").error().kind, ErrorKind::kRejected);
}

TEST_F(FilesSourceTest, RefusesADamagedArchive) {
  auto sink = ByteSink::create(folder_.path("a.csv.gz")).value();
  ASSERT_TRUE(sink->write(kHeader + uuid(1) + ",,1\n"));
  ASSERT_TRUE(sink->finish());
  std::filesystem::resize_file(folder_.path("a.csv.gz"),
                               std::filesystem::file_size(folder_.path("a.csv.gz")) - 3);
  const auto found = rows();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(found.error().subject, folder_.path("a.csv.gz"));
}

TEST_F(FilesSourceTest, TriesAgainWhenAFileChangesOrVanishesMeanwhile) {
  const std::string text = kHeader + uuid(1) + ",,1\n";
  const std::vector<std::function<void()>> changes = {
      [&] { folder_.write("a.csv", text + uuid(2) + ",,2\n"); },
      [&] {
        folder_.write("b.part", text);
        std::filesystem::rename(folder_.path("b.part"), folder_.path("a.csv"));
      },
      [&] { std::filesystem::remove(folder_.path("a.csv")); }};
  for (const auto& change : changes) {
    folder_.write("a.csv", text);
    auto source = open();
    const auto outcome =
        drain_sweep(*source, {.what = all_slices(*source)}, [&](const SweepPage&) { change(); });
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::kTransient) << outcome.error().text();
    EXPECT_THAT(outcome.error().message, HasSubstr("changed while being read"));
  }
}

TEST_F(FilesSourceTest, SaysWhenAFileIsGone) {
  folder_.write("a.csv", kHeader);
  auto source = open();
  const auto asked = all_slices(*source);
  std::filesystem::remove(folder_.path("a.csv"));
  EXPECT_EQ(rows(*source, asked).error().kind, ErrorKind::kTransient);
  EXPECT_EQ(rows(*source, asked).error().kind, ErrorKind::kRejected);
}

// An error does not turn into an end when somebody goes on pulling.
TEST_F(FilesSourceTest, NeverEndsASweepThatFailed) {
  folder_.write("a.csv", kHeader + uuid(1) + ",,1\n");
  auto sink = ByteSink::create(folder_.path("b.csv.gz")).value();
  std::string text = kHeader;
  for (int number = 0; number < 20'000; ++number) text += uuid(number) + ",,1\n";
  ASSERT_TRUE(sink->write(text));
  ASSERT_TRUE(sink->finish());
  for (const std::string name : {"a.csv", "b.csv.gz"}) {
    auto source = open(name);
    const auto sweep = source->sweep({.what = all_slices(*source)});
    ASSERT_TRUE((*sweep)->next().value().has_value());
    std::filesystem::resize_file(folder_.path(name),
                                 std::filesystem::file_size(folder_.path(name)) - 3);
    size_t errors = 0;
    for (int pull = 0; pull < 20; ++pull) {
      const auto page = (*sweep)->next();
      errors += page ? 0 : 1;
      EXPECT_TRUE(!page || page->has_value()) << "says that everything was delivered";
    }
    EXPECT_GT(errors, 0U);
  }
}

std::vector<std::string> open_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    names.push_back(std::filesystem::read_symlink(entry.path(), gone).string());
  }
  return names;
}

TEST_F(FilesSourceTest, LeavesNoFileOpenWhenASweepIsEndedEarly) {
  std::string many = kHeader;
  for (int number = 0; number < 100'000; ++number) many += uuid(number) + ",,1\n";
  const std::string file = folder_.write("a.csv", many);
  auto source = open();
  {
    const auto sweep = source->sweep({.what = all_slices(*source)});
    ASSERT_TRUE((*sweep)->next().value().has_value());
    EXPECT_THAT(open_files(), Contains(file));
  }
  EXPECT_THAT(open_files(), Not(Contains(file)));
}

// Files whose ids do not fit in memory are delivered as if they did.
TEST_F(FilesSourceTest, DeliversTheSameRowsHoweverFewIdsItHoldsInMemory) {
  std::mt19937_64 random(11);
  for (int turn = 0; turn < 30; ++turn) {
    std::string text = kHeader;
    const uint64_t rows = random() % 400;
    const uint64_t ids = random() % 400 + 1;
    for (uint64_t row = 0; row < rows; ++row) {
      const auto number = static_cast<int>(random() % ids);
      text += number % 7 == 6 ? "id " + std::to_string(number) : uuid(number);
      text += ",," + std::to_string(random() % 3) + "\n";
      if (random() % 20 == 0) text += "malformed\n";
    }
    folder_.write("a.csv", text);
    const auto open_with = [&](size_t ids_max) {
      return FilesSource::open({.path = folder_.path(), .rules = by_arrival(), .ids_max = ids_max});
    };
    const auto rows_with = [&](size_t ids_max) {
      const auto source = open_with(ids_max);
      auto found = this->rows(**source, all_slices(**source));
      EXPECT_TRUE(found) << found.error().text();
      return *found;
    };
    const auto expected = rows_with(kFileIdsMax);
    int begun_anew = 0;
    for (const size_t ids_max : {1U, 7U, 40U, 150U, 399U, 400U}) {
      EXPECT_EQ(rows_with(ids_max), expected) << "turn " << turn << " with " << ids_max;
      EXPECT_EQ(rows_anew(**open_with(ids_max), begun_anew), expected) << "turn " << turn;
    }
    // Nothing had been delivered.
    EXPECT_EQ(begun_anew, 0);
  }
}

TEST_F(FilesSourceTest, BeginsAnewWhenALateRowContestsAnIdThatWasDelivered) {
  std::string text = kHeader;
  for (int number = 0; number < 20'000; ++number) text += uuid(number) + ",,null\n";
  text += uuid(5) + ",,null\n";
  folder_.write("a.csv", text);
  const auto once = open();
  int begun_anew = 0;
  EXPECT_EQ(rows_anew(*once, begun_anew), rows().value());
  EXPECT_EQ(begun_anew, 0);
  EXPECT_EQ(once->statistics().requests, 1);
  EXPECT_EQ(once->statistics().rows, 20'000);

  folder_.write("a.csv", text + uuid(5) + ",x,9\n");
  const auto source = open();
  const auto expected = rows().value();
  EXPECT_THAT(expected, Contains(uuid(5) + " 9000000"));
  EXPECT_EQ(rows_anew(*source, begun_anew), expected);
  EXPECT_EQ(begun_anew, 1);
  // One until then, one to learn, one to settle the contest, one to deliver.
  EXPECT_EQ(source->statistics().requests, 4);
  EXPECT_EQ(source->statistics().rows, 20'000);
  EXPECT_EQ(source->statistics().null_words, 19'999);
}

TEST_F(FilesSourceTest, SettlesContestsPartByPartWhereTheirRowsHaveManyBytes) {
  std::string text = kHeader;
  for (int turn = 0; turn < 3; ++turn) {
    for (int number = 0; number < 200; ++number) {
      text += uuid(number) + ",," + std::to_string((number + turn) % 3) + "\n";
    }
  }
  folder_.write("a.csv", text);
  const auto expected = rows().value();
  for (int number = 0; number < 200; ++number) {
    EXPECT_THAT(expected, Contains(uuid(number) + " 2000000"));
  }
  // A row has some 40 bytes.
  for (const size_t bytes_max : {1U, 100U, 1'000U, 10'000U}) {
    const auto source = FilesSource::open(
        {.path = folder_.path(), .rules = by_arrival(), .contested_bytes_max = bytes_max});
    EXPECT_EQ(rows(**source, all_slices(**source)), expected) << bytes_max;
    const int64_t passes = (*source)->statistics().requests;
    EXPECT_EQ(passes > 3, bytes_max < 10'000) << bytes_max << ": " << passes;
  }
}

TEST_F(FilesSourceTest, PassesOverAFileOnceMoreForEachNumberOfIdsThatItMayHold) {
  std::string text = kHeader;
  for (int number = 0; number < 1'000; ++number) text += uuid(number) + ",,1\n";
  folder_.write("a.csv", text);
  const auto passes = [&](size_t ids_max) {
    const auto source =
        FilesSource::open({.path = folder_.path(), .rules = by_arrival(), .ids_max = ids_max});
    EXPECT_TRUE(rows(**source, all_slices(**source)));
    return (*source)->statistics().requests;
  };
  EXPECT_EQ(passes(1'000), 2);
  EXPECT_EQ(passes(300), 1 + 4 + 1);
}

}  // namespace
}  // namespace hirestream
