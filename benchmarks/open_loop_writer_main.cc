// Writes clicks into a Cassandra table by the clock, however long an answer takes, for
// freshness.py: its own cost must not hide what is measured, so it is no script. A click is of a
// cell of its own: job FIRST_JOB + number / PER_JOB, publisher 1 + number % PER_JOB. What is due is
// written together.
// To the standard output go, for each row, 8 bytes: the time at which it was due, as a double of
// seconds since 1970. A row that waits for answers to those before it was due all the same.
//
//   open_loop_writer HOST:PORT KEYSPACE TABLE RATE ROWS FIRST_JOB PER_JOB FIRST_NUMBER
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "adapters/cassandra/cassandra_writer.h"
#include "model/row_id.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

struct Load {
  double rows_per_second;
  size_t rows;
  int64_t first_job;
  int64_t per_job;
  int64_t first_number;
};

int64_t now_us() {
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

RawEvent click(const Load& load, size_t row, int64_t arrival_us) {
  const int64_t number = load.first_number + static_cast<int64_t>(row);
  RawEvent event;
  // One tick further for each row: no two of one load have the same id.
  event[RawColumn::kCreateTime] = format_uuid(make_version_1(
      arrival_us * 10 + number % 10, static_cast<uint16_t>(number / 10 % 16'384), 0x0242ac120002));
  event[RawColumn::kTs] = format_timestamp_us(arrival_us);
  event[RawColumn::kJobId] = std::to_string(load.first_job + number / load.per_job);
  event[RawColumn::kPublisherId] = std::to_string(1 + number % load.per_job);
  event[RawColumn::kCampaignId] = "1";
  event[RawColumn::kGroupId] = "1";
  event[RawColumn::kBid] = "1";
  event[RawColumn::kCustomTrack] = "click";
  return event;
}

Result<std::vector<double>> write(CassandraWriter& writer, const Load& load) {
  std::vector<double> due_s;
  due_s.reserve(load.rows);
  std::vector<RawEvent> due;
  const auto begin = steady_clock::now();
  const double begin_s = static_cast<double>(now_us()) / 1e6;
  while (due_s.size() < load.rows) {
    const std::chrono::duration<double> passed = steady_clock::now() - begin;
    const auto due_by_now = static_cast<size_t>(passed.count() * load.rows_per_second) + 1;
    if (due_by_now <= due_s.size()) {
      const std::chrono::duration<double> next(static_cast<double>(due_s.size()) /
                                               load.rows_per_second);
      std::this_thread::sleep_until(begin + duration_cast<steady_clock::duration>(next));
      continue;
    }
    const int64_t arrival_us = now_us();
    due.clear();
    while (due_s.size() < std::min(due_by_now, load.rows)) {
      due.push_back(click(load, due_s.size(), arrival_us));
      due_s.push_back(begin_s + static_cast<double>(due_s.size()) / load.rows_per_second);
    }
    HIRESTREAM_TRY(writer.write(due));
  }
  return due_s;
}

Result<std::vector<double>> open_and_write(char** arguments) {
  CassandraConfig config;
  config.hosts = {arguments[1]};
  config.keyspace = arguments[2];
  config.table = arguments[3];
  const Load load = {.rows_per_second = std::stod(arguments[4]),
                     .rows = std::stoull(arguments[5]),
                     .first_job = std::stoll(arguments[6]),
                     .per_job = std::stoll(arguments[7]),
                     .first_number = std::stoll(arguments[8])};
  HIRESTREAM_ASSIGN(const auto writer, CassandraWriter::open(config, TimeZone()));
  return write(*writer, load);
}

}  // namespace
}  // namespace hirestream

int main(int argc, char** argv) {
  if (argc != 9) {
    std::fputs(
        "usage: open_loop_writer HOST:PORT KEYSPACE TABLE RATE ROWS FIRST_JOB PER_JOB "
        "FIRST_NUMBER\n",
        stderr);
    return 2;
  }
  const auto due_s = hirestream::open_and_write(argv);
  if (!due_s) {
    std::fprintf(stderr, "error: %s\n", due_s.error().text().c_str());
    return 1;
  }
  return std::fwrite(due_s->data(), sizeof(double), due_s->size(), stdout) == due_s->size() ? 0 : 1;
}
