// How far a node's commit log was read: all segments below the first are done, those listed up to
// their place, later ones not at all. As text for storing: "1 1700000000000:20:4711 …" (a number
// for the format, then id, section and entry of each). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/cassandra/commit_log/segment_reader.h"

namespace hirestream {

struct LogPosition {
  struct Segment {
    int64_t id = 0;
    SegmentPlace place;
    friend bool operator==(const Segment&, const Segment&) = default;
  };
  std::vector<Segment> segments;  // by id
  friend bool operator==(const LogPosition&, const LogPosition&) = default;

  std::string text() const;
  static std::optional<LogPosition> parse(std::string_view text);
};

}  // namespace hirestream
