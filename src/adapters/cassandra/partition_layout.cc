#include "adapters/cassandra/partition_layout.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "adapters/cassandra/cql_session_internal.h"
#include "model/floor_divide.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int32_t kDayS = 86'400;
constexpr int32_t kShardsMax = 1'024;

std::optional<int64_t> integer_cell(const std::optional<std::string>& cell, CqlType type) {
  if (!cell) {
    return std::nullopt;
  }
  return read_integer(type, {reinterpret_cast<const uint8_t*>(cell->data()), cell->size()}).value;
}

}  // namespace

Result<void> PartitionLayout::validate() const {
  if (bucket_width_s < 1 || bucket_width_s > kDayS || kDayS % bucket_width_s != 0) {
    return fail(ErrorKind::kConfig, "check layout", "bucket_width_s",
                fmt::format("is {}, allowed: divisors of {} (a day)", bucket_width_s, kDayS));
  }
  if (shard_count < 1 || shard_count > kShardsMax) {
    return fail(ErrorKind::kConfig, "check layout", "shard_count",
                fmt::format("is {}, allowed: 1 to {}", shard_count, kShardsMax));
  }
  return {};
}

Result<void> check_history(const LayoutHistory& history) {
  HIRESTREAM_CHECK(!history.empty());
  const PartitionLayout* before = &history.front().layout;
  for (const auto& [from_us, layout] : history) {
    HIRESTREAM_TRY(layout.validate());
    const auto refuse = [from = from_us](const std::string& field, const std::string& message) {
      return fail(ErrorKind::kConfig, "check layout", field,
                  fmt::format("from {} on: {}", format_timestamp_ms(from), message));
    };
    if (layout.bucket_width_s != before->bucket_width_s) {
      return refuse("bucket_width_s",
                    fmt::format("is {}, was {}: the width of a table cannot change; start a new "
                                "table for another one",
                                layout.bucket_width_s, before->bucket_width_s));
    }
    if (layout.shard_count < before->shard_count) {
      return refuse("shard_count", fmt::format("is {}, was {}: the number of shards can only grow",
                                               layout.shard_count, before->shard_count));
    }
    before = &layout;
  }
  return {};
}

const PartitionLayout& layout_at(const LayoutHistory& history, int64_t arrival_us) {
  const auto after = std::upper_bound(
      history.begin(), history.end(), arrival_us,
      [](int64_t time_us, const LayoutEntry& entry) { return time_us < entry.from_us; });
  return after == history.begin() ? after->layout : std::prev(after)->layout;
}

int32_t shard_of(const RowId& id, int32_t shard_count) {
  std::array<uint8_t, 16> bytes{};
  row_id_to_bytes(id, bytes);
  return static_cast<int32_t>(XXH3_64bits(bytes.data(), bytes.size()) %
                              static_cast<uint64_t>(shard_count));
}

int64_t bucket_of(int64_t arrival_us, int32_t bucket_width_s) {
  return floor_divide(arrival_us, kSecondUs * bucket_width_s);
}

std::optional<SliceKey> slice_of(const RowId& id, const LayoutHistory& history) {
  if (!is_version_1(id)) {
    return std::nullopt;
  }
  const int64_t arrival_us = arrival_time_us(id);
  const PartitionLayout& layout = layout_at(history, arrival_us);
  return SliceKey{.shard = shard_of(id, layout.shard_count),
                  .bucket = bucket_of(arrival_us, layout.bucket_width_s)};
}

bool append_bucket(CqlType type, int64_t bucket, int32_t bucket_width_s, std::string& out) {
  if (is_text(type)) {
    out += fmt::format("{}", bucket);
    return true;
  }
  if (type == CqlType::kTimestamp) {
    append_int64(bucket * bucket_width_s * 1000, out);
    return true;
  }
  return append_integer(type, bucket, out);
}

