// Reading rules (reading_rules.h) for rows as text, which are copied and not counted: what their
// columns are called, and what becomes of their values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/raw_event.h"
#include "model/reading_rules.h"

namespace hirestream {

struct NamedRawColumn {
  RawColumn column = RawColumn::kCreateTime;
  std::string name;      // in the source
  bool renamed = false;  // somebody said so
  // Of the event time, whose date is in the column before it.
  bool time_of_day = false;
};

// The columns to read, each name once: what is called like another column by the rules is that one,
// and `ts` is not read where arrival stands for it.
std::vector<NamedRawColumn> raw_columns(const ReadingRules& rules);
// The value of a column in a row, in the order of raw_columns().
void set_value(const NamedRawColumn& column, std::optional<std::string> text, RawEvent& event);
// Words for null become null, in the columns that are counted by; `ts` becomes the time of arrival
// where it stands for it, if create_time tells one.
void apply_rules(const ReadingRules& rules, RawEvent& event);

// The column that is counted by under that name; nothing: none is.
std::optional<Column> counted_column(RawColumn raw);

// The time of arrival in its create_time, microseconds UTC; nothing: that tells none.
std::optional<int64_t> arrival_of(const RawEvent& event);

}  // namespace hirestream
