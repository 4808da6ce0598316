// How many raw rows a second one core counts, and what contributions cost to store and to read.
//
// Sets of rows, so that neither rows that are not counted nor tables that lie in the cache hide
// what the rest costs:
//   few cells      the mixture of a real site's export: 53 % page views, 32 % clicks, 12 %
//                  heartbeats, 3 % conversions and (un)qualified applications; 72 % of the rows
//                  have no job; conversions carry it inside `ed`. 15 jobs, 8 campaigns, 2
//                  publishers, 2 hours
//   all counted    the same, every row with a job
//   many cells     100,000 jobs, 500 campaigns, 50 publishers, 48 hours: nearly every row that is
//                  counted is a cell of its own
//   long           20 million rows that all count, of 120,000 cells; they come from memory
//   long and wide  20 million rows of 5.8 million cells
// "fresh": a new tally each time; otherwise it is kept and cleared. Small slices: 100 rows each, to
// the contribution. Scattered: each row of another slice than the one before.
//
// Command: build/kernel_benchmark (an optimised build; with HIRESTREAM_BENCHMARK_SMOKE=1 only the
// first 20,000 rows of a set). items_per_second: rows, or cells for the codec, by CPU time. The
// peer in the same run is the same counting with a std::map from cell to measures. read_memory:
// what the machine's memory gives one core, for roofline.py, which sets bytes_per_row against it.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "aggregation/contribution_codec.h"
#include "aggregation/row_classifier.h"
#include "aggregation/row_id_set.h"
#include "aggregation/tally.h"
#include "model/timestamp.h"
#include "registration.h"

