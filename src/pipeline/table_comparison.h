// Which slices of a mirror (ports/mirror.h) do not hold what the table holds: both are swept once,
// and the hashes of their rows added up by slice, the mirror's against the table's. Rows that
// change meanwhile make a slice differ, which costs a copy of it and nothing else. Memory: a sum a
// slice. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "model/slice.h"
#include "ports/event_source.h"
#include "ports/mirror.h"

namespace hirestream {

class SweptComparison : public TableComparison {
 public:
  // Where the mirror keeps a row; nothing: nowhere, and it is left out.
  using Placement = std::function<std::optional<SliceKey>(const RowId& id)>;
  // Both can be swept by parts of the ring. `with_payload`: `ed` is compared, too.
  SweptComparison(std::unique_ptr<EventSource> table, std::unique_ptr<EventSource> mirror,
                  bool with_payload, Placement placement);

  void begin(int64_t from_us, int64_t until_us) override;
  Result<bool> next() override;
  std::vector<SliceKey> differing() const override;
  int64_t rows_read() const override { return rows_read_; }

 private:
  struct Sum {
    int64_t rows = 0;
    uint64_t hash = 0;  // modulo 2^64, so in any order
  };
  uint64_t hash_of(const TrackingBatch& rows, size_t row) const;
  void add(const TrackingBatch& rows);

  std::array<std::unique_ptr<EventSource>, 2> sources_;
  bool with_payload_;
  Placement placement_;
  int64_t from_us_ = 0;
  int64_t until_us_ = 0;
  size_t side_ = 0;  // of sources_
  std::unique_ptr<Sweep> sweep_;
  std::unordered_map<SliceKey, Sum, SliceKeyHash> sums_;  // the table's less the mirror's
  int64_t rows_read_ = 0;
};

}  // namespace hirestream
