// A connection to a Cassandra cluster, and how to reach it.
//
// Threading: thread-safe. Blocking: opening takes at most about connect_timeout; a request at most
// request_timeout and its retries.
// Errors: kTransient when nobody answers or the cluster cannot answer now; kConfig for a wrong
// password, missing permissions, missing tables, unreadable certificates.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"
#include "ports/event_source.h"

namespace hirestream {

// Codes of the CQL binary protocol (version 4, section 3).
enum class Consistency : uint16_t {
  kOne = 1,
  kTwo = 2,
  kThree = 3,
  kQuorum = 4,
  kAll = 5,
  kLocalQuorum = 6,
  kEachQuorum = 7,
  kLocalOne = 10,
};
// "LOCAL_QUORUM" in any case.
std::optional<Consistency> parse_consistency(std::string_view name);
std::string_view consistency_name(Consistency consistency);

struct CassandraConfig {
  std::vector<std::string> hosts;  // "host" or "host:port"; any of the cluster's nodes
  std::string keyspace;
  std::string table;
  std::string user;  // empty: no authentication
  std::string password;
  bool tls = false;
  std::string tls_ca;             // PEM file; empty: the system's authorities
  std::string tls_cert;           // PEM file, for clients that must present one
  std::string tls_key;            // PEM file
  bool tls_check_address = true;  // the certificate must name the node's IP address
  std::string local_dc;           // empty: all data centers alike
  Consistency consistency = Consistency::kLocalQuorum;
  // ReadLevel::kStrongest; where the server's guardrails refuse it, the next one that they allow.
  Consistency strongest_consistency = Consistency::kAll;
  int32_t page_rows = 5000;
  int32_t parallel_reads = 8;
  int32_t parallel_writes = 64;
  int32_t connections_per_host = 1;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds request_timeout{12'000};
  // Of one page or write, on passing errors; pauses double from 100 ms to 5 s.
  int32_t retries = 6;

  // kConfig naming the field, its value and what is allowed.
  Result<void> validate() const;
  // For messages: "host1:9042,host2:9042".
  std::string hosts_text() const;
  std::string table_text() const;  // "keyspace.table"
};

class CqlSession;

class CassandraConnection {
 public:
  static Result<std::unique_ptr<CassandraConnection>> open(CassandraConfig config);
  ~CassandraConnection();
  CassandraConnection(const CassandraConnection&) = delete;
  CassandraConnection& operator=(const CassandraConnection&) = delete;

  const CassandraConfig& config() const { return config_; }
  // A statement without values: DDL, GRANT. Returns when the cluster's nodes agree on the schema.
  Result<void> execute(const std::string& cql);
  // Of the keyspace of config().
  Result<bool> has_table(const std::string& name);
  // kConfig: the table of config() is another one by now. Statements go on then, and would read it
  // as if it were the old one; where there is none at all they say so themselves. `id`:
  // TableShape::table_id.
  Result<void> check_same_table(const std::string& id);
  ReadStatistics statistics() const;
  // What a read of that level asks for. Of the strongest level the server is asked each time, for
  // guardrails (read_consistency_levels_disallowed) can be set while it runs: the strongest one it
  // allows, at least the configured one.
  Consistency consistency_at(ReadLevel level);
  // Whether the server's guardrails let us read so.
  bool is_allowed(Consistency consistency);

  // For this folder's sources and writers.
  CqlSession& session() { return *session_; }

 private:
  CassandraConnection(CassandraConfig config, std::unique_ptr<CqlSession> session);

  CassandraConfig config_;
  std::unique_ptr<CqlSession> session_;
};

}  // namespace hirestream
