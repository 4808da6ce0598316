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
  // Sets the cell of the batch's last row; whether it has a size its type can have.
  using DecodeCell = bool (*)(CqlType type, std::span<const uint8_t> cell, TrackingBatch& batch);

  // Name and type of each column of the result, in order; create_time first. kConfig when a column
  // cannot be read from that type. `id_is_key`: no row lacks create_time; what seems to is a
  // partition that has nothing but static columns, and is left out.
  static Result<RawPageDecoder> make(const std::string& table,
                                     std::span<const std::pair<std::string, CqlType>> columns,
                                     const ReadingRules& rules = {}, bool id_is_key = false);

  // Appends the page's rows. No bytes at all: all cells are null. kTransient when the page is
  // malformed; the batch then holds a part of it.
  Result<void> decode(std::span<const uint8_t> rows, size_t row_count, TrackingBatch& batch) const;

 private:
  // Of an event time in two columns the date comes first.
  enum class Part : uint8_t { kWhole, kDate, kTimeOfDay };
  struct Step {
    Column column;
    CqlType type;
    DecodeCell decode;  // of kWhole
    Part part = Part::kWhole;
  };
  // As DecodeCell, of the other parts. `date`: the text of kDate in this row.
  static bool decode_part(const Step& step, std::span<const uint8_t> cell, std::string& date,
                          TrackingBatch& batch);
  RawPageDecoder(std::string table, std::vector<Step> steps, bool id_is_key)
      : table_(std::move(table)), steps_(std::move(steps)), id_is_key_(id_is_key) {}

  std::string table_;
  std::vector<Step> steps_;
  bool id_is_key_;
};

}  // namespace hirestream
