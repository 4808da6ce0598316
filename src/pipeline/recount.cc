#include "pipeline/recount.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr const char* kCountSlice = "count slice";

std::string why_held(const Recount& recount) {
  if (recount.change_is_unknown()) {
    return "stored contribution is damaged: run `hirestream verify --repair`";
  }
  const std::string rows = std::to_string(recount.found().rows) + " rows found, " +
                           std::to_string(recount.entry().digest.rows) + " counted before: held ";
  if (const std::string& file = recount.entry().name; !file.empty()) {
    return file + ": " + rows +
           "(was it cut, or rotated to a name that is not read? --allow-shrink takes it as it is "
           "now)";
  }
  if (recount.lacks_rows()) {
    return rows + "(stale replica, TRUNCATE, wrong cluster, TTL, INSERT OR REPLACE in SQLite?)";
  }
  return rows +
         "(as many rows, but they give less than was counted: was a column dropped or renamed, or "
         "what they say overwritten? --allow-shrink takes it as it is now)";
}

void plan_entry(CommitPlan& plan, const LedgerEntry& entry, SliceEvent event,
                std::string detail = {}) {
  SliceChange change;
  change.entry = entry;
  change.mode = ChangeMode::kKeep;
  plan.slices.push_back(std::move(change));
  plan.news.push_back({event, entry.key, std::move(detail)});
}

// Settled, whether its time is over or not: it is not polled any more, and audits look at it.
void plan_hold(CommitPlan& plan, const Recount& recount, int64_t now_us) {
  LedgerEntry entry = recount.entry();
  if (entry.held && entry.state == SliceState::kSettled) {
    return;
  }
  entry.held = true;
  entry.state = SliceState::kSettled;
  entry.settled_at_us = entry.settled_at_us == 0 ? now_us : entry.settled_at_us;
  entry.audited_at_us = now_us;
  plan_entry(plan, entry, SliceEvent::kHeld, why_held(recount));
}

}  // namespace

void SliceCount::add(RowClassifier& classifier, const TrackingBatch& batch) {
  std::vector<uint32_t> rows(batch.rows());
  std::iota(rows.begin(), rows.end(), 0);
  add(classifier, batch, rows);
}

void SliceCount::add(RowClassifier& classifier, const TrackingBatch& batch,
                     std::span<const uint32_t> rows) {
  std::vector<uint32_t> fresh;
  fresh.reserve(rows.size());
  for (const uint32_t row : rows) {
    if (ids.insert(batch.id(row))) {
      fresh.push_back(row);
      position_max = std::max(position_max, batch.position(row));
    }
  }
  tally.add(classifier, batch, fresh);
}

void SliceCount::add_in_order(RowClassifier& classifier, const TrackingBatch& batch,
                              std::span<const int64_t> noted) {
  if (noted.empty() || noted.back() <= tally.digest().rows) {
    return tally.add(classifier, batch);
  }
  std::vector<uint32_t> rows(batch.rows());
  std::iota(rows.begin(), rows.end(), 0);
  for (std::span<const uint32_t> rest = rows; !rest.empty();) {
    const auto next = std::ranges::upper_bound(noted, tally.digest().rows);
    const size_t wanted =
        next == noted.end() ? rest.size() : static_cast<size_t>(*next - tally.digest().rows);
    const size_t size = std::min(wanted, rest.size());
    tally.add(classifier, batch, rest.first(size));
    rest = rest.subspan(size);
    // Rows from before the start do not count.
    if (next != noted.end() && tally.digest().rows == *next) {
      first_rows.push_back(tally.digest());
    }
  }
}

Result<void> check_sums(const SliceKey& slice, const Tally& tally) {
  const std::optional<CellKey> cell = tally.beyond();
  if (!cell) {
    return {};
  }
  return fail(ErrorKind::kRejected, kCountSlice,
              std::to_string(slice.shard) + "/" + std::to_string(slice.bucket),
              "the bids of job " + std::to_string(cell->job_id) + " on " +
                  format_date(cell->days()) + ", hour " + std::to_string(cell->hour()) +
                  ", add up to more than 9.2 × 10¹²: one of them must be wrong",
              "correct or delete those rows in the raw log, then start again; nothing of the slice "
              "was counted");
}

Error of_file(Error error, const std::string& name) {
  if (error.operation == kCountSlice) {
    error.subject = name;
  }
  return error;
}

bool lowers_totals(const Contribution& change) {
  Measures totals;
  for (const Cell& cell : change) {
    if (!totals.can_add(cell.measures)) {
      return true;
    }
    totals += cell.measures;
  }
  return totals.any_negative();
}

