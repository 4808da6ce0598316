#include "pipeline/late_rows.h"

#include <algorithm>

namespace hirestream {

LateRows find_late_rows(const FrozenRows& met, std::span<const FrozenDay> stored) {
  FrozenDays counted;
  for (const FrozenDay& day : stored) {
    add_up(counted, day);
  }
  LateRows out;
  for (const auto& [place, rows] : met) {
    const FrozenDay& day = counted[place];  // of a day on which nothing was frozen: none
    // Less is there when rows have expired: then nobody knows.
    const int64_t late = std::max<int64_t>(0, rows - day.digest.rows);
    out.rows += late;
    if (late > day.classes.too_late) {
      FrozenDay news{place.first, place.second, 0, {}, {}};
      news.classes.too_late = late - day.classes.too_late;
      out.news.push_back(news);
    }
  }
  return out;
}

}  // namespace hirestream
