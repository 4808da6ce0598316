// Where a source, a warehouse or a job directory is:
//
//   cassandra://[user@]host[:9042][,host2[:port]…]/keyspace/table[?consistency=…&tls_ca=…]
//   mysql://[user@]host[:3306]/database[?tls=…&tls_ca=…]
//   sqlite:PATH      csv:PATH      ndjson:PATH      parquet:PATH
//
// A password inside a URI is refused: it would end up in process lists, shell histories and logs
// (see secrets.h). User and parameter values may be percent-encoded; IPv6 addresses stand in
// brackets. Pure; errors are kConfig and never repeat a password.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"

namespace hirestream {

enum class Scheme { kCassandra, kMysql, kSqlite, kCsv, kNdjson, kParquet };
std::string_view scheme_name(Scheme scheme);

enum class UriRole { kSource, kWarehouse, kJobs, kRawLog };
std::string_view uri_role_name(UriRole role);

struct HostPort {
  std::string host;
  uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

struct Uri {
  Scheme scheme = Scheme::kSqlite;
  std::string user;                               // cassandra, mysql; may be empty
  std::vector<HostPort> hosts;                    // cassandra: at least one; mysql: exactly one
  std::string database;                           // cassandra: keyspace; mysql: database
  std::string table;                              // cassandra
  std::string path;                               // sqlite, csv, ndjson, parquet
  std::map<std::string, std::string> parameters;  // names checked against the scheme's

  // As it may be shown anywhere: complete, and there is no password in it.
  std::string text() const;
  // Without user and parameters: the default name of a source.
  std::string name() const;
  std::string parameter(const std::string& key, const std::string& fallback = {}) const;
};

// Also checks that the scheme can play the role: a CSV file cannot be a warehouse.
Result<Uri> parse_uri(std::string_view text, UriRole role);

// Replaces what stands between "user:" and "@" by "***"; for texts that could not be parsed.
std::string redact(std::string_view text);

}  // namespace hirestream
