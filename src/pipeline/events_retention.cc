#include "pipeline/events_retention.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "model/floor_divide.h"
#include "model/mix64.h"
#include "model/timestamp.h"
#include "ports/stored_contribution.h"

namespace hirestream {
namespace {

constexpr int32_t kHoursPerDay = 24;
constexpr int64_t kHourUs = 3'600'000'000;

// An hour's cells, as far as frozen slices gave them.
struct OldHour {
  int32_t local_hour = 0;
  // As frozen_totals() has it.
  Measures frozen;
  Contribution cells;
};

struct Found {
  SourceId source = 0;
  int64_t changes = 0;
  std::vector<OldHour> hours;
  bool more = false;
};

// What slices of the ledger give to hours before `until_hour`.
Result<Contribution> ledger_of(Warehouse& warehouse, std::span<const SourceStatus> sources,
                               int32_t until_hour) {
  Contribution given;
  for (const SourceStatus& source : sources) {
    HIRESTREAM_TRY(each_contribution(
        warehouse, source.id, [&](const StoredContribution& slice) -> Result<void> {
          if (slice.damaged) {
            return fail(ErrorKind::kTransient, "remove old events", source.name,
                        "a slice of the ledger is damaged: what it gave to old days is not known",
                        "run `hirestream verify --repair`; until then nothing is removed");
          }
          std::copy_if(slice.contribution.begin(), slice.contribution.end(),
                       std::back_inserter(given),
                       [&](const Cell& cell) { return cell.key.local_hour < until_hour; });
          return {};
        }));
  }
  canonicalize(given);
  return given;
}

// Of the hour's rows, less what the ledger gives. What the ledger has and `events` has not is a
// difference for verify, and none of ours.
Result<Contribution> removable(Warehouse& warehouse, int32_t local_hour,
                               const Contribution& ledger) {
  Contribution rows;
  HIRESTREAM_TRY(warehouse.read_hour(local_hour, [&](const EventsRow& row) -> Result<void> {
    rows.push_back({row.key, row.measures});
    return {};
  }));
  canonicalize(rows);
  const auto of_hour = std::ranges::equal_range(
      ledger, local_hour, {}, [](const Cell& cell) { return cell.key.local_hour; });
  Contribution surplus = difference(rows, {of_hour.begin(), of_hour.end()});
  std::erase_if(surplus, [](const Cell& cell) { return cell.measures.any_negative(); });
  return surplus;
}

Result<Found> find_old(Warehouse& warehouse, const EventsRetentionOptions& options) {
  Found found;
  HIRESTREAM_ASSIGN(found.changes, warehouse.changes());
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> sources, warehouse.sources());
  HIRESTREAM_ASSIGN(Contribution frozen, warehouse.frozen_totals());
  const int32_t until_hour = options.first_kept_day * kHoursPerDay;
  std::erase_if(frozen, [&](const Cell& hour) { return hour.key.local_hour >= until_hour; });
  if (frozen.empty() || sources.empty()) {
    return found;
  }
  found.source = sources.front().id;
  HIRESTREAM_ASSIGN(const Contribution ledger, ledger_of(warehouse, sources, until_hour));
  size_t cells = 0;
  for (const Cell& hour : frozen) {
    if (cells >= options.cells_max) {
      found.more = true;
      break;
    }
    HIRESTREAM_ASSIGN(Contribution given, removable(warehouse, hour.key.local_hour, ledger));
    cells += given.size();
    found.hours.push_back({hour.key.local_hour, hour.measures, std::move(given)});
  }
  return found;
}

Measures negative(const Measures& measures) {
  Measures none;
  none -= measures;
  return none;
}

// Cells to go, and the frozen sums that go with them: of an hour as much as its cells, but with its
// last cells what is left of the sum, whoever else wrote to the hour.
class CommitPlanner {
 public:
  CommitPlanner(const Found& found, const EventsRetentionOptions& options)
      : found_(found), options_(options) {}

  std::vector<Commit> plan() {
    for (const OldHour& hour : found_.hours) {
      Measures left = hour.frozen;
      for (size_t i = 0; i < hour.cells.size(); ++i) {
        const Cell& cell = hour.cells[i];
        commit().cells.push_back({cell.key, negative(cell.measures), 0});
        const Measures frozen = i + 1 == hour.cells.size() ? left : cell.measures;
        take_frozen(hour.local_hour, frozen);
        left -= frozen;
      }
      if (hour.cells.empty()) {
        commit();
        take_frozen(hour.local_hour, left);
      }
    }
    return std::move(commits_);
  }

 private:
  Commit& commit() {
    if (commits_.empty() || commits_.back().cells.size() >= options_.cells_per_commit) {
      Commit next;
      next.source = found_.source;
      next.now_us = options_.now_us;
      next.token = mix64(options_.token_seed + commits_.size()) | 1;
      next.based_on_changes = found_.changes + static_cast<int64_t>(commits_.size());
      commits_.push_back(std::move(next));
    }
    return commits_.back();
  }
  void take_frozen(int32_t local_hour, const Measures& measures) {
    Contribution& hours = commits_.back().frozen_hours;
    hours.push_back({{.local_hour = local_hour}, negative(measures)});
    canonicalize(hours);
  }

  const Found& found_;
  const EventsRetentionOptions& options_;
  std::vector<Commit> commits_;
};

}  // namespace

Result<EventsRetentionReport> remove_old_events(Warehouse& warehouse,
                                                const EventsRetentionOptions& options) {
  HIRESTREAM_TRY(warehouse.begin_snapshot());
  auto read = find_old(warehouse, options);
  warehouse.end_snapshot();
  HIRESTREAM_ASSIGN(const Found found, std::move(read));
  EventsRetentionReport report;
  report.more = found.more;
  for (const Commit& commit : CommitPlanner(found, options).plan()) {
    HIRESTREAM_ASSIGN(const CommitOutcome outcome, warehouse.commit(commit));
    if (outcome.verdict != CommitVerdict::kCommitted) {
      // Whether a commit of unknown outcome was applied shows the next look.
      report.more = true;
      return report;
    }
    report.cells_removed += static_cast<int64_t>(commit.cells.size());
  }
  return report;
}

Result<int64_t> retention_time(int64_t host_us, int64_t warehouse_us) {
  if (host_us - warehouse_us > kHourUs) {
    return fail(ErrorKind::kConfig, kCompareClocks, "events_retention",
                "this host's clock says " + format_timestamp_ms(host_us) + ", the warehouse's " +
                    format_timestamp_ms(warehouse_us) + ": no old days are removed from events",
                "set the clock that is wrong");
  }
  return std::min(host_us, warehouse_us);
}

int32_t first_kept_day(int32_t local_hour, int64_t kept_us) {
  return static_cast<int32_t>(
      floor_divide(int64_t{local_hour} - kept_us / kHourUs, int64_t{kHoursPerDay}));
}

}  // namespace hirestream
