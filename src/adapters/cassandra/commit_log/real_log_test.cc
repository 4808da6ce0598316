// Segments that real servers wrote (tests/support/commit_log/make_data.py): what their entries come
// to, newest write by newest write, is what the server itself answered.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "adapters/cassandra/commit_log/commit_log.h"

namespace hirestream {
namespace {

using testing::IsEmpty;
using testing::Not;

struct Value {
  std::string hex;  // "?": not told
  int64_t written_us = 0;
  int64_t ttl_s = 0;
  friend bool operator==(const Value&, const Value&) = default;
  friend void PrintTo(const Value& value, std::ostream* out) {
    *out << value.hex << "@" << value.written_us << " ttl " << value.ttl_s;
  }
};
using Row = std::map<std::string, Value>;
using Rows = std::map<std::string, Row>;  // by key in hexadecimal

struct ServerTables {
  LogSchema schema;
  std::set<std::string> dropped_columns;
  std::map<std::string, Rows> rows;  // by table
};

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, '\t');) {
    fields.push_back(field);
  }
  return fields;
}

TableId id_of(const std::string& text) {
  TableId id{};
  size_t digit = 0;
  for (const char letter : text) {
    if (letter != '-') {
      const auto value = static_cast<uint8_t>(letter <= '9' ? letter - '0' : letter - 'a' + 10);
      id[digit / 2] = static_cast<uint8_t>(id[digit / 2] << 4 | value);
      ++digit;
    }
  }
  return id;
}

void add_column(LogTable& table, const std::vector<std::string>& fields) {
  const CellLayout layout = cell_layout(fields[4]);
  const auto place = static_cast<size_t>(std::max(std::stoi(fields[2]), 0));
  table.columns[fields[3]] = {layout, fields[4]};
  if (fields[1] == "partition_key") {
    table.partition_key.resize(std::max(table.partition_key.size(), place + 1));
    table.partition_key[place] = fields[3];
  } else if (fields[1] == "clustering") {
    table.clustering.resize(std::max(table.clustering.size(), place + 1));
    table.clustering_names.resize(table.clustering.size());
    table.clustering[place] = layout;
    table.clustering_names[place] = fields[3];
  }
}

ServerTables tables_of(const std::filesystem::path& folder) {
  ServerTables tables;
  LogTable table;
  Row* row = nullptr;
  std::ifstream in(folder / "tables.txt");
  for (std::string line; std::getline(in, line);) {
    const auto fields = fields_of(line);
    if (fields[0] == "table" || fields[0] == "row") {
      if (!table.name.empty()) {
        tables.schema.add(std::exchange(table, LogTable()));
      }
    }
    if (fields[0] == "table") {
      table.keyspace = fields[1];
      table.name = fields[2];
      table.id = id_of(fields[3]);
    } else if (fields[0] == "column") {
      add_column(table, fields);
    } else if (fields[0] == "dropped") {
      table.columns.try_emplace(fields[1], LogColumn{cell_layout(fields[2]), fields[2]});
      tables.dropped_columns.insert(fields[1]);
    } else if (fields[0] == "row") {
      row = &tables.rows[fields[1]][fields[2]];
    } else if (fields[0] == "value") {
      (*row)[fields[1]] = {fields[2], std::stoll(fields[3]), std::stoll(fields[4])};
    }
  }
  return tables;
}

