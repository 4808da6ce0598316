#include "simulation/fake_raw_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/floor_divide.h"

namespace hirestream::simulation {
namespace {

int64_t position_of(const RawRow& row, Strategy strategy) {
  return strategy == Strategy::kFollow ? row.sequence : row.arrival_us;
}

// As the tail source of Cassandra: somebody must start the engine again.
tl::unexpected<Error> unknown_shard(const SliceKey& key) {
  return fail(ErrorKind::kConfig, std::string(kUnknownShard), "raw log",
              fmt::format("there is shard {} in bucket {}", key.shard, key.bucket));
}

tl::unexpected<Error> source_error(std::string_view call, const std::string& message) {
  return fail(ErrorKind::kTransient, std::string(call), "raw log", message);
}

}  // namespace

void RawLog::add(RawRow row) {
  slices_[row.slice].push_back(rows_.size());
  if (description_.strategy == Strategy::kFollow) {
    sequences_.emplace_back(row.versions.front().visible_us[0], row.sequence);
  }
  rows_.push_back(std::move(row));
}

void RawLog::overwrite(size_t row, RowVersion version) {
  rows_[row].versions.push_back(std::move(version));
}

void RawLog::announce_shards(int64_t from_us, int32_t shard_count) {
  more_shards_from_us_ = from_us;
  more_shards_ = shard_count;
}

SourceDescription RawLog::description_at(int64_t now_us) const {
  SourceDescription out = description_;
  if (now_us >= more_shards_from_us_) {
    out.shard_count = more_shards_;
  }
  return out;
}

void RawLog::hide(size_t row, int64_t from_us, int64_t until_us) {
  rows_[row].gone_from_us = from_us;
  rows_[row].gone_until_us = until_us;
}

const std::vector<size_t>& RawLog::rows_of(const SliceKey& key) const {
  static const std::vector<size_t> kNone;
  const auto found = slices_.find(key);
  return found == slices_.end() ? kNone : found->second;
}

int64_t RawLog::newest_sequence(int64_t now_us) const {
  const auto after =
      std::upper_bound(sequences_.begin(), sequences_.end(), std::pair{now_us, INT64_MAX});
  return after == sequences_.begin() ? 0 : std::prev(after)->second;
}

Result<void> FakeEventSource::check_reachable(std::string_view call) {
  ++statistics_.requests;
  world_.port_call(process_, call);
  if (world_.source_is_down()) {
    world_.count_fault("raw log down");
    return source_error(call, "connection refused");
  }
  if (world_.fault(world_.rates.read_error, "read error")) {
    return source_error(call, "time-out");
  }
  return {};
}

Result<std::vector<SliceListing>> FakeEventSource::discover(std::span<const int32_t> shards) {
  HIRESTREAM_TRY(check_reachable("discover"));
  std::vector<SliceListing> out;
  const int64_t now_us = world_.now_us();
  const int replica = static_cast<int>(world_.random.below(2));
  for (const auto& [key, rows] : log_.slices()) {
    const bool unknown = key.shard >= description_.shard_count;
    const bool wanted = std::find(shards.begin(), shards.end(), key.shard) != shards.end();
    const bool any = (wanted || unknown) && std::any_of(rows.begin(), rows.end(), [&](size_t row) {
                       return log_.rows()[row].seen_on(replica, now_us) != nullptr;
                     });
    if (any && unknown) {
      return unknown_shard(key);
    }
    if (any) {
      out.push_back({key, "", ""});
    }
  }
  world_.port_call(process_, "discover done");
  return out;
}

Result<int64_t> FakeEventSource::newest_bucket(int64_t now_us) {
  if (log_.description().strategy == Strategy::kTail) {
    return floor_divide(now_us, log_.description().bucket_width_s * kSecondUs);
  }
  if (log_.description().strategy != Strategy::kFollow) {
    return 0;
  }
  HIRESTREAM_TRY(check_reachable("newest bucket"));
  return log_.newest_sequence(world_.now_us()) / log_.description().bucket_width_s;
}

FakeEventSource::Seen FakeEventSource::look(const RawRow& row, ReadLevel level, int replica) const {
  const int64_t now_us = world_.now_us();
  return {&row, level == ReadLevel::kStrongest ? row.seen_anywhere(now_us)
                                               : row.seen_on(replica, now_us)};
}

std::vector<FakeEventSource::Seen> FakeEventSource::answer(const SliceRead& request) {
  std::vector<Seen> out;
  // Replica 1 is the one that lags.
  const int replica = world_.random.chance(world_.rates.stale_read) ? 1 : 0;
  const bool more = world_.random.chance(world_.rates.duplicate_delivery);
  for (const size_t index : log_.rows_of(request.slice)) {
    const RawRow& row = log_.rows()[index];
    const bool inside = !request.from_position || !log_.description().range_reads || more ||
                        position_of(row, log_.description().strategy) >= *request.from_position;
    const Seen seen = look(row, request.level, replica);
    if (inside && seen.second != nullptr) {
      out.push_back(seen);
    }
  }
  return out;
}

void FakeEventSource::fill(TrackingBatch& batch, const Seen& seen) const {
  const auto& [row, version] = seen;
  const RowValues& values = version->values;
  batch.add_row();
  if (row->id_text.empty()) {
    batch.set_id(row->id);
  } else {
    batch.set_id_text(row->id_text);
  }
  if (log_.description().strategy == Strategy::kFollow) {
    batch.set_position(row->sequence);
  }
  if (values.ts.kind != Value::Kind::kNull) {
    if (log_.text_columns()) {
      batch.set_ts_text(values.ts.text);
    } else {
      batch.set_ts_us(values.ts.meaning);
    }
  }
  const std::pair<Column, const Value*> integers[] = {{Column::kJobId, &values.job_id},
                                                      {Column::kPublisherId, &values.publisher_id},
                                                      {Column::kCampaignId, &values.campaign_id},
                                                      {Column::kGroupId, &values.group_id}};
  for (const auto& [column, value] : integers) {
    if (value->kind == Value::Kind::kNull) {
      continue;
    }
    if (log_.text_columns()) {
      batch.set_integer_text(column, value->text);
    } else {
      batch.set_integer(column, value->meaning);
    }
  }
  if (values.bid.kind != Value::Kind::kNull) {
    batch.set_bid_text(values.bid.text);
  }
  const std::pair<Column, const std::optional<std::string>*> texts[] = {
      {Column::kCustomTrack, &values.custom_track},
      {Column::kEv, &values.ev},
      {Column::kEd, &values.ed}};
  for (const auto& [column, text] : texts) {
    if (*text) {
      batch.set_text(column, **text);
    }
  }
}

Result<void> FakeEventSource::deliver(size_t index, std::vector<Seen> rows, RowSink& sink) {
  if (world_.random.chance(world_.rates.duplicate_delivery) && !rows.empty()) {
    rows.push_back(rows[world_.random.below(rows.size())]);
  }
  if (world_.random.chance(0.2)) {
    world_.random.shuffle(rows);
  }
  const size_t page = 1 + world_.random.below(200);
  TrackingBatch batch;
  for (size_t at = 0; at < rows.size(); at += page) {
    batch.clear();
    for (size_t i = at; i < std::min(rows.size(), at + page); ++i) {
      fill(batch, rows[i]);
    }
    statistics_.rows += static_cast<int64_t>(batch.rows());
    HIRESTREAM_TRY(sink.on_rows(index, batch));
    if (world_.random.chance(world_.rates.duplicate_delivery)) {
      HIRESTREAM_TRY(sink.on_rows(index, batch));
    }
    if (world_.fault(world_.rates.read_error, "read error midway")) {
      return source_error("read", "page failed");
    }
  }
  return {};
}

Result<void> FakeEventSource::read(std::span<const SliceRead> requests, RowSink& sink) {
  HIRESTREAM_TRY(check_reachable("read"));
  std::vector<size_t> order(requests.size());
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  if (world_.random.chance(0.2)) {
    world_.random.shuffle(order);
  }
  for (const size_t index : order) {
    HIRESTREAM_TRY(deliver(index, answer(requests[index]), sink));
    if (world_.random.chance(0.02)) {
      world_.port_call(process_, "read page");
    }
  }
  world_.port_call(process_, "read done");
  return {};
}

Result<void> FakeEventSource::read_ring(uint64_t begin, uint64_t end, SliceSink& sink) {
  // Gives the rows of one slice on.
  class OneSlice : public RowSink {
   public:
    OneSlice(SliceSink& to, const SliceKey& key) : to_(to), key_(key) {}
    Result<void> on_rows(size_t, const TrackingBatch& batch) override {
      return to_.on_slice_rows(key_, batch);
    }

   private:
    SliceSink& to_;
    SliceKey key_;
  };
  HIRESTREAM_TRY(check_reachable("read ring"));
  for (const auto& [key, rows] : log_.slices()) {
    const uint64_t place =
        (static_cast<uint64_t>(key.bucket * 31 + key.shard) * 0x9E3779B97F4A7C15ULL) >> 32;
    if (place >= begin && place < end) {
      const bool unknown = key.shard >= description_.shard_count;
      if (unknown && std::any_of(rows.begin(), rows.end(), [this](size_t row) {
            return log_.rows()[row].seen_on(0, world_.now_us()) != nullptr;
          })) {
        return unknown_shard(key);
      }
      OneSlice slice(sink, key);
      HIRESTREAM_TRY(deliver(0, answer({key, std::nullopt, ReadLevel::kConfigured}), slice));
    }
  }
  world_.port_call(process_, "read ring done");
  return {};
}

Result<void> FakeEventSource::scan(const ScanBound& bound, RowSink& sink) {
  HIRESTREAM_TRY(check_reachable("scan"));
  constexpr size_t kRanges = 8;
  std::vector<std::vector<const RawRow*>> ranges(kRanges);
  for (const RawRow& row : log_.rows()) {
    ranges[RowIdHash{}(row.id) % kRanges].push_back(&row);
  }
  for (const auto& range : ranges) {
    const int replica = world_.random.chance(world_.rates.stale_read) ? 1 : 0;
    const bool more = world_.random.chance(world_.rates.duplicate_delivery);
    std::vector<Seen> rows;
    for (const RawRow* row : range) {
      const Seen seen = look(*row, bound.level, replica);
      if (seen.second == nullptr) {
        continue;
      }
      const Value& ts = seen.second->values.ts;
      const bool inside = bound.complete || more ||
                          (ts.kind == Value::Kind::kGood && ts.meaning >= bound.from_us &&
                           ts.meaning < bound.to_us);
      if (inside) {
        rows.push_back(seen);
      }
    }
    HIRESTREAM_TRY(deliver(0, std::move(rows), sink));
    if (world_.random.chance(0.2)) {
      world_.port_call(process_, "scan page");
    }
  }
  world_.port_call(process_, "scan done");
  return {};
}

}  // namespace hirestream::simulation