Result<void> judge(Recount& recount, const Policy& policy) {
  HIRESTREAM_TRY(check_sums(recount.entry().key, recount.count.tally));
  recount.whole = recount.count.tally.contribution();
  recount.change = recount.stored.damaged ? Contribution()
                                          : difference(recount.whole, recount.stored.contribution);
  Comparison comparison;
  comparison.found = recount.found();
  comparison.differs = !recount.change.empty();
  comparison.takes_away =
      std::any_of(recount.change.begin(), recount.change.end(),
                  [](const Cell& cell) { return cell.measures.any_negative(); });
  comparison.lowers_totals = lowers_totals(recount.change);
  comparison.trust = recount.trust;
  recount.action = decide(recount.entry(), recount.stored.damaged, comparison, policy);
  return {};
}

void plan_replacement(CommitPlan& plan, Recount&& recount, SliceState state,
                      const SliceLabel& label, int64_t now_us) {
  const LedgerEntry& before = recount.entry();
  const RowDigest& digest = recount.found();
  const RowClasses& classes = recount.count.tally.classes();
  recount.count.tally.set_place(label.name);
  const bool was_settled = before.state == SliceState::kSettled && before.revision != 0;
  const bool corrected = was_settled && !recount.same();
  plan.rows += digest.rows;
  plan.new_rows += std::max<int64_t>(0, digest.rows - before.digest.rows);
  plan.rejected += std::max<int64_t>(0, classes.rejected - before.classes.rejected);
  if (before.revision == 0) {
    plan.add_fresh(recount.count.tally, recount.whole);
  }
  if (corrected) {
    plan.news.push_back(
        {SliceEvent::kCorrected, before.key, std::to_string(digest.rows) + " rows"});
  } else if (state == SliceState::kSettled && !was_settled) {
    plan.news.push_back({SliceEvent::kSettled, before.key, ""});
  } else if (before.held) {
    plan.news.push_back({SliceEvent::kReleased, before.key, ""});
  }
  SliceChange change;
  change.entry = before;
  change.entry.name = label.name;
  change.entry.tag = label.tag;
  change.entry.state = state;
  change.entry.digest = digest;
  change.entry.classes = classes;
  change.entry.held = false;
  if (corrected) {
    change.entry.corrected_at_us = now_us;
  }
  if (state == SliceState::kSettled) {
    change.entry.settled_at_us = before.settled_at_us == 0 ? now_us : before.settled_at_us;
    change.entry.audited_at_us = now_us;
  } else {
    // One that was held before its time: its audits count from when it settles.
    change.entry.settled_at_us = 0;
  }
  change.mode = ChangeMode::kReplace;
  change.contribution = std::move(recount.whole);
  change.rejects = recount.count.tally.rejects();
  change.not_counted = recount.count.tally.not_counted().all();
  plan.cells.insert(plan.cells.end(), recount.change.begin(), recount.change.end());
  plan.slices.push_back(std::move(change));
}

void plan_action(CommitPlan& plan, Recount&& recount, SliceState state, const SliceLabel& label,
                 int64_t now_us) {
  switch (recount.action) {
    case Action::kKeep:
    case Action::kWait:
      return;
    case Action::kAudit:
    case Action::kRelease: {
      LedgerEntry entry = recount.entry();
      entry.audited_at_us = now_us;
      entry.held = false;
      const bool audit = recount.action == Action::kAudit;
      return plan_entry(plan, entry, audit ? SliceEvent::kAudited : SliceEvent::kReleased);
    }
    case Action::kReplace:
      return plan_replacement(plan, std::move(recount), state, label, now_us);
    case Action::kHold:
      return plan_hold(plan, recount, now_us);
  }
  HIRESTREAM_CHECK(false);
}

void plan_freeze(CommitPlan& plan, StoredContribution&& stored, int32_t day) {
  SliceChange change;
  change.entry = stored.entry;
  change.mode = ChangeMode::kFreeze;
  plan.freeze(stored.entry.key.shard, day, stored.entry.digest, stored.entry.classes,
              stored.contribution);
  plan.news.push_back({SliceEvent::kFrozen, stored.entry.key, ""});
  plan.slices.push_back(std::move(change));
}

