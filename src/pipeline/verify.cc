#include "pipeline/verify.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "pipeline/scan_engine.h"
#include "pipeline/slice_ledger.h"
#include "ports/day_changes.h"

namespace hirestream {
namespace {

constexpr size_t kSampleMax = 20;
constexpr size_t kSlicesPerBatch = 128;
// A running engine changes slices while they are compared: each difference is looked at again before it is believed.
constexpr int kLooks = 5;
constexpr int64_t kFirstWaitUs = 150'000;  // and twice as long after each look: 4.5 s in all

void note_cells(VerifyReport& report, const Contribution& cells, const Contribution& expected,
                const Contribution& found, const std::string& where) {
  for (const Cell& cell : cells) {
    if (report.sample.size() >= kSampleMax) {
      return;
    }
    CellDifference entry;
    entry.key = cell.key;
    entry.where = where;
    const auto value_in = [&cell](const Contribution& list) {
      const auto at = std::lower_bound(list.begin(), list.end(), cell,
                                       [](const Cell& a, const Cell& b) { return a.key < b.key; });
      return at != list.end() && at->key == cell.key ? at->measures : Measures{};
    };
    entry.expected = value_in(expected);
    entry.found = value_in(found);
    report.sample.push_back(entry);
  }
}

void note_differences(VerifyReport& report, const Contribution& expected, const Contribution& found,
                      const std::string& where) {
  note_cells(report, difference(expected, found), expected, found, where);
}

void keep_negative(Contribution& cells) {
  std::erase_if(cells, [](const Cell& cell) { return !cell.measures.any_negative(); });
}

std::string slice_name(const LedgerEntry& entry) {
  return entry.name.empty()
             ? "slice " + std::to_string(entry.key.shard) + "/" + std::to_string(entry.key.bucket)
             : entry.name;
}

class Verifier {
 public:
  Verifier(const EnginePorts& ports, const VerifyOptions& options)
      : ports_(ports), options_(options), ledger_(ports, options_.engine) {}

  Result<VerifyReport> run() {
    HIRESTREAM_TRY(ledger_.open_as_publisher());
    if (ports_.source.description().strategy == Strategy::kScan) {
      HIRESTREAM_TRY(check_scan());
    } else {
      HIRESTREAM_TRY(check_slices());
    }
    HIRESTREAM_TRY(check_events());
    HIRESTREAM_TRY(check_companies());
    return std::move(report_);
  }

  Result<int64_t> retry(const std::set<SliceKey>& keys) {
    HIRESTREAM_TRY(ledger_.open_as_publisher());
    if (ports_.source.description().strategy == Strategy::kScan) {
      HIRESTREAM_TRY(check_scan());
    } else {
      HIRESTREAM_TRY(retry_slices(keys));
    }
    if (!unknown_.empty()) {
      HIRESTREAM_TRY(check_events());
    }
    return report_.slices_repaired;
  }

 private:
  struct Listed {
    LedgerEntry entry;
    std::string name;
    std::string tag;
  };

  Result<void> check_slices() {
    HIRESTREAM_ASSIGN(const std::vector<LedgerEntry> entries, ledger_.load_entries());
    std::set<SliceKey> keys;
    for (const LedgerEntry& entry : entries) {
      if (entry.state == SliceState::kFrozen) {
        frozen_.emplace(entry.key, entry);
      } else {
        keys.insert(entry.key);
      }
      listed_[entry.key] = {entry, entry.name, entry.tag};
    }
    HIRESTREAM_ASSIGN(const std::vector<SliceListing> found,
                      ports_.source.discover(ledger_.shards()));
    std::set<SliceKey> present;
    for (const SliceListing& slice : found) {
      present.insert(slice.key);
      auto& listed = listed_[slice.key];
      listed.name = slice.name;
      listed.tag = slice.tag;
      if (!frozen_.contains(slice.key)) {
        keys.insert(slice.key);
      }
    }
    report_.slices_frozen = static_cast<int64_t>(frozen_.size());
    if (is_files()) {
      // A file that is gone keeps what it gave: there is nothing to compare it with.
      std::erase_if(keys, [&present](const SliceKey& key) { return !present.contains(key); });
    }
    std::vector<SliceKey> late;
    for (const auto& [key, entry] : frozen_) {
      if (present.contains(key)) {
        late.push_back(key);
      }
    }
    HIRESTREAM_TRY(count_late_rows(late));
    total_ = static_cast<int64_t>(keys.size());
    return look_at({keys.begin(), keys.end()});
  }

