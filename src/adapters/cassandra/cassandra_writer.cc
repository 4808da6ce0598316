#include "adapters/cassandra/cassandra_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <numeric>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"

namespace hirestream {
namespace {

constexpr size_t kRowsPerChunk = 10'000;
// Small enough for the server's batch limits (50 KiB by default) with room to spare.
constexpr size_t kBatchRowsMax = 50;
constexpr size_t kBatchBytesMax = 30'000;

int64_t wall_clock_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// A raw row must say all of the table's key; bucket and shard of the recommended one are computed.
Result<void> check_key(const TableShape& shape) {
  for (const TableColumn& column : shape.columns) {
    const bool known = std::ranges::find(kRawColumnNames, column.name) != kRawColumnNames.end();
    if (shape.strategy == Strategy::kScan && shape.is_key(column.name) && !known) {
      return fail(ErrorKind::kConfig, "open writer",
                  fmt::format("{}.{}", shape.keyspace, shape.table),
                  fmt::format("raw rows have no column {}, which is a part of its {}", column.name,
                              shape.key_text()),
                  "write to the recommended table: hirestream init makes it");
    }
  }
  return {};
}

}  // namespace

struct CassandraWriter::Statement {
  CqlStatement insert;  // …, write time
  CqlStatement copy;    // …, write time, time to live
  BoundValues values;
};

// Where a row goes.
struct CassandraWriter::Placed {
  const RawEvent* event = nullptr;
  int64_t written_us = 0;
  std::optional<int32_t> ttl_s = {};
  uint64_t columns = UINT64_MAX;  // a bit for each that is written, besides the key
  int64_t bucket = 0;
  int32_t shard = 0;
};

CassandraWriter::CassandraWriter(std::unique_ptr<CassandraConnection> connection)
    : connection_(std::move(connection)), statement_(std::make_unique<Statement>()) {}

CassandraWriter::~CassandraWriter() = default;

Result<std::unique_ptr<CassandraWriter>> CassandraWriter::open(const CassandraConfig& config,
                                                               const TimeZone& source_zone) {
  HIRESTREAM_ASSIGN(auto connection, CassandraConnection::open(config));
  HIRESTREAM_ASSIGN(const TableShape shape, introspect_table(*connection));
  std::unique_ptr<CassandraWriter> writer(new CassandraWriter(std::move(connection)));
  writer->source_zone_ = source_zone;
  writer->identity_ = shape.identity();
  writer->partitioned_ = shape.strategy == Strategy::kTail;
  if (writer->partitioned_) {
    HIRESTREAM_ASSIGN(auto in_force, read_layout(*writer->connection_));
    writer->layouts_ = std::move(in_force.history);
    writer->bucket_type_ = shape.find("bucket")->type;
    writer->shard_type_ = shape.find("shard")->type;
    if (!in_force.note.empty()) {
      writer->notes_.push_back(std::move(in_force.note));
    }
  }
  HIRESTREAM_TRY(writer->prepare(shape));
  return writer;
}

Result<void> CassandraWriter::prepare(const TableShape& shape) {
  std::vector<std::string> names;
  std::vector<std::string_view> missing;
  if (partitioned_) {
    names = {"bucket", "shard"};
  }
  for (size_t i = 0; i < kRawColumnNames.size(); ++i) {
    const TableColumn* column = shape.find(kRawColumnNames[i]);
    if (column == nullptr) {
      missing.push_back(kRawColumnNames[i]);
      continue;
    }
    if (column->type == CqlType::kOther) {
      return fail(ErrorKind::kConfig, "open writer",
                  fmt::format("{}.{} column {}", shape.keyspace, shape.table, column->name),
                  fmt::format("values of the type {} cannot be written", column->type_name));
    }
    targets_.push_back({static_cast<RawColumn>(i), column->type, shape.is_key(column->name)});
    names.push_back(quote_identifier(column->name));
  }
  if (!missing.empty()) {
    notes_.push_back(fmt::format("{}.{} has no columns for {}: their values are not written",
                                 shape.keyspace, shape.table, fmt::join(missing, ", ")));
  }
  HIRESTREAM_TRY(check_key(shape));
  const std::vector<std::string_view> markers(names.size(), "?");
  const std::string insert = fmt::format(
      "INSERT INTO {}.{} ({}) VALUES ({}) USING TIMESTAMP ?", quote_identifier(shape.keyspace),
      quote_identifier(shape.table), fmt::join(names, ", "), fmt::join(markers, ", "));
  CqlSession& session = connection_->session();
  HIRESTREAM_ASSIGN(statement_->insert, session.prepare(insert));
  HIRESTREAM_ASSIGN(statement_->copy, session.prepare(insert + " AND TTL ?"));
  return {};
}

Result<void> CassandraWriter::write(std::span<const RawEvent> events) {
  while (!events.empty()) {
    const size_t size = std::min(events.size(), kRowsPerChunk);
    const int64_t first_us = std::max(wall_clock_us(), last_timestamp_us_ + 1);
    std::vector<Placed> rows(size);
    for (size_t i = 0; i < size; ++i) {
      // The call's order, not that of the partitions, decides which of two writes wins.
      rows[i] = {.event = &events[i], .written_us = first_us + static_cast<int64_t>(i)};
      HIRESTREAM_TRY(place(rows[i]));
    }
    last_timestamp_us_ = first_us + static_cast<int64_t>(size) - 1;
    HIRESTREAM_TRY(write_rows(std::move(rows), statement_->insert, false));
    events = events.subspan(size);
  }
  return {};
}

Result<void> CassandraWriter::write_copies(std::span<const StoredEvent> events) {
  std::vector<Placed> rows;
  rows.reserve(events.size());
  for (const StoredEvent& stored : events) {
    rows.push_back(
        {.event = &stored.event, .written_us = stored.written_us, .ttl_s = stored.ttl_s});
    HIRESTREAM_TRY(place(rows.back()));
  }
  return rows.empty() ? Result<void>() : write_rows(std::move(rows), statement_->copy, true);
}

Result<void> CassandraWriter::write_changes(std::span<const ChangedRow> rows,
                                            std::optional<int32_t> ttl_s) {
  std::vector<Placed> placed;
  placed.reserve(rows.size());
  for (const ChangedRow& row : rows) {
    uint64_t left = 0;
    for (size_t i = 0; i < kRawColumnNames.size(); ++i) {
      left |= uint64_t{row.event.values[i].has_value()} << i;
    }
    left &= ~(uint64_t{1} << static_cast<size_t>(RawColumn::kCreateTime));
    // One write for each time that values were written at; of none, the row alone.
    do {
      Placed write{.event = &row.event, .written_us = row.row_written_us, .ttl_s = ttl_s};
      if (left != 0) {
        write.written_us = row.written_us[static_cast<size_t>(std::countr_zero(left))];
      }
      write.columns = 0;
      for (size_t i = 0; i < kRawColumnNames.size(); ++i) {
        const bool together = (left >> i & 1) != 0 && row.written_us[i] == write.written_us;
        write.columns |= uint64_t{together} << i;
      }
      left &= ~write.columns;
      HIRESTREAM_TRY(place(write));
      placed.push_back(write);
    } while (left != 0);
  }
  return placed.empty() ? Result<void>() : write_rows(std::move(placed), statement_->copy, true);
}

Result<void> CassandraWriter::place(Placed& row) const {
  const auto& create_time = (*row.event)[RawColumn::kCreateTime];
  if (!create_time || create_time->empty()) {
    return fail(ErrorKind::kRejected, "write", connection_->config().table_text(),
                "a row has no create_time");
  }
  if (!partitioned_) {
    return {};
  }
  const auto slice = slice_of(*row.event);
  if (!slice) {
    return fail(ErrorKind::kRejected, "write", connection_->config().table_text(),
                fmt::format("row with create_time '{}', column create_time: is no version-1 UUID",
                            *create_time));
  }
  row.bucket = slice->bucket;
  row.shard = slice->shard;
  return {};
}

std::optional<SliceKey> CassandraWriter::slice_of(const RawEvent& event) const {
  const auto& create_time = event[RawColumn::kCreateTime];
  const auto id = create_time ? parse_uuid(*create_time) : std::nullopt;
  return id ? hirestream::slice_of(*id, layouts_) : std::nullopt;
}

Result<void> CassandraWriter::write_rows(std::vector<Placed> rows, const CqlStatement& insert,
                                         bool with_ttl) {
  // Stable: rows of a partition keep their order.
  std::stable_sort(rows.begin(), rows.end(), [](const Placed& a, const Placed& b) {
    return std::pair(a.bucket, a.shard) < std::pair(b.bucket, b.shard);
  });
  BoundValues& values = statement_->values;
  values.clear();
  std::vector<uint32_t> groups;
  size_t group_begin_bytes = 0;
  const Placed* previous = nullptr;
  for (const Placed& row : rows) {
    const bool fits = partitioned_ && previous != nullptr && previous->bucket == row.bucket &&
                      previous->shard == row.shard && groups.back() < kBatchRowsMax &&
                      values.byte_count() - group_begin_bytes < kBatchBytesMax;
    if (!fits) {
      groups.push_back(0);
      group_begin_bytes = values.byte_count();
    }
    HIRESTREAM_TRY(bind(row, with_ttl));
    ++groups.back();
    previous = &row;
  }
  const size_t width = targets_.size() + (with_ttl ? 2 : 1) + (partitioned_ ? 2 : 0);
  return connection_->session().write(insert, values, width, groups);
}

Result<void> CassandraWriter::bind(const Placed& row, bool with_ttl) {
  const RawEvent& event = *row.event;
  BoundValues& values = statement_->values;
  const auto rejected = [&](std::string_view column, std::string_view value,
                            std::string_view what) {
    return fail(ErrorKind::kRejected, "write", connection_->config().table_text(),
                fmt::format("row with create_time '{}', column {}: '{}' {}",
                            *event[RawColumn::kCreateTime], column, value, what));
  };
  if (partitioned_) {
    if (!append_bucket(bucket_type_, row.bucket, layouts_.front().layout.bucket_width_s,
                       values.bytes())) {
      return rejected("bucket", fmt::format("{}", row.bucket), "does not fit the column");
    }
    values.commit();
    HIRESTREAM_CHECK(append_integer(shard_type_, row.shard, values.bytes()));
    values.commit();
  }
  for (const Target& target : targets_) {
    const auto& value = event[target.column];
    const bool written =
        target.is_key || (row.columns >> static_cast<size_t>(target.column) & 1) != 0;
    if (!written || !value || (value->empty() && !is_text(target.type))) {
      if (target.is_key) {
        return fail(ErrorKind::kRejected, "write", connection_->config().table_text(),
                    fmt::format("row with create_time '{}', column {}: has no value, and is a part "
                                "of the table's key",
                                *event[RawColumn::kCreateTime],
                                kRawColumnNames[static_cast<size_t>(target.column)]));
      }
      values.add_unset();
      continue;
    }
    if (const auto problem = append_from_text(target.type, *value, source_zone_, values.bytes())) {
      values.discard();
      return rejected(kRawColumnNames[static_cast<size_t>(target.column)], *value, *problem);
    }
    values.commit();
  }
  append_int64(row.written_us, values.bytes());
  values.commit();
  if (with_ttl && row.ttl_s) {
    append_int32(*row.ttl_s, values.bytes());
    values.commit();
  } else if (with_ttl) {
    values.add_unset();
  }
  return {};
}

}  // namespace hirestream
