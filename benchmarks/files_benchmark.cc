// How fast the bytes of a file become a contribution, one thread, bytes already in memory.
//
// 160,000 rows of all 29 columns of the tracking table, 400 bytes a row as CSV: a third has a user
// agent in quotes, clicks and conversions have a payload with doubled quotes, no id repeats.
//   csv_records, ndjson_records   the reader alone: each record found, its wanted values given
//   csv, ndjson                   and read into batches, classified, counted, sorted
//   …_by_fields                   the same without the index of many records at once
//   csv_backslashes               as csv, written with a backslash before quotes
//   csv_stray_quotes              as csv, with a quote inside an unquoted field in each row, which
//                                 the index of quotes leaves to the reader that goes field by field
//
// Command: build/files_benchmark (an optimised build; with HIRESTREAM_BENCHMARK_SMOKE=1 only a
// hundredth of the rows). bytes_per_second and items_per_second (rows): by CPU time.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/files/csv_reader.h"
#include "adapters/files/ndjson_reader.h"
#include "adapters/files/view_stream.h"
#include "aggregation/row_classifier.h"
#include "aggregation/tally.h"
#include "model/raw_event.h"
#include "model/row_id.h"
#include "model/timestamp.h"
#include "model/tracking_batch.h"
#include "registration.h"

namespace hirestream {
namespace {

constexpr int64_t kStartUs = 1'656'676'800'000'000;  // 2022-07-01 12:00:00 UTC
constexpr size_t kBatchRows = 8192;

size_t row_count() {
  return std::getenv("HIRESTREAM_BENCHMARK_SMOKE") != nullptr ? 1'600 : 160'000;
}

RawEvent make_event(std::mt19937_64& random, int64_t number) {
  const auto below = [&random](uint64_t limit) { return random() % limit; };
  const auto one_of = [&below](const auto& texts) {
    return std::string(texts[below(texts.size())]);
  };
  static constexpr std::array<std::string_view, 3> kAgents = {
      "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Firefox/102.0",
      "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:101.0) Gecko/20100101 Firefox/101.0",
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/103.0"};
  static constexpr std::array<std::string_view, 4> kTracks = {"alive", "click", "click",
                                                              "conversion"};
  RawEvent event;
  const int64_t arrival_us = kStartUs + number * 86'400;
  const uint64_t job_id = 1 + below(100);
  const std::string job = std::to_string(job_id);
  event[RawColumn::kCreateTime] = format_uuid(make_version_1(arrival_us * 10, 7, 0x0242ac120002));
  event[RawColumn::kBn] = "Firefox 102";
  event[RawColumn::kCd] = "24";
  event[RawColumn::kDe] = "UTF-8";
  event[RawColumn::kDl] = "https://jobs.example.com/jobs/" + job;
  event[RawColumn::kDt] = "Barista (m/f/d) | jobs.example.com";
  event[RawColumn::kEv] = below(2) == 0 ? "1" : "2";
  event[RawColumn::kId] = "SITE-1";
  event[RawColumn::kMd] = "Desktop";
  event[RawColumn::kRl] = "https://www.example.org/search?q=barista&page=2";
  event[RawColumn::kSr] = "1920x1080";
  event[RawColumn::kTs] = format_timestamp_ms(arrival_us - 200'000);
  event[RawColumn::kTz] = "-120";
  event[RawColumn::kUa] = one_of(kAgents);
  event[RawColumn::kUid] = fmt::format("1-{:08x}-{:06x}", below(1U << 31), below(1U << 24));
  event[RawColumn::kV] = "1";
  event[RawColumn::kVp] = "1903x937";
  if (below(2) == 0) {
    const std::string track = one_of(kTracks);
    event[RawColumn::kCustomTrack] = track;
    event[RawColumn::kUtmCampaign] = "Spring Hiring";
    event[RawColumn::kUtmMedium] = "cpc";
    if (track != "alive") {
      event[RawColumn::kJobId] = job;
      event[RawColumn::kPublisherId] = std::to_string(1 + below(20));
      event[RawColumn::kCampaignId] = std::to_string(1 + job_id % 30);
      event[RawColumn::kGroupId] = std::to_string(1 + job_id % 4);
      event[RawColumn::kBid] = fmt::format("{}.{}", below(3), below(100));
      event[RawColumn::kEd] = R"({"customEvent":")" + track + R"(","jobId":")" + job +
                              R"(","publisherId":"1","userId":78})";
    }
  }
  return event;
}

std::vector<RawEvent> make_events() {
  std::mt19937_64 random(42);
  std::vector<RawEvent> events;
  for (size_t i = 0; i < row_count(); ++i) {
    events.push_back(make_event(random, static_cast<int64_t>(i)));
  }
  return events;
}

std::string escaped(std::string_view text, char before_quote) {
  std::string out;
  for (const char c : text) {
    if (c == '"') {
      out += before_quote;
    }
    out += c;
  }
  return out;
}

enum class Written { kCsv, kBackslashes, kStrayQuotes, kNdjson };
using By = CsvReader::By;

void append_csv(const RawEvent& event, Written as, std::string& out) {
  for (size_t i = 0; i < event.values.size(); ++i) {
    const std::string& text = event.values[i].value_or("");
    out += i == 0 ? "" : ",";
    if (as == Written::kStrayQuotes && static_cast<RawColumn>(i) == RawColumn::kSr) {
      out += text + '"';
    } else if (text.find_first_of(",\"") != text.npos) {
      out += '"' + escaped(text, as == Written::kBackslashes ? '\\' : '"') + '"';
    } else {
      out += text;
    }
  }
  out += '\n';
}

void append_json(const RawEvent& event, std::string& out) {
  char before = '{';
  for (size_t i = 0; i < event.values.size(); ++i) {
    if (event.values[i]) {
      out += fmt::format("{}\"{}\":\"{}\"", before, kRawColumnNames[i],
                         escaped(*event.values[i], '\\'));
      before = ',';
    }
  }
  out += "}\n";
}

const std::string& file_written(Written as) {
  static const std::vector<RawEvent> kEvents = make_events();
  static std::array<std::string, 4> files;
  std::string& file = files[static_cast<size_t>(as)];
  if (!file.empty()) {
    return file;
  }
  if (as != Written::kNdjson) {
    file = fmt::format("{}\n", fmt::join(kRawColumnNames, ","));
  }
  for (const RawEvent& event : kEvents) {
    as == Written::kNdjson ? append_json(event, file) : append_csv(event, as, file);
  }
  return file;
}

std::unique_ptr<RecordReader> open_reader(Written as, By by) {
  std::vector<WantedColumn> wanted;
  for (const Column column : kAllColumns) {
    wanted.push_back({column_name(column)});
  }
  auto stream = std::make_unique<ViewStream>(file_written(as));
  if (as == Written::kNdjson) {
    return std::make_unique<NdjsonReader>(std::move(stream), wanted);
  }
  CsvDialect dialect;
  dialect.escape = as == Written::kBackslashes ? CsvEscape::kBackslash : CsvEscape::kDoubledQuote;
  auto reader = CsvReader::open(std::move(stream), "benchmark.csv", wanted, dialect,
                                InputWindow::kCapacity, by);
  HIRESTREAM_CHECK(reader.has_value());
  return std::move(*reader);
}

void report(benchmark::State& state, Written as) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(file_written(as).size()));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(row_count()));
}