  Result<void> retry_slices(const std::set<SliceKey>& keys) {
    HIRESTREAM_ASSIGN(const std::vector<LedgerEntry> entries, ledger_.load_entries());
    std::set<SliceKey> readable;
    for (const LedgerEntry& entry : entries) {
      listed_[entry.key] = {entry, entry.name, entry.tag};
      readable.insert(entry.key);
    }
    if (is_files()) {
      HIRESTREAM_ASSIGN(const std::vector<SliceListing> found,
                        ports_.source.discover(ledger_.shards()));
      readable.clear();
      for (const SliceListing& file : found) {
        readable.insert(file.key);
        listed_[file.key].tag = file.tag;
      }
    }
    std::vector<SliceKey> wanted;
    std::set_intersection(keys.begin(), keys.end(), readable.begin(), readable.end(),
                          std::back_inserter(wanted));
    HIRESTREAM_TRY(look_at(wanted));
    if (unknown_.empty()) {
      return {};
    }
    // A damaged slice was among them. What `events` must be is known only when no other one is left.
    std::vector<SliceKey> others;
    std::set_difference(readable.begin(), readable.end(), keys.begin(), keys.end(),
                        std::back_inserter(others));
    HIRESTREAM_ASSIGN(const std::vector<SliceKey> damaged, damaged_of(others));
    return look_at(damaged);
  }

  Result<std::vector<SliceKey>> damaged_of(std::span<const SliceKey> keys) {
    std::vector<SliceKey> damaged;
    for (size_t at = 0; at < keys.size(); at += kSlicesPerBatch) {
      const auto batch = keys.subspan(at, std::min(kSlicesPerBatch, keys.size() - at));
      HIRESTREAM_ASSIGN(const std::vector<StoredContribution> stored,
                        ledger_.load_contributions(batch));
      for (const StoredContribution& slice : stored) {
        if (slice.damaged) {
          damaged.push_back(slice.entry.key);
        }
      }
    }
    return damaged;
  }

  bool is_files() const { return ports_.source.description().strategy == Strategy::kFiles; }

  // Recounts them. Of files one at a time: one that cannot be read does not keep the others from being compared.
  Result<std::vector<Recount>> recount(std::span<const SliceKey> keys) {
    auto recounts = ledger_.recount(keys);
    if (!recounts && is_files() &&
        (recounts.error().kind == ErrorKind::kRejected ||
         recounts.error().kind == ErrorKind::kConfig)) {
      report_.unreadable.push_back(recounts.error());
      return std::vector<Recount>();
    }
    return recounts;
  }

  // Rows of frozen slices that are still in the raw log but were never counted.
  Result<void> count_late_rows(const std::vector<SliceKey>& keys) {
    for (size_t at = 0; at < keys.size(); at += kSlicesPerBatch) {
      const auto batch = std::span(keys).subspan(at, std::min(kSlicesPerBatch, keys.size() - at));
      HIRESTREAM_ASSIGN(const std::vector<Recount> recounts, ledger_.recount(batch));
      for (const Recount& recount : recounts) {
        HIRESTREAM_TRY(note_late_rows(recount));
      }
    }
    return {};
  }

