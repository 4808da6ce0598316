// The rows of a table as a node writes them into its commit log (commit_log/commit_log.h), with the
// values that are counted, as text. Deletions take nothing away: neither a row nor a value that is
// deleted, expires or is set to null is told.
//
// Threading, blocking, errors: see ports/mirror.h and commit_log/commit_log.h. Opens a connection
// of its own, for the schema.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/commit_log/commit_log.h"
#include "adapters/cassandra/cql_value.h"
#include "model/raw_columns.h"
#include "ports/mirror.h"

namespace hirestream {

struct ChangeLogConfig {
  std::string folder;  // commitlog_directory of the node; with CDC cdc_raw_directory
  LogVisibility visibility = LogVisibility::kMarker;
  bool with_payload = true;       // the column `ed`, too
  bool is_cdc_raw = false;        // see CommitLogOptions
  std::string own_keyspace = {};  // see CommitLogOptions
  std::string own_table = {};
  std::string own_row = {};
};

class CassandraChangeLog : public ChangeLog {
 public:
  static Result<std::unique_ptr<CassandraChangeLog>> open(const CassandraConfig& source,
                                                          const ReadingRules& rules,
                                                          const ChangeLogConfig& config);

  Result<std::optional<std::string>> start(const std::optional<std::string>& position) override;
  Result<Poll> poll(size_t rows_max, std::vector<ChangedRow>& rows) override;
  std::string position() const override;
  Result<void> delete_before(const std::string& position) override;

  const CommitLogCounts& counts() const { return log_->counts(); }
  Result<int64_t> unread_bytes() const { return log_->unread_bytes(); }
  bool compressed() const { return log_->compressed(); }
  // Values of counted columns that have no text (a number beyond 64 bits, a size that is not the
  // type's): as if they had not been written. With the last one, for people.
  int64_t unreadable_values() const { return unreadable_values_; }
  const std::string& last_unreadable() const { return last_unreadable_; }

 private:
  struct Column {
    NamedRawColumn raw;
    CqlType type;
  };
  CassandraChangeLog(ReadingRules rules, bool with_payload);
  void choose_columns();
  void take_row(const LogRow& row, std::vector<ChangedRow>& rows);
  std::shared_ptr<const std::vector<std::string>> nodes_of(const LogRow& row);
  void take_key(const LogRow& row, ChangedRow& changed);
  void take_value(std::string_view name, LogBytes value, int64_t written_us, ChangedRow& changed);

  ReadingRules rules_;
  bool with_payload_;
  std::unique_ptr<CassandraConnection> connection_;
  std::unique_ptr<CommitLog> log_;
  std::map<std::string, Column, std::less<>> columns_;
  // By the host ids of the nodes.
  std::map<std::string, std::shared_ptr<const std::vector<std::string>>> nodes_;
  int64_t unreadable_values_ = 0;
  std::string last_unreadable_;
  int64_t columns_of_load_ = -1;  // CommitLogCounts::schema_loads
};

}  // namespace hirestream
