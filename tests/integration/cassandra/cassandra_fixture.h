// A table of its own for each test, on a real server: HIRESTREAM_TEST_CASSANDRA (default
// 127.0.0.1:9042). Without a server tests fail.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "adapters/cassandra/cassandra_source.h"
#include "adapters/cassandra/cassandra_writer.h"
#include "model/raw_event.h"
#include "ports/event_source.h"

namespace hirestream {

// What of a row came out of a source, as text; null cells are nothing.
struct SeenRow {
  std::optional<SliceKey> slice;
  Position position;
  std::map<std::string, std::string> cells;
};

// Keeps rows by identity.
struct SeenRows {
  void add(const SweepPage& page);

  std::map<RowId, SeenRow> rows;
  size_t delivered = 0;  // with repetitions
  size_t pages = 0;
};

class CassandraFixture : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  static std::string server();
  CassandraConfig config() const;  // the test's keyspace and table
  void execute(const std::string& cql);
  void execute_all(const std::vector<std::string>& statements);
  std::string table() const;  // as it is written in CQL

  void create_recommended_table();
  void create_deployed_table();
  void write(const std::vector<RawEvent>& events);
  OpenedCassandraSource open(const CassandraSourceOptions& options = {},
                             const std::optional<CassandraConfig>& other = std::nullopt);
  SeenRows sweep(EventSource& source, SweepRequest request);
  // Every row the source can find: whole slices, or the whole ring.
  SeenRows read_all(EventSource& source);

 private:
  std::string table_;
  std::unique_ptr<CassandraConnection> connection_;
};

// Number `number` of a series of rows that arrive `step_us` apart from 2022-07-16 19:33:20 on.
inline constexpr int64_t kFirstArrivalUs = 1'658'000'000'000'000;
RowId id_of(int64_t number, int64_t step_us = 1'000);
RawEvent event_of(int64_t number, int64_t step_us = 1'000);

std::vector<int32_t> all_shards(const EventSource& source);
// Every slice that has rows.
std::vector<SliceRead> all_slices(EventSource& source);

class Stopwatch {
 public:
  std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 begin_);
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace hirestream
