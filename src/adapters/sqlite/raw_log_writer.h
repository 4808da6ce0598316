// Writes raw rows into the SQLite raw log (see raw_log.h); makes the file and its tables when they
// are missing. One transaction per call of write(). The same create_time again overwrites the whole
// row, which keeps its seq (a reader that has counted it already learns of the change only when it
// settles, audits or verifies the block).
//
// Threading: one thread at a time. Blocking: waits up to 5 s for another writer, then kTransient.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "adapters/sqlite/database.h"
#include "ports/raw_log_writer.h"

namespace hirestream {

class SqliteRawLogWriter : public RawLogWriter {
 public:
  // kConfig: the file cannot be made, is no database, or holds a `tracking` with other columns.
  static Result<std::unique_ptr<SqliteRawLogWriter>> open(const std::string& path);

  // Every value fits: what is no integer is kept as text in an id's column. Empty text is null.
  // kRejected: create_time is null.
  Result<void> write(std::span<const RawEvent> events) override;
  Result<void> finish() override;

 private:
  explicit SqliteRawLogWriter(sqlite::Database database) : database_(std::move(database)) {}
  Result<void> create_tables();
  Result<void> write_event(const RawEvent& event, sqlite::Statement& upsert);

  sqlite::Database database_;
};

}  // namespace hirestream
