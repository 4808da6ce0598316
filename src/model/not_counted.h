// Which kinds of rows were read and not counted: of no kind that counts, or without a job. Bounded
// whatever the rows say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/row_id.h"

namespace hirestream {

enum class WhyNotCounted : uint8_t { kOtherKind, kNoJob };

// The rows' class: "other" or "unattributed".
std::string_view class_name(WhyNotCounted why);
// Of class_name's; others are of kOtherKind.
WhyNotCounted why_of_class(std::string_view name);

// Stands for the rows of all kinds that have no place of their own.
inline constexpr std::string_view kOtherKinds = "(others)";

struct NotCounted {
  WhyNotCounted why = WhyNotCounted::kOtherKind;
  // What custom_track says, or of a row without it "ev=…": printable UTF-8 without blanks at its
  // ends, not longer than kKindTextMax.
  std::string kind;
  int64_t rows = 0;
  // The id of one of them: the greatest time of arrival.
  RowId newest = {};
  // The file that one is in; empty elsewhere.
  std::string place = {};

  // When the newest one arrived; nothing: its id tells no time.
  std::optional<int64_t> newest_us() const;
  // Rows of the same kind.
  void add(int64_t more, const RowId& id, std::string_view at);

  friend bool operator==(const NotCounted&, const NotCounted&) = default;
};

// The most frequent first, those of kOtherKinds last; kinds beyond `max` become kOtherKinds.
std::vector<NotCounted> most_frequent(std::vector<NotCounted> kinds, size_t max);

// An id with its arrival in ticks, far before any other where the id does not tell it.
struct Arrival {
  explicit Arrival(const RowId& arrived)
      : ticks(is_version_1(arrived) ? arrival_ticks(arrived) : INT64_MIN / 2), id(&arrived) {}
  int64_t ticks;
  const RowId* id;
};

// Whether `a` arrived later than `b`; ids that do not tell it come before those that do.
inline bool is_newer(const Arrival& a, const Arrival& b) {
  // Ten ticks are a microsecond: whose ticks are so far apart need not be divided.
  if (a.ticks - b.ticks >= 10) return true;
  if (b.ticks - a.ticks >= 10) return false;
  const int64_t us_a = floor_divide(a.ticks, 10);
  const int64_t us_b = floor_divide(b.ticks, 10);
  return us_a != us_b ? us_a > us_b : *a.id > *b.id;
}
inline bool is_newer(const RowId& a, const RowId& b) {
  return is_newer(Arrival(a), Arrival(b));
}

class NotCountedKinds {
 public:
  static constexpr size_t kKindsMax = 64;
  static constexpr size_t kKindTextMax = 60;

  // Rows of one kind, of which `newest` is the newest. `prefix` stands before the text. Allocates
  // only when a kind is new, or is not written as it is kept. Beyond kKindsMax kinds, the rows of
  // further ones are of kOtherKinds.
  void add(WhyNotCounted why, std::string_view prefix, std::string_view text, int64_t rows,
           const RowId& newest);
  void add(const NotCounted& kind);
  void add(const NotCountedKinds& others);
  // Where all of these rows are.
  void set_place(const std::string& place);
  // As most_frequent says, all of them.
  std::vector<NotCounted> by_rows() const;
  // In no order.
  const std::vector<NotCounted>& all() const { return kinds_; }
  bool empty() const { return kinds_.empty(); }
  void clear() { kinds_.clear(); }

 private:
  NotCounted* find(WhyNotCounted why, std::string_view prefix, std::string_view text);
  NotCounted& find_or_make(WhyNotCounted why, std::string_view kind);

  std::vector<NotCounted> kinds_;
};

}  // namespace hirestream
