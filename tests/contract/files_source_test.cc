#include "adapters/files/files_source.h"

#include "adapters/files/file_writers.h"
#include "adapters/files/temporary_folder_test.h"
#include "event_source_contract.h"

namespace hirestream {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

std::unique_ptr<EventSource> open_source(FileFormat format, const std::string& path) {
  auto source = FilesSource::open({format, path, {}});
  EXPECT_TRUE(source) << source.error().text();
  return source ? std::move(*source) : nullptr;
}

template <typename Writer, FileFormat kFormat>
class FileFactory : public EventSourceFactory {
 public:
  explicit FileFactory(std::string file) : file_(std::move(file)) {}
  std::string name() const override { return file_; }
  std::unique_ptr<EventSource> make(std::span<const RawEvent> events) override {
    auto writer = Writer::create(folder_.path(file_));
    EXPECT_TRUE(writer) << writer.error().text();
    EXPECT_TRUE((*writer)->write(events));
    EXPECT_TRUE((*writer)->finish());
    return open_source(kFormat, folder_.path());
  }

 private:
  TemporaryFolder folder_;
  std::string file_;
};

struct CsvFactory : FileFactory<CsvWriter, FileFormat::kCsv> {
  CsvFactory() : FileFactory("events.csv") {}
};
struct CsvGzFactory : FileFactory<CsvWriter, FileFormat::kCsv> {
  CsvGzFactory() : FileFactory("events.csv.gz") {}
};
struct NdjsonFactory : FileFactory<NdjsonWriter, FileFormat::kNdjson> {
  NdjsonFactory() : FileFactory("events.ndjson") {}
};
struct NdjsonZstFactory : FileFactory<NdjsonWriter, FileFormat::kNdjson> {
  NdjsonZstFactory() : FileFactory("events.ndjson.zst") {}
};

INSTANTIATE_TYPED_TEST_SUITE_P(Csv, EventSourceContract, CsvFactory);
INSTANTIATE_TYPED_TEST_SUITE_P(CsvGz, EventSourceContract, CsvGzFactory);
INSTANTIATE_TYPED_TEST_SUITE_P(Ndjson, EventSourceContract, NdjsonFactory);
INSTANTIATE_TYPED_TEST_SUITE_P(NdjsonZst, EventSourceContract, NdjsonZstFactory);

// Each row as "ts job_id bid custom_track ed", by line.
std::vector<std::string> shown_rows(FileFormat format, const std::string& file) {
  const auto source = open_source(format, std::string(HIRESTREAM_TEST_DATA) + "/" + file);
  const auto slices = source->discover({});
  EXPECT_EQ(slices->size(), 1U);
  Deliveries deliveries;
  const auto outcome =
      drain_sweep(*source, {.what = std::vector<SliceRead>{{slices->front().key, {}}}},
                  [&](const SweepPage& page) { add_page(page, deliveries); });
  EXPECT_TRUE(outcome) << outcome.error().text();
  std::vector<std::string> rows;
  for (const Delivery& delivery : deliveries) {
    const auto& columns = delivery.row.columns;
    const auto column = [&](Column wanted) { return " " + columns[static_cast<size_t>(wanted)]; };
    if (columns[0].starts_with('!')) {
      rows.push_back(columns[0].substr(columns[0].rfind('/')));
    } else {
      rows.push_back(column(Column::kTs) + column(Column::kJobId) + column(Column::kBid) +
                     column(Column::kCustomTrack) + column(Column::kEd));
    }
  }
  return rows;
}

TEST(FilesSource, ReadsWhatASpreadsheetSaved) {
  EXPECT_THAT(shown_rows(FileFormat::kCsv, "spreadsheet.csv"),
              ElementsAre(" =1656676800123000 =188 =1400000 =click ={\"jobId\":\"188\"}",
                          " =1656676801000000 null null null null",
                          " null =7 =2500000 =conversion =two\r\nlines",
                          StartsWith("/spreadsheet.csv:7: 5 fields where the header has 7: "),
                          " =1656684000000000 !n/a =0 =click null"));
}

TEST(FilesSource, ReadsMixedJson) {
  EXPECT_THAT(
      shown_rows(FileFormat::kNdjson, "mixed.ndjson"),
      ElementsAre(" =1656676800123000 =188 =1400000 =click "
                  "={\"customEvent\":\"click\",\"jobId\":\"188\",\"userId\":78}",
                  " =1656676801000000 null null null ={\"jobId\": 7, \"publisherId\": [4, 1, 2]}",
                  StartsWith("/mixed.ndjson:4: "), StartsWith("/mixed.ndjson:5: no create_time: "),
                  " =1656684000000000 !1.5 =123456 =\xC3\xA4 null"));
}

}  // namespace
}  // namespace hirestream
