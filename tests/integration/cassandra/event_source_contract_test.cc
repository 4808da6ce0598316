// The contract of every event source, on a real server: the recommended table, which is followed by
// its partitions, and the table as it is usually deployed, which is scanned.
#include "contract/event_source_contract.h"

#include "tests/integration/cassandra/cassandra_fixture.h"

namespace hirestream {
namespace {

// A table that lives as long as this.
class Table : public CassandraFixture {
 public:
  Table() { SetUp(); }
  ~Table() override { TearDown(); }
  using CassandraFixture::create_deployed_table;
  using CassandraFixture::create_recommended_table;
  using CassandraFixture::open;
  using CassandraFixture::write;

 private:
  void TestBody() override {}
};

enum class Layout { kRecommended, kDeployed };

template <Layout layout>
class CassandraFactory : public EventSourceFactory {
 public:
  std::string name() const override { return "cassandra"; }

  std::unique_ptr<EventSource> make(std::span<const RawEvent> events) override {
    if (layout == Layout::kRecommended) {
      table_.create_recommended_table();
    } else {
      table_.create_deployed_table();
    }
    table_.write({events.begin(), events.end()});
    return std::move(table_.open({.rules = {}, .with_payload = true, .strategy = {}}).source);
  }

  bool holds_bad_values() const override { return layout == Layout::kDeployed; }

 private:
  Table table_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(CassandraTail, EventSourceContract,
                               CassandraFactory<Layout::kRecommended>);
INSTANTIATE_TYPED_TEST_SUITE_P(CassandraScan, EventSourceContract,
                               CassandraFactory<Layout::kDeployed>);

}  // namespace
}  // namespace hirestream
