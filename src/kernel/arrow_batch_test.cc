#include "kernel/arrow_batch.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
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
                        .read(rules(), std::nullopt,
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
          .read(rules(), std::nullopt,
                [](const TrackingBatch&, std::span<const SliceKey>) { return Result<void>(); });
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(read.error().subject, "job_id");
  EXPECT_EQ(batch.released, 1);
}

TEST(ArrowBatch, PartitionsWantTheirColumns) {
  Batch batch;
  const auto read = ArrowBatch(batch.schema, batch.array)
                        .read(rules(), 60, [](const TrackingBatch&, std::span<const SliceKey>) {
                          return Result<void>();
                        });
  ASSERT_FALSE(read.has_value());
  EXPECT_NE(read.error().text().find("bucket"), std::string::npos);
}

}  // namespace
}  // namespace hirestream