namespace hirestream {
namespace {

constexpr int64_t kStartUs = 1'656'676'800'000'000;  // 2022-07-01 12:00:00 UTC
constexpr int64_t kHourUs = 3'600'000'000;
constexpr size_t kBatchRows = 4096;  // about a page of the raw log

struct Shape {
  uint64_t jobs;
  uint64_t campaigns;
  uint64_t publishers;
  uint64_t hours;
  uint64_t percent_without_job;
  size_t rows;
  // All rows count, and a job has one campaign.
  bool is_long = false;
};
constexpr Shape kFewCells = {15, 8, 2, 2, 72, 50'000};
constexpr Shape kAllCounted = {15, 8, 2, 2, 0, 50'000};
constexpr Shape kManyCells = {100'000, 500, 50, 48, 0, 250'000};
constexpr Shape kLong = {1'000, 500, 5, 24, 0, 20'000'000, true};
constexpr Shape kLongAndWide = {10'000, 500, 25, 24, 0, 20'000'000, true};

constexpr size_t kSmokeRows = 20'000;

size_t rows_of(const Shape& shape) {
  static const bool kSmoke = std::getenv("HIRESTREAM_BENCHMARK_SMOKE") != nullptr;
  return kSmoke ? std::min(shape.rows, kSmokeRows) : shape.rows;
}

// A row's values as text, as a raw log with text columns gives them.
struct TextRow {
  std::string create_time;
  std::string ts;
  std::string job_id;
  std::string publisher_id;
  std::string campaign_id;
  std::string bid;
  std::string custom_track;
  std::string ev;
  std::string ed;
};

TextRow make_row(std::mt19937_64& random, const Shape& shape, int64_t number) {
  const auto below = [&random](uint64_t limit) { return random() % limit; };
  const int64_t arrival_us = kStartUs + number * 100;
  const auto back_us = static_cast<int64_t>(below(shape.hours * static_cast<uint64_t>(kHourUs)));
  TextRow row;
  row.create_time = format_uuid(make_version_1(arrival_us * 10, 7, 0x0242ac120002));
  row.ts = format_timestamp_ms(arrival_us - back_us);
  const uint64_t kind = below(1000);
  if (kind < 530) {
    row.ev = "1";
  } else if (kind < 850) {
    row.custom_track = "click";
  } else if (kind < 970) {
    row.custom_track = "alive";
  } else {
    row.custom_track = kind < 987 ? "conversion" : kind < 995 ? "unqualified" : "qualified";
  }
  const std::string job = std::to_string(below(shape.jobs));
  if (below(100) >= shape.percent_without_job) {
    row.job_id = job;
    row.publisher_id = std::to_string(1 + below(shape.publishers));
    row.campaign_id = std::to_string(1 + below(shape.campaigns));
    row.bid = std::vector<const char*>{"0", "1", "2", "7", "1.4", "1.5", "2.5"}[below(7)];
  }
  row.ed = R"({"customEvent":")" + row.custom_track + R"(","jobId":")" + job +
           R"(","publisherId":"1","userId":78})";
  return row;
}

std::vector<TextRow> make_rows(const Shape& shape) {
  std::mt19937_64 random(42);
  std::vector<TextRow> rows;
  rows.reserve(rows_of(shape));
  for (size_t i = 0; i < rows_of(shape); ++i) {
    rows.push_back(make_row(random, shape, static_cast<int64_t>(i)));
  }
  return rows;
}

void append(TrackingBatch& batch, const TextRow& row) {
  batch.add_row();
  batch.set_id_text(row.create_time);
  batch.set_ts_text(row.ts);
  batch.set_integer_text(Column::kJobId, row.job_id);
  batch.set_integer_text(Column::kPublisherId, row.publisher_id);
  batch.set_integer_text(Column::kCampaignId, row.campaign_id);
  batch.set_bid_text(row.bid);
  batch.set_text(Column::kCustomTrack, row.custom_track);
  batch.set_text(Column::kEv, row.ev);
  batch.set_text(Column::kEd, row.ed);
}

// Of a long set.
void append_long_row(TrackingBatch& batch, std::mt19937_64& random, const Shape& shape,
                     int64_t number) {
  const auto below = [&random](uint64_t limit) { return static_cast<int64_t>(random() % limit); };
  const int64_t hour_us = kStartUs - below(shape.hours) * kHourUs;
  const int64_t job = 1 + below(shape.jobs);
  batch.add_row();
  batch.set_id(make_version_1((kStartUs + number) * 10, 7, 0x0242ac120002));
  batch.set_ts_us(hour_us + below(static_cast<uint64_t>(kHourUs)));
  batch.set_integer(Column::kJobId, job);
  batch.set_integer(Column::kPublisherId, 1 + below(shape.publishers));
  batch.set_integer(Column::kCampaignId, 1 + job % static_cast<int64_t>(shape.campaigns));
  const bool click = below(2) == 0;
  batch.set_text(click ? Column::kCustomTrack : Column::kEv, click ? "click" : "1");
  batch.set_integer(Column::kBid, 100'000 * below(30));
}

std::vector<TrackingBatch> make_batches(const Shape& shape) {
  std::vector<TrackingBatch> batches;
  const auto batch = [&batches]() -> TrackingBatch& {
    if (batches.empty() || batches.back().rows() == kBatchRows) {
      batches.emplace_back();
    }
    return batches.back();
  };
  if (!shape.is_long) {
    for (const TextRow& row : make_rows(shape)) {
      append(batch(), row);
    }
    return batches;
  }
  std::mt19937_64 random(42);
  for (size_t i = 0; i < rows_of(shape); ++i) {
    append_long_row(batch(), random, shape, static_cast<int64_t>(i));
  }
  return batches;
}

// Made once for benchmarks that stand side by side; only the last set is kept.
const std::vector<TrackingBatch>& batches_of(const Shape& shape) {
  static const Shape* made = nullptr;
  static std::vector<TrackingBatch> batches;
  if (made != &shape) {
    batches = {};
    batches = make_batches(shape);
    made = &shape;
  }
  return batches;
}

template <typename Sink>
void count_all(RowClassifier& classifier, const std::vector<TrackingBatch>& batches, Sink& sink) {
  for (const TrackingBatch& batch : batches) {
    sink.add(classifier, batch);
  }
}

// Of the rows and of the texts that are looked at where attribution is by columns; without cells.
double bytes_per_row(const std::vector<TrackingBatch>& batches) {
  size_t rows = 0;
  size_t bytes = 0;
  for (const TrackingBatch& batch : batches) {
    rows += batch.rows();
    for (const TrackingRow& row : batch.all_rows()) {
      bytes += sizeof(row) + row.text(Column::kCustomTrack).size + row.text(Column::kEv).size;
    }
  }
  return static_cast<double>(bytes) / static_cast<double>(rows);
}

void report_rows(benchmark::State& state, const Shape& shape, size_t cells) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(rows_of(shape)));
  state.counters["cells"] = static_cast<double>(cells);
  state.counters["bytes_per_row"] = bytes_per_row(batches_of(shape));
}

void classify_and_tally(benchmark::State& state, const Shape& shape,
                        const CountingOptions& options) {
  const auto& batches = batches_of(shape);
  RowClassifier classifier(options);
  Tally tally;
  while (state.KeepRunning()) {
    tally.clear();
    count_all(classifier, batches, tally);
    benchmark::DoNotOptimize(uint64_t{tally.digest().hash});
  }
  report_rows(state, shape, tally.contribution().size());
}

void classify_and_tally_fresh(benchmark::State& state, const Shape& shape) {
  const auto& batches = batches_of(shape);
  RowClassifier classifier({});
  while (state.KeepRunning()) {
    Tally tally;
    count_all(classifier, batches, tally);
    benchmark::DoNotOptimize(uint64_t{tally.digest().hash});
  }
  report_rows(state, shape, 0);
}

void few_cells(benchmark::State& state) {
  classify_and_tally(state, kFewCells, {});
}
void few_cells_in_berlin(benchmark::State& state) {
  CountingOptions options;
  options.reporting_zone = TimeZone::find("Europe/Berlin").value_or(TimeZone());
  classify_and_tally(state, kFewCells, options);
}
void few_cells_by_payload(benchmark::State& state) {
  CountingOptions options;
  options.attribution = Attribution::kPayload;
  classify_and_tally(state, kFewCells, options);
}
void all_counted(benchmark::State& state) {
  classify_and_tally(state, kAllCounted, {});
}
void many_cells(benchmark::State& state) {
  classify_and_tally(state, kManyCells, {});
}
void many_cells_fresh(benchmark::State& state) {
  classify_and_tally_fresh(state, kManyCells);
}
void long_log(benchmark::State& state) {
  classify_and_tally(state, kLong, {});
}
void long_log_fresh(benchmark::State& state) {
  classify_and_tally_fresh(state, kLong);
}
void long_and_wide(benchmark::State& state) {
  classify_and_tally(state, kLongAndWide, {});
}
void long_and_wide_fresh(benchmark::State& state) {
  classify_and_tally_fresh(state, kLongAndWide);
}
HIRESTREAM_BENCHMARK(few_cells);
HIRESTREAM_BENCHMARK(few_cells_in_berlin);
HIRESTREAM_BENCHMARK(few_cells_by_payload);
HIRESTREAM_BENCHMARK(all_counted);
HIRESTREAM_BENCHMARK(many_cells);
HIRESTREAM_BENCHMARK(many_cells_fresh);
HIRESTREAM_BENCHMARK(long_log);
HIRESTREAM_BENCHMARK(long_log_fresh);
HIRESTREAM_BENCHMARK(long_and_wide);
HIRESTREAM_BENCHMARK(long_and_wide_fresh);

std::vector<uint32_t> first_rows(size_t count) {
  std::vector<uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// As a bucketed table's history is counted: a tally for each partition.
void small_slices(benchmark::State& state) {
  constexpr size_t kRowsOfASlice = 100;
  const std::vector<uint32_t> rows = first_rows(kBatchRows);
  const auto& batches = batches_of(kManyCells);
  RowClassifier classifier({});
  size_t cells = 0;
  while (state.KeepRunning()) {
    cells = 0;
    for (const TrackingBatch& batch : batches) {
      for (size_t begin = 0; begin < batch.rows(); begin += kRowsOfASlice) {
        Tally tally;
        tally.add(classifier, batch,
                  std::span(rows).subspan(begin, std::min(kRowsOfASlice, batch.rows() - begin)));
        cells += tally.contribution().size();
      }
    }
  }
  report_rows(state, kManyCells, cells);
}
HIRESTREAM_BENCHMARK(small_slices);

// As a scan meets them: rows that lie side by side are of different slices.
void scattered(benchmark::State& state) {
  constexpr size_t kSlices = 1000;
  const std::vector<uint32_t> rows = first_rows(kBatchRows);
  const auto& batches = batches_of(kManyCells);
  RowClassifier classifier({});
  while (state.KeepRunning()) {
    std::vector<Tally> slices(kSlices);
    size_t next = 0;
    for (const TrackingBatch& batch : batches) {
      for (size_t row = 0; row < batch.rows(); ++row) {
        slices[next++ % kSlices].add(classifier, batch, std::span(rows).subspan(row, 1));
      }
    }
    benchmark::DoNotOptimize(uint64_t{slices.front().digest().hash});
  }
  report_rows(state, kManyCells, 0);
}
HIRESTREAM_BENCHMARK(scattered);

void make_contribution(benchmark::State& state, const Shape& shape) {
  RowClassifier classifier({});
  Tally tally;
  count_all(classifier, batches_of(shape), tally);
  size_t cells = 0;
  while (state.KeepRunning()) {
    cells = tally.contribution().size();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(cells));
}
void contribution_many_cells(benchmark::State& state) {
  make_contribution(state, kManyCells);
}
void contribution_long_and_wide(benchmark::State& state) {
  make_contribution(state, kLongAndWide);
}
HIRESTREAM_BENCHMARK(contribution_many_cells);
HIRESTREAM_BENCHMARK(contribution_long_and_wide);

// The peer: as Tally, row hash included, but with the map that comes to mind first.
class MapTally {
 public:
  void add(RowClassifier& classifier, const TrackingBatch& batch) {
    for (size_t begin = 0; begin < batch.rows(); begin += kBlockRows) {
      ClassifiedRows block;
      const size_t count = std::min(kBlockRows, batch.rows() - begin);
      classifier.classify(batch, std::span(rows_).subspan(begin, count), block);
      hash_ += block.digest.hash;
      for (size_t i = 0; i < block.counted.size; ++i) {
        cells_[block.counted.key(i)] += block.counted.measures(i);
      }
    }
  }
  void clear() {
    cells_.clear();
    hash_ = 0;
  }
  uint64_t hash() const { return hash_; }
  size_t size() const { return cells_.size(); }

 private:
  const std::vector<uint32_t> rows_ = first_rows(kBatchRows);
  std::map<CellKey, Measures> cells_;
  uint64_t hash_ = 0;
};

void classify_and_map(benchmark::State& state, const Shape& shape) {
  const auto& batches = batches_of(shape);
  RowClassifier classifier({});
  MapTally tally;
  while (state.KeepRunning()) {
    tally.clear();
    count_all(classifier, batches, tally);
    benchmark::DoNotOptimize(tally.hash());
  }
  report_rows(state, shape, tally.size());
}

void peer_map_few_cells(benchmark::State& state) {
  classify_and_map(state, kFewCells);
}
void peer_map_many_cells(benchmark::State& state) {
  classify_and_map(state, kManyCells);
}
HIRESTREAM_BENCHMARK(peer_map_few_cells);
HIRESTREAM_BENCHMARK(peer_map_many_cells);

// Text of every column into a batch: what CSV, NDJSON and text tables cost before they are counted.
void parse_text(benchmark::State& state) {
  static const std::vector<TextRow> kRows = make_rows(kFewCells);
  TrackingBatch batch;
  while (state.KeepRunning()) {
    for (const TextRow& row : kRows) {
      if (batch.rows() == kBatchRows) {
        batch.clear();
      }
      append(batch, row);
    }
    benchmark::DoNotOptimize(batch.rows());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows.size()));
}
HIRESTREAM_BENCHMARK(parse_text);

void deduplicate(benchmark::State& state) {
  const auto& batches = batches_of(kManyCells);
  while (state.KeepRunning()) {
    RowIdSet seen;
    for (const TrackingBatch& batch : batches) {
      for (size_t row = 0; row < batch.rows(); ++row) {
        benchmark::DoNotOptimize(seen.insert(batch.id(row)));
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(rows_of(kManyCells)));
}
HIRESTREAM_BENCHMARK(deduplicate);

const Contribution& contribution_of(const Shape& shape) {
  static std::map<const Shape*, Contribution> made;
  Contribution& contribution = made[&shape];
  if (contribution.empty()) {
    RowClassifier classifier({});
    Tally tally;
    count_all(classifier, batches_of(shape), tally);
    contribution = tally.contribution();
  }
  return contribution;
}

void read_memory(benchmark::State& state) {
  static const bool kSmoke = std::getenv("HIRESTREAM_BENCHMARK_SMOKE") != nullptr;
  const std::vector<uint64_t> words(kSmoke ? 1U << 17 : 1U << 27, 1);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(std::accumulate(words.begin(), words.end(), uint64_t{0}));
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(words.size() * sizeof(words[0])));
}
HIRESTREAM_BENCHMARK(read_memory);

void encode(benchmark::State& state, const Shape& shape) {
  const Contribution& contribution = contribution_of(shape);
  size_t bytes = 0;
  while (state.KeepRunning()) {
    bytes = encode_contribution(contribution).size();
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(contribution.size()));
  state.counters["bytes_per_cell"] =
      static_cast<double>(bytes) / static_cast<double>(contribution.size());
}

void decode(benchmark::State& state, const Shape& shape) {
  const std::string blob = encode_contribution(contribution_of(shape));
  size_t cells = 0;
  while (state.KeepRunning()) {
    const auto decoded = decode_contribution(blob);
    if (!decoded) {
      state.SkipWithError(decoded.error().message.c_str());
      break;
    }
    cells = decoded->size();
    benchmark::DoNotOptimize(cells);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(cells));
}

void encode_few_cells(benchmark::State& state) {
  encode(state, kFewCells);
}
void encode_many_cells(benchmark::State& state) {
  encode(state, kManyCells);
}
void decode_few_cells(benchmark::State& state) {
  decode(state, kFewCells);
}
void decode_many_cells(benchmark::State& state) {
  decode(state, kManyCells);
}
HIRESTREAM_BENCHMARK(encode_few_cells);
HIRESTREAM_BENCHMARK(encode_many_cells);
HIRESTREAM_BENCHMARK(decode_few_cells);
HIRESTREAM_BENCHMARK(decode_many_cells);

}  // namespace
}  // namespace hirestream
