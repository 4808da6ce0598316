// Undecoded result pages → TrackingBatch. Format: CQL binary protocol, version 4, section 4.2.5.2:
// row after row, for each column a length (int32, big-endian; negative: null) and so many bytes.
// Every length is checked before it is used: a malformed page is an error, never a read out of
// bounds.
//
// Values that are well-formed but unusable (a timestamp beyond the calendar, a negative bid) become
// bad cells of their row. A value of zero bytes is null, in every type but text, where
// TrackingBatch says the same. Thread-safe after make().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/cassandra/cql_value.h"
#include "model/result.h"
#include "model/tracking_batch.h"

namespace hirestream {

class RawPageDecoder {
 public:
  // Name and type of each column of the result, in order. kConfig when a column cannot be read from
  // that type.
  static Result<RawPageDecoder> make(const std::string& table,
                                     std::span<const std::pair<std::string, CqlType>> columns,
                                     const ReadingRules& rules = {});

  // Appends the page's rows. kTransient when the page is malformed; the batch then holds a part of
  // it.
  Result<void> decode(std::span<const uint8_t> rows, size_t row_count, TrackingBatch& batch) const;

 private:
  struct Step {
    Column column;
    CqlType type;
  };
  RawPageDecoder(std::string table, std::vector<Step> steps)
      : table_(std::move(table)), steps_(std::move(steps)) {}

  std::string table_;
  std::vector<Step> steps_;
};

}  // namespace hirestream
