// SQL of tables of cells that have the form of `events`, whatever they are called, and of their
// roll-up by day.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "adapters/sql/dialect.h"
#include "adapters/sql/session.h"
#include "model/contribution.h"

namespace hirestream::sql {

// Of a row of `events`. `sources` is only read.
struct CellRow {
  CellKey key;
  Measures measures;
  int64_t company_id = 0;
  std::string_view sources;
  int64_t updated_at_us = 0;
};

// Those of the primary key, and all, in the order of append_cell().
std::string cell_key_columns(const Dialect& dialect);
std::string cell_columns(const Dialect& dialect);
// Its values, to the row of an INSERT. `session` is of the table's database.
void append_cell(const Session& session, std::string& row, const CellRow& cell);
// In an upsert: to each measure of `table` is added what was to be inserted. Ends with ", ".
std::string added_measures(const Dialect& dialect, std::string_view table);
std::string hour_condition(const Dialect& dialect, int32_t local_hour);
// Puts the sums by day of the rows of `cells` into `days`, which has none of them. `condition`:
// which rows, of whole days; empty: all.
std::string sum_up_days(const Dialect& dialect, std::string_view days, std::string_view cells,
                        std::string_view condition = {});

}  // namespace hirestream::sql
