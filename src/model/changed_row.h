// Values of a raw row that were written, each with its own write time: what a mirror of a table is
// told. The newest write of each value wins; the order in which they come does not matter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/raw_event.h"

namespace hirestream {

struct ChangedRow {
  RawEvent event;  // create_time is always there; nothing: not written now
  std::array<int64_t, kRawColumnNames.size()> written_us{};  // of each value that is there
  int64_t row_written_us = 0;  // the newest of them, or when the row alone was written
  // Nodes that are up and whose logs should have it, in the order in which their mirrors go first.
  // Null: not known.
  std::shared_ptr<const std::vector<std::string>> nodes = nullptr;

  void set_written(RawColumn column, int64_t us) { written_us[static_cast<size_t>(column)] = us; }
};

}  // namespace hirestream