  Result<void> note_late_rows(const Recount& recount) {
    LedgerEntry entry = recount.stored.entry;
    const int64_t late =
        std::max<int64_t>(0, recount.count.tally.digest().rows - entry.digest.rows);
    report_.rows_too_late += late;
    if (!options_.repair || late <= entry.classes.too_late) {
      return {};
    }
    entry.classes.too_late = late;
    CommitPlan plan;
    SliceLedger::plan_keep(plan, entry);
    HIRESTREAM_TRY(ledger_.commit(std::move(plan)));
    return {};
  }

  Result<void> look_at(std::vector<SliceKey> keys) {
    std::map<SliceKey, int64_t> revisions;  // at the last look
    const size_t size = is_files() ? 1 : kSlicesPerBatch;
    for (int look = 1; look <= kLooks && !keys.empty(); ++look) {
      std::vector<SliceKey> again;
      for (size_t at = 0; at < keys.size(); at += size) {
        const auto batch = std::span(keys).subspan(at, std::min(size, keys.size() - at));
        HIRESTREAM_ASSIGN(std::vector<Recount> recounts, recount(batch));
        for (Recount& recount : recounts) {
          HIRESTREAM_TRY(judge(std::move(recount), look == kLooks, revisions, again));
        }
        if (look == 1) {
          checked_ += static_cast<int64_t>(batch.size());
          ports_.observer.on_progress("slices verified", checked_, total_);
        }
      }
      keys = std::move(again);
      if (!keys.empty() && look < kLooks && still_open_ && options_.wait) {
        options_.wait(kFirstWaitUs << look);  // an engine that fills them commits meanwhile
      }
      still_open_ = false;
    }
    return {};
  }

  Result<void> judge(Recount&& recount, bool last, std::map<SliceKey, int64_t>& revisions,
                     std::vector<SliceKey>& again) {
    const LedgerEntry& entry = recount.stored.entry;
    const SliceKey key = entry.key;
    // Frozen by an engine after we began, or one whose rejects are tried again: it has no contribution any more.
    if (entry.state == SliceState::kFrozen) {
      ++report_.slices_frozen;
      return note_late_rows(recount);
    }
    const bool same = recount.verdict == RecountVerdict::kSame;
    const bool moved = revisions.contains(key) && revisions[key] != entry.revision;
    revisions[key] = entry.revision;
    if (!same && !last) {
      still_open_ = still_open_ || entry.state == SliceState::kOpen;
      again.push_back(key);
      return {};
    }
    ++report_.slices_checked;
    report_.rows_read += recount.count.tally.digest().rows;
    report_.classes += recount.count.tally.classes();
    if (same) {
      return release(entry);
    }
    if (moved && entry.state == SliceState::kOpen) {
      return {};  // an open slice that an engine is filling right now: what it lacks is on its way
    }
    if (recount.stored.damaged) {
      return judge_damaged(std::move(recount));
    }
    ++report_.slices_different;
    name_slice(entry);
    note_differences(report_, recount.whole, recount.stored.contribution, slice_name(entry));
    const bool shrunk = recount.verdict == RecountVerdict::kShrunk ||
                        recount.verdict == RecountVerdict::kUnconfirmed;
    if (shrunk && !options_.engine.allow_shrink && !is_files()) {
      ++report_.slices_held;
      return {};
    }
    return options_.repair ? repair(std::move(recount)) : Result<void>{};
  }

  Result<void> judge_damaged(Recount&& recount) {
    ++report_.slices_damaged;
    name_slice(recount.stored.entry);
    // Guard Shrink: how many rows it had is known all the same.
    const bool loses = recount.verdict == RecountVerdict::kDamaged && recount.lacks_rows();
    if (loses && !options_.engine.allow_shrink && !is_files()) {
      ++report_.slices_held;
      return {};
    }
    return options_.repair ? replace_damaged(std::move(recount)) : Result<void>{};
  }

