// The rows that are in a tracking table of any key, with when they were written and how long they
// still live, for copying them into another table (`import --from`). Read by parts of the token
// ring, within a part by ranges side by side.
//
// Threading, blocking, errors: one thread; see cassandra_connection.h. A row is as new as the
// newest of its values; where none is told (a row of key columns alone) it is as old as its
// create_time says.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/stored_event.h"
#include "adapters/cassandra/table_shape.h"
#include "model/raw_columns.h"
#include "model/raw_event.h"
#include "model/result.h"
#include "ports/event_source.h"

namespace hirestream {

enum class CopiedColumns : uint8_t { kAll, kCounted, kCountedWithPayload };

class CassandraHistory {
 public:
  // Opens a connection of its own. kConfig: the table lacks a column that the rules name.
  static Result<std::unique_ptr<CassandraHistory>> open(const CassandraConfig& config,
                                                        ReadingRules rules,
                                                        CopiedColumns wanted = CopiedColumns::kAll);
  ~CassandraHistory();

  const TableShape& shape() const { return shape_; }
  // Columns that raw rows do not have: they are not read.
  const std::vector<std::string>& left_out() const { return left_out_; }
  // Every row that lies there, some at a time.
  using Take = std::function<Result<void>(std::span<const StoredEvent> events)>;
  Result<void> read(uint64_t begin_place, uint64_t end_place, const Take& take);

 private:
  struct Statement;
  struct Column {
    NamedRawColumn raw;
    CqlType type;
    ColumnKind kind;
    std::optional<size_t> written;  // index in a row of its WRITETIME, TTL behind it
  };
  explicit CassandraHistory(std::unique_ptr<CassandraConnection> connection);
  Result<void> choose_columns(CopiedColumns wanted);
  Result<void> prepare();
  Result<StoredEvent> event_of(const std::vector<std::optional<std::string>>& row) const;

  std::unique_ptr<CassandraConnection> connection_;
  std::unique_ptr<Statement> statement_;
  TableShape shape_;
  std::vector<Column> columns_;
  std::vector<std::string> left_out_;
};

}  // namespace hirestream
