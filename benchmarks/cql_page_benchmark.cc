// What a page of Cassandra's rows costs until it is counted: bytes into a batch, and on to the
// slice's sums, each row once.
//
// Data: pages of 5,000 rows of ten columns, with the mixture of a real site's export (see
// kernel_benchmark.cc), as native types (int, timestamp, timeuuid, double or decimal) or all as
// texts. Command: build/cql_page_benchmark (an optimised build). items_per_second: rows, by CPU
// time.
#include <benchmark/benchmark.h>

#include <bit>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "adapters/cassandra/raw_page_decoder.h"
#include "model/timestamp.h"
#include "pipeline/recount.h"
#include "registration.h"

namespace hirestream {
namespace {

constexpr int64_t kStartUs = 1'656'676'800'000'000;  // 2022-07-01 12:00:00 UTC
constexpr size_t kRows = 5000;

enum class Types { kDoubleBids, kDecimalBids, kTexts };

std::vector<std::pair<std::string, CqlType>> columns_of(Types types) {
  const bool texts = types == Types::kTexts;
  const CqlType number = texts ? CqlType::kText : CqlType::kInt;
  const CqlType bid = texts                         ? CqlType::kText
                      : types == Types::kDoubleBids ? CqlType::kDouble
                                                    : CqlType::kDecimal;
  return {{"create_time", texts ? CqlType::kText : CqlType::kTimeuuid},
          {"ts", texts ? CqlType::kText : CqlType::kTimestamp},
          {"job_id", number},
          {"publisher_id", number},
          {"campaign_id", number},
          {"group_id", number},
          {"bid", bid},
          {"custom_track", CqlType::kText},
          {"ev", CqlType::kText},
          {"ed", CqlType::kText}};
}

class Page {
 public:
  explicit Page(Types types) : columns_(columns_of(types)) {
    for (size_t row = 0; row < kRows; ++row) {
      append_row(static_cast<int64_t>(row));
    }
  }

  const std::vector<std::pair<std::string, CqlType>>& columns() const { return columns_; }
  std::span<const uint8_t> bytes() const { return bytes_of(bytes_); }

 private:
  uint64_t below(uint64_t limit) { return random_() % limit; }

  void append_null() { append_int32(-1, bytes_); }
  // Empty: null.
  void append(size_t column, const std::string& text) {
    if (text.empty()) {
      return append_null();
    }
    std::string cell;
    TimeZone utc;
    const auto wrong = append_from_text(columns_[column].second, text, utc, cell);
    HIRESTREAM_CHECK(!wrong);
    append_int32(static_cast<int32_t>(cell.size()), bytes_);
    bytes_ += cell;
  }

  void append_row(int64_t number) {
    const int64_t arrival_us = kStartUs + number * 100;
    const uint64_t kind = below(1000);
    const bool has_job = below(100) >= 72;
    const auto id = [&](uint64_t limit) {
      return has_job ? std::to_string(1 + below(limit)) : std::string();
    };
    append(0, format_uuid(make_version_1(arrival_us * 10, 7, 0x0242ac120002)));
    append(1, format_timestamp_ms(arrival_us - static_cast<int64_t>(below(7'200'000'000))));
    append(2, id(15));
    append(3, id(2));
    append(4, id(8));
    append_null();
    append(6, has_job ? std::vector<const char*>{"0", "1", "2", "7", "1.4", "1.5", "2.5"}[below(7)]
                      : "");
    append(7, kind < 530 ? "" : kind < 850 ? "click" : kind < 970 ? "alive" : "conversion");
    append(8, kind < 530 ? "1" : "");
    append(9, R"({"customEvent":"click","jobId":"188","publisherId":"1","userId":78})");
  }

  std::mt19937_64 random_{42};
  std::vector<std::pair<std::string, CqlType>> columns_;
  std::string bytes_;
};

RawPageDecoder decoder_of(const Page& page) {
  auto decoder = RawPageDecoder::make("logs.tracking", page.columns());
  HIRESTREAM_CHECK(decoder.has_value());
  return *decoder;
}

void decode(benchmark::State& state, Types types) {
  const Page page(types);
  const RawPageDecoder decoder = decoder_of(page);
  TrackingBatch batch;
  while (state.KeepRunning()) {
    batch.clear();
    HIRESTREAM_CHECK(decoder.decode(page.bytes(), kRows, batch).has_value());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}

// Each page is another slice, so that ids are looked up in a set of a usual size.
void count(benchmark::State& state, Types types) {
  const Page page(types);
  const RawPageDecoder decoder = decoder_of(page);
  TrackingBatch batch;
  RowClassifier classifier({});
  while (state.KeepRunning()) {
    batch.clear();
    HIRESTREAM_CHECK(decoder.decode(page.bytes(), kRows, batch).has_value());
    SliceCount slice;
    slice.add(classifier, batch);
    benchmark::DoNotOptimize(slice.tally.contribution().size());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}

void decode_double_bids(benchmark::State& state) {
  decode(state, Types::kDoubleBids);
}
void decode_decimal_bids(benchmark::State& state) {
  decode(state, Types::kDecimalBids);
}
void decode_texts(benchmark::State& state) {
  decode(state, Types::kTexts);
}
void count_double_bids(benchmark::State& state) {
  count(state, Types::kDoubleBids);
}
void count_decimal_bids(benchmark::State& state) {
  count(state, Types::kDecimalBids);
}
void count_texts(benchmark::State& state) {
  count(state, Types::kTexts);
}
HIRESTREAM_BENCHMARK(decode_double_bids);
HIRESTREAM_BENCHMARK(decode_decimal_bids);
HIRESTREAM_BENCHMARK(decode_texts);
HIRESTREAM_BENCHMARK(count_double_bids);
HIRESTREAM_BENCHMARK(count_decimal_bids);
HIRESTREAM_BENCHMARK(count_texts);

}  // namespace
}  // namespace hirestream
