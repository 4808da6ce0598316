#include "pipeline/recount.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "aggregation/row_spec_test.h"

namespace hirestream {
namespace {

TrackingBatch rows_from(int first, int count) {
  TrackingBatch batch;
  for (int i = first; i < first + count; ++i) {
    RowSpec row;
    row.id = id_at(kArrivalUs + i);
    append_row(batch, row);
  }
  return batch;
}

RowDigest digest_of(int count) {
  RowClassifier classifier({});
  Tally tally;
  tally.add(classifier, rows_from(0, count));
  return tally.digest();
}

TEST(SliceCount, NotesWhatItsFirstRowsAreWhateverItsBatchesAre) {
  const std::vector<int64_t> noted = {1, 99, 100, 1500, 5000};
  for (const int batch : {1, 7, 100, 2500}) {
    RowClassifier classifier({});
    SliceCount slice;
    for (int row = 0; row < 2500; row += batch) {
      slice.add_in_order(classifier, rows_from(row, std::min(batch, 2500 - row)), noted);
    }
    EXPECT_EQ(slice.tally.digest(), digest_of(2500)) << batch;
    EXPECT_EQ(slice.first_rows, (std::vector<RowDigest>{digest_of(1), digest_of(99), digest_of(100),
                                                        digest_of(1500)}))
        << batch;
  }
}

TEST(SliceCount, NotesNothingThatNobodyAskedFor) {
  RowClassifier classifier({});
  SliceCount slice;
  slice.add_in_order(classifier, rows_from(0, 10), {});
  EXPECT_EQ(slice.tally.digest(), digest_of(10));
  EXPECT_TRUE(slice.first_rows.empty());
}

}  // namespace
}  // namespace hirestream
