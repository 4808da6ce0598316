#include "ports/day_changes.h"

#include <algorithm>
#include <string>
#include <tuple>

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

// Of one job, publisher, campaign and group side by side, in the order of their hours.
bool is_before(const CellKey& a, const CellKey& b) {
  return std::tie(a.job_id, a.publisher_id, a.campaign_id, a.group_id, a.local_hour) <
         std::tie(b.job_id, b.publisher_id, b.campaign_id, b.group_id, b.local_hour);
}

// Appends the sums of the cells of one day. `order`: for its memory.
Result<void> add_up_day(std::span<const CellChange> cells, std::vector<const CellChange*>& order,
                        std::vector<CellChange>& days) {
  order.clear();
  for (const CellChange& cell : cells) {
    order.push_back(&cell);
  }
  std::ranges::sort(
      order, [](const CellChange* a, const CellChange* b) { return is_before(a->key, b->key); });
  for (size_t i = 0; i < order.size();) {
    CellChange sum{day_of(order[i]->key), {}, 0};
    for (; i < order.size() && day_of(order[i]->key) == sum.key; ++i) {
      if (!sum.delta.can_add(order[i]->delta)) {
        return sums_beyond(sum.key);
      }
      sum.delta += order[i]->delta;
      sum.company_id = order[i]->company_id != 0 ? order[i]->company_id : sum.company_id;
    }
    if (!sum.delta.is_zero()) {
      days.push_back(sum);
    }
  }
  return {};
}

}  // namespace

Result<std::vector<CellChange>> day_changes(std::span<const CellChange> cells) {
  std::vector<CellChange> days;
  std::vector<const CellChange*> order;
  for (size_t begin = 0; begin < cells.size();) {
    const int32_t day = cells[begin].key.days();
    const auto end = std::ranges::find_if(
        cells.subspan(begin), [day](const CellChange& cell) { return cell.key.days() != day; });
    const auto count = static_cast<size_t>(end - cells.subspan(begin).begin());
    HIRESTREAM_TRY(add_up_day(cells.subspan(begin, count), order, days));
    begin += count;
  }
  return days;
}

Result<std::vector<CellChange>> days_of(const Commit& commit) {
  return commit.days ? Result<std::vector<CellChange>>(*commit.days) : day_changes(commit.cells);
}

}  // namespace hirestream
