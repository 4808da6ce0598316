// What a mirror that keeps a table equal to another one has stored last (ports/mirror.h).
#pragma once

#include <cstdint>
#include <string>

namespace hirestream {

struct MirrorProgress {
  std::string node;       // host id whose log is followed; "copies": none is
  int64_t stored_us = 0;  // when: at least each 30 s, by the mirror's clock
  int64_t copied_us = 0;  // when its last copy, or comparison, was complete; 0: never
  bool is_copying = false;
  friend bool operator==(const MirrorProgress&, const MirrorProgress&) = default;
};

}  // namespace hirestream
