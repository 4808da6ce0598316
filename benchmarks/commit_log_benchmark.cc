// How fast a segment of Cassandra's commit log is read on one core: entries of other tables, which
// are passed over, and rows of the table, decoded to cells. A row has the 29 columns of the
// tracking table, about 600 bytes; files are in the page cache, as those are that were just
// written.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "adapters/cassandra/commit_log/commit_log.h"
#include "adapters/cassandra/commit_log/segment_writer_test.h"
#include "model/raw_event.h"
#include "registration.h"

namespace hirestream {
namespace {

constexpr int64_t kEntries = 5'000;

LogTable table_of(char id) {
  LogTable table;
  table.id.fill(static_cast<uint8_t>(id));
  table.keyspace = "logs";
  table.name = id == 'T' ? "tracking" : "other";
  table.partition_key = {"create_time"};
  for (const std::string_view name : kRawColumnNames) {
    table.columns[std::string(name)] = {cell_layout("text"), "text"};
  }
  return table;
}

// An INSERT of all columns, as Mutation.serializer writes it.
std::string insert(char id, int64_t number) {
  test::Bytes bytes;
  bytes.integer(1, 1).text(std::string(16, id));
  const std::string key = fmt::format("{:036}", number);
  bytes.integer(key.size(), 1).text(key).integer(0x10, 1).integer(5, 1).integer(0, 1).integer(0, 1);
  bytes.integer(kRawColumnNames.size() - 1, 1);
  for (size_t i = 1; i < kRawColumnNames.size(); ++i) {
    bytes.integer(kRawColumnNames[i].size(), 1).text(kRawColumnNames[i]);
  }
  bytes.integer(1, 1).integer(0x24, 1).integer(0, 1);
  for (size_t i = 1; i < kRawColumnNames.size(); ++i) {
    bytes.integer(8, 1).integer(12, 1).text("a value here");
  }
  return bytes.integer(1, 1).str();
}

std::filesystem::path segment_of(char id) {
  const auto folder = std::filesystem::temp_directory_path() /
                      fmt::format("hirestream_commit_log_benchmark_{}_{}", getpid(), id);
  std::filesystem::create_directories(folder);
  test::SegmentBytes segment(4711);
  for (int64_t i = 0; i < kEntries; ++i) {
    segment.add(insert(id, i));
    if (i % 500 == 499) {
      segment.close_section();
    }
  }
  segment.write(folder);
  return folder;
}

void read_segment(benchmark::State& state, char id) {
  const auto folder = segment_of(id);
  CommitLogOptions options;
  options.folder = folder;
  options.keyspace = "logs";
  options.table = "tracking";
  options.load_schema = []() -> Result<LogSchema> {
    LogSchema schema;
    schema.add(table_of('T'));
    schema.add(table_of('O'));
    return schema;
  };
  int64_t entries = 0;
  size_t cells = 0;
  while (state.KeepRunning()) {
    const auto log = CommitLog::open(options);
    HIRESTREAM_CHECK(log.has_value() && (*log)->start(std::nullopt).has_value());
    while ((*log)->poll(10'000, [&](const LogRow& row) { cells += row.cells.size(); })->more) {
    }
    entries += (*log)->counts().entries;
  }
  HIRESTREAM_CHECK(entries == kEntries * static_cast<int64_t>(state.iterations()));
  HIRESTREAM_CHECK((cells > 0) == (id == 'T'));
  state.SetItemsProcessed(entries);
  std::filesystem::remove_all(folder);
}

void entries_of_other_tables(benchmark::State& state) {
  read_segment(state, 'O');
}
void rows_of_the_table(benchmark::State& state) {
  read_segment(state, 'T');
}
HIRESTREAM_BENCHMARK(entries_of_other_tables);
HIRESTREAM_BENCHMARK(rows_of_the_table);

}  // namespace
}  // namespace hirestream
