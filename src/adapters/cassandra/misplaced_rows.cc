#include "adapters/cassandra/misplaced_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"
#include "model/row_id.h"

namespace hirestream {
namespace {

constexpr int kSampleRows = 4000;
constexpr int kRowsOfPartition = 20;
constexpr size_t kLookedForInAllShards = 8;
constexpr int32_t kShardsLookedAt = 16;

std::optional<RowId> id_of(CqlType type, const std::string& cell) {
  if (!is_text(type)) return read_uuid(bytes_of(cell));
  const TextId read = read_uuid_text(cell);
  return read.is_uuid ? std::optional(read.id) : std::nullopt;
}

class Sample {
 public:
  Sample(CqlSession& session, const CassandraConfig& config, const TableShape& shape,
         LayoutHistory history)
      : session_(session),
        config_(config),
        id_column_(shape.rules.name(Column::kCreateTime)),
        types_{shape.find("bucket")->type, shape.find("shard")->type, shape.find(id_column_)->type},
        history_(std::move(history)) {}

  Result<MisplacedRows> take() {
    HIRESTREAM_ASSIGN(const auto answer,
                      session_.query(select(fmt::format("PER PARTITION LIMIT {} LIMIT {}",
                                                        kRowsOfPartition, kSampleRows)),
                                     {}, config_.consistency));
    const size_t step = answer.rows.size() / kLookedForInAllShards + 1;
    for (size_t place = 0; place < answer.rows.size(); ++place) {
      const CqlRow& row = answer.rows[place];
      examine(row);
      if (place % step == 0) HIRESTREAM_TRY(look_in_other_shards(row));
    }
    return std::move(found_);
  }

 private:
  struct Types {
    CqlType bucket;
    CqlType shard;
    CqlType id;
  };

  std::string select(std::string_view rest) const {
    return fmt::format("SELECT bucket, shard, {} FROM {}.{} {}", quote_identifier(id_column_),
                       quote_identifier(config_.keyspace), quote_identifier(config_.table), rest);
  }

  int32_t shards_read() const { return history_.back().layout.shard_count; }

  void examine(const CqlRow& row) {
    const std::optional<RowId> id = id_of(types_.id, *row[2]);
    const auto shard = read_integer(types_.shard, bytes_of(*row[1])).value;
    if (!id || !shard) return;
    ++found_.sampled;
    if (*shard < 0 || *shard >= shards_read()) {
      note(found_.in_unread_shard, *id, fmt::format("stands in shard {}", *shard));
    }
    if (!is_version_1(*id)) return;
    const int64_t arrival_us = arrival_time_us(*id);
    const PartitionLayout& layout = layout_at(history_, arrival_us);
    const auto bucket = read_bucket(types_.bucket, bytes_of(*row[0]), layout.bucket_width_s);
    const int64_t expected = bucket_of(arrival_us, layout.bucket_width_s);
    if (bucket != expected) {
      note(found_.in_wrong_bucket, *id,
           fmt::format("stands in bucket {}, its time is in {}",
                       bucket ? fmt::format("{}", *bucket) : "(unreadable)", expected));
    }
    if (*shard != shard_of(*id, layout.shard_count)) ++found_.of_other_shards;
  }

  Result<void> look_in_other_shards(const CqlRow& row) {
    const auto own = read_integer(types_.shard, bytes_of(*row[1])).value;
    const std::string where = select(
        fmt::format("WHERE bucket = ? AND shard = ? AND {} = ?", quote_identifier(id_column_)));
    for (int32_t shard = 0; shard < std::min(shards_read(), kShardsLookedAt); ++shard) {
      std::string cell;
      if (shard == own || !append_integer(types_.shard, shard, cell)) continue;
      HIRESTREAM_ASSIGN(const auto again,
                        session_.query(where, {*row[0], cell, *row[2]}, config_.consistency));
      if (again.rows.empty()) continue;
      const std::optional<RowId> id = id_of(types_.id, *row[2]);
      note(found_.in_two_shards, id.value_or(RowId{}),
           fmt::format("stands in the shards {} and {}", own.value_or(-1), shard));
      break;
    }
    return {};
  }

  void note(int64_t& count, const RowId& id, const std::string& what) {
    if (++count == 1) found_.example = fmt::format("{} {}", format_uuid(id), what);
  }

  CqlSession& session_;
  const CassandraConfig& config_;
  std::string id_column_;
  Types types_;
  LayoutHistory history_;
  MisplacedRows found_;
};

}  // namespace

Result<MisplacedRows> sample_misplaced_rows(const CassandraConfig& config,
                                            const TableShape& tail_shape) {
  HIRESTREAM_CHECK(tail_shape.strategy == Strategy::kTail);
  HIRESTREAM_ASSIGN(const auto connection, CassandraConnection::open(config));
  HIRESTREAM_ASSIGN(LayoutInForce in_force, read_layout(*connection));
  return Sample(connection->session(), config, tail_shape, std::move(in_force.history)).take();
}

std::vector<std::string> misplaced_rows_advice(const MisplacedRows& found,
                                               const std::string& table) {
  std::vector<std::string> advice;
  const auto tell = [&](int64_t count, std::string_view what) {
    if (count > 0) {
      advice.push_back(fmt::format("of {} rows of {} that were looked at, {} {}", found.sampled,
                                   table, count, what));
    }
  };
  tell(found.in_two_shards,
       "stand in two shards and count twice: a shard must follow from create_time alone, the same "
       "in every writer");
  tell(found.in_unread_shard,
       "stand in shards beyond those of the layout table, which nobody reads: add an entry with "
       "more shards");
  tell(found.in_wrong_bucket,
       "stand in another bucket than the time in their create_time says: they are found late or "
       "never. The bucket is that time divided by the layout's width, rounded down");
  if (!advice.empty()) advice.back() += fmt::format(" ({})", found.example);
  tell(found.of_other_shards,
       "are in other shards than hirestream's own writers choose: right as long as no row is "
       "written by both (docs/writers.md)");
  return advice;
}

}  // namespace hirestream
