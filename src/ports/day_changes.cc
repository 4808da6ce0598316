#include "ports/day_changes.h"

#include <algorithm>
#include <string>

#include "model/timestamp.h"

namespace hirestream {

CellKey day_of(const CellKey& cell) {
  CellKey day = cell;
  day.local_hour = cell.days() * 24;
  return day;
}

namespace {

tl::unexpected<Error> sums_beyond(const CellKey& day) {
  return fail(ErrorKind::kRejected, "add up a day", format_date(day.days()),
              "the sums of job " + std::to_string(day.job_id) + " are beyond 64 bits",
              "correct or delete its rows of that day in the raw log, then start again");
}

}  // namespace

Result<std::vector<CellChange>> day_changes(std::span<const CellChange> cells) {
  std::vector<CellChange> days(cells.begin(), cells.end());
  // By day, and the hours of one day and key in their order.
  std::sort(days.begin(), days.end(), [](const CellChange& a, const CellChange& b) {
    const CellKey day_a = day_of(a.key);
    const CellKey day_b = day_of(b.key);
    return day_a < day_b || (day_a == day_b && a.key.local_hour < b.key.local_hour);
  });
  size_t kept = 0;
  for (size_t i = 0; i < days.size(); ++i) {
    days[i].key = day_of(days[i].key);
    if (kept > 0 && days[kept - 1].key == days[i].key) {
      if (!days[kept - 1].delta.can_add(days[i].delta)) {
        return sums_beyond(days[i].key);
      }
      days[kept - 1].delta += days[i].delta;
      if (days[i].company_id != 0) {
        days[kept - 1].company_id = days[i].company_id;
      }
    } else {
      days[kept++] = days[i];
    }
  }
  days.resize(kept);
  std::erase_if(days, [](const CellChange& change) { return change.delta.is_zero(); });
  return days;
}

Result<std::vector<CellChange>> days_of(const Commit& commit) {
  return commit.days ? Result<std::vector<CellChange>>(*commit.days) : day_changes(commit.cells);
}

}  // namespace hirestream
