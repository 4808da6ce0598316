// What is said differently to each SQL database: names, types and idioms. Statements that all of
// them take are written once around it.
//
// Said alike by all: CAST(… AS CHAR), CAST(… AS SIGNED), INSTR, the names of all tables but
// `events`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/contribution.h"

namespace hirestream::sql {

// Version of the tables, in hirestream_meta. 2: hirestream_days. 3: frozen slices are no rows of
// the ledger any more. 4: row hashes of another definition. 5: hirestream_kinds and
// hirestream_leases. 6: commits go by the count of stored jobs, which an older version neither
// keeps nor asks.
inline constexpr int64_t kSchemaVersion = 6;
inline constexpr int64_t kVersionOfDays = 2;
inline constexpr int64_t kVersionOfView = 5;  // hirestream_accounting

// What the ledger keeps of single slices.
struct LedgerTables {
  std::string slices = "hirestream_slices";
  std::string deltas = "hirestream_deltas";
  std::string rejects = "hirestream_rejects";
  std::string kinds = "hirestream_kinds";
};

class Dialect {
 public:
  virtual ~Dialect() = default;

  // --- names
  LedgerTables ledger;
  std::string_view events;       // the table of hourly cells
  std::string_view day;          // column of a day
  std::string_view conversions;  // columns of measures in events and hirestream_days
  std::string_view qualified;
  std::string_view unqualified;
  std::string_view spend_of_hour;  // in events
  std::string_view spend_of_day;   // in hirestream_days
  std::string_view updated_at;     // column of a moment

  // --- idioms
  bool has_schemas = false;        // a table may be called "schema.table"
  std::string_view table_options;  // ends a CREATE TABLE
  // Behind a table's name: its primary key is the index to use, whatever the server thinks of its
  // size.
  std::string_view by_key;
  std::string_view insert_or_ignore;
  std::string_view greatest;
  std::string_view now;  // as a value of updated_at
  // Ends a SELECT whose rows must stay, for this one alone or for all who read so. Empty: a writer
  // is alone.
  std::string_view lock_rows;
  std::string_view share_rows;

  // A day as a value of its column, and its number since 1970 as an expression.
  virtual std::string day_value(int32_t days) const = 0;
  virtual std::string day_number(std::string_view column) const = 0;
  // A moment as a value of updated_at, and its microseconds since 1970.
  virtual std::string moment_value(int64_t us) const = 0;
  virtual std::string moment_micros(std::string_view moment) const = 0;
  // Millionths as a value of spend_of_hour and spend_of_day.
  virtual std::string money_value(int64_t micros) const = 0;
  // SUM of counts, as fast as the server can; exact up to 2⁵³ at least, and an error beyond what is
  // exact.
  virtual std::string sum(std::string_view column) const = 0;
  // Hours of `events` from … to (exclusive), as ranges that its indexes know.
  virtual std::string hours_condition(int32_t from_hour, int32_t to_hour) const = 0;
  // Keys of `events` after this one within hours that begin with its own.
  virtual std::string after_condition(const CellKey& key) const = 0;
  // Ends an INSERT whose row may be there: " ON … UPDATE …". `key`: the unique columns. In
  // `assignments` the row that was to be inserted is called `new`, and the columns of the one that
  // is there have the table's name before them.
  virtual std::string upsert(std::string_view key, std::string_view assignments) const = 0;
  // In the assignments of an upsert into a table of that name: its `sources`, with the one of the
  // row that was to be inserted.
  virtual std::string merged_sources(std::string_view table) const = 0;
  // Deletes the first rows of a table in that order.
  virtual std::string delete_first(std::string_view table, std::string_view order,
                                   int64_t rows) const = 0;
  // Deletes rows that the table's primary key finds.
  virtual std::string delete_by_key(std::string_view table, std::string_view condition) const = 0;
  // Names of the columns of a table; both names as literals, an empty schema is the session's own.
  virtual std::string columns_query(std::string_view schema, std::string_view table) const = 0;
  virtual std::string quoted_identifier(std::string_view name) const = 0;

  std::string local_hour() const { return day_number(day) + " * 24 + hours"; }
};

// `assignments` of an upsert with another name for each column of `new`.
std::string rename_new(std::string_view assignments, std::string_view before,
                       std::string_view after);
std::string quote_identifier(std::string_view name, char quote);

}  // namespace hirestream::sql
