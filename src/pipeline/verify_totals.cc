#include "pipeline/verify_totals.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "model/mix64.h"
#include "pipeline/verify_report.h"
#include "ports/day_changes.h"
#include "ports/stored_contribution.h"

namespace hirestream {
namespace {

constexpr int kLooksAtTotals = 5;

// Σ weight(cell, measure) × measure mod 2⁶⁴, with weights as good as random: sums that differ have
// the same digest with a chance of about 2⁻⁵⁸, for bids are multiples of small powers of two.
uint64_t digest_of(const CellKey& key, const Measures& measures) {
  uint64_t weight = 0;
  for (const int64_t field :
       {int64_t{key.local_hour}, key.job_id, key.publisher_id, key.campaign_id, key.group_id}) {
    weight = mix64(weight + 0x9E3779B97F4A7C15ULL + static_cast<uint64_t>(field));
  }
  uint64_t sum = 0;
  for (const int64_t measure : {measures.impressions, measures.clicks, measures.conversions,
                                measures.qualified, measures.unqualified, measures.bid_micros}) {
    weight = mix64(weight + 0x9E3779B97F4A7C15ULL);
    sum += weight * static_cast<uint64_t>(measure);
  }
  return sum;
}

void keep_negative(Contribution& cells) {
  std::erase_if(cells, [](const Cell& cell) { return !cell.measures.any_negative(); });
}

CellKey hour_of(const CellKey& key) {
  return {.local_hour = key.local_hour};
}

Contribution summed(Contribution cells, CellKey (*of)(const CellKey&)) {
  for (Cell& cell : cells) {
    cell.key = of(cell.key);
  }
  canonicalize(cells);
  return cells;
}

// Adds up cells that come in any number, without holding more than twice as many as there are keys.
class Sum {
 public:
  explicit Sum(Contribution& cells) : cells_(cells) {}
  void add(const Cell& cell) {
    cells_.push_back(cell);
    if (cells_.size() >= limit_) {
      canonicalize(cells_);
      limit_ = std::max<size_t>(kLimitMin, cells_.size() * 2);
    }
  }
  void finish() { canonicalize(cells_); }

