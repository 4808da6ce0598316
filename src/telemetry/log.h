// The log: one line per event to stderr, as text for people or as JSON for machines. Messages carry
// fields:
//
//   log->info(with_fields("committed", {{"rows", "120"}}));
//   text: 2026-01-31T12:00:00.123Z info committed rows=120
//   JSON: {"time":"2026-01-31T12:00:00.123Z","level":"info","message":"committed","rows":"120"}
//
// Thread-safe. Never holds passwords: URIs are shown by Uri::text(), which has none.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spdlog {
class logger;  // NOLINT(readability-identifier-naming): the library's name
}

namespace hirestream {

using LogFields = std::vector<std::pair<std::string_view, std::string>>;

// A message and its fields as one text, which the logger's formatter takes apart again. Texts may
// hold any bytes. Whatever holds some from outside goes through here, also where there is no field.
std::string with_fields(std::string_view message, const LogFields& fields);

struct LogOptions {
  std::string level = "info";   // debug, info, warning, error, off
  std::string format = "text";  // text, json
  bool color = false;
  bool erase_line = false;  // a progress bar may stand on the terminal's line: wipe it first
};

std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options);

// How the log writes a time.
std::string log_time(std::chrono::system_clock::time_point time);

// A line of the log without its end, for tests and other sinks. `level` as spdlog numbers them.
std::string format_text_line(std::string_view time, std::string_view level,
                             std::string_view payload);
std::string format_json_line(std::string_view time, std::string_view level,
                             std::string_view payload);

}  // namespace hirestream
