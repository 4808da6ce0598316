// What `demo` shows: one screenful of text from one snapshot. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/contribution.h"
#include "model/slice.h"

namespace hirestream {

struct DemoEntry {
  std::string name;
  Measures measures;
};

struct DemoSnapshot {
  int64_t elapsed_us = 0;
  bool ended = false;        // the traffic has stopped and all of it is counted
  int64_t rows_written = 0;  // into the raw log, history included
  double write_rate = 0;     // rows a second, lately
  int64_t cells = 0;
  RowClasses classes;
  Measures total;
  std::vector<DemoEntry> campaigns;  // by spend, the greatest first
  std::vector<DemoEntry> companies;
  std::vector<int64_t> clicks_by_hour;  // the last hours, oldest first
  std::vector<int64_t> freshness_us;    // of the latest rows, in any order
  int64_t history_left = 0;             // rows that were there at the start and are not counted yet
  int64_t behind_us = 0;                // age of the oldest row that is not counted yet
  std::string raw_log;
  std::string warehouse;
  std::string page;  // URL; empty: not served
  std::string note;  // a warning, or an error that is being retried
};

// The screen, lines at most `width` columns wide (80 at least), each ended by a line feed.
std::string render_demo(const DemoSnapshot& snapshot, size_t width, bool color);
// The same facts in a few lines, for logs and pipes.
std::string summarize_demo(const DemoSnapshot& snapshot);

// Σ/Σ as "12.3 %", "0.45" …; a quotient by zero is "–".
std::string format_share(int64_t part, int64_t whole);
// Money from millionths: "1,234.50".
std::string format_money(int64_t micros);
std::string format_cost(int64_t spend_micros, int64_t count);
// Block characters, one for each value, scaled to the greatest.
std::string sparkline(const std::vector<int64_t>& values);
// The value below which `share` (0 … 1) of the values lie (nearest rank); 0 without values.
int64_t percentile(std::vector<int64_t> values, double share);

}  // namespace hirestream
