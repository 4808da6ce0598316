#include "cli/error_printer.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "model/printable.h"
#include "pipeline/engine.h"
#include "telemetry/log.h"

namespace hirestream {
namespace {

std::string indented(const std::string& text) {
  std::string out = "  ";
  for (const char c : text) {
    out += c;
    if (c == '\n') {
      out += "  ";
    }
  }
  return out;
}

}  // namespace

std::string error_text(const Error& error, bool color) {
  std::string head = error.operation;
  if (!error.subject.empty()) {
    head += (head.empty() ? "" : " ") + error.subject;
  }
  if (!head.empty()) {
    head += ": ";
  }
  const char* word = error.kind == ErrorKind::kBug ? "bug" : "error";
  const std::string line = printable(head + error.message, "\n\t");
  std::string out = color ? fmt::format("\x1b[31m{}:\x1b[0m {}\n", word, line)
                          : fmt::format("{}: {}\n", word, line);
  if (!error.hint.empty()) {
    out += indented(printable(error.hint, "\n\t")) + "\n";
  }
  return out;
}

std::string error_json_line(const Error& error, std::string_view time) {
  const char* kind = error.kind == ErrorKind::kTransient  ? "transient"
                     : error.kind == ErrorKind::kRejected ? "rejected"
                     : error.kind == ErrorKind::kConfig   ? "config"
                                                          : "bug";
  const std::string payload = with_fields(error.message, {{"kind", kind},
                                                          {"operation", error.operation},
                                                          {"subject", error.subject},
                                                          {"hint", error.hint}});
  return format_json_line(time, "error", payload) + "\n";
}

void print_error(const Error& error, const CommandContext& context) {
  const std::string text =
      context.log_format == "json"
          ? error_json_line(error, log_time(std::chrono::system_clock::now()))
          : (context.progress ? "\r\x1b[K" : "") + error_text(error, context.color_stderr);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

int exit_code_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kTransient:
      return kExitUnreachable;
    case ErrorKind::kRejected:
      return kExitUsage;
    case ErrorKind::kConfig:
      return error.operation == kFence ? kExitFenced : kExitUsage;
    case ErrorKind::kBug:
      return kExitBug;
  }
  HIRESTREAM_CHECK(false);
}

}  // namespace hirestream
