#include "telemetry/log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>

#include "model/json_text.h"
#include "model/printable.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

// ASCII record and unit separator: with_fields lets none of a text through.
constexpr char kFieldBegin = '\x1e';
constexpr char kValueBegin = '\x1f';

// Calls visit(key, value) for each field; returns the message before them.
template <typename Visit>
std::string_view take_apart(std::string_view payload, Visit visit) {
  const std::string_view message = payload.substr(0, payload.find(kFieldBegin));
  payload.remove_prefix(message.size());
  while (!payload.empty()) {
    payload.remove_prefix(1);
    const std::string_view field = payload.substr(0, payload.find(kFieldBegin));
    const size_t middle = field.find(kValueBegin);
    if (middle != std::string_view::npos) {
      visit(field.substr(0, middle), field.substr(middle + 1));
    }
    payload.remove_prefix(field.size());
  }
  return message;
}

// With separators as printable() would show them: a file's name may hold some.
void append_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == kFieldBegin || c == kValueBegin) {
      out += c == kFieldBegin ? "\\x1e" : "\\x1f";
    } else {
      out += c;
    }
  }
}

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \t\n\r\"=") != std::string_view::npos;
}

std::string one_line(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), '\n', ' ');
  return printable(out);
}

std::string_view color_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::warn:
      return "\x1b[33m";
    case spdlog::level::err:
    case spdlog::level::critical:
      return "\x1b[31m";
    case spdlog::level::info:
      return "\x1b[32m";
    default:
      return "\x1b[2m";
  }
}

class StderrSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit StderrSink(LogOptions options) : options_(std::move(options)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const auto name = spdlog::level::to_string_view(message.level);
    const std::string_view level(name.data(), name.size());
    const std::string_view payload(message.payload.data(), message.payload.size());
    const std::string time = log_time(message.time);
    std::string line;
    if (options_.format == "json") {
      line = format_json_line(time, level, payload);
    } else if (options_.color) {
      const std::string colored = fmt::format("{}{}\x1b[0m", color_of(message.level), level);
      line = format_text_line(time, colored, payload);
    } else {
      line = format_text_line(time, level, payload);
    }
    line.insert(0, options_.erase_line ? "\r\x1b[K" : "");
    line.push_back('\n');
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  void flush_() override { std::fflush(stderr); }

 private:
  LogOptions options_;
};

}  // namespace

std::string log_time(std::chrono::system_clock::time_point time) {
  const auto since_1970 =
      std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch());
  std::string text = format_timestamp_ms(since_1970.count()) + 'Z';
  text[10] = 'T';
  return text;
}

std::string with_fields(std::string_view message, const LogFields& fields) {
  std::string out;
  append_text(out, message);
  for (const auto& [key, value] : fields) {
    out += kFieldBegin;
    append_text(out, key);
    out += kValueBegin;
    append_text(out, value);
  }
  return out;
}

std::string format_text_line(std::string_view time, std::string_view level,
                             std::string_view payload) {
  std::string fields;
  const std::string_view message =
      take_apart(payload, [&](std::string_view key, std::string_view value) {
        fields +=
            fmt::format(" {}={}", key,
                        printable(needs_quotes(value) ? json_string(value) : std::string(value)));
      });
  return fmt::format("{} {} {}{}", time, level, one_line(message), fields);
}

std::string format_json_line(std::string_view time, std::string_view level,
                             std::string_view payload) {
  std::string fields;
  const std::string_view message =
      take_apart(payload, [&](std::string_view key, std::string_view value) {
        fields += fmt::format(",{}:{}", json_string(key), json_string(value));
      });
  return fmt::format(R"({{"time":"{}","level":"{}","message":{}{}}})", time, level,
                     json_string(message), fields);
}

std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options) {
  auto logger =
      std::make_shared<spdlog::logger>("hirestream", std::make_shared<StderrSink>(options));
  logger->set_level(options.level == "debug"     ? spdlog::level::debug
                    : options.level == "warning" ? spdlog::level::warn
                    : options.level == "error"   ? spdlog::level::err
                    : options.level == "off"     ? spdlog::level::off
                                                 : spdlog::level::info);
  return logger;
}

}  // namespace hirestream
