#include "adapters/sql/insert_lanes.h"

namespace hirestream::sql {

InsertLanes::InsertLanes(std::span<Session* const> sessions, std::string_view head) {
  lanes_.reserve(sessions.size());
  for (Session* const session : sessions) {
    lanes_.push_back({.insert = MultiRowInsert(*session, head, "")});
  }
}

Result<void> InsertLanes::end_row() {
  Lane& lane = lanes_[filling_];
  HIRESTREAM_TRY(lane.insert.close_row());
  if (!lane.insert.is_full()) {
    return {};
  }
  if (lanes_.size() == 1) {
    return lane.insert.flush();
  }
  lane.sending = std::async(std::launch::async, [&lane] { return lane.insert.flush(); });
  filling_ = (filling_ + 1) % lanes_.size();
  return lanes_[filling_].wait();
}

Result<void> InsertLanes::finish() {
  for (Lane& lane : lanes_) {
    HIRESTREAM_TRY(lane.wait());
    HIRESTREAM_TRY(lane.insert.flush());
  }
  return {};
}

}  // namespace hirestream::sql