void plan_history(CommitPlan& plan, const SliceKey& key, int32_t day, const Tally& tally) {
  if (tally.empty()) {
    return;
  }
  const Contribution cells = tally.contribution();
  plan.freeze(key.shard, day, tally.digest(), tally.classes(), cells);
  plan.cells.insert(plan.cells.end(), cells.begin(), cells.end());
  plan.rows += tally.digest().rows;
  plan.new_rows += tally.digest().rows;
  plan.add_fresh(tally, cells);
  plan.rejected += tally.classes().rejected;
  SliceChange change;
  change.entry.key = key;
  change.mode = ChangeMode::kFreeze;
  change.rejects = tally.rejects();
  if (!tally.not_counted().empty()) {
    plan.frozen_kinds[key.shard].add(tally.not_counted());
  }
  plan.slices.push_back(std::move(change));
}

Result<void> read_all(const EnginePorts& ports, SweepRequest request,
                      const std::function<Result<void>(const SweepPage&)>& take) {
  int64_t told_us = ports.clock.now_us();
  int64_t told_requests = ports.source.statistics().requests;
  HIRESTREAM_ASSIGN(const auto sweep, ports.source.sweep(std::move(request)));
  for (;;) {
    HIRESTREAM_ASSIGN(const auto page, sweep->next());
    if (page) {
      HIRESTREAM_TRY(take(*page));
    }
    // Page by page: whoever watches sees that a read of many minutes goes on.
    const int64_t now_us = ports.clock.now_us();
    const int64_t requests = ports.source.statistics().requests;
    ports.observer.on_read(page ? static_cast<int64_t>(page->rows.rows()) : 0,
                           requests - told_requests, now_us - told_us);
    told_us = now_us;
    told_requests = requests;
    if (!page) {
      return {};
    }
  }
}

Result<void> Recounter::count(const std::vector<Recount*>& targets, ReadLevel level,
                              std::span<const int64_t> noted) {
  std::unordered_map<SliceKey, Recount*, SliceKeyHash> by_key;
  std::vector<SliceRead> requests;
  requests.reserve(targets.size());
  const bool unique = ports_.source.description().unique_rows;
  for (Recount* target : targets) {
    by_key.emplace(target->entry().key, target);
    requests.push_back({target->entry().key, std::nullopt});
  }
  return read_all(ports_, {std::move(requests), level, true}, [&](const SweepPage& page) {
    const auto target = by_key.find(page.slice.value());
    HIRESTREAM_CHECK(target != by_key.end());
    SliceCount& slice = target->second->count;
    if (page.anew) {
      slice = SliceCount();
    }
    if (unique) {
      slice.add_in_order(ledger_.classifier(), page.rows, noted);
    } else {
      slice.add(ledger_.classifier(), page.rows);
    }
    return Result<void>();
  });
}

Result<std::vector<Recount>> Recounter::recount(std::span<const SliceKey> keys,
                                                const PolicyOf& policy_of,
                                                std::span<const int64_t> noted) {
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored, ledger_.load_contributions(keys));
  HIRESTREAM_CHECK(stored.size() == keys.size());
  const bool replicas = ports_.source.description().replicas;
  std::vector<Recount> out(keys.size());
  std::vector<Recount*> all;
  for (size_t i = 0; i < keys.size(); ++i) {
    out[i].stored = std::move(stored[i]);
    out[i].stored.entry.key = keys[i];
    out[i].trust = replicas ? Trust::kConfigured : Trust::kStrongest;
    all.push_back(&out[i]);
  }
  HIRESTREAM_TRY(count(all, ReadLevel::kConfigured, noted));
  std::vector<Recount*> suspects;
  for (Recount& recount : out) {
    HIRESTREAM_TRY(judge(recount, policy_of(recount.entry())));
    if (recount.action == Action::kWait) {
      suspects.push_back(&recount);
    }
  }
  if (suspects.empty()) {
    return out;
  }
  // Guard Shrink: a stale replica answers with fewer rows; ask again as strongly as the source can.
  std::vector<SliceCount> first_counts;
  for (Recount* suspect : suspects) {
    first_counts.push_back(std::exchange(suspect->count, SliceCount()));
  }
  const auto strong = count(suspects, ReadLevel::kStrongest, noted);
  if (!strong && strong.error().kind != ErrorKind::kTransient) {
    return forward(strong.error());
  }
  if (!strong) {
    ports_.observer.on_retry(strong.error(), 1, 0);
    unconfirmed_ = strong.error();
  }
  for (size_t i = 0; i < suspects.size(); ++i) {
    if (!strong) {
      suspects[i]->count = std::move(first_counts[i]);
    }
    suspects[i]->trust = strong ? Trust::kStrongest : Trust::kUnconfirmed;
    HIRESTREAM_TRY(judge(*suspects[i], policy_of(suspects[i]->entry())));
  }
  return out;
}

}  // namespace hirestream
