// Options that say how the rows of a raw log are read by what copies them (import, mirror).
#pragma once

#include <string>

#include "model/reading_rules.h"
#include "model/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace hirestream {

struct RawRowOptions {
  RawRowOptions();

  std::string source_timezone = "UTC";
  std::string columns;
  std::string null_words;
  std::string event_time;

  // The struct must live as long as the command.
  void add_to(CLI::App& command);
  // kConfig naming the option; `operation` is who asks.
  Result<ReadingRules> read(const std::string& operation) const;
};

}  // namespace hirestream
