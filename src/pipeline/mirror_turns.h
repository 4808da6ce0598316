// Who goes first with a row that several nodes have in their logs, each with a mirror of its own.
// It is the first in the ring's order whose mirror is at work: it has moved its place just now, and
// its rows were there when they were looked for. It is a matter of load alone: whoever left a row
// to another looks for it before it forgets it.
//
// Where mirrors see this differently, a row is written twice, or late. Pure; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hirestream {

class MirrorTurns {
 public:
  // A place that has not moved for so long is that of a mirror that is down, or of a node whose log
  // gets no rows. By this clock alone: the others' are not looked at.
  static constexpr int64_t kSilentUs = 5'000'000;
  // For so long nothing is left to a mirror whose rows were missing.
  static constexpr int64_t kDistrustUs = 30'000'000;

  explicit MirrorTurns(std::string own_node) : own_node_(std::move(own_node)) {}

  // The places that the mirrors have stored, by node. One that was not heard of before may be at
  // work: a mirror that begins looks for what it missed, rather than to write all of it.
  void hear(const std::map<std::string, std::string>& positions, int64_t now_us);
  // So many rows were left to the node's mirror for long enough, so many of them it had not
  // written.
  void judge(const std::string& node, int64_t left, int64_t lacking, int64_t now_us);
  // Null: this mirror. Otherwise one of `nodes`.
  const std::string* first_of(const std::vector<std::string>& nodes, int64_t now_us) const;

 private:
  struct Peer {
    std::string position;
    int64_t moved_us = INT64_MIN / 2;   // never
    int64_t lacked_us = INT64_MIN / 2;  // never
  };
  std::string own_node_;
  std::map<std::string, Peer> peers_;
};

}  // namespace hirestream
