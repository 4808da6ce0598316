#include "adapters/cassandra/cassandra_writer.h"

#include <fmt/format.h>

#include <algorithm>
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

}  // namespace

struct CassandraWriter::Statement {
  CqlStatement insert;
  BoundValues values;
};

// Where a row goes.
struct CassandraWriter::Placed {
  size_t event = 0;
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
    targets_.push_back({static_cast<RawColumn>(i), column->type});
    names.push_back(quote_identifier(column->name));
  }
  if (!missing.empty()) {
    notes_.push_back(fmt::format("{}.{} has no columns for {}: their values are not written",
                                 shape.keyspace, shape.table, fmt::join(missing, ", ")));
  }
  const std::vector<std::string_view> markers(names.size(), "?");
  HIRESTREAM_ASSIGN(
      statement_->insert,
      connection_->session().prepare(fmt::format(
          "INSERT INTO {}.{} ({}) VALUES ({}) USING TIMESTAMP ?", quote_identifier(shape.keyspace),
          quote_identifier(shape.table), fmt::join(names, ", "), fmt::join(markers, ", "))));
  return {};
}

Result<void> CassandraWriter::write(std::span<const RawEvent> events) {
  while (!events.empty()) {
    const size_t size = std::min(events.size(), kRowsPerChunk);
    HIRESTREAM_TRY(write_chunk(events.first(size)));
    events = events.subspan(size);
  }
  return {};
}

Result<std::vector<CassandraWriter::Placed>> CassandraWriter::place(
    std::span<const RawEvent> events) const {
  std::vector<Placed> placed(events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    placed[i].event = i;
    const auto& create_time = events[i][RawColumn::kCreateTime];
    if (!create_time || create_time->empty()) {
      return fail(ErrorKind::kRejected, "write", connection_->config().table_text(),
                  "a row has no create_time");
    }
    if (!partitioned_) {
      continue;
    }
    const auto id = parse_uuid(*create_time);
    if (!id || !is_version_1(*id)) {
      return fail(ErrorKind::kRejected, "write", connection_->config().table_text(),
                  fmt::format("row with create_time '{}', column create_time: is no version-1 UUID",
                              *create_time));
    }
    const PartitionLayout& layout = layout_at(layouts_, arrival_time_us(*id));
    placed[i].bucket = bucket_of(arrival_time_us(*id), layout.bucket_width_s);
    placed[i].shard = shard_of(*id, layout.shard_count);
  }
  // Stable: rows of a partition keep their order.
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return std::pair(a.bucket, a.shard) < std::pair(b.bucket, b.shard);
  });
  return placed;
}

Result<void> CassandraWriter::write_chunk(std::span<const RawEvent> events) {
  HIRESTREAM_ASSIGN(const auto placed, place(events));
  BoundValues& values = statement_->values;
  values.clear();
  const int64_t first_timestamp = std::max(wall_clock_us(), last_timestamp_us_ + 1);
  last_timestamp_us_ = first_timestamp - 1;
  std::vector<uint32_t> groups;
  size_t group_begin_bytes = 0;
  const Placed* previous = nullptr;
  for (const Placed& row : placed) {
    const bool fits = partitioned_ && previous != nullptr && previous->bucket == row.bucket &&
                      previous->shard == row.shard && groups.back() < kBatchRowsMax &&
                      values.byte_count() - group_begin_bytes < kBatchBytesMax;
    if (!fits) {
      groups.push_back(0);
      group_begin_bytes = values.byte_count();
    }
    HIRESTREAM_TRY(bind(events[row.event], row));
    // The call's order, not the sorted one, decides which of two writes wins.
    const auto offset = static_cast<int64_t>(row.event);
    append_int64(first_timestamp + offset, values.bytes());
    values.commit();
    ++groups.back();
    previous = &row;
  }
  last_timestamp_us_ += static_cast<int64_t>(events.size());
  const size_t width = targets_.size() + 1 + (partitioned_ ? 2 : 0);
  return connection_->session().write(statement_->insert, values, width, groups);
}

Result<void> CassandraWriter::bind(const RawEvent& event, const Placed& placed) {
  BoundValues& values = statement_->values;
  const auto rejected = [&](std::string_view column, std::string_view value,
                            std::string_view what) {
    return fail(ErrorKind::kRejected, "write", connection_->config().table_text(),
                fmt::format("row with create_time '{}', column {}: '{}' {}",
                            *event[RawColumn::kCreateTime], column, value, what));
  };
  if (partitioned_) {
    if (!append_bucket(bucket_type_, placed.bucket, layouts_.front().layout.bucket_width_s,
                       values.bytes())) {
      return rejected("bucket", fmt::format("{}", placed.bucket), "does not fit the column");
    }
    values.commit();
    HIRESTREAM_CHECK(append_integer(shard_type_, placed.shard, values.bytes()));
    values.commit();
  }
  for (const Target& target : targets_) {
    const auto& value = event[target.column];
    if (!value || (value->empty() && !is_text(target.type))) {
      values.add_unset();
      continue;
    }
    if (const auto problem = append_from_text(target.type, *value, source_zone_, values.bytes())) {
      values.discard();
      return rejected(kRawColumnNames[static_cast<size_t>(target.column)], *value, *problem);
    }
    values.commit();
  }
  return {};
}

}  // namespace hirestream
