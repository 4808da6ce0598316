#include "aggregation/packed_cells.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace hirestream {
namespace {

constexpr std::array kCountedKinds = {EventKind::kImpression, EventKind::kClick,
                                      EventKind::kConversion, EventKind::kQualified,
                                      EventKind::kUnqualified};

// What both tables must hold together, the plainest way.
class Reference {
 public:
  void add(const CellKey& key, const Measures& measures) { cells_[key] += measures; }
  Contribution contribution() const {
    Contribution out;
    for (const auto& [key, measures] : cells_) {
      if (!measures.is_zero()) {
        out.push_back({key, measures});
      }
    }
    return out;
  }

 private:
  std::map<CellKey, Measures> cells_;
};

struct Cells {
  PackedCells packed;
  WideCells wide;

  void add(const CountedRows& rows) { packed.add(rows, wide); }
  void add(const Cell& cell) { packed.add(cell, wide); }
  // By pieces, all of which but the last are full.
  Contribution sorted() const {
    constexpr size_t kPiece = 7;
    Contribution out;
    for (const Contribution& piece : packed.sorted(kPiece)) {
      EXPECT_EQ(out.size() % kPiece, 0U);
      EXPECT_LE(piece.size(), kPiece);
      EXPECT_FALSE(piece.empty());
      out.insert(out.end(), piece.begin(), piece.end());
    }
    EXPECT_TRUE(std::ranges::none_of(out, &Measures::is_zero, &Cell::measures));
    return out;
  }
  Contribution contribution() const {
    Contribution out = sorted();
    out.insert(out.end(), wide.cells().begin(), wide.cells().end());
    canonicalize(out);
    return out;
  }
};

void add_row(CountedRows& rows, const CellKey& key, EventKind kind, int64_t bid = 0) {
  rows.append(key, kind, kind == EventKind::kClick ? bid : 0);
}

// Values that lie around every width a part of a key may have, and those that have none.
int64_t extreme_value(std::mt19937_64& random) {
  const int64_t power = int64_t{1} << (random() % 63);
  const std::array<int64_t, 8> values = {
      power, power - 1, power + 1, -power, 0, INT64_MAX, INT64_MIN, static_cast<int64_t>(random())};
  return values[random() % values.size()];
}

int64_t small_value(std::mt19937_64& random) {
  return static_cast<int64_t>(random() % 50);
}

struct Mixture {
  std::string name;
  // Of 100 values so many are extreme; of the hours likewise.
  uint64_t extreme_percent;
  int blocks;
};

class PackedCellsAgainstAMap : public testing::TestWithParam<Mixture> {};

TEST_P(PackedCellsAgainstAMap, HoldTheSame) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    const auto is_extreme = [&] { return random() % 100 < GetParam().extreme_percent; };
    const auto value = [&] { return is_extreme() ? extreme_value(random) : small_value(random); };
    Cells cells;
    Reference reference;
    const auto any_key = [&]() -> CellKey {
      const auto hour = is_extreme() ? static_cast<int32_t>(extreme_value(random))
                                     : static_cast<int32_t>(460'000 + random() % 48);
      return {hour, value(), value(), value(), value()};
    };
    for (int block = 0; block < GetParam().blocks; ++block) {
      CountedRows rows;
      const size_t count = 1 + random() % kBlockRows;
      while (rows.size < count) {
        const CellKey key = any_key();
        const EventKind kind = kCountedKinds[random() % kCountedKinds.size()];
        add_row(rows, key, kind, static_cast<int64_t>(random() % 1'000'000'000));
        reference.add(key, rows.measures(rows.size - 1));
      }
      cells.add(rows);
      const Cell part = {
          any_key(),
          {.impressions = static_cast<int64_t>(random() >> (1 + random() % 62)) / 100,
           .clicks = -static_cast<int64_t>(random() % 5),
           .qualified = static_cast<int64_t>(random() % (1 << 21))}};
      cells.add(part);
      reference.add(part.key, part.measures);
    }
    ASSERT_EQ(cells.contribution(), reference.contribution()) << "seed " << seed;
    EXPECT_FALSE(cells.packed.beyond());
    cells.packed.clear();
    cells.wide.clear();
    ASSERT_TRUE(cells.contribution().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Keys, PackedCellsAgainstAMap,
                         testing::Values(Mixture{"Small", 0, 30}, Mixture{"Mixed", 2, 30},
                                         Mixture{"Extreme", 60, 10},
                                         Mixture{"NothingElse", 100, 10}),
                         [](const testing::TestParamInfo<Mixture>& test) {
                           return test.param.name;
                         });

TEST(PackedCells, PackWhatFitsAndLeaveTheRest) {
  Cells cells;
  CountedRows rows;
  add_row(rows, {460'000, 188, 1, 8, 3}, EventKind::kClick, 5);
  add_row(rows, {460'000, -1, 1, 8, 3}, EventKind::kClick, 6);
  add_row(rows, {460'000, int64_t{1} << 50, 1, 8, 3}, EventKind::kClick, 7);
  cells.add(rows);
  EXPECT_EQ(cells.sorted().size(), 1U);
  EXPECT_EQ(cells.wide.cells().size(), 2U);
  EXPECT_EQ(cells.packed.find({460'000, 188, 1, 8, 3}), (Measures{.clicks = 1, .bid_micros = 5}));
  EXPECT_EQ(cells.packed.find({460'000, -1, 1, 8, 3}), std::nullopt);
  EXPECT_EQ(cells.packed.find({460'000, 189, 1, 8, 3}), std::nullopt);
}

// The key of which every number is 0: the first hour of 1970, and no ids.
TEST(PackedCells, HoldTheKeyOfZeros) {
  Cells cells;
  EXPECT_EQ(cells.packed.find(CellKey{}), std::nullopt);
  CountedRows rows;
  add_row(rows, CellKey{}, EventKind::kClick, 5);
  cells.add(rows);
  EXPECT_EQ(cells.contribution(),
            (Contribution{{CellKey{}, Measures{.clicks = 1, .bid_micros = 5}}}));
}

// A first key of any width, then one beyond it, then one that needs another layout.
TEST(PackedCells, GetWiderLayoutsWhateverTheirWidths) {
  for (uint32_t first = 1; first < 63; ++first) {
    for (uint32_t second = first; second < 63; ++second) {
      for (const bool by_rows : {true, false}) {
        Cells cells;
        Reference reference;
        for (const CellKey& key : {CellKey{460'000, int64_t{1} << (first - 1), 1, 1, 1},
                                   CellKey{460'000, int64_t{1} << second, 1, 1, 1},
                                   CellKey{460'000, 1, int64_t{1} << 35, 1, 1}}) {
          CountedRows row;
          add_row(row, key, EventKind::kClick, 3);
          by_rows ? cells.add(row) : cells.add(Cell{key, row.measures(0)});
          reference.add(key, row.measures(0));
        }
        ASSERT_EQ(cells.contribution(), reference.contribution()) << first << " " << second;
      }
    }
  }
}

// One value that needs many bits must not push out the others.
TEST(PackedCells, AnOutlierDoesNotTakeAllBits) {
  Cells cells;
  CountedRows rows;
  add_row(rows, {460'000, 1, 1, 1, INT64_MAX}, EventKind::kClick);
  for (int64_t job = 1; job <= 100; ++job) {
    add_row(rows, {460'000, job, 1, 1, 1}, EventKind::kClick);
  }
  cells.add(rows);
  EXPECT_EQ(cells.sorted().size(), 100U);
  EXPECT_EQ(cells.wide.cells().size(), 1U);
}

TEST(PackedCells, CountsBeyondTheirBitsAreKept) {
  const CellKey key = {460'000, 188, 1, 8, 3};
  for (const EventKind kind : kCountedKinds) {
    Cells cells;
    CountedRows rows;
    while (rows.size < kBlockRows) {
      add_row(rows, key, kind, 1);
    }
    constexpr int64_t kBlocks = 3 * (int64_t{1} << 21) / static_cast<int64_t>(kBlockRows);
    for (int64_t block = 0; block < kBlocks; ++block) {
      cells.add(rows);
    }
    Measures expected;
    for (int64_t i = 0; i < kBlocks * static_cast<int64_t>(kBlockRows); ++i) {
      expected += rows.measures(0);
    }
    EXPECT_EQ(cells.contribution(), (Contribution{{key, expected}}));
  }
}

TEST(PackedCells, CountsOfPartsBeyondTheirBitsAreKept) {
  const CellKey key = {460'000, 188, 1, 8, 3};
  Cells cells;
  Measures expected;
  for (const int64_t count :
       {int64_t{1} << 20, (int64_t{1} << 20) - 1, (int64_t{1} << 20) - 1, int64_t{1} << 31,
        (int64_t{1} << 31) - 1, (int64_t{1} << 31) - 1, int64_t{1} << 40}) {
    const Measures measures = {count, count, count, count, count, count};
    cells.add(Cell{key, measures});
    expected += measures;
    const Measures few = {.impressions = count, .clicks = count};
    cells.add(Cell{key, few});
    expected += few;
  }
  EXPECT_EQ(cells.contribution(), (Contribution{{key, expected}}));
}

// Tags are 32 bits of a hash: among so many cells some share one.
TEST(PackedCells, TellKeysOfOneTagApart) {
  constexpr int64_t kJobs = 300'000;
  Cells cells;
  CountedRows rows;
  for (int pass = 0; pass < 2; ++pass) {
    for (int64_t job = 1; job <= kJobs; ++job) {
      add_row(rows, {460'000, job * 7919, job % 50, 1, 0}, EventKind::kConversion);
      if (rows.size == kBlockRows || job == kJobs) {
        cells.add(rows);
        rows.size = 0;
      }
    }
  }
  const Contribution contribution = cells.contribution();
  ASSERT_EQ(contribution.size(), static_cast<size_t>(kJobs));
  for (const Cell& cell : contribution) {
    ASSERT_EQ(cell.measures, Measures{.conversions = 2});
  }
}

TEST(PackedCells, SayWhenBidsAddUpToMoreThanFits) {
  const CellKey key = {460'000, 188, 1, 8, 3};
  Cells cells;
  CountedRows rows;
  add_row(rows, key, EventKind::kClick, INT64_MAX);
  cells.add(rows);
  EXPECT_FALSE(cells.packed.beyond());
  rows.bid_micros[0] = 1;
  cells.add(rows);
  EXPECT_EQ(cells.packed.beyond(), key);
  cells.packed.clear();
  EXPECT_FALSE(cells.packed.beyond());
}

}  // namespace
}  // namespace hirestream
