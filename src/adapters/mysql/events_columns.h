// Whether an `events` that somebody made by hand has room for what is counted. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hirestream::mysql {

// A column that cannot take every value: the server would refuse a commit some day, and every one
// after it.
struct NarrowColumn {
  std::string name;
  std::string type;
  std::string wanted;  // as in ALTER TABLE … MODIFY
};

class EventsColumns {
 public:
  // `type` as in information_schema.columns.column_type: "int(10) unsigned".
  void add(std::string_view name, std::string_view type);

  bool fit() const { return narrow_.empty(); }
  // "job_id is int, which is too narrow, clicks is …".
  std::string fault() const;
  // The statement that mends all of them.
  std::string alter() const;

 private:
  std::vector<NarrowColumn> narrow_;
};

}  // namespace hirestream::mysql
