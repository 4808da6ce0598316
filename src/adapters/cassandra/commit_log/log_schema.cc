#include "adapters/cassandra/commit_log/log_schema.h"

#include <algorithm>
#include <utility>

namespace hirestream {

void LogSchema::add(LogTable table) {
  const TableId id = table.id;
  tables_.insert_or_assign(id, std::move(table));
}

const LogTable* LogSchema::find(std::span<const uint8_t, 16> id) const {
  TableId key;
  std::ranges::copy(id, key.begin());
  const auto found = tables_.find(key);
  return found == tables_.end() ? nullptr : &found->second;
}

const LogTable* LogSchema::find(std::string_view keyspace, std::string_view name) const {
  const auto found = std::ranges::find_if(tables_, [&](const auto& entry) {
    return entry.second.keyspace == keyspace && entry.second.name == name;
  });
  return found == tables_.end() ? nullptr : &found->second;
}

}  // namespace hirestream
