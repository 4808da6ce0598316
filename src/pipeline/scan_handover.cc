#include "pipeline/scan_handover.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/floor_divide.h"
#include "pipeline/recount.h"
#include "pipeline/scan_count.h"

namespace hirestream {
namespace {

constexpr size_t kSlicesPerLoad = 1000;

// All that is known of the event times of one old slice.
struct Period {
  LedgerEntry before;
  RowClasses found;
  int64_t rows_found = 0;
  Contribution given;
  Contribution counted;
};

// By bucket of event times; nothing: the rows without one.
using Periods = std::map<std::optional<int64_t>, Period>;

// An old bucket was that of the event times; rows without one were far below zero.
std::optional<int64_t> event_of_old(int64_t bucket) {
  return ScanBucket::of(ScanBucket{0, bucket}.bucket()).event;
}

int64_t lacking(int64_t before, int64_t now) {
  return std::max<int64_t>(0, before - now);
}

// What the old slices gave beyond what is there now.
Contribution surplus_of(const Contribution& given, const Contribution& counted) {
  Contribution out;
  for (const Cell& cell : difference(given, counted)) {
    const Measures& m = cell.measures;
    const Measures more = {std::max<int64_t>(0, m.impressions), std::max<int64_t>(0, m.clicks),
                           std::max<int64_t>(0, m.conversions), std::max<int64_t>(0, m.qualified),
                           std::max<int64_t>(0, m.unqualified), std::max<int64_t>(0, m.bid_micros)};
    if (!more.is_zero()) {
      out.push_back({cell.key, more});
    }
  }
  return out;
}

class Handover {
 public:
  Handover(const EnginePorts& ports, const EngineOptions& options, const ScanClock& clock,
           SliceLedger& ledger, int64_t now_us)
      : ports_(ports), options_(options), clock_(clock), ledger_(ledger), now_us_(now_us) {}

  Result<void> run() {
    plan_.new_fingerprint = true;
    HIRESTREAM_TRY(drop_old_slices());
    HIRESTREAM_TRY(plan_new_slices());
    for (auto& [event, period] : periods_) {
      plan_period(event, std::move(period));
    }
    HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan_)));
    if (outcome.verdict == CommitVerdict::kConflict) {
      return fail(ErrorKind::kTransient, "take over slices", "ledger",
                  "somebody else replaced slices meanwhile");
    }
    tell();
    return {};
  }

 private:
  // Before the rows are read: the commit succeeds only if they have not moved since.
  Result<void> drop_old_slices() {
    HIRESTREAM_ASSIGN(const std::vector<LedgerEntry> entries, ledger_.load_entries());
    for (size_t done = 0; done < entries.size();) {
      std::vector<SliceKey> keys;
      for (; done < entries.size() && keys.size() < kSlicesPerLoad; ++done) {
        keys.push_back(entries[done].key);
      }
      HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(keys));
      for (StoredContribution& slice : stored) {
        HIRESTREAM_TRY(drop(std::move(slice)));
      }
    }
    return {};
  }

  Result<void> drop(StoredContribution&& slice) {
    if (slice.damaged) {
      return fail(
          ErrorKind::kConfig, "take over slices",
          std::to_string(slice.entry.key.shard) + "/" + std::to_string(slice.entry.key.bucket),
          "what this slice gave cannot be read any more: its checksum fails",
          "repair it with the version that wrote it: hirestream verify --repair");
    }
    SliceChange change;
    change.entry = slice.entry;
    change.mode = ChangeMode::kFreeze;
    plan_.slices.push_back(std::move(change));
    Period& period = periods_[event_of_old(slice.entry.key.bucket)];
    period.before.digest.rows += slice.entry.digest.rows;
    period.before.classes += slice.entry.classes;
    period.given = merge(period.given, slice.contribution);
    return {};
  }

  Result<void> plan_new_slices() {
    const bool replicas = ports_.source.description().replicas;
    HIRESTREAM_ASSIGN(ScanCount count,
                      count_scan(ports_, ledger_.classifier(), clock_,
                                 {{}, replicas ? ReadLevel::kStrongest : ReadLevel::kConfigured},
                                 [](const SliceKey&) { return false; }));
    for (auto& [key, tally] : count.slices) {
      if (tally.empty()) {
        continue;
      }
      Recount recount;
      recount.stored.entry.key = key;
      recount.count.tally = std::move(tally);
      recount.trust = Trust::kStrongest;
      HIRESTREAM_TRY(judge(recount, {}));
      Period& period = periods_[ScanClock::event_of(key)];
      period.rows_found += recount.found().rows;
      period.found += recount.count.tally.classes();
      period.counted = merge(period.counted, recount.whole);
      recount.change.clear();  // planned for the whole period
      plan_action(plan_, std::move(recount),
                  clock_.is_over(key, now_us_) ? SliceState::kSettled : SliceState::kOpen, {},
                  now_us_);
    }
    plan_.new_rows = 0;
    plan_.news.clear();
    return {};
  }

  void plan_period(const std::optional<int64_t>& event, Period&& period) {
    Contribution change = difference(period.counted, period.given);
    const int64_t rows_before = period.before.digest.rows;
    plan_.new_rows += lacking(period.rows_found, rows_before);
    const bool lacks_rows = period.rows_found < rows_before;
    if ((lacks_rows || lowers_totals(change)) && !options_.allow_shrink) {
      rows_kept_ += lacking(rows_before, period.rows_found);
      periods_kept_ += lacks_rows ? 0 : 1;
      const Contribution surplus = surplus_of(period.given, period.counted);
      change = merge(change, surplus);
      const RowClasses& before = period.before.classes;
      RowClasses kept;
      kept.counted = rows_counted(surplus);
      kept.unattributed = lacking(before.unattributed, period.found.unattributed);
      kept.other = lacking(before.other, period.found.other);
      kept.rejected = lacking(before.rejected, period.found.rejected);
      plan_.freeze(0, utc_day(event.value_or(0) * clock_.width_us()), {kept.total(), 0}, kept,
                   surplus);
      plan_.frozen_days.back().slices = 0;
    }
    plan_.cells.insert(plan_.cells.end(), change.begin(), change.end());
  }

  void tell() const {
    ports_.observer.on_note("info",
                            "the slices of an older version were taken over: they are told apart "
                            "by the arrival of their rows from now on");
    if (rows_kept_ > 0) {
      ports_.observer.on_note("warning", std::to_string(rows_kept_) +
                                             " rows that were counted are not in the table any "
                                             "more; what they gave stays for ever");
    }
    if (periods_kept_ > 0) {
      ports_.observer.on_note(
          "warning", "in " + std::to_string(periods_kept_) +
                         " slices of event times as many rows as before give less than was counted "
                         "(was a column dropped or renamed?); what they gave stays for ever");
    }
  }

  const EnginePorts& ports_;
  const EngineOptions& options_;
  const ScanClock& clock_;
  SliceLedger& ledger_;
  int64_t now_us_;
  CommitPlan plan_;
  Periods periods_;
  int64_t rows_kept_ = 0;
  // Of which all rows are there and give less.
  int64_t periods_kept_ = 0;
};

}  // namespace

Result<void> hand_over(const EnginePorts& ports, const EngineOptions& options,
                       const ScanClock& clock, SliceLedger& ledger, int64_t now_us) {
  return Handover(ports, options, clock, ledger, now_us).run();
}

}  // namespace hirestream
