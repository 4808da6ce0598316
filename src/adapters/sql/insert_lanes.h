// Rows inserted over several connections at once: into a table that nobody else uses yet, where it
// does not matter which of them are in when one is refused.
#pragma once

#include <future>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/sql/multi_row_insert.h"
#include "adapters/sql/session.h"
#include "model/result.h"

namespace hirestream::sql {

class InsertLanes {
 public:
  // A lane for each session; they are nobody else's until this is gone. While the server works on
  // the statement of one lane, the next one's is written. With one lane there is no other thread.
  InsertLanes(std::span<Session* const> sessions, std::string_view head);

  // As of MultiRowInsert: of the lane that is being filled, which no other thread uses. The error
  // may be that of an earlier row.
  Session& session() const { return lanes_[filling_].insert.session(); }
  std::string& row() { return lanes_[filling_].insert.row(); }
  Result<void> end_row();
  // Everything is in. Must be the last call.
  Result<void> finish();

 private:
  struct Lane {
    MultiRowInsert insert;
    // Waited for by its destructor, before `insert` goes.
    std::future<Result<void>> sending = {};
    Result<void> wait() { return sending.valid() ? sending.get() : Result<void>(); }
  };
  std::vector<Lane> lanes_;
  size_t filling_ = 0;
};

}  // namespace hirestream::sql
