// The tables of the SQLite raw log.
#pragma once

#include <string>

#include "model/raw_event.h"

namespace hirestream::sqlite {

// Kind of a column of `tracking`: ids are INTEGER, so that they compare and join as numbers; all
// others are TEXT, bids too: their decimals stay exact.
bool is_integer_column(RawColumn column);

// CREATE TABLE of `tracking`. A row keeps its seq when it is overwritten (ON CONFLICT DO UPDATE):
// INSERT OR REPLACE would move it to another block of an engine's. The case of a UUID's letters
// does not tell two rows apart.
std::string create_tracking_sql();

// Key and value pairs; holds raw_log_id, a random id given at creation by which a replaced file is
// noticed.
inline constexpr char kCreateMetaSql[] =
    "CREATE TABLE raw_log_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID";

}  // namespace hirestream::sqlite
