// Builds INSERT statements of many rows in one reused buffer and sends each when it is large
// enough. The order of the rows is kept. The error of a row that the server refuses names its
// values.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/sql/session.h"
#include "model/slice.h"

namespace hirestream::sql {

class MultiRowInsert {
 public:
  // Statements are `head` (… VALUES), rows, `tail`.
  MultiRowInsert(Session& session, std::string_view head, std::string tail);

  Session& session() const { return session_; }
  // The buffer, behind the opening parenthesis of a new row: the caller appends its values.
  std::string& row();
  // Ends the row, and sends the statement if it is full.
  Result<void> end_row();
  // Ends the row and leaves the sending to the caller, unless the statement would be too long.
  Result<void> close_row();
  bool is_full() const;
  // Sends what is left. Must be the last call; without it rows are lost.
  Result<void> flush();

 private:
  // With the row's values, if the message gives its number.
  Error with_row(Error error) const;

  Session& session_;
  std::string buffer_;
  std::string tail_;
  size_t head_size_;
  std::vector<size_t> begins_;  // of the rows in the buffer
  size_t bytes_max_;
};

// Of a row that the server refuses: its number in the statement, from 1, if the message tells it;
// else 0.
size_t refused_row(const Error& error);

// x'…'
void append_bytes(std::string& sql, std::string_view bytes);

// Conditions on source_id, shard and bucket that together cover these slices, each short enough to
// be read by ranges of the primary key.
std::vector<std::string> slice_conditions(int32_t source, std::span<const SliceKey> keys);
// The same, where another condition stands for the source.
std::vector<std::string> slice_conditions(const std::string& source,
                                          std::span<const SliceKey> keys);

}  // namespace hirestream::sql