 private:
  static constexpr size_t kLimitMin = 4096;
  Contribution& cells_;
  size_t limit_ = kLimitMin;
};

}  // namespace

Result<void> TotalsVerifier::check() {
  for (int look = 1; look <= kLooksAtTotals; ++look) {
    HIRESTREAM_ASSIGN(Holdings holdings, read_holdings());
    VerifyReport noted = report_;
    noted.cells_checked = holdings.cells_checked;
    noted.days_checked = holdings.days_checked;
    CommitPlan plan;
    plan.based_on_changes = holdings.changes;
    Surplus surplus = compare(holdings);
    if (!holdings.replaced.empty() && !options_.engine.allow_shrink &&
        !explains(surplus, holdings)) {
      leave_damaged(holdings);
      surplus = compare(holdings);
    }
    plan_replaced(holdings, plan, noted);
    judge_events(holdings, surplus, plan, noted);
    judge_days(holdings, plan, noted);
    bool done = plan.slices.empty() && plan.cells.empty() && plan.days->empty();
    if (!done) {
      HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
      done = outcome.verdict == CommitVerdict::kCommitted;
    }
    if (done) {
      report_ = std::move(noted);
      return check_companies(holdings.misplaced);
    }
    // Another repair was faster: look again.
  }
  return fail(ErrorKind::kTransient, "verify", options_.engine.source_name,
              "others repaired or published slices during each of " +
                  std::to_string(kLooksAtTotals) + " looks at events",
              "verify again when they are done");
}

Result<TotalsVerifier::Holdings> TotalsVerifier::read_holdings() {
  HIRESTREAM_TRY(ports_.warehouse.begin_snapshot());
  auto holdings = read_all();
  ports_.warehouse.end_snapshot();
  return holdings;
}

Result<TotalsVerifier::Holdings> TotalsVerifier::read_all() {
  Holdings holdings;
  HIRESTREAM_ASSIGN(holdings.changes, ports_.warehouse.changes());
  HIRESTREAM_ASSIGN(holdings.frozen, ports_.warehouse.frozen_totals());
  for (const Cell& hour : holdings.frozen) {
    holdings.frozen_hours.insert(hour.key.local_hour);
  }
  HIRESTREAM_ASSIGN(const Digests digests, digest(holdings));
  for (const auto& [day, digest] : digests) {
    if (digest.ledger_less_events != 0 || digest.events_less_days != 0) {
      holdings.days_loaded.insert(day);
    }
  }
  if (!holdings.days_loaded.empty()) {
    HIRESTREAM_TRY(load_days(holdings));
  }
  return holdings;
}

// The recount that shall replace a damaged slice, if the slice is still as it was then.
const SliceChange* TotalsVerifier::replacement_of(SourceId source,
                                                  const StoredContribution& stored) const {
  const std::vector<SliceChange>& slices = damage_.plan.slices;
  const auto at = std::find_if(slices.begin(), slices.end(), [&](const SliceChange& change) {
    return change.entry.key == stored.entry.key;
  });
  const bool same = source == ledger_.source_id() && at != slices.end() &&
                    at->entry.revision == stored.entry.revision;
  return same ? &*at : nullptr;
}

Result<void> TotalsVerifier::walk_ledger(Holdings& holdings, const VisitContribution& visit) {
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> sources, ports_.warehouse.sources());
  for (const SourceStatus& source : sources) {
    HIRESTREAM_TRY(each_contribution(
        ports_.warehouse, source.id, [&](const StoredContribution& slice) -> Result<void> {
          if (!slice.damaged) {
            visit(slice.contribution);
          } else if (const SliceChange* change = replacement_of(source.id, slice)) {
            holdings.replaced.insert(slice.entry.key);
            visit(change->contribution);
          } else {
            holdings.damaged = true;
          }
          return {};
        }));
  }
  return {};
}

Result<TotalsVerifier::Digests> TotalsVerifier::digest(Holdings& holdings) {
  Digests digests;
  Sum frozen(holdings.frozen_ledger);
  HIRESTREAM_TRY(walk_ledger(holdings, [&](const Contribution& contribution) {
    for (const Cell& cell : contribution) {
      if (holdings.frozen_hours.contains(cell.key.local_hour)) {
        frozen.add(cell);
      } else {
        digests[cell.key.days()].ledger_less_events += digest_of(cell.key, cell.measures);
      }
    }
  }));
  frozen.finish();
  HIRESTREAM_TRY(digest_events(holdings, digests));
  return digests;
}

Result<void> TotalsVerifier::digest_events(Holdings& holdings, Digests& digests) {
  HIRESTREAM_ASSIGN(const std::vector<Job> jobs, ports_.warehouse.load_jobs());
  std::unordered_map<int64_t, int64_t> companies;
  for (const Job& job : jobs) {
    companies.emplace(job.job_id, job.company_id);
  }
  const auto check_company = [&](const EventsRow& row) {
    const auto company = companies.find(row.key.job_id);
    if (company != companies.end() && company->second != row.company_id) {
      ++holdings.misplaced[row.key.job_id];
    }
  };
  Sum by_hour(holdings.frozen_events_by_hour);
  auto beside = holdings.frozen_ledger.begin();  // rows come in the order of its keys, too
  HIRESTREAM_TRY(ports_.warehouse.read_events([&](const EventsRow& row) -> Result<void> {
    ++holdings.cells_checked;
    check_company(row);
    DayDigest& day = digests[row.key.days()];
    day.events_less_days += digest_of(day_of(row.key), row.measures);
    if (!holdings.frozen_hours.contains(row.key.local_hour)) {
      day.ledger_less_events -= digest_of(row.key, row.measures);
      return {};
    }
    by_hour.add({hour_of(row.key), row.measures});
    while (beside != holdings.frozen_ledger.end() && beside->key < row.key) {
      ++beside;
    }
    if (beside != holdings.frozen_ledger.end() && beside->key == row.key) {
      holdings.frozen_events.push_back({row.key, row.measures});
    }
    return {};
  }));
  by_hour.finish();
  return ports_.warehouse.read_days([&](const EventsRow& row) -> Result<void> {
    ++holdings.days_checked;
    check_company(row);
    digests[row.key.days()].events_less_days -= digest_of(row.key, row.measures);
    return {};
  });
}

