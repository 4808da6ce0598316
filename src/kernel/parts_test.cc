#include "kernel/parts.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "aggregation/tally.h"
#include "kernel/arrow_abi_internal.h"

namespace hirestream {
namespace {

SlicePart part_of(std::vector<int64_t> clicks) {
  SlicePart part{.key = {0, 1}};
  for (size_t i = 0; i < clicks.size(); ++i) {
    part.contribution.push_back(
        {{472'222, static_cast<int64_t>(i), 2, 3, 4}, {.clicks = clicks[i]}});
  }
  return part;
}

TEST(ExportedCells, AColumnOutlivesTheBatchThatItWasMovedOutOf) {
  constexpr int kClicks = 7;
  ArrowSchema schema;
  ArrowArray batch;
  const std::vector<SlicePart> parts = {part_of({5, 6, 7})};
  ASSERT_TRUE(export_cells(parts, schema, batch).has_value());
  ASSERT_STREQ(schema.children[kClicks]->name, "clicks");
  ArrowArray column = std::exchange(*batch.children[kClicks], {});
  schema.release(&schema);
  batch.release(&batch);
  EXPECT_EQ(batch.release, nullptr);
  ASSERT_EQ(column.length, 3);
  const auto* clicks = static_cast<const int64_t*>(column.buffers[1]);
  EXPECT_EQ(std::vector(clicks, clicks + 3), (std::vector<int64_t>{5, 6, 7}));
  column.release(&column);
  EXPECT_EQ(column.release, nullptr);
}

TEST(PartsSummary, ShowsAsManyRejectsAsOneSliceKeeps) {
  SlicePart part{.key = {0, 1}};
  part.rejects.resize(kRejectsPerSliceMax);
  const std::vector<SlicePart> parts = {part, part};
  const auto summary = nlohmann::json::parse(parts_summary(parts, "no column bid"));
  EXPECT_EQ(summary["rejects"].size(), kRejectsPerSliceMax);
  EXPECT_EQ(summary["missing_columns"], "no column bid");
}

}  // namespace
}  // namespace hirestream
