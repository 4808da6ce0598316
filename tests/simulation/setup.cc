#include "simulation/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "model/mix64.h"
#include "model/scan_bucket.h"
#include "model/timestamp.h"

namespace hirestream::simulation {
namespace {

constexpr int64_t kHourUs = 3600 * kSecondUs;
constexpr int64_t kJobs = 6;
constexpr int64_t kManyJobs = 60;

// Zero for half of the seeds, else up to `max`.
double some(Random& random, double max) {
  return random.chance(0.5) ? 0.0 : max * static_cast<double>(random.between(1, 100)) / 100.0;
}

int64_t seconds_between(Random& random, int64_t low, int64_t high) {
  return random.between(low * 1000, high * 1000) * 1000;
}

void draw_times(Setup& setup, Random& random) {
  EngineOptions& options = setup.options;
  options.poll_interval_us = random.pick<int64_t>({100'000, 250'000, 250'000, 500'000});
  options.overlap_us = random.pick<int64_t>({0, 300'000, 1'000'000});
  options.look_back_interval_us = random.between(2, 5) * kSecondUs;
  options.look_back_us = options.look_back_interval_us + random.between(2, 6) * kSecondUs;
  options.grace_us = random.pick<int64_t>({20, 30, 60, 120}) * kSecondUs;
  const int64_t first = random.between(30, 60) * kSecondUs;
  options.audit_delays_us = {first, first * 3, first * 3 + random.between(60, 200) * kSecondUs};
  options.retention_us =
      random.chance(0.3) ? options.audit_delays_us.back() + 60 * kSecondUs : 7 * 24 * kHourUs;
  options.discover_interval_us = random.between(20, 60) * kSecondUs;
  options.jobs_interval_us = random.between(5, 30) * kSecondUs;
  options.scan_interval_us = random.between(3, 10) * kSecondUs;
  options.scan_window_us = random.between(120, 600) * kSecondUs;
  options.full_scan_interval_us = random.between(30, 90) * kSecondUs;
  options.slices_per_read = static_cast<int32_t>(random.pick<int64_t>({1, 3, 16, 512}));
  options.rows_per_commit = random.pick<int64_t>({1, 50, 1000, 100'000});
}

void draw_source(Setup& setup, Random& random) {
  setup.source.strategy = setup.strategy;
  setup.source.kind = setup.strategy == Strategy::kFollow ? "sqlite" : "cassandra";
  setup.source.identity = "simulated raw log";
  setup.text_columns = random.chance(0.5);
  switch (setup.strategy) {
    case Strategy::kTail:
      setup.source.shard_count = static_cast<int32_t>(random.between(1, 4));
      setup.source.bucket_width = BucketWidth::seconds(random.pick<int64_t>({10, 20, 60}));
      setup.source.range_reads = random.chance(0.75);
      break;
    case Strategy::kFollow:
      setup.source.bucket_width = BucketWidth::rows(random.pick<int64_t>({5, 20, 100}));
      break;
    default:
      setup.source.bucket_width = BucketWidth::seconds(random.pick<int64_t>({10, 60}));
      break;
  }
  describe_reads(setup.source);
  setup.options.source_name = "raw log";
  setup.options.owner = "simulation";
  if (setup.source.shard_count > 1 && random.chance(0.3)) {
    setup.groups.resize(2);
    for (int32_t shard = 0; shard < setup.source.shard_count; ++shard) {
      setup.groups[static_cast<size_t>(shard % 2)].push_back(shard);
    }
  } else {
    setup.groups.emplace_back();
  }
}

const Zone& zone(const std::string& name) {
  return *std::ranges::find(zones(), name, &Zone::name);
}

// The zone in which is reported, often on the day when its clocks change. Drawn from a chance of
// its own: the other seeds stay what they were.
void draw_zone(Setup& setup, uint64_t seed) {
  Random random(seed * 41'419 + 43);
  setup.zone_drawn = random.chance(0.5);
  if (!setup.zone_drawn) {
    return;
  }
  setup.reading.zone = random.pick(zones());
  const std::vector<int64_t> changes = setup.reading.zone.changes();
  if (!changes.empty() && random.chance(0.7)) {
    setup.start_us = random.pick(changes) - seconds_between(random, 0, 300);
  }
}

void draw_reading(Setup& setup, Random& random) {
  CountingOptions& counting = setup.options.counting;
  setup.reading.payload_attribution = random.chance(0.4);
  counting.attribution =
      setup.reading.payload_attribution ? Attribution::kPayload : Attribution::kColumns;
  if (random.chance(0.3) && !setup.zone_drawn) {
    // Half an hour off the full hour and never any summer time.
    setup.reading.zone = zone("Asia/Kolkata");
  }
  counting.reporting_zone = TimeZone::find(setup.reading.zone.name).value();
  counting.future_max_us = random.pick<int64_t>({600, 86'400}) * kSecondUs;
  setup.reading.ts_min_us = counting.ts_min_us;
  setup.reading.future_max_us = counting.future_max_us;
}

void draw_rates(Setup& setup, Random& random) {
  setup.rows_per_s = random.pick<double>({0.5, 1, 2, 2, 5});
  setup.skewed_writers = some(random, 0.4);
  setup.late_prompt = some(random, 0.3);
  setup.late_audit = some(random, 0.1);
  setup.replayed = some(random, 0.03);
  setup.overwritten = some(random, 0.05);
  setup.odd_values = some(random, 0.3);
  FaultRates& rates = setup.rates;
  rates.stale_read = some(random, 0.3);
  rates.duplicate_delivery = some(random, 0.1);
  rates.crash = some(random, 0.01);
  rates.slow = some(random, 0.01);
  rates.read_error = some(random, 0.03);
  rates.deadlock = some(random, 0.1);
  rates.lost_before_commit = some(random, 0.05);
  rates.lost_after_commit = some(random, 0.05);
  rates.server_goes = true;
  rates.delayed_commit = some(random, 0.05);
  rates.warehouse_error = some(random, 0.03);
  rates.lost_epoch_answer = some(random, 0.2);
  rates.jobs_error = some(random, 0.2);
}

void draw_faults(Setup& setup, Random& random) {
  if (random.chance(0.15)) {
    setup.rates.crash = 0;
    return;
  }
  int64_t at_us = setup.start_us + (random.chance(0.5) ? 0 : seconds_between(random, 5, 40));
  while (at_us < setup.faults_end_us) {
    const int64_t to_us = std::min(setup.faults_end_us, at_us + seconds_between(random, 5, 40));
    setup.fault_windows.emplace_back(at_us, to_us);
    if (random.chance(0.1)) {
      setup.warehouse_outages.emplace_back(at_us,
                                           std::min(to_us, at_us + seconds_between(random, 1, 30)));
    }
    if (random.chance(0.1)) {
      setup.source_outages.emplace_back(at_us,
                                        std::min(to_us, at_us + seconds_between(random, 1, 30)));
    }
    at_us = to_us + seconds_between(random, 15, 60);
  }
}

void draw_events(Setup& setup, Random& random) {
  const auto times = [&](int64_t count_max) {
    std::vector<int64_t> out;
    const int64_t count = random.chance(0.4) ? 0 : random.between(1, count_max);
    for (int64_t i = 0; i < count; ++i) {
      out.push_back(random.between(setup.start_us, setup.faults_end_us));
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  setup.takeovers_us = times(4);
  setup.verifications_us = times(5);
  if (random.chance(0.4)) {
    setup.clock_error_max_us = seconds_between(random, 0, 3);
    setup.clock_steps_us = times(6);
    if (setup.strategy == Strategy::kTail && random.chance(0.3)) {
      // Further than the run is long: a stamp of such a clock can be told from the others.
      setup.clock_step_us = seconds_between(random, 5000, 10'000);
      setup.options.retention_us = 7 * 24 * kHourUs;  // what such a clock freezes stays frozen
    }
  }
  if (random.chance(0.15) && *setup.options.retention_us > 24 * kHourUs) {
    setup.damages_us =
        times(2);  // what a frozen slice gave cannot be told from what a damaged one gave
  }
  for (int64_t job = 1; job <= setup.jobs; ++job) {
    if (random.chance(0.15)) {
      continue;  // a job that the dimension never knows
    }
    Job known;
    known.job_id = job;
    known.company_id = random.between(1, 3);
    known.title = fmt::format("job {}", job);
    int64_t at_us = random.chance(0.5) ? 0 : random.between(setup.start_us, setup.writing_end_us);
    setup.job_changes.push_back({at_us, known});
    while (random.chance(0.3)) {
      at_us = random.between(std::max(at_us, setup.start_us), setup.faults_end_us);
      known.company_id = random.between(1, 3);
      setup.job_changes.push_back({at_us, known});
    }
  }
  std::ranges::sort(setup.job_changes, {}, [](const JobChange& change) {
    return std::pair(change.at_us, change.job.job_id);
  });
}

// So many rows in one slice that the engine must forget ids it has counted.
void make_rush(Setup& setup) {
  setup.source.bucket_width =
      setup.strategy == Strategy::kFollow ? BucketWidth::rows(10'000) : BucketWidth::seconds(60);
  setup.source.shard_count = 1;
  setup.groups = {{}};
  setup.rows_per_s = 150;
  setup.history_us = 0;
  setup.writing_end_us = std::min(setup.writing_end_us, setup.start_us + 80 * kSecondUs);
}

// So many slices before the first start that the engine reads them in storage order.
void make_long_history(Setup& setup, Random& random) {
  setup.source.bucket_width = BucketWidth::seconds(10);
  setup.source.shard_count = 4;
  setup.source.ring_reads = true;
  setup.groups = {{}};
  setup.rows_per_s = 1;
  setup.history_us = seconds_between(random, 700, 1500);
}

// Rows go and come back. Drawn from a chance of its own: other seeds stay what they were.
void draw_gone_rows(Setup& setup, uint64_t seed) {
  Random random(seed * 7919 + static_cast<uint64_t>(setup.strategy));
  if (!random.chance(0.2)) {
    return;
  }
  setup.gone_share = random.pick<double>({0.02, 0.2, 1});
  setup.gone_from_us = random.between(setup.start_us, setup.faults_end_us);
  setup.gone_until_us = setup.gone_from_us + seconds_between(random, 5, 150);
}

// The table cannot be read for longer than the window of a bounded scan reaches back. Drawn from a
// chance of its own, too.
void draw_long_outage(Setup& setup, uint64_t seed) {
  Random random(seed * 4271 + 29);
  const int64_t from_us = random.between(setup.start_us, setup.faults_end_us);
  const int64_t to_us = from_us + setup.options.scan_window_us - setup.options.grace_us +
                        seconds_between(random, 0, 60);
  if (setup.strategy == Strategy::kScan && to_us < setup.faults_end_us && random.chance(0.5)) {
    setup.source_outages.emplace_back(from_us, to_us);
    setup.options.full_scan_interval_us = setup.options.scan_window_us * 2;
    setup.end_us += setup.options.full_scan_interval_us;
  }
}

// The table cannot be read for so long that slices come to their time to freeze with an audit that
// waits. Drawn from a chance of its own, too.
void draw_outage_of_audits(Setup& setup, uint64_t seed) {
  Random random(seed * 5419 + 31);
  if (setup.strategy != Strategy::kTail || setup.options.retention_us == 7 * 24 * kHourUs ||
      !random.chance(0.3)) {
    return;
  }
  const int64_t from_us =
      random.between(setup.start_us, setup.writing_end_us) + setup.options.audit_delays_us.front();
  const int64_t to_us = from_us + seconds_between(random, 90, 200);
  setup.source_outages.emplace_back(from_us, to_us);
  setup.long_outage_us = to_us - from_us;
  setup.end_us = std::max(setup.end_us, to_us + 400 * kSecondUs);
}

// A replica is down: missing rows cannot be confirmed for a while, which the clock may step over.
// Drawn from a chance of its own, too.
void draw_replica_outages(Setup& setup, uint64_t seed) {
  Random random(seed * 7687 + 43);
  const bool steps = setup.clock_step_us != 0;
  if (!random.chance(steps ? 0.7 : 0.15) || setup.faults_end_us <= setup.start_us) {
    return;
  }
  std::vector<int64_t> from_us = {random.between(setup.start_us, setup.faults_end_us)};
  for (const int64_t step_us : steps ? setup.clock_steps_us : std::vector<int64_t>()) {
    from_us.push_back(step_us - seconds_between(random, 5, 30));
  }
  for (const int64_t at_us : from_us) {
    setup.replica_outages.emplace_back(
        at_us, std::min(setup.faults_end_us, at_us + seconds_between(random, 10, 60)));
  }
}

// A scan commits in several parts. Drawn from a chance of its own, too.
void draw_small_commits(Setup& setup, uint64_t seed) {
  Random random(seed * 5171 + 41);
  if (setup.strategy == Strategy::kScan && random.chance(0.5)) {
    setup.options.slices_per_commit = static_cast<size_t>(random.between(1, 5));
  }
}

// Slices that lie where parts of the ring begin. Drawn from a chance of its own, too.
void draw_round_places(Setup& setup, uint64_t seed) {
  Random random(seed * 11'285 + 37);
  setup.round_places = random.chance(0.5);
}

// A table whose keys may be spelled in two ways: a scan may deliver a row more than once. Drawn
// from a chance of its own, too.
void draw_repeated_rows(Setup& setup, uint64_t seed) {
  Random random(seed * 9421 + 73);
  if (setup.strategy == Strategy::kScan && setup.text_columns && random.chance(0.2)) {
    setup.source.unique_rows = false;
  }
}

// Ids as some tables have them, in one column or in a few. Drawn from a chance of its own, too.
void draw_odd_ids(Setup& setup, uint64_t seed) {
  Random random(seed * 6203 + 59);
  if (!random.chance(0.3)) {
    return;
  }
  setup.id_spread = random.next();
  for (const Column column :
       {Column::kJobId, Column::kPublisherId, Column::kCampaignId, Column::kGroupId}) {
    if (random.chance(0.4)) {
      setup.odd_ids.push_back(column);
    }
  }
}

// Some of the history is not to be counted. Drawn from a chance of its own, too.
void draw_start(Setup& setup, uint64_t seed) {
  Random random(seed * 4591 + 3);
  if (setup.history_us > 0 && random.chance(0.25)) {
    setup.options.counting.start_at_us =
        setup.start_us - random.between(0, setup.history_us / 10) * 10;
    setup.reading.start_at_us = *setup.options.counting.start_at_us;
  }
}

// A disk without space. Drawn from a chance of its own, too.
void draw_full_warehouse(Setup& setup, uint64_t seed) {
  Random random(seed * 7177 + 53);
  if (!random.chance(0.2) || setup.faults_end_us <= setup.start_us) {
    return;
  }
  const int64_t from_us = random.between(setup.start_us, setup.faults_end_us);
  setup.warehouse_full.emplace_back(
      from_us, std::min(setup.faults_end_us, from_us + seconds_between(random, 1, 60)));
}

// Rows with a short time to live. Drawn from a chance of its own, too.
void draw_early_expiry(Setup& setup, uint64_t seed) {
  Random random(seed * 8219 + 61);
  if (random.chance(0.1)) {
    setup.early_expiry = random.pick<double>({0.001, 0.01, 0.1});
  }
}

// Rows of one slice of a scan arrive together, and mostly expire together, after their slice has
// frozen. Drawn from a chance of its own, too.
void draw_arrivals(Setup& setup, uint64_t seed) {
  Random random(seed * 3469 + 19);
  if (setup.strategy != Strategy::kScan) {
    return;
  }
  const int64_t width_s = random.pick<int64_t>({30, 120, 120, 86'400});
  setup.source.arrival_width = BucketWidth::seconds(width_s);
  if (width_s < 3600 && random.chance(0.6)) {
    const int64_t age_us = seconds_between(random, width_s, 400);
    setup.options.retention_us = age_us;
    setup.damages_us.clear();  // what a frozen slice gave cannot be told from what these gave
    setup.source.lifetime_us = age_us + width_s * kSecondUs + setup.options.full_scan_interval_us +
                               random.pick<int64_t>({0, 60, 200}) * kSecondUs;
  }
}

// A repair while an engine scans, and while it counts history, too. Drawn from a chance of its own.
void draw_repairs_within(Setup& setup, uint64_t seed) {
  Random random(seed * 6661 + 47);
  const bool history = setup.history_us > *setup.options.retention_us;
  if (setup.strategy != Strategy::kScan || !random.chance(history ? 0.8 : 0.3)) {
    return;
  }
  for (int i = 0; i < 3; ++i) {
    setup.repairs_within_us.push_back(setup.start_us + random.between(30, 110) * 1000);
    setup.repairs_within_us.push_back(random.between(setup.start_us, setup.faults_end_us));
  }
  std::sort(setup.repairs_within_us.begin(), setup.repairs_within_us.end());
}

// Somebody lets slices shrink where rows are missing only because they have expired: those stay.
// (Texts for times of arrival may say none, and age not.) Drawn from a chance of its own, too.
void draw_allowed_shrink(Setup& setup, uint64_t seed) {
  Random random(seed * 3911 + 23);
  const bool expired_only = setup.source.lifetime_us && setup.early_expiry == 0 &&
                            setup.gone_share == 0 && setup.rates.stale_read == 0 &&
                            setup.late_audit == 0 && !setup.text_columns &&
                            setup.options.grace_us <= *setup.options.retention_us;
  if (!expired_only) {
    return;
  }
  setup.options.allow_shrink = true;
  // The table cannot be read until rows have expired whose slices are in the ledger. All were
  // counted before: new rows beside missing ones cannot be told.
  const int64_t from_us = setup.faults_end_us + 30 * kSecondUs;
  const int64_t to_us = from_us + *setup.source.lifetime_us + seconds_between(random, 0, 60);
  setup.source_outages.emplace_back(from_us, to_us);
  setup.long_outage_us = to_us - from_us;
  setup.end_us = std::max(setup.end_us, to_us + 400 * kSecondUs);
}

// A new version of the program makes row hashes of other things. Drawn from a chance of its own,
// too.
void draw_upgrade(Setup& setup, uint64_t seed) {
  Random random(seed * 2833 + 7);
  if (random.chance(0.15)) {
    setup.upgrade_us = random.between(setup.start_us, setup.faults_end_us);
  }
}

// Discoveries take many steps. Drawn from a chance of its own, too.
void draw_discovery_parts(Setup& setup, uint64_t seed) {
  Random random(seed * 5879 + 11);
  if (random.chance(0.3)) {
    setup.discovery_part = static_cast<size_t>(random.pick<int64_t>({1, 3, 20}));
  }
}

// Commits of history are small. Drawn from a chance of its own, too.
void draw_history_commits(Setup& setup, uint64_t seed) {
  Random random(seed * 7727 + 29);
  if (random.chance(0.3)) {
    setup.options.history_cells_per_commit =
        static_cast<size_t>(random.pick<int64_t>({1, 30, 200}));
  }
}

// The number of shards grows, at the begin of a bucket. Drawn from a chance of its own, too.
void draw_more_shards(Setup& setup, uint64_t seed) {
  Random random(seed * 6133 + 17);
  // With a clock that is far off, or engines of given shards, it is no matter of a restart alone.
  if (setup.strategy != Strategy::kTail || setup.groups.size() > 1 || setup.clock_step_us != 0 ||
      !random.chance(0.3)) {
    return;
  }
  const int64_t width_us = setup.source.bucket_width.us();
  setup.more_shards = setup.source.shard_count * 2 + static_cast<int32_t>(random.below(2));
  setup.more_shards_from_us =
      random.between(setup.start_us, setup.writing_end_us) / width_us * width_us;
  setup.announced_us = setup.more_shards_from_us - seconds_between(random, 10, 120);
  if (random.chance(0.5)) {
    setup.restart_us = random.between(setup.announced_us, setup.more_shards_from_us);
  }
}

// Writers note what they write late. Drawn from a chance of its own, too.
void draw_late_notes(Setup& setup, uint64_t seed) {
  Random random(seed * 8837 + 31);
  setup.notes_late = setup.strategy == Strategy::kTail && random.chance(0.3);
  setup.notes_anywhere = setup.notes_late && random.chance(0.3);
}

// The table loses a column, or is made anew. Drawn from a chance of its own, too.
void draw_changed_table(Setup& setup, uint64_t seed) {
  Random random(seed * 7529 + 59 + static_cast<uint64_t>(setup.strategy));
  // Where rows expire those that are lost cannot be told from them.
  const bool rows_stay =
      setup.early_expiry == 0 && !setup.source.lifetime_us && !setup.options.allow_shrink;
  if (!random.chance(0.12) || !rows_stay || setup.faults_end_us <= setup.start_us) {
    return;
  }
  setup.changed_us = random.between(setup.start_us, setup.faults_end_us);
  setup.adopted_us = setup.changed_us + seconds_between(random, 1, 60);
  setup.end_us = std::max(setup.end_us, setup.adopted_us + 400 * kSecondUs);
  setup.source.columns = columns_but(std::nullopt);
  setup.damages_us.clear();  // what a damaged slice gave before is not known
  if (random.chance(0.6)) {
    setup.dropped_column = kColumnsToDrop[random.below(kColumnsToDrop.size())];
    return;
  }
  setup.lost_share = random.pick<double>({0, 0.02, 0.3, 1});
  if (random.chance(0.5)) {
    setup.filled_us = setup.changed_us + seconds_between(random, 1, 150);
  }
  setup.source_outages.emplace_back(setup.changed_us,
                                    setup.changed_us + seconds_between(random, 0, 20));
}

// Draws rows.
class RowMaker {
 public:
  RowMaker(const Setup& setup, Random& random) : setup_(setup), random_(random) {
    for (int i = 0; i < 4; ++i) {
      const bool skewed = random.chance(setup.skewed_writers);
      const int64_t most_s = random.chance(0.5) ? 4 : 90;
      skews_us_.push_back(skewed ? seconds_between(random, -most_s, most_s) : 0);
    }
  }

  // A row written at that time, all but its versions.
  RawRow identity(int64_t written_us, int64_t number, bool replayed) {
    RawRow row;
    const size_t writer = random_.below(skews_us_.size());
    row.arrival_us = written_us + (setup_.strategy == Strategy::kTail ? skews_us_[writer] : 0);
    if (replayed) {
      row.arrival_us -= seconds_between(random_, 1800, 8 * 3600);
    }
    int64_t ticks = row.arrival_us * 10 + random_.between(0, 9);
    if (last_ticks_ != 0 && random_.chance(0.02)) {
      ticks = last_ticks_;  // two servers write within the same 100 ns
      row.arrival_us = ticks / 10;
    }
    last_ticks_ = ticks;
    // The node makes the id unique.
    row.id = make_version_1(ticks, static_cast<uint16_t>(writer), static_cast<uint64_t>(number));
    row.sequence = number + 1;  // as AUTOINCREMENT counts
    const bool ids_are_text =
        setup_.text_columns && (setup_.strategy != Strategy::kTail || !setup_.source.range_reads);
    if (ids_are_text && odd(0.03)) {
      row.id_text = fmt::format("no uuid {}", number);
    }
    return row;
  }

  // A later version of a row: new in every column, or with another bid alone.
  RowValues overwrite(const RowValues& before, int64_t event_us) {
    if (random_.chance(0.7)) {
      return values(event_us);
    }
    RowValues out = before;
    out.bid = bid();
    return out;
  }

  RowValues values(int64_t event_us) {
    RowValues out;
    out.ts = timestamp(event_us);
    out.job_id = integer(id_of(Column::kJobId, random_.between(1, setup_.jobs)), 0.1);
    out.publisher_id = integer(id_of(Column::kPublisherId, random_.between(1, 2)), 0.1);
    out.campaign_id = integer(id_of(Column::kCampaignId, random_.between(1, 2)), 0.15);
    out.group_id = integer(id_of(Column::kGroupId, 1), 0.5);
    out.bid = bid();
    static const std::vector<std::string> kTracks = {
        "click", "click", "conversion", "qualified", "unqualified", "alive", "redirect"};
    if (random_.chance(0.6)) {
      out.custom_track = random_.pick(kTracks);
    } else if (random_.chance(0.2)) {
      out.custom_track = "";
    }
    if (!odd(0.2)) {
      out.ev = odd(0.2) ? "2" : "1";
    }
    payload(out);
    return out;
  }

 private:
  bool odd(double probability) { return random_.chance(probability * setup_.odd_values * 3); }

  // The id of the column's job, publisher … of that number.
  int64_t id_of(Column column, int64_t number) const {
    const uint64_t spread =
        mix64(setup_.id_spread + static_cast<uint64_t>(number) * 8 + static_cast<uint64_t>(column));
    if (!std::ranges::count(setup_.odd_ids, column) || spread % 2 == 0) {
      return number;
    }
    switch (spread / 2 % 8) {
      case 0:
        return 0;
      case 1:
        return -number;
      case 2:
        return INT64_MAX - number;
      default:
        return (int64_t{1} << spread / 16 % 62) + number;
    }
  }

  Value timestamp(int64_t event_us) {
    Value out;
    if (odd(0.05)) {
      return out;
    }
    if (odd(0.03)) {
      event_us = random_.chance(0.5) ? 900'000'000 * kSecondUs : event_us + 3 * 24 * kHourUs;
    }
    if (random_.chance(0.02)) {
      // The first millisecond of an hour, here or where the clocks are half an hour off, or the
      // last one before it.
      event_us = event_us / (kHourUs / 2) * (kHourUs / 2) - 1000 * random_.between(0, 1);
    }
    out.kind = Value::Kind::kGood;
    out.meaning = event_us / 1000 * 1000;
    out.text = format_timestamp_ms(out.meaning);
    if (setup_.text_columns) {
      if (odd(0.05)) {
        out.kind = Value::Kind::kBad;
        out.text = random_.chance(0.5) ? "2022-02-30 10:00:00" : "soon";
      } else if (random_.chance(0.2)) {
        out.text = format_timestamp_ms(out.meaning + 2 * kHourUs);
        out.text[10] = 'T';
        out.text += "+02:00";
      }
    }
    return out;
  }

  Value integer(int64_t meaning, double null_share) {
    Value out;
    if (odd(null_share)) {
      return out;
    }
    out.kind = Value::Kind::kGood;
    out.meaning = meaning;
    out.text = std::to_string(meaning);
    if (setup_.text_columns && odd(0.02)) {
      out.kind = Value::Kind::kBad;
      out.text = "n/a";
    }
    return out;
  }

  Value bid() {
    struct Sample {
      const char* text;
      int64_t micros;
    };
    static constexpr std::array<Sample, 8> kSamples = {{{"0", 0},
                                                        {"1.4", 1'400'000},
                                                        {"2.5", 2'500'000},
                                                        {"7", 7'000'000},
                                                        {"0.0000015", 2},
                                                        {"0.0000005", 0},
                                                        {"2.0000025", 2'000'002},
                                                        {"1e-6", 1}}};
    Value out;
    if (odd(0.2)) {
      return out;
    }
    if (odd(0.04)) {
      out.kind = Value::Kind::kBad;
      out.text = random_.chance(0.5) ? "-1.5" : random_.chance(0.5) ? "free" : "1e12";
      return out;
    }
    const Sample& sample = kSamples[random_.below(kSamples.size())];
    out.kind = Value::Kind::kGood;
    out.meaning = sample.micros;
    out.text = sample.text;
    return out;
  }

  void payload(RowValues& values) {
    if (random_.chance(0.5)) {
      return;
    }
    const int64_t job = id_of(Column::kJobId, random_.between(1, setup_.jobs));
    switch (random_.below(4)) {
      case 0:
        values.ed = fmt::format(R"({{"customEvent":"click","jobId":"{}","publisherId":"2"}})", job);
        if (job > 0) {  // only digits are an id
          values.ed_job_id = job;
        }
        values.ed_publisher_id = 2;
        break;
      case 1:
        values.ed = fmt::format(R"({{"jobid":{},"publisherId":"4,1,2"}})", job);
        if (job != 0) {
          values.ed_job_id = job;
        }
        break;
      case 2:
        values.ed = R"({"publisherid":1})";
        values.ed_publisher_id = 1;
        break;
      default:
        values.ed = "{broken";
        break;
    }
  }

  const Setup& setup_;
  Random& random_;
  std::vector<int64_t> skews_us_;
  int64_t last_ticks_ = 0;
};

SliceKey slice_of(const Setup& setup, const RawRow& row) {
  const BucketWidth width = setup.source.bucket_width;
  if (setup.strategy == Strategy::kFollow) {
    return {0, row.sequence / width.number()};
  }
  if (setup.strategy == Strategy::kScan) {
    const Value& ts = row.versions.front().values.ts;
    ScanBucket bucket;
    if (ts.kind == Value::Kind::kGood) {
      bucket.event = ts.meaning / width.us();
    }
    if (row.id_text.empty()) {
      bucket.arrival = row.arrival_us / setup.source.arrival_width.us();
    }
    return {0, bucket.bucket()};
  }
  // A writer whose clock runs ahead cannot follow what is not announced yet.
  const bool more = setup.more_shards != 0 && row.arrival_us >= setup.more_shards_from_us &&
                    row.versions.front().visible_us[0] >= setup.announced_us;
  const auto shards = static_cast<size_t>(more ? setup.more_shards : setup.source.shard_count);
  return {static_cast<int32_t>((row.id.low * 0x9E3779B97F4A7C15ULL >> 33) % shards),
          row.arrival_us / width.us()};
}

}  // namespace

void Setup::change_row(RawRow& row, Random& random) const {
  if (dropped_column) {
    // One replica hears of it later.
    const int64_t late_us = random.chance(0.5) ? 0 : random.between(0, 5 * kSecondUs);
    drop_column(row, *dropped_column, {changed_us, changed_us + late_us}, reading);
  } else if (row.versions.front().visible_us[0] < changed_us && random.chance(lost_share)) {
    row.expires_us = changed_us;
    row.lost = true;
  } else if (row.versions.front().visible_us[0] < changed_us && filled_us > changed_us) {
    row.gone_from_us = changed_us;
    row.gone_until_us = random.between(changed_us, filled_us);
  }
}

RawLog Setup::make_log(Random& random) const {
  RawLog log(source, text_columns);
  RowMaker maker(*this, random);
  const double span_s =
      static_cast<double>(writing_end_us - start_us + history_us) / static_cast<double>(kSecondUs);
  const auto count = static_cast<int64_t>(rows_per_s * span_s);
  std::vector<int64_t> written;
  for (int64_t i = 0; i < count; ++i) {
    written.push_back(random.between(start_us - history_us, writing_end_us));
  }
  std::sort(written.begin(), written.end());
  const bool follow = strategy == Strategy::kFollow;
  const int64_t tolerated_us = options.look_back_us - options.look_back_interval_us;
  Random lifetimes(static_cast<uint64_t>(count) * 9241 + 67);
  Random changes(static_cast<uint64_t>(count) * 6037 + 71);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t now_us = written[static_cast<size_t>(i)];
    const bool replay = strategy == Strategy::kTail && random.chance(replayed);
    RawRow row = maker.identity(now_us, i, replay);
    RowVersion version;
    const int64_t event_late_us =
        random.chance(0.1) ? seconds_between(random, 1, 4000) : random.between(-2, 2) * kSecondUs;
    version.values = maker.values(now_us - event_late_us);
    int64_t delay_us = random.between(0, 50'000);
    if (!follow && random.chance(late_prompt)) {
      delay_us = random.between(0, tolerated_us);
    } else if (!follow && random.chance(late_audit)) {
      delay_us = random.between(0, late_max_us);
    }
    version.visible_us[0] = now_us + delay_us;
    version.visible_us[1] = version.visible_us[0];
    if (follow) {
      version.visible_us[0] = version.visible_us[1] = now_us;
    } else if (random.chance(0.3)) {
      version.visible_us[1] += random.between(0, random.chance(0.9) ? tolerated_us : late_max_us);
    }
    version.outcome = outcome_of(row, version.values, reading);
    row.versions.push_back(version);
    row.slice = slice_of(*this, row);
    if (expiry_end_us != 0) {
      row.expires_us = random.between(end_us + 300 * kSecondUs, expiry_end_us);
    }
    if (source.lifetime_us) {
      row.expires_us = now_us + *source.lifetime_us;
    }
    if (early_expiry > 0 && lifetimes.chance(early_expiry)) {
      row.expires_us = now_us + seconds_between(lifetimes, 20, 900);
    }
    if (random.chance(overwritten)) {
      RowVersion second = version;
      second.values = maker.overwrite(version.values, now_us - event_late_us);
      if (strategy == Strategy::kScan) {
        second.values.ts = version.values.ts;  // else the row would move to another slice
      }
      const int64_t later_us =
          random.chance(0.5) ? random.between(0, 20 * kSecondUs) : random.between(0, late_max_us);
      for (int64_t& visible_us : second.visible_us) {
        visible_us += later_us;
      }
      second.outcome = outcome_of(row, second.values, reading);
      row.versions.push_back(second);
    }
    if (changed_us != 0) {
      change_row(row, changes);
    }
    log.add(std::move(row));
  }
  if (gone_share > 0) {
    hide_rows(log);
  }
  if (more_shards > 0) {
    log.announce_shards(announced_us, more_shards);
  }
  if (round_places) {
    log.round_places();
  }
  if (notes_late) {
    log.note_late_rows(notes_anywhere);
  }
  log.set_discovery_part(discovery_part);
  if (changed_us != 0) {
    log.change_table(changed_us, dropped_column ? source.identity : source.identity + ", made anew",
                     columns_but(dropped_column));
  }
  return log;
}

// Of slices that nothing is written to any more: a row that goes while another one comes cannot be
// told from an overwritten one.
void Setup::hide_rows(RawLog& log) const {
  Random random(static_cast<uint64_t>(gone_from_us));
  for (const auto& [key, rows] : log.slices()) {
    const bool complete = std::all_of(rows.begin(), rows.end(), [&](size_t row) {
      const RowVersion& last = log.rows()[row].versions.back();
      return std::max(last.visible_us[0], last.visible_us[1]) <= gone_from_us;
    });
    for (const size_t row : rows) {
      if (complete && random.chance(gone_share)) {
        log.hide(row, gone_from_us, gone_until_us);
      }
    }
  }
}

namespace {

// Each from a chance of its own: what is added leaves other seeds what they were.
void draw_apart(Setup& setup, uint64_t seed) {
  draw_gone_rows(setup, seed);
  draw_long_outage(setup, seed);
  draw_outage_of_audits(setup, seed);
  draw_replica_outages(setup, seed);
  draw_small_commits(setup, seed);
  draw_start(setup, seed);
  draw_full_warehouse(setup, seed);
  draw_early_expiry(setup, seed);
  draw_more_shards(setup, seed);
  draw_arrivals(setup, seed);
  draw_repairs_within(setup, seed);
  draw_allowed_shrink(setup, seed);
  draw_upgrade(setup, seed);
  draw_discovery_parts(setup, seed);
  draw_history_commits(setup, seed);
  setup.options.busy_poll_interval_us =
      Random(seed * 7451 + 19).pick<int64_t>({20'000, 50'000, 100'000, 500'000});
  draw_repeated_rows(setup, seed);
  draw_round_places(setup, seed);
  draw_late_notes(setup, seed);
  draw_changed_table(setup, seed);
}

void expect_promptness(Setup& setup) {
  setup.promptness.retention_us = *setup.options.retention_us;
  setup.promptness.grace_us = setup.options.grace_us;
  setup.promptness.clock_error_max_us = setup.clock_error_max_us + setup.clock_step_us;
  setup.promptness.clock_step_us = setup.clock_step_us;
  setup.promptness.clocks_right_us =
      setup.clock_steps_us.empty() ? setup.start_us : setup.clock_steps_us.back();
  setup.promptness.delay_max_us = setup.options.look_back_interval_us + 2 * kSecondUs;
  if (setup.options.rows_per_commit < 50) {
    setup.promptness.delay_max_us += 5 * kSecondUs;  // many commits to catch up with
  }
  // A clock that is ahead lets rows from clocks that are ahead carry the position too far.
  setup.promptness.lateness_max_us = setup.options.look_back_us -
                                     setup.options.look_back_interval_us -
                                     2 * setup.promptness.clock_error_max_us;
  if (setup.strategy == Strategy::kScan) {
    // A clock that is set back lets the engine sleep so much longer here; the program wakes up
    // every second.
    setup.promptness.delay_max_us =
        setup.options.scan_interval_us + 2 * kSecondUs + 2 * setup.promptness.clock_error_max_us;
    if (setup.options.slices_per_commit < 10) {
      setup.promptness.delay_max_us += 5 * kSecondUs;  // many commits for one scan
    }
    setup.promptness.lateness_max_us =
        setup.options.scan_window_us - setup.promptness.delay_max_us - 5 * kSecondUs;
  }
}

// Into the warehouse of `first`, if there is one.
Setup draw_setup(uint64_t seed, Strategy strategy, std::optional<int64_t> seconds,
                 const Setup* first) {
  Random random(seed * 4 + static_cast<uint64_t>(strategy));
  Setup setup;
  setup.strategy = strategy;
  setup.jobs = (seed * 0xD6E8FEB86659FD93ULL >> 32) % 5 == 4 ? kManyJobs : kJobs;
  // 2026-03-01 plus some hours.
  setup.start_us = 1'772'323'200 * kSecondUs + seconds_between(random, 10 * 3600, 20 * 3600);
  draw_zone(setup, seed);
  draw_odd_ids(setup, seed);
  if (first != nullptr) {
    setup.jobs = first->jobs;
    setup.start_us = first->start_us;
    setup.zone_drawn = true;
    setup.reading.zone = first->reading.zone;
  }
  draw_times(setup, random);
  draw_source(setup, random);
  draw_reading(setup, random);
  draw_rates(setup, random);
  const int64_t writing_us = seconds ? *seconds * kSecondUs : seconds_between(random, 60, 400);
  setup.writing_end_us = setup.start_us + writing_us;
  setup.history_us = random.chance(0.5) ? 0 : seconds_between(random, 1, 300);
  if (setup.strategy != Strategy::kScan && random.chance(0.03)) {
    make_rush(setup);
  } else if (setup.strategy == Strategy::kTail && random.chance(0.15)) {
    make_long_history(setup, random);
  }
  setup.faults_end_us = setup.writing_end_us + seconds_between(random, 0, 120);
  setup.late_max_us = std::min(setup.options.audit_delays_us.back(), 300 * kSecondUs);
  setup.end_us = setup.writing_end_us + 100 * kSecondUs +
                 setup.source.bucket_width.number() * kSecondUs + setup.options.grace_us +
                 std::max(setup.options.audit_delays_us.back(), setup.late_max_us * 2) +
                 setup.options.discover_interval_us + 60 * kSecondUs;
  if (setup.strategy == Strategy::kScan) {
    setup.end_us += setup.options.full_scan_interval_us + 60 * kSecondUs;
  }
  draw_faults(setup, random);
  draw_events(setup, random);
  draw_apart(setup, seed);
  if (setup.source.ring_reads && random.chance(0.7)) {
    // A repair works on the same history.
    setup.verifications_us.insert(setup.verifications_us.begin(),
                                  setup.start_us + random.between(0, 500) * 1000);
    std::sort(setup.verifications_us.begin(), setup.verifications_us.end());
  }
  if (random.chance(0.15)) {
    setup.expiry_end_us = setup.end_us + 600 * kSecondUs;
  }
  expect_promptness(setup);
  setup.options.token_seed = random.next();
  return setup;
}

}  // namespace

Setup make_setup(uint64_t seed, Strategy strategy, std::optional<int64_t> seconds) {
  return draw_setup(seed, strategy, seconds, nullptr);
}

void lease_shards(Setup& setup, uint64_t seed, bool standby) {
  Random random(seed * 15'013 + 71);
  setup.groups = {{}};
  setup.source.shard_count = static_cast<int32_t>(random.between(2, 6));
  setup.more_shards = 0;
  setup.restart_us.reset();
  setup.lease_us = seconds_between(random, 2, 12);
  setup.standby = standby;
  for (int64_t stops = random.between(2, 8); stops > 0; --stops) {
    setup.stops_us.push_back(random.between(setup.start_us, setup.faults_end_us));
  }
  std::sort(setup.stops_us.begin(), setup.stops_us.end());
  setup.takeovers_us.clear();
  // What several engines wait for adds up on the one clock of the simulation: each lists all the
  // table's parts when it begins anew, and counts in commits of its own.
  setup.promptness.delay_max_us =
      static_cast<int64_t>(kLeasersMax) * setup.promptness.delay_max_us +
      12 * kSecondUs /
          static_cast<int64_t>(std::min<size_t>(setup.discovery_part, size_t{1} << 20));
}

Setup make_companion(Setup& first, uint64_t seed, Strategy strategy) {
  Random random(seed * 12'289 + 83);
  Setup setup = draw_setup(random.next() >> 16, strategy, std::nullopt, &first);
  setup.options.source_name = "companion";
  setup.source.identity = "another raw log";
  setup.job_changes = first.job_changes;
  if (random.chance(0.2)) {
    setup.gone_for_good_us = random.between(first.start_us, first.writing_end_us);
    setup.damages_us.clear();
    first.damages_us.clear();
  }
  // What one source's damaged slices gave cannot be told from what frozen or held ones of the other
  // one gave.
  const bool damages = !setup.damages_us.empty() || !first.damages_us.empty();
  const int64_t end_us = std::max(first.end_us, setup.end_us);
  const int64_t faults_end_us = std::max(first.faults_end_us, setup.faults_end_us);
  for (Setup* both : {&first, &setup}) {
    if (damages) {
      both->options.retention_us = 7 * 24 * kHourUs;
      both->early_expiry = 0;
    }
    both->end_us = end_us;
    both->faults_end_us = faults_end_us;
    both->expiry_end_us = first.expiry_end_us == 0 ? 0 : end_us + 600 * kSecondUs;
  }
  return setup;
}

}  // namespace hirestream::simulation