namespace {

std::optional<int64_t> read_bucket_number(CqlType type, std::span<const uint8_t> cell,
                                          int32_t bucket_width_s) {
  if (is_text(type)) {
    int64_t bucket = 0;
    const auto* begin = reinterpret_cast<const char*>(cell.data());
    const auto* end = begin + cell.size();
    const auto [parsed, error] = std::from_chars(begin, end, bucket);
    if (error != std::errc{} || parsed != end) {
      return std::nullopt;
    }
    // Written otherwise ("05") it is another partition, which no read of the number would reach.
    std::string written;
    append_bucket(type, bucket, bucket_width_s, written);
    return written == std::string_view(begin, cell.size()) ? std::optional(bucket) : std::nullopt;
  }
  if (type == CqlType::kTimestamp) {
    const auto ms = read_int64(cell);
    const int64_t width_ms = int64_t{bucket_width_s} * 1000;
    return ms && *ms % width_ms == 0 ? std::optional(*ms / width_ms) : std::nullopt;
  }
  return read_integer(type, cell).value;
}

}  // namespace

std::optional<int64_t> read_bucket(CqlType type, std::span<const uint8_t> cell,
                                   int32_t bucket_width_s) {
  // Their 60 bits count 100 ns since 1582.
  constexpr int64_t kBeginS = -kGregorianOffset / 10'000'000;
  constexpr int64_t kEndS = kBeginS + (int64_t{1} << 60) / 10'000'000;
  const auto bucket = read_bucket_number(type, cell, bucket_width_s);
  return bucket && *bucket >= kBeginS / bucket_width_s - 1 && *bucket <= kEndS / bucket_width_s
             ? bucket
             : std::nullopt;
}

std::string layout_table_name(const std::string& table) {
  return table + "_layout";
}

Result<LayoutInForce> read_layout(CassandraConnection& connection) {
  const CassandraConfig& config = connection.config();
  const std::string name = layout_table_name(config.table);
  CqlSession& session = connection.session();
  HIRESTREAM_ASSIGN(const bool there, connection.has_table(name));
  LayoutInForce in_force;
  const auto defaults = [&](std::string_view why) {
    const PartitionLayout& layout = in_force.history.front().layout;
    in_force.note = fmt::format(
        "{}.{} {}: taking {} s buckets and {} shards; every writer of {} must do the same",
        config.keyspace, name, why, layout.bucket_width_s, layout.shard_count, config.table_text());
    return in_force;
  };
  if (!there) {
    return defaults("does not exist");
  }
  HIRESTREAM_ASSIGN(
      const auto answer,
      session.query(fmt::format("SELECT from_bucket_time, bucket_width_s, shard_count FROM {}.{}",
                                quote_identifier(config.keyspace), quote_identifier(name)),
                    {}, config.consistency));
  if (answer.rows.empty()) {
    return defaults("is empty");
  }
  in_force.history.clear();
  for (const auto& row : answer.rows) {
    const auto from_ms =
        integer_cell(row[0], CqlType::kBigint);  // a timestamp's bytes are a bigint's
    const auto width = integer_cell(row[1], answer.columns[1].type);
    const auto shards = integer_cell(row[2], answer.columns[2].type);
    if (!from_ms || !width || !shards || *width > kDayS || *shards > kShardsMax) {
      return fail(ErrorKind::kConfig, "read layout", config.keyspace + "." + name,
                  "bucket_width_s and shard_count must be set (int)",
                  "hirestream init --print shows the entry");
    }
    in_force.history.push_back(
        {*from_ms * 1000, {static_cast<int32_t>(*width), static_cast<int32_t>(*shards)}});
  }
  std::sort(in_force.history.begin(), in_force.history.end(),
            [](const LayoutEntry& a, const LayoutEntry& b) { return a.from_us < b.from_us; });
  HIRESTREAM_TRY(check_history(in_force.history));
  return in_force;
}

}  // namespace hirestream
