#include "model/raw_columns.h"

#include <algorithm>
#include <utility>

#include "model/row_id.h"
#include "model/timestamp.h"

namespace hirestream {
std::optional<Column> counted_column(RawColumn raw) {
  const std::string_view name = kRawColumnNames[static_cast<size_t>(raw)];
  const auto found =
      std::ranges::find_if(kAllColumns, [&](Column column) { return column_name(column) == name; });
  return found == kAllColumns.end() ? std::nullopt : std::optional(*found);
}

std::optional<int64_t> arrival_of(const RawEvent& event) {
  const auto& text = event[RawColumn::kCreateTime];
  if (!text) {
    return std::nullopt;
  }
  const TextId id = read_uuid_text(*text);
  return id.is_uuid && is_version_1(id.id) ? std::optional(arrival_time_us(id.id)) : std::nullopt;
}

std::vector<NamedRawColumn> raw_columns(const ReadingRules& rules) {
  std::vector<NamedRawColumn> columns;
  for (size_t i = 0; i < kRawColumnNames.size(); ++i) {
    const auto raw = static_cast<RawColumn>(i);
    const auto counted = counted_column(raw);
    const std::string name(counted ? rules.name(*counted) : kRawColumnNames[i]);
    if (raw != RawColumn::kTs || !rules.arrival_is_event_time) {
      const bool in_parts = raw == RawColumn::kTs && !rules.time_of_day.empty();
      columns.push_back({raw, name, in_parts || name != kRawColumnNames[i]});
      if (in_parts) {
        columns.push_back({raw, rules.time_of_day, true, true});
      }
    }
  }
  std::erase_if(columns, [&](const NamedRawColumn& column) {
    return !column.renamed && std::ranges::any_of(columns, [&](const NamedRawColumn& other) {
      return other.renamed && other.name == column.name;
    });
  });
  return columns;
}

void set_value(const NamedRawColumn& column, std::optional<std::string> text, RawEvent& event) {
  std::optional<std::string>& value = event[column.column];
  if (column.time_of_day && value && text) {
    *value += " " + *text;
  } else if (column.time_of_day) {
    value.reset();
  } else {
    value = std::move(text);
  }
}

void apply_rules(const ReadingRules& rules, RawEvent& event) {
  for (size_t i = 0; i < kRawColumnNames.size(); ++i) {
    const auto counted = counted_column(static_cast<RawColumn>(i));
    if (counted && *counted != Column::kEd && event.values[i] && rules.is_null(*event.values[i])) {
      event.values[i].reset();
    }
  }
  if (rules.arrival_is_event_time) {
    const auto arrival_us = arrival_of(event);
    // With its offset: nothing that is read later takes it for another zone's.
    event[RawColumn::kTs] =
        arrival_us ? std::optional(format_timestamp_us(*arrival_us) + "+00:00") : std::nullopt;
  }
}

}  // namespace hirestream