Result<void> TotalsVerifier::load_days(Holdings& holdings) {
  const auto wanted = [&holdings](const CellKey& key) {
    return holdings.days_loaded.contains(key.days());
  };
  Sum ledger(holdings.ledger);
  HIRESTREAM_TRY(walk_ledger(holdings, [&](const Contribution& contribution) {
    for (const Cell& cell : contribution) {
      if (wanted(cell.key) && !holdings.frozen_hours.contains(cell.key.local_hour)) {
        ledger.add(cell);
      }
    }
  }));
  ledger.finish();
  const auto into = [&wanted](Contribution& cells) {
    return [&wanted, &cells](const EventsRow& row) -> Result<void> {
      if (wanted(row.key)) {
        cells.push_back({row.key, row.measures});
      }
      return {};
    };
  };
  HIRESTREAM_TRY(ports_.warehouse.read_events(into(holdings.events)));
  HIRESTREAM_TRY(ports_.warehouse.read_days(into(holdings.days)));
  canonicalize(holdings.events);
  canonicalize(holdings.days);
  return {};
}

TotalsVerifier::Surplus TotalsVerifier::compare(const Holdings& holdings) {
  Surplus out;
  out.cells = difference(holdings.events, holdings.ledger);
  std::erase_if(out.cells, [&holdings](const Cell& cell) {
    return holdings.frozen_hours.contains(cell.key.local_hour);
  });
  out.negative = difference(holdings.frozen_events, holdings.frozen_ledger);
  keep_negative(out.negative);
  out.by_hour = difference(holdings.frozen_events_by_hour, summed(holdings.frozen_ledger, hour_of));
  out.unexplained = difference(out.by_hour, holdings.frozen);
  if (holdings.damaged) {
    // What a damaged slice gave is not in the sum of the ledger: cells may hold more, but not less.
    keep_negative(out.cells);
    keep_negative(out.unexplained);
  }
  return out;
}

// Whether what damaged slices gave, of which only the number of rows is known, is all that `events`
// has beyond the ledger. Then it follows what `events` must be.
bool TotalsVerifier::explains(const Surplus& surplus, const Holdings& holdings) const {
  int64_t rows = 0;
  for (const SliceKey& key : holdings.replaced) {
    rows += damage_.rows.at(key);
  }
  return !holdings.damaged && surplus.negative.empty() && surplus.unexplained.empty() &&
         rows_counted(surplus.cells) == rows;
}

// They stay as they are: nobody can say what `events` must be with them replaced. That is for
// somebody to decide.
void TotalsVerifier::leave_damaged(Holdings& holdings) const {
  Contribution replacements;
  for (const SliceChange& change : damage_.plan.slices) {
    if (holdings.replaced.contains(change.entry.key)) {
      replacements.insert(replacements.end(), change.contribution.begin(),
                          change.contribution.end());
    }
  }
  canonicalize(replacements);
  Contribution in_frozen_hours = replacements;
  const auto is_frozen = [&holdings](const Cell& cell) {
    return holdings.frozen_hours.contains(cell.key.local_hour);
  };
  std::erase_if(replacements, [&](const Cell& cell) {
    return is_frozen(cell) || !holdings.days_loaded.contains(cell.key.days());
  });
  std::erase_if(in_frozen_hours, [&](const Cell& cell) { return !is_frozen(cell); });
  holdings.ledger = difference(holdings.ledger, replacements);
  holdings.frozen_ledger = difference(holdings.frozen_ledger, in_frozen_hours);
  holdings.replaced.clear();
  holdings.damaged = true;
}

