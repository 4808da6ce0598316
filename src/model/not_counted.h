// Which kinds of rows were read and not counted: of no kind that counts, or without a job. Bounded
// whatever the rows say.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/row_id.h"

namespace hirestream {

enum class WhyNotCounted : uint8_t { kOtherKind, kNoJob };

struct NotCounted {
  WhyNotCounted why = WhyNotCounted::kOtherKind;
  // What custom_track says, or of a row without it "ev=…"; not longer than kKindTextMax.
  std::string kind;
  int64_t rows = 0;
  // The id of one of them: the greatest time of arrival.
  RowId newest;
};

class NotCountedKinds {
 public:
  static constexpr size_t kKindsMax = 64;
  static constexpr size_t kKindTextMax = 60;

  // `prefix` stands before the text. Allocates only when a kind is new. Beyond kKindsMax kinds, the
  // rows of further ones are one kind, "(others)".
  void add(WhyNotCounted why, std::string_view prefix, std::string_view text, const RowId& id);
  void add(const NotCountedKinds& others);
  // The most frequent first.
  std::vector<NotCounted> by_rows() const;
  bool empty() const { return kinds_.empty(); }
  void clear() { kinds_.clear(); }

 private:
  NotCounted& find(WhyNotCounted why, std::string_view prefix, std::string_view text);

  std::vector<NotCounted> kinds_;
};

}  // namespace hirestream
