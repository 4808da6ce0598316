#include "simulation/fake_raw_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/floor_divide.h"

namespace hirestream::simulation {
namespace {

Position position_of(const RawRow& row, Strategy strategy) {
  return {strategy == Strategy::kFollow ? row.sequence : row.arrival_us};
}

constexpr size_t kScanRanges = 8;

// Of the first parts of a walk along the ring (ring_walk.h) each begins at such a place.
constexpr uint64_t kRoundPlace = kRingPlaces / 4096;

// As the tail source of Cassandra: somebody must start the engine again.
tl::unexpected<Error> unknown_shard(const SliceKey& key) {
  return fail(ErrorKind::kConfig, std::string(kUnknownShard), "raw log",
              fmt::format("there is shard {} in bucket {}", key.shard, key.bucket));
}

tl::unexpected<Error> source_error(std::string_view call, const std::string& message) {
  return fail(ErrorKind::kTransient, std::string(call), "raw log", message);
}

}  // namespace

void describe_reads(SourceDescription& source) {
  const bool scan = source.strategy == Strategy::kScan;
  source.range_reads = !scan;
  source.slice_reads = !scan;
  source.ring_reads = scan;
  source.unique_rows = scan;
}

std::string columns_but(std::optional<Column> dropped) {
  std::string names;
  for (const Column column : kAllColumns) {
    if (column != dropped) {
      names += (names.empty() ? "" : ",") + std::string(column_name(column));
    }
  }
  return names;
}

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

void RawLog::change_table(int64_t us, std::string identity, std::string columns) {
  changed_us_ = us;
  changed_identity_ = std::move(identity);
  changed_columns_ = std::move(columns);
}

SourceDescription RawLog::description_at(int64_t now_us) const {
  SourceDescription out = description_;
  if (now_us >= more_shards_from_us_) {
    out.shard_count = more_shards_;
  }
  if (now_us >= changed_us_) {
    out.identity = changed_identity_;
    out.columns = changed_columns_;
  }
  return out;
}

uint64_t RawLog::place_of(const SliceKey& key) const {
  const uint64_t place =
      (static_cast<uint64_t>(key.bucket * 31 + key.shard) * 0x9E3779B97F4A7C15ULL) >> 32;
  return round_places_ ? place / kRoundPlace * kRoundPlace : place;
}

void RawLog::hide(size_t row, int64_t from_us, int64_t until_us) {
  rows_[row].gone_from_us = from_us;
  rows_[row].gone_until_us = until_us;
}

void RawLog::drop_expired(int64_t now_us) {
  std::vector<RawRow> rows = std::exchange(rows_, {});
  slices_.clear();
  sequences_.clear();
  for (RawRow& row : rows) {
    if (!row.has_expired(now_us)) {
      add(std::move(row));
    }
  }
}

bool RawLog::is_down(int64_t now_us) const {
  return std::any_of(outages_.begin(), outages_.end(), [now_us](const auto& outage) {
    return outage.first <= now_us && now_us < outage.second;
  });
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
  if (log_.is_removed(world_.now_us())) {
    world_.note_fault("raw log gone");
    return fail(ErrorKind::kConfig, std::string(kTableGone), "raw log", "no such table");
  }
  if (log_.is_down(world_.now_us())) {
    world_.note_fault("raw log down");
    return source_error(call, "connection refused");
  }
  if (world_.fault(world_.rates.read_error, "read error")) {
    return source_error(call, "time-out");
  }
  return {};
}

// Each part shows what is there when it is asked for.
class FakeEventSource::FakeDiscovery : public Discovery {
 public:
  FakeDiscovery(FakeEventSource& source, std::span<const int32_t> shards)
      : source_(source),
        shards_(shards.begin(), shards.end()),
        replica_(source.world_.random.chance(source.world_.rates.stale_discovery) ? 1 : 0) {}

  Result<bool> next(std::vector<SliceListing>& out) override {
    const RawLog& log = source_.log_;
    if (from_) {
      HIRESTREAM_TRY(source_.check_reachable("discover part"));
    }
    size_t looked_at = 0;
    for (auto slice = from_ ? log.slices().upper_bound(*from_) : log.slices().begin();
         slice != log.slices().end(); ++slice) {
      const auto& [key, rows] = *slice;
      HIRESTREAM_TRY(list(key, rows, out));
      from_ = key;
      if (++looked_at == log.discovery_part()) {
        return true;
      }
    }
    source_.world_.port_call(source_.process_, "discover done");
    return false;
  }