void TotalsVerifier::plan_replaced(const Holdings& holdings, CommitPlan& plan,
                                   VerifyReport& report) const {
  std::copy_if(
      damage_.plan.slices.begin(), damage_.plan.slices.end(), std::back_inserter(plan.slices),
      [&](const SliceChange& change) { return holdings.replaced.contains(change.entry.key); });
  for (const SliceChange& change : plan.slices) {
    plan.rows += change.entry.digest.rows;
  }
  report.slices_damaged -= static_cast<int64_t>(plan.slices.size());
  report.slices_repaired += static_cast<int64_t>(plan.slices.size());
}

void TotalsVerifier::judge_events(const Holdings& holdings, const Surplus& surplus,
                                  CommitPlan& plan, VerifyReport& report) const {
  report.cells_compared_in_part = holdings.damaged;
  report.cells_beyond_repair =
      static_cast<int64_t>(std::max(surplus.negative.size(), surplus.unexplained.size()));
  report.cells_different = report.cells_beyond_repair + static_cast<int64_t>(surplus.cells.size());
  note_cells(report, surplus.unexplained, holdings.frozen, surplus.by_hour,
             "events beyond the ledger, by hour");
  note_cells(report, surplus.cells, holdings.ledger, holdings.events, "events");
  // Guard Shrink: what somebody else added is taken away only if that is allowed; what is missing
  // is put back.
  Contribution correction = difference({}, surplus.cells);
  const bool takes_away = std::any_of(correction.begin(), correction.end(), [](const Cell& cell) {
    return cell.measures.any_negative();
  });
  const bool may = !plan.slices.empty() || options_.engine.allow_shrink || !takes_away;
  if (options_.repair && may && !holdings.damaged) {
    report.cells_different = report.cells_beyond_repair;
    report.cells_repaired = static_cast<int64_t>(correction.size());
    plan.cells = std::move(correction);
  }
}

// Differences of the roll-up go into the report, or what puts it right into the plan.
void TotalsVerifier::judge_days(const Holdings& holdings, CommitPlan& plan,
                                VerifyReport& report) const {
  const Contribution sums = summed(holdings.events, day_of);
  const Contribution wrong = difference(sums, holdings.days);
  plan.days.emplace();
  if (options_.repair) {
    // Of the rows of events as they will be.
    plan.days = difference(summed(merge(holdings.events, plan.cells), day_of), holdings.days);
  }
  if (wrong.empty()) {
    return;
  }
  note_cells(report, wrong, sums, holdings.days, "hirestream_days");
  (options_.repair ? report.days_repaired : report.days_different) =
      static_cast<int64_t>(wrong.size());
}

// Commits and stored jobs keep them right: what differs was changed by somebody else, or by a
// version that did not compare them.
Result<void> TotalsVerifier::check_companies(const std::map<int64_t, int64_t>& misplaced) {
  for (const auto& [job, rows] : misplaced) {
    report_.companies_different += rows;
  }
  if (!options_.repair || misplaced.empty()) {
    return {};
  }
  HIRESTREAM_ASSIGN(std::vector<Job> jobs, ports_.warehouse.load_jobs());
  std::erase_if(jobs, [&misplaced](const Job& job) { return !misplaced.contains(job.job_id); });
  HIRESTREAM_TRY(ports_.warehouse.store_jobs(jobs, ports_.clock.now_us()));
  report_.companies_repaired = std::exchange(report_.companies_different, 0);
  return {};
}

}  // namespace hirestream
