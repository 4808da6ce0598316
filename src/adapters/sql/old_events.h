// A table `events` that another job appended to, as people have it: which of its columns mean what,
// and what a row of it says, whatever types the columns have. Pure but for Row.
//
// Values are read from their text. Null, blank text and the usual words for null (None, NaN, \N, …)
// are 0. Ids and counts are whole numbers in any notation, "1.0" too; hours are 0 to 23; a date may
// carry a time, which is not looked at.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/sql/session.h"
#include "model/contribution.h"
#include "model/result.h"

namespace hirestream::sql {

enum class OldColumn : uint8_t {
  kDates,
  kHours,
  kJob,
  kPublisher,
  kCampaign,
  kGroup,
  kCompany,
  kImpressions,
  kClicks,
  kConversions,
  kQualified,
  kUnqualified,
  kSpend,
  kSources,
  kUpdatedAt,
};
inline constexpr size_t kOldColumnCount = 15;
// As long as our own column is.
inline constexpr size_t kOldSourcesCharactersMax = 255;

class OldEventsColumns {
 public:
  // `have`: all columns, in the table's order. Upper and lower case are alike.
  explicit OldEventsColumns(std::vector<std::string> have);

  // Of those without which it is another kind of table.
  const std::vector<std::string>& missing() const { return missing_; }
  // What is taken under another name, or is not there and counts as 0: for people.
  std::vector<std::string> notes() const;
  const std::vector<std::string>& names() const { return names_; }
  // Nothing: there is no such column.
  std::optional<int> position(OldColumn column) const {
    return positions_[static_cast<size_t>(column)];
  }

 private:
  std::vector<std::string> names_;
  std::array<std::optional<int>, kOldColumnCount> positions_;
  std::vector<std::string> missing_;
};

// "columns missing: …", for a table that is none of these.
std::string missing_text(std::vector<std::string> have);

struct OldRow {
  CellKey key;
  Measures measures;
  int64_t company_id = 0;
  std::string sources;
  std::optional<int64_t> updated_at_us;
};

// Reads rows and keeps account of those it cannot read.
class OldEventsReader {
 public:
  explicit OldEventsReader(const OldEventsColumns& columns) : columns_(columns) {}

  // A row with all columns, in the table's order. Nothing: one of its values cannot be taken.
  std::optional<OldRow> read(const Row& row);
  // kConfig, naming for each column how many rows cannot be taken and showing the first.
  Result<void> verdict(const Session& session) const;

 private:
  struct Unreadable {
    int64_t rows = 0;
    std::string first;                 // with all its columns
    std::optional<std::string> value;  // of the column, in the first; nothing: null
  };
  std::optional<int64_t> whole(const Row& row, OldColumn column);
  std::optional<int64_t> money(const Row& row, OldColumn column);
  std::optional<int64_t> date(const Row& row);
  std::optional<int64_t> hour(const Row& row);
  std::optional<int64_t> moment(const Row& row, OldColumn column);
  void refuse(const Row& row, OldColumn column);

  const OldEventsColumns& columns_;
  std::array<Unreadable, kOldColumnCount> unreadable_;
};

// Days since 1970 of "2024-03-05", "2024/3/5", "20240305", each also with a time behind it.
std::optional<int32_t> parse_old_date(std::string_view text);
// "9", "09", "9.0", "09:00", "09:00:00" are 9.
std::optional<int32_t> parse_old_hour(std::string_view text);
// Millionths, rounded half to even. Nothing: no number, or beyond 64 bits.
std::optional<int64_t> parse_old_money(std::string_view text);

}  // namespace hirestream::sql
