// Takes the rows of an append-only `events` over into a table of ours, the same on every database:
// rows are read one by one (old_events.h), added up by cell, and written a part at a time.
//
// Memory: a bounded number of cells, however many rows there are. Blocking: reads the table once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "adapters/sql/old_events.h"
#include "adapters/sql/session.h"
#include "model/slice.h"
#include "ports/warehouse.h"

namespace hirestream::sql {

struct OldEvents {
  std::string table;
  OldEventsColumns columns;
};

// Can every row be taken over? kConfig: shows those that cannot. Returns which rows they are: as
// long as nobody changes one, the same, in this process.
Result<RowDigest> check_old_events(Session& session, const OldEvents& old);

struct OldEventsCopy {
  Session& from;  // not `to`, unless it gives rows while it is written to
  Session& to;
  std::string table;  // of the form of `events`, empty
  int64_t now_us = 0;
  std::optional<int32_t> until_hour;  // local hours from this one on are left out
};

// Returns which rows were read. After an error `to` may hold some of the cells.
Result<RowDigest> copy_old_events(const OldEvents& old, const OldEventsCopy& copy);

}  // namespace hirestream::sql
