#include "aggregation/slice_part_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "aggregation/row_spec_test.h"
#include "aggregation/tally.h"

namespace hirestream {
namespace {

constexpr SliceKey kSlice = {3, 27'611'314};

// Counted, unattributed, of another kind and rejected rows, of several cells.
TrackingBatch mixed_batch(int first, int count) {
  TrackingBatch batch;
  for (int i = first; i < first + count; ++i) {
    RowSpec row;
    row.id = id_at(kArrivalUs + i, static_cast<uint64_t>(i));
    row.job_id = i % 9 + 1;
    row.bid_micros = i * 1000;
    if (i % 7 == 0) {
      row.job_id.reset();
    }
    if (i % 11 == 0) {
      row.custom_track = i % 2 == 0 ? "alive" : "redirect";
    }
    if (i % 13 == 0) {
      row.ts_us.reset();
    }
    append_row(batch, row);
  }
  return batch;
}

Tally tally_of_batch(const TrackingBatch& batch) {
  RowClassifier classifier{CountingOptions()};
  Tally tally;
  tally.add(classifier, batch);
  return tally;
}

SlicePart sample_part() {
  return tally_of_batch(mixed_batch(0, 500)).parts(kSlice).front();
}

Tally sum_of_parts(const std::vector<SlicePart>& parts) {
  Tally sum;
  for (const SlicePart& part : parts) {
    sum.add(part);
  }
  return sum;
}

template <typename Item, typename Less>
std::vector<Item> sorted(std::vector<Item> items, Less less) {
  std::sort(items.begin(), items.end(), less);
  return items;
}

void expect_same_tally(const Tally& found, const Tally& expected) {
  EXPECT_EQ(found.digest(), expected.digest());
  EXPECT_EQ(found.classes(), expected.classes());
  EXPECT_EQ(found.contribution(), expected.contribution());
  EXPECT_EQ(found.not_counted().by_rows(), expected.not_counted().by_rows());
  const auto by_id = [](const RejectedRow& a, const RejectedRow& b) { return a.id < b.id; };
  EXPECT_EQ(sorted(found.rejects(), by_id), sorted(expected.rejects(), by_id));
}

TEST(SlicePart, ComesBackAsItWasWithAllItHolds) {
  const SlicePart part = sample_part();
  ASSERT_FALSE(part.rejects.empty());
  ASSERT_EQ(part.not_counted.size(), 3U);
  const auto decoded = decode_part(encode_part(part));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().text();
  EXPECT_EQ(*decoded, part);
  EXPECT_EQ(encode_part(*decoded), encode_part(part));
}

TEST(SlicePart, OfASliceInAnyOrderAddUpToTheWhole) {
  const Tally whole = tally_of_batch(mixed_batch(0, 900));
  std::mt19937 random(7);
  std::vector<SlicePart> parts;
  for (const auto& [first, count] : {std::pair{0, 1}, {1, 299}, {300, 13}, {313, 587}}) {
    parts.push_back(tally_of_batch(mixed_batch(first, count)).parts(kSlice).front());
  }
  for (int round = 0; round < 10; ++round) {
    std::shuffle(parts.begin(), parts.end(), random);
    expect_same_tally(sum_of_parts(parts), whole);
  }
}

TEST(SlicePart, IsSplitWhereASliceHasVeryManyCells) {
  TrackingBatch batch;
  const int cells = static_cast<int>(kCellsPerPart) * 2 + 1;
  for (int i = 0; i < cells; ++i) {
    RowSpec row;
    row.id = id_at(kArrivalUs + i);
    row.job_id = i + 1;
    append_row(batch, row);
  }
  const Tally tally = tally_of_batch(batch);
  const std::vector<SlicePart> parts = tally.parts(kSlice);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[2].contribution.size(), 1U);
  EXPECT_EQ(parts[1].digest, RowDigest());
  expect_same_tally(sum_of_parts(parts), tally);
}

TEST(SlicePart, NoRowsAreOnePartOfNothing) {
  const std::vector<SlicePart> parts = Tally().parts(kSlice);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0], SlicePart{.key = kSlice});
}

TEST(SlicePart, KeepsNoMoreRejectsThanASliceMayHave) {
  SlicePart part{.key = kSlice};
  part.rejects.resize(kRejectsPerSliceMax - 1);
  const Tally sum = sum_of_parts({part, part});
  EXPECT_EQ(sum.rejects().size(), kRejectsPerSliceMax);
}

TEST(SlicePart, NoticesEveryFlippedByteAndEveryCut) {
  const std::string blob = encode_part(sample_part());
  for (size_t at = 0; at < blob.size(); at += 3) {
    std::string damaged = blob;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_FALSE(decode_part(damaged).has_value()) << at;
    EXPECT_FALSE(decode_part(blob.substr(0, at)).has_value()) << at;
  }
}

}  // namespace
}  // namespace hirestream
