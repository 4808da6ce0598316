#include "adapters/files/files_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "adapters/files/byte_sink.h"
#include "adapters/files/temporary_folder_test.h"

namespace hirestream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr char kHeader[] = "create_time,ts,bid\n";

std::string uuid(int number) {
  return format_uuid(make_version_1(16'566'000'000'000'000 + number, 1, 1));
}

// "ID BID" of good rows ("-": null), "REASON TEXT" of the others.
class RowCollector : public RowSink {
 public:
  Result<void> on_rows(size_t index, const TrackingBatch& batch) override {
    if (before_row) before_row();
    auto bad = batch.bad_cells().begin();
    for (size_t row = 0; row < batch.rows(); ++row) {
      indexes.push_back(index);
      if (bad != batch.bad_cells().end() && bad->row == row) {
        rows.push_back(bad->reason + " " + bad->text);
        while (bad != batch.bad_cells().end() && bad->row == row) ++bad;
      } else {
        rows.push_back(format_uuid(batch.id(row)) + " " +
                       (batch.status(Column::kBid, row) == CellStatus::kValue
                            ? std::to_string(batch.integer(Column::kBid, row))
                            : "-"));
      }
    }
    return {};
  }
  std::vector<std::string> rows;
  std::vector<size_t> indexes;
  std::function<void()> before_row;
};

class FilesSourceTest : public ::testing::Test {
 protected:
  std::unique_ptr<FilesSource> open(const std::string& name = {}) {
    auto source = FilesSource::open({FileFormat::kCsv, folder_.path(name), {}});
    EXPECT_TRUE(source) << source.error().text();
    return std::move(*source);
  }
  std::vector<SliceRead> requests(FilesSource& source) {
    std::vector<SliceRead> requests;
    const auto slices = source.discover({}).value();
    for (const SliceListing& slice : slices) requests.push_back({slice.key, {}, {}});
    return requests;
  }
  Result<std::vector<std::string>> rows() {
    auto source = open();
    RowCollector collector;
    HIRESTREAM_TRY(source->read(requests(*source), collector));
    return collector.rows;
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
  RowCollector collector;
  const std::vector<SliceRead> request = {{{0, bucket_of_path(folder_.path("a.csv"))}, 5, {}}};
  ASSERT_TRUE(source->read(request, collector));
  EXPECT_THAT(collector.rows, ElementsAre(uuid(1) + " 1000000"));
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

TEST_F(FilesSourceTest, GivesEachRequestsRowsItsIndex) {
  folder_.write("a.csv", kHeader + uuid(1) + ",,1\n");
  folder_.write("b.csv", kHeader + uuid(2) + ",,1\n" + uuid(3) + ",,1\n");
  auto source = open();
  const std::vector<SliceRead> asked = {{{0, bucket_of_path(folder_.path("b.csv"))}, {}, {}},
                                        {{0, bucket_of_path(folder_.path("a.csv"))}, {}, {}}};
  RowCollector collector;
  ASSERT_TRUE(source->read(asked, collector));
  EXPECT_THAT(collector.indexes, ElementsAre(0, 0, 1));
}

TEST_F(FilesSourceTest, RefusesAFileWhoseHeaderLacksAColumn) {
  folder_.write("a.csv", "create_time,time\n");
  const auto found = [&](const std::string& name) {
    auto source = open(name);
    RowCollector collector;
    const auto outcome = source->read(requests(*source), collector);
    EXPECT_FALSE(outcome);
    EXPECT_THAT(outcome.error().text(), HasSubstr("no column ts; found: create_time, time"));
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
       .source_zone = {},
       .on_absent_columns = [&](const std::string& path,
                                std::span<const std::string_view> columns) {
         told.push_back(path);
         EXPECT_THAT(columns, ElementsAre("job_id", "publisher_id", "campaign_id", "group_id",
                                          "custom_track", "ev", "ed"));
       }});
  RowCollector collector;
  ASSERT_TRUE((*source)->read(requests(**source), collector));
  EXPECT_THAT(told, ElementsAre(folder_.path("a.csv")));
}

TEST_F(FilesSourceTest, InspectsOnlyTheBeginningOfAFile) {
  const auto inspect = [&](FileFormat format, const std::string& text) {
    return inspect_file(format, folder_.write("file", text));
  };
  EXPECT_THAT(*inspect(FileFormat::kCsv,
                       "create_time,ts,job_id,publisher_id,campaign_id,group_id,"
                       "bid,custom_track,ev\n\"never closed"),
              ElementsAre("ed"));
  EXPECT_EQ(inspect(FileFormat::kCsv, "a,b\n").error().kind, ErrorKind::kConfig);
  EXPECT_THAT(*inspect(FileFormat::kNdjson, ""), ElementsAre());
  EXPECT_THAT(*inspect(FileFormat::kNdjson, "{\"create_time\":\"1\",\"ts\":\"2\"}\nnot JSON\n"),
              ElementsAre());
  EXPECT_THAT(inspect(FileFormat::kNdjson, "{\"create_time\":\"1\"}\n").error().text(),
              HasSubstr("it has no ts"));
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
    const auto asked = requests(*source);
    RowCollector collector;
    collector.before_row = change;
    const auto outcome = source->read(asked, collector);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::kTransient) << outcome.error().text();
    EXPECT_THAT(outcome.error().message, HasSubstr("changed while being read"));
  }
}

TEST_F(FilesSourceTest, SaysWhenAFileIsGone) {
  folder_.write("a.csv", kHeader);
  auto source = open();
  const auto asked = requests(*source);
  std::filesystem::remove(folder_.path("a.csv"));
  RowCollector collector;
  EXPECT_EQ(source->read(asked, collector).error().kind, ErrorKind::kTransient);
  EXPECT_EQ(source->read(asked, collector).error().kind, ErrorKind::kRejected);
}

}  // namespace
}  // namespace hirestream
