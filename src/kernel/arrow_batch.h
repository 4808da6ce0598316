// Rows of an Arrow record batch as a TrackingBatch: the columns of the tracking table by their
// names, in any type that means the same; values become what the same text of a file would be. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "model/result.h"
#include "model/slice.h"
#include "model/tracking_batch.h"

struct ArrowSchema;
struct ArrowArray;

namespace hirestream {

// Whose structures are released when it ends.
class ArrowBatch {
 public:
  ArrowBatch(ArrowSchema& schema, ArrowArray& array) : schema_(schema), array_(array) {}
  ArrowBatch(const ArrowBatch&) = delete;
  ArrowBatch& operator=(const ArrowBatch&) = delete;
  ~ArrowBatch();

  // `slices`: one for each row, or none at all of a batch without such columns.
  using Visit =
      std::function<Result<void>(const TrackingBatch& rows, std::span<const SliceKey> slices)>;
  // Reads the rows with these rules and visits them, many at once. `partitions`: the width of a
  // bucket in seconds, where each row's slice stands in its columns bucket (its number, as a number
  // or text, or its begin, as a timestamp) and shard. kConfig: a column is missing, there twice, or
  // of a type that cannot be read; names it. kRejected: a bucket or shard that is none.
  Result<void> read(const ReadingRules& rules, std::optional<int64_t> partitions,
                    const Visit& visit) const;

 private:
  ArrowSchema& schema_;
  ArrowArray& array_;
};

}  // namespace hirestream
