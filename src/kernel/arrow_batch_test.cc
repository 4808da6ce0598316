#include "kernel/arrow_batch.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/arrow_abi_internal.h"

namespace hirestream {
namespace {

// A record batch of three columns: create_time and custom_track as texts, job_id as int32.
struct Batch {
  explicit Batch(int64_t offset = 0, const char* job_format = "i") : released(0) {
    for (int row = 0; row < kRows; ++row) {
      ids += "5c1ad2c0-f936-11ec-b939-0242ac12000" + std::to_string(row);
      tracks += "click";
    }
    for (int32_t row = 0; row <= kRows; ++row) {
      id_ends.push_back(36 * row);
      track_ends.push_back(5 * row);
    }
    const std::array<const char*, 3> names = {"create_time", "custom_track", "job_id"};
    const std::array<const char*, 3> formats = {"u", "u", job_format};
    buffers[0] = {nullptr, id_ends.data(), ids.data()};
    buffers[1] = {nullptr, track_ends.data(), tracks.data()};
    buffers[2] = {&valid_jobs, jobs.data(), nullptr};
    for (size_t i = 0; i < names.size(); ++i) {
      schemas[i] = {.format = formats[i], .name = names[i], .release = nullptr};
      arrays[i] = {.length = kRows, .n_buffers = i == 2 ? 2 : 3, .buffers = buffers[i].data()};
      schema_links[i] = &schemas[i];
      array_links[i] = &arrays[i];
    }
    schema = {.format = "+s",
              .n_children = 3,
              .children = schema_links.data(),
              .release = [](ArrowSchema* ended) { ended->release = nullptr; }};
    array = {.length = kRows - offset,
             .offset = offset,
             .n_children = 3,
             .children = array_links.data(),
             .release = [](ArrowArray* ended) {
               ++*static_cast<int*>(ended->private_data);
               ended->release = nullptr;
             }};
    array.private_data = &released;
  }

  static constexpr int kRows = 4;
  std::string ids;
  std::string tracks;
  std::vector<int32_t> id_ends;
  std::vector<int32_t> track_ends;
  std::array<int32_t, kRows> jobs = {10, 11, 12, 13};
  uint8_t valid_jobs = 0b1011;  // not the third
  std::array<std::array<const void*, 3>, 3> buffers = {};
  std::array<ArrowSchema, 3> schemas = {};
  std::array<ArrowArray, 3> arrays = {};
  std::array<ArrowSchema*, 3> schema_links = {};
  std::array<ArrowArray*, 3> array_links = {};
  ArrowSchema schema;
  ArrowArray array;
  int released;
};

ReadingRules rules() {
  ReadingRules out;
  out.arrival_is_event_time = true;
  return out;
}

// Jobs of the rows, 0 for null.
std::vector<int64_t> jobs_of(Batch& batch) {
  std::vector<int64_t> jobs;
  const auto read = ArrowBatch(batch.schema, batch.array)
                        .read(rules(), false, std::nullopt,
                              [&](const TrackingBatch& rows, std::span<const SliceKey> slices) {
                                EXPECT_TRUE(slices.empty());
                                for (size_t row = 0; row < rows.rows(); ++row) {
                                  EXPECT_EQ(rows.text(Column::kCustomTrack, row), "click");
                                  const bool there =
                                      rows.status(Column::kJobId, row) == CellStatus::kValue;
                                  jobs.push_back(there ? rows.integer(Column::kJobId, row) : 0);
                                }
                                return Result<void>();
                              });
  EXPECT_TRUE(read.has_value()) << read.error().text();
  return jobs;
}

TEST(ArrowBatch, ReadsColumnsByTheirNames) {
  Batch batch;
  EXPECT_EQ(jobs_of(batch), (std::vector<int64_t>{10, 11, 0, 13}));
  EXPECT_EQ(batch.released, 1);
}

TEST(ArrowBatch, AnOffsetOfTheBatchHoldsForItsColumns) {
  Batch batch(1);
  EXPECT_EQ(jobs_of(batch), (std::vector<int64_t>{11, 0, 13}));
}

TEST(ArrowBatch, AnOffsetOfAColumnIsAdded) {
  Batch batch(1);
  batch.arrays[2].offset = 1;
  batch.array.length = 2;
  EXPECT_EQ(jobs_of(batch), (std::vector<int64_t>{0, 13}));
}

TEST(ArrowBatch, ATypeThatCannotBeReadIsNamedAndAllIsReleased) {
  Batch batch(0, "+l");
  const auto read =
      ArrowBatch(batch.schema, batch.array)
          .read(rules(), false, std::nullopt,
                [](const TrackingBatch&, std::span<const SliceKey>) { return Result<void>(); });
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(read.error().subject, "job_id");
  EXPECT_EQ(batch.released, 1);
}

TEST(ArrowBatch, PartitionsWantTheirColumns) {
  Batch batch;
  const auto read =
      ArrowBatch(batch.schema, batch.array)
          .read(rules(), false, 60,
                [](const TrackingBatch&, std::span<const SliceKey>) { return Result<void>(); });
  ASSERT_FALSE(read.has_value());
  EXPECT_NE(read.error().text().find("bucket"), std::string::npos);
}

// A column of texts, as it is or as places in a dictionary; and those that must be there, of nulls.
struct TextColumn {
  TextColumn(const char* name, const std::vector<std::string>& values,
             const std::vector<int32_t>& places, bool as_dictionary)
      : rows(static_cast<int64_t>(places.size())), place_numbers(places) {
    for (size_t i = 0; i < (as_dictionary ? values.size() : places.size()); ++i) {
      bytes += values[as_dictionary ? i : static_cast<size_t>(places[i])];
      ends.push_back(static_cast<int32_t>(bytes.size()));
    }
    text_buffers = {nullptr, ends.data(), bytes.data()};
    place_buffers = {nullptr, place_numbers.data(), nullptr};
    const auto length = static_cast<int64_t>(ends.size()) - 1;
    text_schema = {.format = "u", .name = name};
    text_array = {.length = length, .n_buffers = 3, .buffers = text_buffers.data()};
    place_schema = {.format = "i", .name = name, .dictionary = &text_schema};
    place_array = {
        .length = rows, .n_buffers = 2, .buffers = place_buffers.data(), .dictionary = &text_array};
    schemas = {as_dictionary ? &place_schema : &text_schema};
    arrays = {as_dictionary ? &place_array : &text_array};
    for (size_t i = 0; i < null_schemas.size(); ++i) {
      const std::string_view required = std::array{"create_time", "custom_track", "ts"}[i];
      if (required != name) {
        null_schemas[i] = {.format = "n", .name = required.data()};
        null_arrays[i] = {.length = rows};
        schemas.push_back(&null_schemas[i]);
        arrays.push_back(&null_arrays[i]);
      }
    }
    const auto children = static_cast<int64_t>(schemas.size());
    schema = {.format = "+s", .n_children = children, .children = schemas.data()};
    array = {.length = rows, .n_children = children, .children = arrays.data()};
  }

