#include "adapters/sqlite/raw_log.h"

#include "adapters/files/temporary_folder_test.h"
#include "adapters/sqlite/raw_log_writer.h"
#include "event_source_contract.h"

namespace hirestream {
namespace {

class SqliteFactory : public EventSourceFactory {
 public:
  std::string name() const override { return "sqlite"; }
  std::unique_ptr<EventSource> make(std::span<const RawEvent> events) override {
    const std::string path = folder_.path("raw.db");
    auto writer = SqliteRawLogWriter::open(path);
    EXPECT_TRUE(writer) << writer.error().text();
    const auto written = (*writer)->write(events);
    EXPECT_TRUE(written) << written.error().text();
    // Small blocks, so that there are several.
    auto source = SqliteRawLog::open({.path = path, .block_rows = 300, .rules = {}});
    EXPECT_TRUE(source) << source.error().text();
    return source ? std::move(*source) : nullptr;
  }

 private:
  TemporaryFolder folder_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, EventSourceContract, SqliteFactory);

}  // namespace
}  // namespace hirestream
