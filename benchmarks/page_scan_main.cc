// The yardstick for catching up: reads every page of a Cassandra table, the columns the engine
// reads, by parallel token ranges, and does nothing with the rows (they are not even decoded).
// Prints one line of JSON.
//
//   page_scan HOST:PORT KEYSPACE TABLE [PARALLEL]
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "adapters/cassandra/cql_session_internal.h"

namespace hirestream {
namespace {

constexpr uint32_t kRanges = 64;
constexpr const char* kColumns =
    "create_time, ts, job_id, publisher_id, campaign_id, group_id, bid, custom_track, ev";

Result<int> scan(const std::string& host, const std::string& keyspace, const std::string& table,
                 int32_t parallel) {
  CassandraConfig config;
  config.hosts = {host};
  config.keyspace = keyspace;
  config.table = table;
  config.consistency = Consistency::kLocalOne;
  config.parallel_reads = parallel;
  HIRESTREAM_ASSIGN(auto session, CqlSession::open(config));
  HIRESTREAM_ASSIGN(
      const CqlAnswer columns,
      session->query("SELECT column_name, kind, position FROM system_schema.columns WHERE "
                     "keyspace_name = ? AND table_name = ?",
                     {keyspace, table}));
  std::vector<std::string> key(columns.rows.size());
  size_t parts = 0;
  for (const CqlRow& row : columns.rows) {
    if (row[1] == "partition_key") {
      key[static_cast<size_t>(row[2]->back())] = *row[0];
      ++parts;
    }
  }
  key.resize(parts);
  std::string token;
  for (const std::string& name : key) {
    token += (token.empty() ? "" : ", ") + quote_identifier(name);
  }
  HIRESTREAM_ASSIGN(const CqlStatement statement,
                    session->prepare(fmt::format(
                        "SELECT {} FROM {}.{} WHERE token({}) > ? AND token({}) <= ?", kColumns,
                        quote_identifier(keyspace), quote_identifier(table), token, token)));
  const auto begin = std::chrono::steady_clock::now();
  HIRESTREAM_ASSIGN(CqlRead read, session->scan(statement, TokenRange(), kRanges, BoundValues(),
                                                Consistency::kLocalOne));
  size_t rows = 0;
  size_t bytes = 0;
  while (true) {
    HIRESTREAM_ASSIGN(const std::optional<CqlPage> page, read.next());
    if (!page) {
      break;
    }
    rows += page->row_count();
    bytes += page->rows().size();
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  fmt::print("{{\"rows\": {}, \"bytes\": {}, \"seconds\": {:.3f}}}\n", rows, bytes,
             seconds.count());
  return 0;
}

}  // namespace
}  // namespace hirestream

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: page_scan HOST:PORT KEYSPACE TABLE [PARALLEL]\n", stderr);
    return 2;
  }
  const auto done = hirestream::scan(argv[1], argv[2], argv[3], argc > 4 ? std::atoi(argv[4]) : 8);
  if (!done) {
    std::fprintf(stderr, "error: %s\n", done.error().text().c_str());
    return 1;
  }
  return *done;
}