  int64_t rows = 0;
  std::string bytes;
  std::vector<int32_t> ends = {0};
  std::vector<int32_t> place_numbers;
  std::array<const void*, 3> text_buffers = {};
  std::array<const void*, 3> place_buffers = {};
  ArrowSchema text_schema = {}, place_schema = {}, schema = {};
  ArrowArray text_array = {}, place_array = {}, array = {};
  std::array<ArrowSchema, 3> null_schemas = {};
  std::array<ArrowArray, 3> null_arrays = {};
  std::vector<ArrowSchema*> schemas;
  std::vector<ArrowArray*> arrays;
};

// Everything that is known of each row.
std::vector<std::string> told_of(TextColumn&& column, Column which) {
  std::vector<std::string> told;
  int64_t null_words = 0;
  ReadingRules reading;
  reading.null_words = {"none"};
  const auto read = ArrowBatch(column.schema, column.array)
                        .read(reading, true, std::nullopt,
                              [&](const TrackingBatch& batch, std::span<const SliceKey>) {
                                for (size_t row = 0; row < batch.rows(); ++row) {
                                  std::string line =
                                      std::to_string(static_cast<int>(batch.status(which, row)));
                                  line += which >= Column::kCustomTrack
                                              ? std::string(batch.text(which, row))
                                              : std::to_string(batch.integer(which, row));
                                  for (const auto& bad : batch.bad_cells(row)) {
                                    line += "," + bad.reason + ":" + bad.text;
                                  }
                                  told.push_back(line);
                                }
                                null_words += batch.null_words();
                                return Result<void>();
                              });
  EXPECT_TRUE(read.has_value());
  told.push_back(std::to_string(null_words) + " words for null");
  return told;
}

TEST(ArrowBatch, ADictionaryIsReadAsItsValuesAre) {
  const std::vector<std::string> values = {
      "12", " 7 ", "x", "none", "", "0", "2024-05-01 10:00:00", "0.5", "click", "-3"};
  std::vector<int32_t> places;  // more than one TrackingBatch
  uint32_t state = 1;
  for (int i = 0; i < 10'000; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    places.push_back(static_cast<int32_t>((state >> 16) % values.size()));
  }
  const std::vector<std::pair<const char*, Column>> columns = {
      {"job_id", Column::kJobId}, {"ts", Column::kTs},
      {"bid", Column::kBid},      {"custom_track", Column::kCustomTrack},
      {"ev", Column::kEv},        {"ed", Column::kEd}};
  for (const auto& [name, which] : columns) {
    const auto expected = told_of(TextColumn(name, values, places, false), which);
    EXPECT_EQ(told_of(TextColumn(name, values, places, true), which), expected) << name;
    EXPECT_GT(std::set(expected.begin(), expected.end()).size(), 3U) << name;
  }
}

TEST(ArrowBatch, APlaceBeyondTheDictionaryIsNothingOfANull) {
  TextColumn column("job_id", {"1", "2"}, {0, 99, 1}, true);
  const uint8_t valid = 0b101;
  column.place_buffers[0] = &valid;
  std::vector<int64_t> jobs;
  const auto read = ArrowBatch(column.schema, column.array)
                        .read({}, false, std::nullopt,
                              [&](const TrackingBatch& batch, std::span<const SliceKey>) {
                                for (size_t row = 0; row < batch.rows(); ++row) {
                                  jobs.push_back(batch.integer(Column::kJobId, row));
                                }
                                return Result<void>();
                              });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(jobs, (std::vector<int64_t>{1, 0, 2}));
}

TEST(ArrowBatch, APlaceBeyondTheDictionaryIsRefused) {
  for (const int32_t place : {2, -1}) {
    TextColumn column("job_id", {"1", "2"}, {0, 1, place}, true);
    const auto read =
        ArrowBatch(column.schema, column.array)
            .read({}, false, std::nullopt,
                  [](const TrackingBatch&, std::span<const SliceKey>) { return Result<void>(); });
    ASSERT_FALSE(read.has_value()) << place;
    EXPECT_EQ(read.error().kind, ErrorKind::kRejected);
    EXPECT_NE(read.error().text().find("row 2"), std::string::npos) << read.error().text();
  }
}

TEST(ArrowBatch, APayloadThatNobodyNeedsMayBeOfAnyType) {
  Batch batch(0, "+l");
  batch.schemas[2].name = "ed";
  for (const bool with_payload : {true, false}) {
    ArrowBatch rows(batch.schema, batch.array);
    const auto read =
        rows.read(rules(), with_payload, std::nullopt,
                  [](const TrackingBatch&, std::span<const SliceKey>) { return Result<void>(); });
    EXPECT_EQ(read.has_value(), !with_payload);
  }
}

TEST(ArrowBatch, TellsWhatMissingColumnsMean) {
  Batch batch;
  const std::string text = ArrowBatch(batch.schema, batch.array).missing_columns(rules(), false);
  EXPECT_NE(text.find("bid"), std::string::npos) << text;
  EXPECT_EQ(text.find("job_id"), std::string::npos) << text;
}

// How many rows each TrackingBatch has.
Result<std::vector<size_t>> rows_at_once(TextColumn& column) {
  std::vector<size_t> rows;
  HIRESTREAM_TRY(
      ArrowBatch(column.schema, column.array)
          .read({}, true, std::nullopt, [&](const TrackingBatch& batch, std::span<const SliceKey>) {
            rows.push_back(batch.rows());
            return Result<void>();
          }));
  return rows;
}

TEST(ArrowBatch, LongTextsAreReadFewAtOnce) {
  const std::vector<std::string> values = {std::string(size_t{40} << 20, 'x'), "short"};
  const std::vector<int32_t> places = {1, 0, 1, 0, 1};
  TextColumn texts("ed", values, places, false);
  const auto read = rows_at_once(texts);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, (std::vector<size_t>{2, 3}));
  // Each value once, but nobody knows before.
  TextColumn dictionary("ed", values, places, true);
  EXPECT_EQ(rows_at_once(dictionary).value(), *read);
}

TEST(ArrowBatch, ARowThatIsTooLongIsRefused) {
  TextColumn column("ed", {"a", "b"}, {0, 1}, false);
  const std::vector<int64_t> ends = {0, 1, 2 + kRowBytesMax};  // nobody looks there
  column.text_schema.format = "U";
  column.text_buffers[1] = ends.data();
  const auto read = rows_at_once(column);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(read.error().subject, "row 1");
}

}  // namespace
}  // namespace hirestream
