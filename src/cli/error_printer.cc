#include "cli/error_printer.h"

#include <fmt/format.h>

#include <cstdio>

#include "pipeline/engine.h"

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
  std::string out = color ? fmt::format("\x1b[31m{}:\x1b[0m {}{}\n", word, head, error.message)
                          : fmt::format("{}: {}{}\n", word, head, error.message);
  if (!error.hint.empty()) {
    out += indented(error.hint) + "\n";
  }
  return out;
}

void print_error(const Error& error, const CommandContext& context) {
  const std::string text =
      (context.progress ? "\r\x1b[K" : "") + error_text(error, context.color_stderr);
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
