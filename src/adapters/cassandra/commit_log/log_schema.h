// What must be known of the tables to read a commit log: an entry has neither types nor lengths.
// Pure; threading as a value.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/cassandra/commit_log/cell_layout.h"

namespace hirestream {

using TableId = std::array<uint8_t, 16>;  // system_schema.tables.id

struct LogColumn {
  CellLayout layout;
  std::string type;  // as system_schema names it
};

struct LogTable {
  TableId id{};
  std::string keyspace;
  std::string name;
  std::vector<std::string> partition_key;
  std::vector<CellLayout> clustering;
  std::vector<std::string> clustering_names;
  // Those that were dropped, too: their cells still stand in the log.
  std::map<std::string, LogColumn, std::less<>> columns;
};

class LogSchema {
 public:
  void add(LogTable table);
  // Null: no table has that id. Valid until the schema is replaced.
  const LogTable* find(std::span<const uint8_t, 16> id) const;
  const LogTable* find(std::string_view keyspace, std::string_view name) const;
  size_t size() const { return tables_.size(); }

 private:
  struct IdHash {
    size_t operator()(const TableId& id) const noexcept {
      uint64_t half = 0;
      std::memcpy(&half, id.data(), sizeof half);
      uint64_t other = 0;
      std::memcpy(&other, id.data() + sizeof half, sizeof other);
      return static_cast<size_t>(half ^ other * 0x9e3779b97f4a7c15U);
    }
  };
  std::unordered_map<TableId, LogTable, IdHash> tables_;
};

}  // namespace hirestream
