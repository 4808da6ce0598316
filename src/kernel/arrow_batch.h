// Rows of an Arrow record batch as a TrackingBatch: the columns of the tracking table by their
// names, in any type that means the same; values become what the same text of a file would be. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "model/result.h"
#include "model/slice.h"
#include "model/tracking_batch.h"

struct ArrowSchema;
struct ArrowArray;

namespace hirestream {

// Texts of a row. TrackingBatch holds less than 4 GiB of them.
inline constexpr int64_t kRowBytesMax = int64_t{1} << 30;

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
  // Reads the rows with these rules and visits them, many at once. `with_payload`: `ed` is read,
  // too. `partitions`: the width of a bucket in seconds, where each row's slice stands in its
  // columns bucket (its number, as a number or text, or its begin, as a timestamp) and shard.
  // kConfig: a column is missing, there twice, or of a type that cannot be read; names it.
  // kRejected: a bucket or shard that is none, or a row of more than kRowBytesMax.
  Result<void> read(const ReadingRules& rules, bool with_payload, std::optional<int64_t> partitions,
                    const Visit& visit) const;

  // missing_columns_text() of its columns.
  std::string missing_columns(const ReadingRules& rules, bool with_payload) const;

 private:
  ArrowSchema& schema_;
  ArrowArray& array_;
};

}  // namespace hirestream
