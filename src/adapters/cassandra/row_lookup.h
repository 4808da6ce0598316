// Looks rows up in a table of the recommended layout: which of them somebody else has written
// there, value by value, with the same or a later write time.
//
// Threading, blocking, errors: one thread; see cassandra_connection.h.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/partition_layout.h"
#include "adapters/cassandra/table_shape.h"
#include "model/changed_row.h"
#include "model/result.h"
#include "model/time_zone.h"

namespace hirestream {

class RowLookup {
 public:
  // `connection` outlives it. `source_zone`: as at CassandraWriter.
  static Result<std::unique_ptr<RowLookup>> open(CassandraConnection& connection,
                                                 const TableShape& shape, TimeZone source_zone,
                                                 LayoutHistory layouts);
  ~RowLookup();

  // Those of the rows, rising, with which CassandraWriter::write_changes() would change something,
  // or which it would reject. With the configured consistency.
  Result<std::vector<size_t>> find_lacking(std::span<const ChangedRow> rows);

 private:
  struct Statement;
  struct Wanted;
  struct Found;
  RowLookup(CassandraConnection& connection, TimeZone source_zone, LayoutHistory layouts);
  Result<void> prepare(const TableShape& shape);
  std::vector<Wanted> place(std::span<const ChangedRow> rows, std::vector<size_t>& lacking);
  bool bind(std::span<const Wanted> partition);
  Result<Found> read();
  bool has_values(const ChangedRow& row, const Found& found, const Wanted& wanted);

  CassandraConnection& connection_;
  TimeZone source_zone_;
  LayoutHistory layouts_;
  std::unique_ptr<Statement> statement_;
};

}  // namespace hirestream