  void name_slice(const LedgerEntry& entry) {
    if (report_.slices_named.size() < kSampleMax) {
      report_.slices_named.push_back(slice_name(entry));
    }
  }

  // A slice that was held for missing rows, and has them all again.
  Result<void> release(const LedgerEntry& entry) {
    if (!options_.repair || !entry.held) {
      return {};
    }
    CommitPlan plan;
    LedgerEntry released = entry;
    released.held = false;
    SliceLedger::plan_keep(plan, released);
    HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
    report_.slices_released += outcome.verdict == CommitVerdict::kCommitted ? 1 : 0;
    return {};
  }

  Result<void> repair(Recount&& recount) {
    const int64_t now_us = ports_.clock.now_us();
    const SliceKey key = recount.stored.entry.key;
    // A slice new to the ledger is left open for the engine to settle, unless nobody appends to slices of this source.
    const bool whole = is_files();
    const SliceState state = recount.stored.entry.revision != 0 ? recount.stored.entry.state
                             : whole                            ? SliceState::kSettled
                                                                : SliceState::kOpen;
    CommitPlan plan;
    const Listed& listed = listed_[key];
    ledger_.plan_replace(plan, std::move(recount), state, listed.name, listed.tag, now_us);
    HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
    if (outcome.verdict == CommitVerdict::kCommitted) {
      --report_.slices_different;
      ++report_.slices_repaired;
    }
    return {};
  }

  // When its rows have changed as well, what the slice gave before is not known: it is replaced together with the correction of
  // `events`, in one transaction. One without the other would leave numbers that nothing explains any more.
  Result<void> replace_damaged(Recount&& recount) {
    recount.change.clear();
    const bool unknown = recount.verdict == RecountVerdict::kDamaged;
    const SliceState state = recount.stored.entry.state;
    const Listed& listed = listed_[recount.stored.entry.key];
    CommitPlan once;
    CommitPlan& plan = unknown ? unknown_ : once;
    if (unknown) {
      rows_unknown_[recount.stored.entry.key] =
          recount.stored.entry.classes.counted - recount.count.tally.classes().counted;
    }
    ledger_.plan_replace(plan, std::move(recount), state, listed.name, listed.tag,
                         ports_.clock.now_us());
    if (unknown) {
      return {};
    }
    HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(once)));
    if (outcome.verdict == CommitVerdict::kCommitted) {
      --report_.slices_damaged;
      ++report_.slices_repaired;
    }
    return {};
  }

  Result<void> check_scan() {
    HIRESTREAM_ASSIGN(const std::vector<LedgerEntry> entries, ledger_.load_entries());
    ScanBound bound;
    HIRESTREAM_ASSIGN(ScanCount count,
                      count_scan(ports_.source, ledger_.classifier(), bound, ports_.observer));
    std::set<SliceKey> keys;
    std::map<SliceKey, int64_t> noted;
    for (const LedgerEntry& entry : entries) {
      keys.insert(entry.key);
      noted[entry.key] = entry.revision;
    }
    for (const auto& [bucket, tally] : count.buckets) {
      keys.insert({0, bucket});
    }
    std::vector<SliceKey> suspects;
    HIRESTREAM_TRY(judge_scanned({keys.begin(), keys.end()}, noted, count,
                                 ScanTrust::kSuspectLosses, suspects));
    if (suspects.empty()) {
      return {};
    }
    // Guard Shrink: a stale replica answers with fewer rows; ask again as strongly as the source can.
    bound.level = ReadLevel::kStrongest;
    auto strong = count_scan(ports_.source, ledger_.classifier(), bound, ports_.observer);
    if (!strong && strong.error().kind != ErrorKind::kTransient) {
      return forward(strong.error());
    }
    if (!strong) {
      ports_.observer.on_retry(strong.error(), 1, 0);
      ports_.observer.on_note(
          "warning",
          std::to_string(suspects.size()) +
              " slices seem to lack rows, but the table could not be read at its strongest "
              "consistency to confirm it; verify again");
    }
    const std::vector<SliceKey> again = std::exchange(suspects, {});
    return judge_scanned(again, noted, strong ? *strong : count,
                         strong ? ScanTrust::kStrongest : ScanTrust::kBelieve, suspects);
  }

