// Adds rows of sums to `events` or hirestream_days. Most of them by a statement of many rows that
// the server has parsed once and whose values come as bytes, which is less work for it than text
// (docs/decisions/0035-history-in-larger-commits.md); where there are few, where it is the end of
// many, and where a server or a proxy prepares no statements, as text. The order of the rows is
// kept. The error of a row that the server refuses names its values. Within one transaction.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "adapters/mysql/session.h"
#include "adapters/sql/multi_row_insert.h"
#include "ports/warehouse.h"

namespace hirestream::mysql {

struct SumTable {
  // INSERT INTO … VALUES, with these columns in this order: the day, the hour if there is one, job,
  // publisher, campaign, group, impressions, clicks, conversions, qualified, unqualified, spend and
  // company; then those of `constants`.
  const char* insert;
  bool has_hours;
  // Values that all rows have, each behind a comma.
  std::string constants;
  // Behind the rows.
  std::string upsert;
};

class SumInsert {
 public:
  // `rows`: so many will come.
  SumInsert(Session& session, SumTable table, size_t rows);
  ~SumInsert();

  Result<void> add(const CellChange& row);
  // Sends what is left. Must be the last call; without it rows are lost.
  Result<void> flush();

 private:
  class Block;

  Result<void> prepare();
  // Whether the last error says nothing of the rows, but of how they were sent.
  bool is_of_the_way() const;
  Result<void> go_on_as_text();

  Session& session_;
  SumTable table_;
  // Full ones that are still to come; all other rows are text.
  size_t blocks_left_;
  sql::MultiRowInsert text_;
  std::unique_ptr<Block> block_;
};

}  // namespace hirestream::mysql