std::string hex_of(LogBytes bytes) {
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

std::string key_of(const LogRow& row) {
  std::string key;
  for (const LogBytes part : row.partition_key) {
    key += (key.empty() ? "" : ",") + hex_of(part);
  }
  for (const auto& part : row.clustering) {
    key += "," + hex_of(*part);
  }
  return key;
}

// What the server would answer of one table after the log's entries: the newest write wins.
class Replayed {
 public:
  void take(const LogRow& row) {
    ++rows_seen;
    if (row.kind == LogRow::Kind::kStatic || row.kind == LogRow::Kind::kRangeDeletion) {
      return;
    }
    if (row.kind == LogRow::Kind::kPartitionDeletion || row.deleted_us) {
      deleted_us_[key_of(row)] = *row.deleted_us;
      return;
    }
    Row& known = rows_[key_of(row)];
    for (const LogCell& cell : row.cells) {
      Value& value = known[std::string(cell.column)];
      if (cell.written_us >= value.written_us || value.hex.empty()) {
        value = {cell.deleted ? "" : hex_of(cell.value), cell.written_us, cell.ttl_s};
        deleted_cells_[{key_of(row), std::string(cell.column)}] = cell.deleted;
      }
    }
  }

  Rows rows(const Rows& told) const {
    Rows left;
    for (const auto& [key, row] : rows_) {
      const auto deleted = deleted_us_.find(key);
      Row values;
      for (const auto& [column, value] : row) {
        const bool gone = deleted_cells_.at({key, column}) ||
                          (deleted != deleted_us_.end() && value.written_us <= deleted->second);
        if (!gone) {
          values[column] = value;
        }
      }
      // A row without values is a row, too, unless it was deleted.
      if (!values.empty() || deleted == deleted_us_.end()) {
        left[key] = std::move(values);
      }
    }
    hide_what_is_not_told(left, told);
    return left;
  }
  size_t rows_seen = 0;

 private:
  static void hide_what_is_not_told(Rows& rows, const Rows& told) {
    for (auto& [key, row] : rows) {
      const auto known = told.find(key);
      for (auto& [column, value] : row) {
        if (known != told.end() && known->second.contains(column) &&
            known->second.at(column).hex == "?") {
          value.hex = "?";
        }
      }
    }
  }

  Rows rows_;
  std::map<std::string, int64_t> deleted_us_;
  std::map<std::pair<std::string, std::string>, bool> deleted_cells_;
};

Replayed replay(const std::filesystem::path& folder, const std::string& table,
                LogVisibility visibility = LogVisibility::kMarker) {
  Replayed replayed;
  auto log = CommitLog::open(
      {.folder = folder,
       .keyspace = "logs",
       .table = table,
       .visibility = visibility,
       .load_schema = [&]() -> Result<LogSchema> { return tables_of(folder).schema; }});
  EXPECT_TRUE(log) << log.error().text();
  EXPECT_EQ(*(*log)->start(std::nullopt), std::nullopt);
  for (bool more = true; more;) {
    const auto poll = (*log)->poll(7, [&](const LogRow& row) { replayed.take(row); });
    EXPECT_TRUE(poll) << poll.error().text();
    EXPECT_EQ(poll->gap, std::nullopt);
    more = poll->more;
  }
  return replayed;
}

class RealLog : public testing::TestWithParam<const char*> {
 protected:
  static std::filesystem::path folder() {
    return std::filesystem::path(COMMIT_LOG_TEST_DATA) / GetParam();
  }
};

TEST_P(RealLog, ComesToWhatTheServerAnswers) {
  const ServerTables tables = tables_of(folder());
  ASSERT_THAT(tables.rows, Not(IsEmpty()));
  for (const auto& [name, told] : tables.rows) {
    const Replayed replayed = replay(folder(), name);
    Rows rows = replayed.rows(told);
    if (name == "changed") {
      EXPECT_EQ(rows["6265666f7265"].at("x").hex, "63") << "read by the type it had";
    }
    for (auto& [key, row] : rows) {
      std::erase_if(
          row, [&](const auto& value) { return tables.dropped_columns.contains(value.first); });
    }
    for (const auto& [key, row] : told) {
      ASSERT_TRUE(rows.contains(key)) << name << " " << key;
      EXPECT_EQ(rows.at(key), row) << name << " " << key;
    }
    EXPECT_EQ(rows.size(), told.size()) << name;
    EXPECT_EQ(replay(folder(), name, LogVisibility::kTail).rows_seen, replayed.rows_seen);
  }
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The first `size` bytes as they would be while Cassandra writes: a marker is set after all that
// it marks; a plain segment has its full size from the start, a compressed one grows.
std::string written_so_far(std::string bytes, size_t size, bool compressed) {
  const auto integer = [&](size_t at, size_t width) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) {
      value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
    }
    return static_cast<size_t>(value);
  };
  size_t marker = 14 + integer(12, 2) + 4;
  while (marker + 8 <= bytes.size()) {
    const size_t end = integer(marker, 4);
    if (end > size && !compressed) {
      bytes.replace(marker, 8, 8, '\0');
    }
    if (end <= marker) {
      break;
    }
    marker = end;
  }
  const size_t whole = bytes.size();
  bytes.resize(std::min(size, whole));
  if (!compressed) {
    bytes.resize(whole + 4096, '\0');
  }
  return bytes;
}

// Whatever part of the file is there yet: entries come in order, none twice, none is damaged.
TEST_P(RealLog, GrowsUnderTheReader) {
  std::filesystem::path segment;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    segment = entry.path().extension() == ".log" ? entry.path() : segment;
  }
  const auto whole = *SegmentReader::open(segment, LogVisibility::kMarker);
  std::vector<std::string> expected;
  while (*whole->next() == SegmentReader::Step::kEntry) {
    expected.emplace_back(whole->entry().begin(), whole->entry().end());
  }
  ASSERT_GT(expected.size(), 3U);

  const std::string name = std::string("grows_") + GetParam();
  const auto scratch = std::filesystem::path(testing::TempDir()) / name;
  std::filesystem::create_directories(scratch);
  const auto path = scratch / segment.filename();
  std::ofstream(path, std::ios::binary) << std::string(4096, '\0');
  const auto reader = *SegmentReader::open(path, LogVisibility::kTail);
  const std::string bytes = content_of(segment);
  std::vector<std::string> entries;
  const size_t step = bytes.size() / 50 + 1;
  for (size_t there = 0; there < bytes.size() + step; there += step) {
    std::ofstream(path, std::ios::binary) << written_so_far(bytes, there, whole->compressed());
    for (auto next = reader->next(); *next != SegmentReader::Step::kWait; next = reader->next()) {
      ASSERT_EQ(*next, SegmentReader::Step::kEntry) << reader->damage();
      entries.emplace_back(reader->entry().begin(), reader->entry().end());
    }
  }
  EXPECT_EQ(entries, expected);
  std::filesystem::remove_all(scratch);
}

INSTANTIATE_TEST_SUITE_P(All, RealLog,
                         testing::Values("plain", "lz4", "snappy", "zstd", "deflate", "v8"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace hirestream
