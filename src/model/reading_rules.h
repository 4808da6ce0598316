// How a source's raw rows are read, the same for every source: what the columns are called there,
// which words mean null, where event times come from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"
#include "model/row_id.h"
#include "model/time_zone.h"

namespace hirestream {

enum class Column : uint8_t {
  kCreateTime,
  kTs,
  kJobId,
  kPublisherId,
  kCampaignId,
  kGroupId,
  kBid,
  kCustomTrack,
  kEv,
  kEd,
};
inline constexpr size_t kColumnCount = 10;
inline constexpr std::array<Column, kColumnCount> kAllColumns = {
    Column::kCreateTime, Column::kTs,      Column::kJobId, Column::kPublisherId,
    Column::kCampaignId, Column::kGroupId, Column::kBid,   Column::kCustomTrack,
    Column::kEv,         Column::kEd};
std::string_view column_name(Column column);  // as in the tracking table

struct ReadingRules {
  // Of event times without an offset.
  TimeZone source_zone;
  // By column: its name in the source.
  std::array<std::string, kColumnCount> names = tracking_names();
  // Texts that mean null besides blank ones, in every column but `ed`.
  std::vector<std::string> null_words = usual_null_words();
  // An event's time is the time of arrival in its id, if there is one; `ts` is not read.
  bool arrival_is_event_time = false;
  // Any text is a row's id, not only a UUID; it has no time of arrival.
  bool any_text_is_id = false;
  // The column that has the time of day, where `ts` is only a date; empty: `ts` is both.
  std::string time_of_day = {};

  std::string_view name(Column column) const { return names[static_cast<size_t>(column)]; }
  // Blanks around it do not matter.
  bool is_null(std::string_view text) const;
  // What a row is known by whose create_time is this text; blanks around it do not matter. Nothing:
  // it is null, or no id.
  std::optional<TextId> read_id(std::string_view text) const;
  // For fingerprints: "ts=created_at" for each name that is not the tracking table's; the words.
  std::string renames_text() const;
  std::string null_words_text() const;

  static std::array<std::string, kColumnCount> tracking_names();
  static std::vector<std::string> usual_null_words();
};

// The names of the columns of event times: "created_at", or "event_date+event_time" of two.
// Nothing: the text is neither.
struct TimeColumns {
  std::string ts;
  std::string time_of_day = {};
};
std::optional<TimeColumns> read_time_columns(std::string_view text);

// Of the columns `found`, those of which rows are read, by their names there, in the order of
// kAllColumns, the time of day behind `ts`; `ed` only where payloads are used.
std::vector<std::string> columns_read(const ReadingRules& rules, std::span<const std::string> found,
                                      bool with_payload);

// Which columns a source has: all that a table or header declares, or those that were seen in rows
// which leave null ones out.
enum class Columns : uint8_t { kDeclared, kSeen };

// kConfig where the numbers would be wrong without a column: create_time, custom_track, and ts
// unless arrival stands for it. Names what is missing, the columns that are likely meant, and the
// setting. Of columns seen, only when another one is likely meant.
Result<void> check_columns(const ReadingRules& rules, const std::string& where,
                           std::span<const std::string> found, Columns kind);

// What the numbers lack because the other columns are missing, for people; empty: nothing.
// `uses_payload`: rows are attributed by `ed`.
std::string missing_columns_text(const ReadingRules& rules, std::span<const std::string> found,
                                 bool uses_payload);

}  // namespace hirestream