template <typename Visit>
void each_record(RecordReader& reader, const Visit& visit) {
  for (Record record;;) {
    const auto some = reader.next(record);
    HIRESTREAM_CHECK(some.has_value());
    if (!*some) {
      return;
    }
    HIRESTREAM_CHECK(record.malformed.empty());
    visit(record);
  }
}

void find_records(benchmark::State& state, Written as, By by = By::kIndex) {
  file_written(as);
  while (state.KeepRunning()) {
    size_t bytes = 0;
    each_record(*open_reader(as, by), [&](const Record& record) { bytes += record.bytes.size(); });
    benchmark::DoNotOptimize(bytes);
  }
  report(state, as);
}

void count_file(benchmark::State& state, Written as, By by = By::kIndex) {
  file_written(as);
  RowClassifier classifier({});
  TrackingBatch batch;
  size_t cells = 0;
  while (state.KeepRunning()) {
    Tally tally;
    const auto count_batch = [&] {
      tally.add(classifier, batch);
      batch.clear();
    };
    each_record(*open_reader(as, by), [&](const Record& record) {
      batch.add_row();
      batch.set_texts([&](Column column) {
        return record.values[static_cast<size_t>(column)].value_or(std::string_view());
      });
      if (batch.rows() == kBatchRows) {
        count_batch();
      }
    });
    count_batch();
    cells = tally.contribution().size();
  }
  report(state, as);
  state.counters["cells"] = static_cast<double>(cells);
}

void csv_records(benchmark::State& state) {
  find_records(state, Written::kCsv);
}
void csv_records_by_fields(benchmark::State& state) {
  find_records(state, Written::kCsv, By::kFields);
}
void csv(benchmark::State& state) {
  count_file(state, Written::kCsv);
}
void csv_by_fields(benchmark::State& state) {
  count_file(state, Written::kCsv, By::kFields);
}
void csv_backslashes(benchmark::State& state) {
  count_file(state, Written::kBackslashes);
}
void csv_stray_quotes(benchmark::State& state) {
  count_file(state, Written::kStrayQuotes);
}
void ndjson_records(benchmark::State& state) {
  find_records(state, Written::kNdjson);
}
void ndjson(benchmark::State& state) {
  count_file(state, Written::kNdjson);
}
HIRESTREAM_BENCHMARK(csv_records);
HIRESTREAM_BENCHMARK(csv_records_by_fields);
HIRESTREAM_BENCHMARK(csv);
HIRESTREAM_BENCHMARK(csv_by_fields);
HIRESTREAM_BENCHMARK(csv_backslashes);
HIRESTREAM_BENCHMARK(csv_stray_quotes);
HIRESTREAM_BENCHMARK(ndjson_records);
HIRESTREAM_BENCHMARK(ndjson);

}  // namespace
}  // namespace hirestream