  enum class ScanTrust {
    kSuspectLosses,  // a slice that lacks rows is put aside, to be counted again
    kStrongest,      // the count comes from the strongest read
    kBelieve,
  };

  Result<void> judge_scanned(const std::vector<SliceKey>& keys,
                             const std::map<SliceKey, int64_t>& noted, ScanCount& count,
                             ScanTrust trust, std::vector<SliceKey>& suspects) {
    for (size_t at = 0; at < keys.size(); at += kSlicesPerBatch) {
      const auto batch = std::span(keys).subspan(at, std::min(kSlicesPerBatch, keys.size() - at));
      HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(batch));
      for (StoredContribution& slice : stored) {
        HIRESTREAM_TRY(judge_scanned(std::move(slice), noted, count, trust, suspects));
      }
    }
    return {};
  }

  Result<void> judge_scanned(StoredContribution&& stored, const std::map<SliceKey, int64_t>& noted,
                             ScanCount& count, ScanTrust trust, std::vector<SliceKey>& suspects) {
    Recount recount;
    recount.stored = std::move(stored);
    const SliceKey key = recount.stored.entry.key;
    const auto found = count.buckets.find(key.bucket);
    if (found != count.buckets.end()) {
      recount.count.tally = std::move(found->second);
    }
    const RowDigest digest = recount.count.tally.digest();
    if (recount.stored.entry.state == SliceState::kFrozen) {
      ++report_.slices_frozen;
      return note_late_rows(recount);
    }
    ledger_.judge(recount);
    const auto revision = noted.find(key);
    const bool moved =
        (revision == noted.end() ? 0 : revision->second) != recount.stored.entry.revision;
    const bool shrunk = recount.verdict == RecountVerdict::kShrunk;
    const bool unknown = recount.verdict == RecountVerdict::kDamaged;
    if ((shrunk || unknown) && !moved && trust == ScanTrust::kSuspectLosses) {
      if (found != count.buckets.end()) {
        found->second =
            std::move(recount.count.tally);  // what is to be believed if nobody confirms it
      }
      suspects.push_back(key);
      return {};
    }
    ++report_.slices_checked;
    report_.rows_read += digest.rows;
    report_.classes += recount.count.tally.classes();
    if (moved) {
      return {};  // by a running engine after the scan began: its numbers are newer than ours
    }
    if (recount.verdict == RecountVerdict::kSame) {
      return release(recount.stored.entry);
    }
    if (recount.stored.damaged) {
      recount.confirmed = trust == ScanTrust::kStrongest || options_.engine.allow_shrink;
      return judge_damaged(std::move(recount));
    }
    ++report_.slices_different;
    name_slice(recount.stored.entry);
    note_differences(report_, recount.whole, recount.stored.contribution,
                     slice_name(recount.stored.entry));
    const bool overwritten = trust == ScanTrust::kStrongest && recount.only_overwritten();
    if (shrunk && !overwritten && !options_.engine.allow_shrink) {
      ++report_.slices_held;
      return {};
    }
    return options_.repair ? repair(std::move(recount)) : Result<void>{};
  }

  // What the warehouse holds at one moment.
  struct Holdings {
    // With the recounts that are to replace damaged slices.
    Contribution ledger;
    std::set<SliceKey> replaced;  // those
    bool damaged = false;         // some other slices' share of `ledger` is not known
    Contribution events;
    Contribution days;
    Contribution frozen;
    std::map<int64_t, int64_t>
        misplaced;  // job → rows of events and of the roll-up with another company
    int64_t changes = 0;
  };

  Result<Holdings> read_holdings() {
    HIRESTREAM_TRY(ports_.warehouse.begin_snapshot());
    auto holdings = read_all();
    ports_.warehouse.end_snapshot();
    return holdings;
  }

  Result<Holdings> read_all() {
    Holdings holdings;
    HIRESTREAM_ASSIGN(holdings.changes, ports_.warehouse.changes());
    HIRESTREAM_TRY(add_up_ledger(holdings));
    HIRESTREAM_ASSIGN(const std::vector<Job> jobs, ports_.warehouse.load_jobs());
    std::unordered_map<int64_t, int64_t> companies;
    for (const Job& job : jobs) {
      companies.emplace(job.job_id, job.company_id);
    }
    const auto into = [&](Contribution& cells) {
      return [&](const EventsRow& row) -> Result<void> {
        cells.push_back({row.key, row.measures});
        const auto company = companies.find(row.key.job_id);
        if (company != companies.end() && company->second != row.company_id) {
          ++holdings.misplaced[row.key.job_id];
        }
        return {};
      };
    };
    HIRESTREAM_TRY(ports_.warehouse.read_events(into(holdings.events)));
    HIRESTREAM_TRY(ports_.warehouse.read_days(into(holdings.days)));
    HIRESTREAM_ASSIGN(holdings.frozen, ports_.warehouse.frozen_totals());
    canonicalize(holdings.events);
    canonicalize(holdings.days);
    return holdings;
  }

  // Atomic: events = frozen base + Σ ledger, over all sources of the warehouse, and days = events by day.
  Result<void> check_events() {
    for (int look = 1; look <= kLooks; ++look) {
      HIRESTREAM_ASSIGN(Holdings holdings, read_holdings());
      misplaced_ = holdings.misplaced;
      report_.cells_checked = static_cast<int64_t>(holdings.events.size());
      report_.days_checked = static_cast<int64_t>(holdings.days.size());
      VerifyReport noted = report_;
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
      compare_days(holdings, plan, noted);
      if (plan.slices.empty() && plan.cells.empty() && plan.days->empty()) {
        report_ = std::move(noted);
        return {};
      }
      HIRESTREAM_ASSIGN(const CommitOutcome outcome, ledger_.commit(std::move(plan)));
      if (outcome.verdict == CommitVerdict::kCommitted) {
        report_ = std::move(noted);
        return {};
      }
      // Another repair was faster: look again.
    }
    return fail(ErrorKind::kTransient, "verify", options_.engine.source_name,
                "others repaired or published slices during each of " + std::to_string(kLooks) +
                    " looks at events",
                "verify again when they are done");
  }

  // What `events` has beyond the ledger.
  struct Surplus {
    Contribution cells;  // of hours to which no frozen slice gave anything: should be none
    // Of the other hours: cells that hold less than the ledger says, and sums by hour that are not what frozen slices gave.
    Contribution negative;
    Contribution by_hour;
    Contribution unexplained;
  };

  static Surplus compare(const Holdings& holdings) {
    std::set<int64_t> frozen_hours;
    for (const Cell& hour : holdings.frozen) {
      frozen_hours.insert(hour.key.local_hour);
    }
    Surplus out;
    for (const Cell& cell : difference(holdings.events, holdings.ledger)) {
      if (!frozen_hours.contains(cell.key.local_hour)) {
        out.cells.push_back(cell);
        continue;
      }
      if (cell.measures.any_negative()) {
        out.negative.push_back(cell);
      }
      out.by_hour.push_back({CellKey{cell.key.local_hour, 0, 0, 0, 0}, cell.measures});
    }
    canonicalize(out.by_hour);
    out.unexplained = difference(out.by_hour, holdings.frozen);
    if (holdings.damaged) {
      // What a damaged slice gave is not in the sum of the ledger: cells may hold more, but not less.
      keep_negative(out.cells);
      keep_negative(out.unexplained);
    }
    return out;
  }

  // Whether what damaged slices gave, of which only the number of rows is known, is all that `events` has beyond the ledger. Then it
  // follows what `events` must be.
  bool explains(const Surplus& surplus, const Holdings& holdings) const {
    int64_t rows = 0;
    for (const SliceKey& key : holdings.replaced) {
      rows += rows_unknown_.at(key);
    }
    return !holdings.damaged && surplus.negative.empty() && surplus.unexplained.empty() &&
           rows_counted(surplus.cells) == rows;
  }

  // They stay as they are: nobody can say what `events` must be with them replaced. That is for somebody to decide.
  void leave_damaged(Holdings& holdings) const {
    Contribution replacements;
    for (const SliceChange& change : unknown_.slices) {
      if (holdings.replaced.contains(change.entry.key)) {
        replacements.insert(replacements.end(), change.contribution.begin(),
                            change.contribution.end());
      }
    }
    canonicalize(replacements);
    holdings.ledger = difference(holdings.ledger, replacements);
    holdings.replaced.clear();
    holdings.damaged = true;
  }

  void plan_replaced(const Holdings& holdings, CommitPlan& plan, VerifyReport& report) const {
    std::copy_if(
        unknown_.slices.begin(), unknown_.slices.end(), std::back_inserter(plan.slices),
        [&](const SliceChange& change) { return holdings.replaced.contains(change.entry.key); });
    for (const SliceChange& change : plan.slices) {
      plan.rows += change.entry.digest.rows;
    }
    report.slices_damaged -= static_cast<int64_t>(plan.slices.size());
    report.slices_repaired += static_cast<int64_t>(plan.slices.size());
  }

  // Differences of the roll-up go into `report`, or what puts it right into the plan.
  void compare_days(const Holdings& holdings, CommitPlan& plan, VerifyReport& report) {
    const auto by_day = [](Contribution cells) {
      for (Cell& cell : cells) {
        cell.key = day_of(cell.key);
      }
      canonicalize(cells);
      return cells;
    };
    // Of the rows of events as they will be.
    const Contribution sums = by_day(merge(holdings.events, plan.cells));
    const Contribution wrong = difference(by_day(holdings.events), holdings.days);
    plan.days = options_.repair ? difference(sums, holdings.days) : Contribution();
    if (wrong.empty()) {
      return;
    }
    note_cells(report, wrong, by_day(holdings.events), holdings.days, "hirestream_days");
    (options_.repair ? report.days_repaired : report.days_different) =
        static_cast<int64_t>(wrong.size());
  }

  void judge_events(const Holdings& holdings, const Surplus& surplus, CommitPlan& plan,
                    VerifyReport& report) {
    report.cells_compared_in_part = holdings.damaged;
    report.cells_beyond_repair =
        static_cast<int64_t>(std::max(surplus.negative.size(), surplus.unexplained.size()));
    report.cells_different =
        report.cells_beyond_repair + static_cast<int64_t>(surplus.cells.size());
    note_cells(report, surplus.unexplained, holdings.frozen, surplus.by_hour,
               "events beyond the ledger, by hour");
    note_cells(report, surplus.cells, holdings.ledger, holdings.events, "events");
    // Guard Shrink: what somebody else added is taken away only if that is allowed; what is missing is put back.
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

  // Rows keep the company that their engine knew until it refreshes its jobs; those of one that is gone wait for the next one's start.
  Result<void> check_companies() {
    for (const auto& [job, rows] : misplaced_) {
      report_.companies_different += rows;
    }
    if (!options_.repair || misplaced_.empty()) {
      return {};
    }
    HIRESTREAM_ASSIGN(std::vector<Job> jobs, ports_.warehouse.load_jobs());
    std::erase_if(jobs, [this](const Job& job) { return !misplaced_.contains(job.job_id); });
    HIRESTREAM_TRY(ports_.warehouse.store_jobs(jobs, ports_.clock.now_us()));
    report_.companies_repaired = std::exchange(report_.companies_different, 0);
    return {};
  }

  Result<void> load_revisions(std::map<std::pair<SourceId, SliceKey>, int64_t>& out) {
    HIRESTREAM_ASSIGN(const std::vector<SourceStatus> sources, ports_.warehouse.sources());
    for (const SourceStatus& source : sources) {
      HIRESTREAM_ASSIGN(const std::vector<LedgerEntry> entries,
                        ports_.warehouse.load_ledger(source.id, {}, INT64_MIN));
      for (const LedgerEntry& entry : entries) {
        out[{source.id, entry.key}] = entry.revision;
      }
    }
    return {};
  }

  // The recount that shall replace a damaged slice, if the slice is still as it was then.
  const SliceChange* replacement_of(SourceId source, const StoredContribution& stored) const {
    const auto at = std::find_if(
        unknown_.slices.begin(), unknown_.slices.end(),
        [&](const SliceChange& change) { return change.entry.key == stored.entry.key; });
    const bool same = source == ledger_.source_id() && at != unknown_.slices.end() &&
                      at->entry.revision == stored.entry.revision;
    return same ? &*at : nullptr;
  }

  Result<void> add_up_ledger(Holdings& holdings) {
    std::map<std::pair<SourceId, SliceKey>, int64_t> revisions;
    HIRESTREAM_TRY(load_revisions(revisions));
    Contribution& sum = holdings.ledger;
    const auto add = [&sum](const Contribution& contribution) {
      sum.insert(sum.end(), contribution.begin(), contribution.end());
    };
    auto at = revisions.begin();
    while (at != revisions.end()) {
      const SourceId source = at->first.first;
      std::vector<SliceKey> keys;
      for (; at != revisions.end() && at->first.first == source && keys.size() < 1024; ++at) {
        keys.push_back(at->first.second);
      }
      HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored,
                        ports_.warehouse.load_contributions(source, keys));
      for (StoredContribution& slice : stored) {
        SliceLedger::distrust(slice);
        if (!slice.damaged) {
          add(slice.contribution);
        } else if (const SliceChange* change = replacement_of(source, slice)) {
          holdings.replaced.insert(slice.entry.key);
          add(change->contribution);
        } else {
          holdings.damaged = true;
        }
      }
    }
    canonicalize(sum);
    return {};
  }

  EnginePorts ports_;
  VerifyOptions options_;
  SliceLedger ledger_;
  VerifyReport report_;
  std::map<SliceKey, LedgerEntry> frozen_;
  std::map<SliceKey, Listed> listed_;
  std::map<int64_t, int64_t> misplaced_;  // of the last look at events
  CommitPlan unknown_;  // replaces damaged slices of which nobody knows what they gave
  std::map<SliceKey, int64_t>
      rows_unknown_;  // of each: rows counted before, less those that replace them
  bool still_open_ =
      false;  // a slice that differed at this look may be one that is filled right now
  int64_t checked_ = 0;
  int64_t total_ = -1;
};

}  // namespace

Result<VerifyReport> verify(const EnginePorts& ports, const VerifyOptions& options) {
  Verifier verifier(ports, options);
  return verifier.run();
}

Result<int64_t> retry_rejects(const EnginePorts& ports, const VerifyOptions& options) {
  VerifyOptions repair = options;
  repair.repair = true;
  Verifier verifier(ports, repair);
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> sources, ports.warehouse.sources());
  std::set<SliceKey> keys;
  for (const SourceStatus& source : sources) {
    if (source.name != options.engine.source_name) {
      continue;
    }
    HIRESTREAM_ASSIGN(const std::vector<StoredReject> rejects,
                      ports.warehouse.load_rejects(source.id, SIZE_MAX));
    for (const StoredReject& reject : rejects) {
      keys.insert(reject.slice);
    }
  }
  return verifier.retry(keys);
}

}  // namespace hirestream
