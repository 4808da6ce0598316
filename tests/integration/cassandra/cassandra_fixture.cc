#include "tests/integration/cassandra/cassandra_fixture.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "adapters/cassandra/cassandra_schema.h"
#include "model/timestamp.h"
#include "ports/drain_sweep_test.h"

namespace hirestream {
namespace {

constexpr std::string_view kKeyspace = "t_cassandra_adapter";

}  // namespace

void SeenRows::add(const SweepPage& page) {
  ++pages;
  const TrackingBatch& batch = page.rows;
  for (size_t row = 0; row < batch.rows(); ++row) {
    ++delivered;
    SeenRow seen{.slice = page.slice, .position = batch.position(row), .cells = {}};
    for (size_t i = 1; i < kColumnCount; ++i) {
      const auto column = static_cast<Column>(i);
      const std::string name(column_name(column));
      switch (batch.status(column, row)) {
        case CellStatus::kNull:
          break;
        case CellStatus::kBad:
          seen.cells[name] = "bad";
          break;
        case CellStatus::kValue:
          seen.cells[name] = column >= Column::kCustomTrack
                                 ? std::string(batch.text(column, row))
                                 : fmt::format("{}", batch.integer(column, row));
      }
    }
    rows[batch.id(row)] = std::move(seen);
  }
}

std::string CassandraFixture::server() {
  const char* server = std::getenv("HIRESTREAM_TEST_CASSANDRA");
  std::string address = server != nullptr ? server : "127.0.0.1:9042";
  if (const std::string scheme = "cassandra://"; address.starts_with(scheme)) {
    address.erase(0, scheme.size());
  }
  return address;
}

CassandraConfig CassandraFixture::config() const {
  CassandraConfig config;
  config.hosts = {server()};
  config.keyspace = kKeyspace;
  config.table = table_;
  config.request_timeout = std::chrono::seconds(20);
  return config;
}

void CassandraFixture::SetUp() {
  table_ = fmt::format("t{}_{}", ::getpid(),
                       std::chrono::steady_clock::now().time_since_epoch().count() % 1'000'000'000);
  auto connection = CassandraConnection::open(config());
  ASSERT_TRUE(connection) << connection.error().text()
                          << "\nThese tests need a Cassandra server at " << server()
                          << " (HIRESTREAM_TEST_CASSANDRA). Start one: make services";
  connection_ = std::move(*connection);
  execute(
      fmt::format("CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {{'class': "
                  "'SimpleStrategy', 'replication_factor': 1}}",
                  kKeyspace));
}

void CassandraFixture::TearDown() {
  if (connection_) {
    execute(fmt::format("DROP TABLE IF EXISTS {}", table()));
    execute(fmt::format("DROP TABLE IF EXISTS {}.{}_layout", kKeyspace, table_));
  }
}

void CassandraFixture::execute(const std::string& cql) {
  const auto result = connection_->execute(cql);
  ASSERT_TRUE(result) << result.error().text();
}

void CassandraFixture::execute_all(const std::vector<std::string>& statements) {
  for (const std::string& statement : statements) {
    execute(statement);
  }
}

std::string CassandraFixture::table() const {
  return fmt::format("{}.{}", kKeyspace, table_);
}

void CassandraFixture::create_recommended_table() {
  execute_all(recommended_schema_statements(std::string(kKeyspace), table_));
}

void CassandraFixture::create_deployed_table() {
  execute_all(deployed_schema_statements(std::string(kKeyspace), table_));
}

void CassandraFixture::write(const std::vector<RawEvent>& events) {
  auto writer = CassandraWriter::open(config(), TimeZone());
  ASSERT_TRUE(writer) << writer.error().text();
  const auto written = (*writer)->write(events);
  ASSERT_TRUE(written) << written.error().text();
  ASSERT_TRUE((*writer)->finish());
}

OpenedCassandraSource CassandraFixture::open(const CassandraSourceOptions& options,
                                             const std::optional<CassandraConfig>& other) {
  auto opened = open_cassandra_source(other.value_or(config()), options);
  EXPECT_TRUE(opened) << opened.error().text();
  return opened ? std::move(*opened) : OpenedCassandraSource{};
}

SeenRows CassandraFixture::sweep(EventSource& source, SweepRequest request) {
  SeenRows seen;
  const auto outcome =
      drain_sweep(source, std::move(request), [&](const SweepPage& page) { seen.add(page); });
  EXPECT_TRUE(outcome) << outcome.error().text();
  return seen;
}

SeenRows CassandraFixture::read_all(EventSource& source) {
  return source.description().slice_reads ? sweep(source, {.what = all_slices(source)})
                                          : sweep(source, {.what = RingPart()});
}

RowId id_of(int64_t number, int64_t step_us) {
  return make_version_1((kFirstArrivalUs + number * step_us) * 10, 7, 0x0123456789AB);
}

RawEvent event_of(int64_t number, int64_t step_us) {
  RawEvent event;
  event[RawColumn::kCreateTime] = format_uuid(id_of(number, step_us));
  event[RawColumn::kTs] = format_timestamp_ms(kFirstArrivalUs + number * step_us);
  event[RawColumn::kJobId] = fmt::format("{}", 100 + number % 15);
  event[RawColumn::kCustomTrack] = "click";
  event[RawColumn::kBid] = "1.5";
  event[RawColumn::kEv] = "2";
  return event;
}

std::vector<int32_t> all_shards(const EventSource& source) {
  return all_shards(source.description());
}

std::vector<SliceRead> all_slices(EventSource& source) {
  const auto slices = source.discover(all_shards(source));
  EXPECT_TRUE(slices) << slices.error().text();
  std::vector<SliceRead> reads;
  for (const SliceListing& slice : *slices) {
    reads.push_back({slice.key, {}});
  }
  return reads;
}

}  // namespace hirestream
