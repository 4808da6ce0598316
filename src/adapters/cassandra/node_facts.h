// What a Cassandra node tells of its commit log, and what that means for `hirestream mirror`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/cassandra_probe.h"
#include "model/result.h"

namespace hirestream {

// A node as it tells of itself.
struct NodeFacts {
  std::string host_id;
  std::string commit_log_folder;  // empty: unknown
  std::string cdc_raw_folder;     // empty: CDC is off
  std::string sync_period;        // commitlog_sync_period, with its unit; empty: unknown
  std::string problem;  // what keeps its log from being followed, for people; empty: nothing
  std::string remedy;
  std::vector<std::string> notes;  // what makes it slower
};

// system_views.settings: names and values.
using NodeSettings = std::map<std::string, std::string>;
// All but the host's id.
NodeFacts judge_settings(const NodeSettings& settings);

// Of the node that the configuration names first. kConfig: it is not clear which one that is.
Result<NodeFacts> read_node_facts(const CassandraConfig& config);

// Can this process follow its log? The first one says so, or what to do; then what makes it slower.
// Without a remedy it is good news. Looks at the folder; blocking.
std::vector<TableAdvice> mirror_prospects(const NodeFacts& facts);

}  // namespace hirestream
