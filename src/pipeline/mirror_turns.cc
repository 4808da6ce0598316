#include "pipeline/mirror_turns.h"

#include "ports/clock.h"

namespace hirestream {

void MirrorTurns::hear(const std::map<std::string, std::string>& positions, int64_t now_us) {
  for (const auto& [node, position] : positions) {
    Peer& peer = peers_[node];
    if (peer.position != position) {
      peer.position = position;
      peer.moved_us = now_us;
    }
  }
}

// One row alone may be missing for its own reasons: its node did not get it.
void MirrorTurns::judge(const std::string& node, int64_t left, int64_t lacking, int64_t now_us) {
  if (2 * lacking > left) {
    peers_[node].lacked_us = now_us;
  }
}

const std::string* MirrorTurns::first_of(const std::vector<std::string>& nodes,
                                         int64_t now_us) const {
  for (const std::string& node : nodes) {
    if (node == own_node_) {
      return nullptr;
    }
    const auto peer = peers_.find(node);
    if (peer != peers_.end() && !has_passed(kSilentUs, peer->second.moved_us, now_us) &&
        has_passed(kDistrustUs, peer->second.lacked_us, now_us)) {
      return &node;
    }
  }
  return nullptr;
}

}  // namespace hirestream