 private:
  Result<void> list(const SliceKey& key, const std::vector<size_t>& rows,
                    std::vector<SliceListing>& out) const {
    const bool unknown = key.shard >= source_.description_.shard_count;
    const bool wanted = std::find(shards_.begin(), shards_.end(), key.shard) != shards_.end();
    const bool any =
        (wanted || unknown) && std::any_of(rows.begin(), rows.end(), [&](size_t row) {
          return source_.log_.rows()[row].seen_on(replica_, source_.world_.now_us()) != nullptr;
        });
    if (any && unknown) {
      return unknown_shard(key);
    }
    if (any) {
      out.push_back({key, "", ""});
    }
    return {};
  }

  FakeEventSource& source_;
  std::vector<int32_t> shards_;
  int replica_;
  std::optional<SliceKey> from_;
};

Result<std::unique_ptr<Discovery>> FakeEventSource::begin_discovery(
    std::span<const int32_t> shards) {
  HIRESTREAM_TRY(check_reachable("discover"));
  return std::make_unique<FakeDiscovery>(*this, shards);
}

Result<std::vector<LateNote>> FakeEventSource::late_notes(int64_t) {
  constexpr int64_t kLateAfterUs = 30'000'000;
  HIRESTREAM_TRY(check_reachable("read notes"));
  std::vector<LateNote> notes;
  for (size_t i = 0; log_.notes_late_rows() && i < log_.rows().size(); ++i) {
    const RawRow& row = log_.rows()[i];
    const int64_t noted_us = row.everywhere_us();
    const int64_t end_us = (row.slice.bucket + 1) * log_.description().bucket_width.us();
    if (noted_us <= world_.now_us() && noted_us > end_us + kLateAfterUs &&
        told_late_.insert(i).second) {
      notes.push_back({.key = row.slice, .noted_us = noted_us});
    }
  }
  if (log_.notes_anywhere() && !notes.empty()) {
    HIRESTREAM_ASSIGN(const int64_t newest, newest_bucket(world_.now_us()));
    notes = {{.key = {.shard = LateNote::kAnyShard, .bucket = newest},
              .noted_us = std::ranges::max(notes, {}, &LateNote::noted_us).noted_us}};
  }
  return notes;
}

Result<int64_t> FakeEventSource::newest_bucket(int64_t now_us) {
  if (log_.description().strategy == Strategy::kTail) {
    return floor_divide(now_us, log_.description().bucket_width.us());
  }
  if (log_.description().strategy != Strategy::kFollow) {
    return 0;
  }
  HIRESTREAM_TRY(check_reachable("newest bucket"));
  return log_.newest_sequence(world_.now_us()) / log_.description().bucket_width.number();
}

FakeEventSource::Seen FakeEventSource::look(const RawRow& row, ReadLevel level, int replica) const {
  const int64_t now_us = world_.now_us();
  return {&row, level == ReadLevel::kStrongest ? row.seen_anywhere(now_us)
                                               : row.seen_on(replica, now_us)};
}

FakeEventSource::Answer FakeEventSource::answer(const SliceRead& request, ReadLevel level) {
  Answer out{request.slice, {}};
  // Replica 1 is the one that lags.
  const int replica = world_.random.chance(world_.rates.stale_read) ? 1 : 0;
  const bool more = world_.random.chance(world_.rates.duplicate_delivery);
  for (const size_t index : log_.rows_of(request.slice)) {
    const RawRow& row = log_.rows()[index];
    const bool inside = !request.from_position || !log_.description().range_reads || more ||
                        position_of(row, log_.description().strategy) >= *request.from_position;
    const Seen seen = look(row, level, replica);
    if (inside && seen.second != nullptr) {
      out.rows.push_back(seen);
    }
  }
  if (world_.random.chance(world_.rates.duplicate_delivery) && !out.rows.empty()) {
    out.rows.push_back(out.rows[world_.random.below(out.rows.size())]);
  }
  return out;
}

FakeEventSource::Answer FakeEventSource::scan_range(size_t range, const RingPart& part,
                                                    ReadLevel level) {
  const int replica = world_.random.chance(world_.rates.stale_read) ? 1 : 0;
  const bool more = world_.random.chance(world_.rates.duplicate_delivery);
  Answer out;
  for (const RawRow& row : log_.rows()) {
    const Seen seen = look(row, level, replica);
    const uint64_t place = (RowIdHash{}(row.id) * 0x9E3779B97F4A7C15ULL) >> 32;
    if (RowIdHash{}(row.id) % kScanRanges != range || seen.second == nullptr ||
        place < part.begin || place >= part.end) {
      continue;
    }
    const Value& ts = seen.second->values.ts;
    const bool inside = !part.event_times || more ||
                        (ts.kind == Value::Kind::kGood && ts.meaning >= part.event_times->from_us &&
                         ts.meaning < part.event_times->to_us);
    if (inside) {
      out.rows.push_back(seen);
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
    batch.set_position({row->sequence});
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

// Pages of slices (or of ranges of a scan) in any order, each answered when its turn comes. A
// source whose rows are unique repeats none; others may repeat rows and whole pages.
class FakeEventSource::FakeSweep : public Sweep {
 public:
  FakeSweep(FakeEventSource& source, SweepRequest request, std::vector<SliceRead> slices)
      : source_(source), request_(std::move(request)), slices_(std::move(slices)) {
    order_.resize(scans() ? kScanRanges : slices_.size());
    for (size_t i = 0; i < order_.size(); ++i) {
      order_[i] = i;
    }
    if (random().chance(0.2)) {
      random().shuffle(order_);
    }
  }

  Result<std::optional<SweepPage>> next() override {
    if (std::exchange(page_failed_, false)) {
      return source_error("read", "page failed");
    }
    if (std::exchange(page_again_, false)) {
      return std::optional<SweepPage>({answer_.slice, batch_});
    }
    while (at_ == answer_.rows.size()) {
      if (next_ == order_.size()) {
        source_.world_.port_call(source_.process_, "read done");
        return std::optional<SweepPage>();
      }
      if (next_ > 0 && random().chance(scans() ? 0.2 : 0.02)) {
        source_.world_.port_call(source_.process_, "read page");
      }
      ask(order_[next_++]);
    }
    return deliver();
  }

 private:
  Random& random() { return source_.world_.random; }
  bool scans() const { return !source_.description_.slice_reads; }

  void ask(size_t index) {
    answer_ = scans() ? source_.scan_range(index, std::get<RingPart>(request_.what), request_.level)
                      : source_.answer(slices_[index], request_.level);
    if (random().chance(0.2)) {
      random().shuffle(answer_.rows);
    }
    at_ = 0;
    page_rows_ = 1 + random().below(200);
  }

  std::optional<SweepPage> deliver() {
    batch_.clear();
    const size_t end = std::min(answer_.rows.size(), at_ + page_rows_);
    for (; at_ < end; ++at_) {
      source_.fill(batch_, answer_.rows[at_]);
    }
    source_.statistics_.rows += static_cast<int64_t>(batch_.rows());
    const FaultRates& rates = source_.world_.rates;
    page_again_ = !source_.description_.unique_rows && random().chance(rates.duplicate_delivery);
    page_failed_ = source_.world_.fault(rates.read_error, "read error midway");
    return SweepPage{answer_.slice, batch_};
  }

  FakeEventSource& source_;
  SweepRequest request_;
  std::vector<SliceRead> slices_;
  std::vector<size_t> order_;
  size_t next_ = 0;
  Answer answer_;
  size_t at_ = 0;
  size_t page_rows_ = 0;
  TrackingBatch batch_;
  bool page_again_ = false;
  bool page_failed_ = false;
};

Result<std::vector<SliceRead>> FakeEventSource::slices_on(const RingPart& part) const {
  std::vector<SliceRead> out;
  for (const auto& [key, rows] : log_.slices()) {
    if (log_.place_of(key) < part.begin || log_.place_of(key) >= part.end) {
      continue;
    }
    const bool unknown = key.shard >= description_.shard_count;
    if (unknown && std::any_of(rows.begin(), rows.end(), [this](size_t row) {
          return log_.rows()[row].seen_on(0, world_.now_us()) != nullptr;
        })) {
      return unknown_shard(key);
    }
    out.push_back({key, std::nullopt});
  }
  return out;
}

Result<std::unique_ptr<Sweep>> FakeEventSource::sweep(SweepRequest request) {
  HIRESTREAM_TRY(check_reachable("read"));
  if (request.level == ReadLevel::kStrongest && world_.replica_is_down()) {
    world_.count_fault("replica down");
    return source_error("read", "not enough replicas");
  }
  std::vector<SliceRead> slices;
  if (const auto* named = std::get_if<std::vector<SliceRead>>(&request.what)) {
    HIRESTREAM_CHECK(description_.slice_reads);
    slices = *named;
  } else {
    HIRESTREAM_CHECK(description_.ring_reads);
    const auto& part = std::get<RingPart>(request.what);
    if (description_.slice_reads) {
      HIRESTREAM_ASSIGN(slices, slices_on(part));
    }
  }
  return std::unique_ptr<Sweep>(
      std::make_unique<FakeSweep>(*this, std::move(request), std::move(slices)));
}

}  // namespace hirestream::simulation
