#include "simulation/mirror_run.h"

#include <fmt/format.h>

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "model/raw_columns.h"
#include "model/row_id.h"
#include "pipeline/mirror.h"
#include "pipeline/table_comparison.h"
#include "simulation/random.h"
#include "simulation/world.h"

namespace hirestream::simulation {
namespace {

constexpr int64_t kMinuteUs = 60 * kSecondUs;
constexpr int64_t kMirrorBeginUs = 1'788'000'000 * kSecondUs;
constexpr int32_t kShards = 4;
constexpr size_t kPageRows = 20;

struct Killed {};  // as by kill -9

// A row's value, as it was written once.
struct Version {
  int64_t value = 0;
  int64_t written_us = 0;
  int64_t visible_us = 0;  // in the table; the log may have it earlier
};

struct TableRow {
  uint64_t place = 0;
  std::vector<Version> versions;
  std::set<int64_t> ever;  // also what a kill of the node has lost
};

struct LogEntry {
  RowId id;
  Version version;
  int64_t marked_us = 0;  // from then on it can be seen, and outlives a kill
};

struct MirrorSetup {
  explicit MirrorSetup(Random& random) {
    policy.rows_max = random.pick<size_t>({1, 7, 1000});
    policy.copy_interval_us = random.pick<int64_t>({1, 10, 60}) * kMinuteUs;
    policy.keep_us = random.chance(0.5) ? 0 : 120 * kMinuteUs;
    policy.recent_us = random.pick<int64_t>({30, 600}) * kSecondUs;
    with_log = random.chance(0.8);
    rows_per_s = random.pick<double>({0.02, 0.2, 1});
    fails = random.pick<double>({0, 0.01, 0.1});
    kills = random.pick<double>({0, 0.001, 0.01});
    node_kills = random.pick<double>({0, 0.0003});
    segment_life_us = random.pick<int64_t>({20, 600}) * kSecondUs;
    silent = random.pick<double>({0, 0.05});
    replayed = random.pick<double>({0, 0.2});
  }

  MirrorPolicy policy;
  bool with_log = true;
  double rows_per_s = 1;
  double fails = 0;
  double kills = 0;
  double node_kills = 0;
  int64_t segment_life_us = 0;
  double silent = 0;    // writes that no log shows
  double replayed = 0;  // rows with an older id
  int64_t end_us = kMirrorBeginUs + 40 * kMinuteUs;
};

SliceKey slice_of(const RowId& id) {
  return {.shard = static_cast<int32_t>(id.low % kShards),
          .bucket = arrival_time_us(id) / kMinuteUs};
}

// The table, its log, the writers and the time.
class MirroredWorld {
 public:
  MirroredWorld(uint64_t seed, bool tracing)
      : random(seed * 6151 + 3), setup(random), tracing_(tracing) {}

  Random random;
  MirrorSetup setup;
  RunReport report;
  int64_t now_us = kMirrorBeginUs;
  std::map<RowId, TableRow> rows;
  std::deque<LogEntry> log;
  int64_t log_begin = 0;  // number of the first entry that is still there
  int64_t node_runs = 1;
  bool lost_acknowledged = false;  // a copy may have seen it before

  bool calm() const { return now_us >= setup.end_us; }
  bool chance(double probability) { return !calm() && random.chance(probability); }

  void trace(const std::string& text) {
    if (tracing_) {
      report.trace.push_back(
          fmt::format("{:10.3f} {}", static_cast<double>(now_us - kMirrorBeginUs) / 1e6, text));
    }
  }

  // Before the effect of a call, and behind it.
  void maybe_kill(const char* call) {
    ++report.port_calls;
    if (chance(setup.kills)) {
      ++report.crashes[call];
      trace(fmt::format("mirror killed: {}", call));
      throw Killed{};
    }
  }
  Result<void> maybe_fail(const char* call) {
    if (chance(setup.fails)) {
      ++report.faults[fmt::format("mirror: {} fails", call)];
      return fail(ErrorKind::kTransient, call, "simulated", "not now");
    }
    return {};
  }

  // What others do meanwhile.
  void advance(int64_t us) {
    now_us += us;
    if (calm()) {
      return;
    }
    for (due_rows_ += setup.rows_per_s * static_cast<double>(us) / 1e6; due_rows_ >= 1;
         --due_rows_) {
      write();
    }
    if (random.chance(setup.node_kills)) {
      kill_node();
    }
    int64_t gone = 0;
    while (!log.empty() && log.front().marked_us < now_us - setup.segment_life_us &&
           random.chance(0.9)) {
      log.pop_front();
      ++gone;
    }
    log_begin += gone;
  }

  // The newest value that can be read; nothing: the row cannot be seen.
  std::optional<Version> read(const TableRow& row) const {
    std::optional<Version> newest;
    for (const Version& version : row.versions) {
      if (version.visible_us <= now_us && (!newest || newest->written_us < version.written_us)) {
        newest = version;
      }
    }
    return newest;
  }

 private:
  void write() {
    ++report.rows;
    RowId id;
    if (!rows.empty() && random.chance(0.2)) {
      id = std::next(rows.begin(), static_cast<ptrdiff_t>(random.below(rows.size())))->first;
    } else {
      const int64_t age_us =
          random.chance(setup.replayed) ? random.between(kMinuteUs, 90 * kMinuteUs) : 0;
      id = make_version_1((now_us - age_us) * 10, 0, static_cast<uint64_t>(report.rows));
      rows[id].place = random.next() % kRingPlaces;
    }
    const bool silent = random.chance(setup.silent);
    // No two are the same. What is imported was written before.
    const int64_t written_us =
        2 * (now_us + report.rows) - (silent ? 2 * random.between(0, 100 * kSecondUs) + 1 : 0);
    const Version version{.value = report.rows,
                          .written_us = written_us,
                          .visible_us = now_us + random.between(0, 300'000)};
    TableRow& row = rows[id];
    row.versions.push_back(version);
    row.ever.insert(version.value);
    if (silent) {
      ++report.faults["mirror: silent write"];
    } else {
      log.push_back(
          {.id = id, .version = version, .marked_us = now_us + random.between(0, 100'000)});
    }
  }

  // What it had not marked is lost, in the table, too.
  void kill_node() {
    ++report.faults["mirror: node killed"];
    trace("node killed");
    ++node_runs;
    for (; !log.empty() && log.back().marked_us > now_us; log.pop_back()) {
      std::erase_if(rows.at(log.back().id).versions, [&](const Version& version) {
        return version.value == log.back().version.value;
      });
      lost_acknowledged = true;
    }
    for (LogEntry& entry : log) {
      entry.marked_us = std::min(entry.marked_us, now_us);
    }
  }

  bool tracing_;
  double due_rows_ = 0;
};

class WorldClock : public Clock {
 public:
  explicit WorldClock(MirroredWorld& world) : world_(world) {}
  int64_t now_us() override { return world_.now_us; }

 private:
  MirroredWorld& world_;
};

ChangedRow changed_row(const RowId& id, const Version& version) {
  ChangedRow row;
  row.event[RawColumn::kCreateTime] = format_uuid(id);
  row.event[RawColumn::kJobId] = std::to_string(version.value);
  row.set_written(RawColumn::kJobId, version.written_us);
  row.row_written_us = version.written_us;
  return row;
}

// A position is the node's run and the number of an entry.
class FakeChangeLog : public ChangeLog {
 public:
  explicit FakeChangeLog(MirroredWorld& world) : world_(world) {}

  Result<std::optional<std::string>> start(const std::optional<std::string>& position) override {
    world_.maybe_kill("start");
    HIRESTREAM_TRY(world_.maybe_fail("start"));
    run_ = world_.node_runs;
    next_ = world_.log_begin + static_cast<int64_t>(world_.log.size());
    if (!position) {
      return std::optional<std::string>();
    }
    const size_t comma = position->find(',');
    const int64_t run = std::stoll(position->substr(0, comma));
    const int64_t next = std::stoll(position->substr(comma + 1));
    if (run != run_ || next < world_.log_begin) {
      ++world_.report.faults["mirror: gap at start"];
      return std::optional<std::string>(run == run_ ? "segments went"
                                                    : "the node was started again");
    }
    next_ = next;
    return std::optional<std::string>();
  }

  Result<Poll> poll(size_t rows_max, std::vector<ChangedRow>& rows) override {
    world_.maybe_kill("poll");
    HIRESTREAM_TRY(world_.maybe_fail("poll"));
    Poll poll;
    if (run_ != world_.node_runs || next_ < world_.log_begin) {
      ++world_.report.faults["mirror: gap"];
      poll.gap = "segments went, or the node was started again";
      run_ = world_.node_runs;
      next_ = std::max(next_, world_.log_begin);
      next_ = std::min(next_, world_.log_begin + static_cast<int64_t>(world_.log.size()));
    }
    const auto at = [&](int64_t number) -> const LogEntry& {
      return world_.log[static_cast<size_t>(number - world_.log_begin)];
    };
    const int64_t end = world_.log_begin + static_cast<int64_t>(world_.log.size());
    if (next_ > world_.log_begin && world_.random.chance(0.05)) {
      rows.push_back(
          changed_row(at(next_ - 1).id, at(next_ - 1).version));  // a replica's, replayed
    }
    for (; next_ < end && rows.size() < rows_max && at(next_).marked_us <= world_.now_us; ++next_) {
      rows.push_back(changed_row(at(next_).id, at(next_).version));
    }
    poll.more = next_ < end && at(next_).marked_us <= world_.now_us;
    return poll;
  }

  std::string position() const override { return fmt::format("{},{}", run_, next_); }

 private:
  MirroredWorld& world_;
  int64_t run_ = 0;
  int64_t next_ = 0;
};

class FakeHistory : public TableHistory {
 public:
  explicit FakeHistory(MirroredWorld& world) : world_(world) {}
  Result<void> read(uint64_t begin_place, uint64_t end_place, const Take& take) override {
    world_.maybe_kill("read part");
    std::vector<RowId> ids;
    for (const auto& [id, row] : world_.rows) {
      if (row.place >= begin_place && row.place < end_place) {
        ids.push_back(id);
      }
    }
    std::vector<ChangedRow> page;
    for (size_t i = 0; i <= ids.size(); ++i) {
      if (page.size() == kPageRows || i == ids.size()) {
        HIRESTREAM_TRY(world_.maybe_fail("read part"));
        HIRESTREAM_TRY(take(page));
        page.clear();
        world_.advance(world_.random.between(0, 20'000));
      }
      if (i < ids.size()) {
        const auto version = world_.read(world_.rows.at(ids[i]));
        if (version) {
          page.push_back(changed_row(ids[i], *version));
        }
      }
    }
    return {};
  }

 private:
  MirroredWorld& world_;
};

// The mirror's own table, and its state.
class FakeMirrorTable : public MirrorTable {
 public:
  explicit FakeMirrorTable(MirroredWorld& world) : world_(world) {}

  Result<void> write(std::span<const ChangedRow> written) override {
    world_.maybe_kill("write");
    size_t count = written.size();
    const auto failed = world_.maybe_fail("write");
    if (!failed) {
      count = world_.random.below(count + 1);
    }
    for (const ChangedRow& row : written.first(count)) {
      put(row);
    }
    HIRESTREAM_TRY(failed);
    world_.maybe_kill("written");
    return {};
  }
  std::optional<Place> place_of(const ChangedRow& row) const override {
    const SliceKey slice = slice_of(*parse_uuid(*row.event[RawColumn::kCreateTime]));
    return Place{.slice = slice, .end_us = (slice.bucket + 1) * kMinuteUs};
  }
  Result<void> note_late(std::span<const SliceKey> slices, int64_t) override {
    HIRESTREAM_TRY(world_.maybe_fail("note"));
    for (const SliceKey& slice : slices) {
      noted_us_[slice] = ++moment_;
    }
    world_.maybe_kill("noted");
    return {};
  }
  Result<void> note_late_anywhere(int64_t) override {
    HIRESTREAM_TRY(world_.maybe_fail("note"));
    noted_anywhere_us_ = ++moment_;
    ++world_.report.faults["mirror: noted anywhere"];
    return {};
  }
  Result<std::optional<MirrorState>> load() override {
    HIRESTREAM_TRY(world_.maybe_fail("load"));
    return state_;
  }
  Result<void> store(const MirrorState& state) override {
    world_.maybe_kill("store");
    HIRESTREAM_TRY(world_.maybe_fail("store"));
    ++world_.report.commits;
    state_ = state;
    world_.maybe_kill("stored");
    return {};
  }

  const std::map<RowId, Version>& rows() const { return rows_; }
  // A slice that got something late, about which nothing was said since.
  std::optional<SliceKey> not_noted() const {
    for (const auto& [slice, moment] : changed_late_) {
      const auto noted = noted_us_.find(slice);
      if (moment > noted_anywhere_us_ && (noted == noted_us_.end() || moment > noted->second)) {
        return slice;
      }
    }
    return std::nullopt;
  }

 private:
  void put(const ChangedRow& row) {
    const RowId id = *parse_uuid(*row.event[RawColumn::kCreateTime]);
    Version& have = rows_[id];
    if (have.written_us >= row.row_written_us) {
      return;
    }
    have = {.value = std::stoll(*row.event[RawColumn::kJobId]), .written_us = row.row_written_us};
    if (place_of(row)->end_us + 31 * kSecondUs <= world_.now_us) {
      changed_late_[slice_of(id)] = ++moment_;
    }
  }

  MirroredWorld& world_;
  std::map<RowId, Version> rows_;
  std::optional<MirrorState> state_;
  // Moments in the order of what happens.
  int64_t moment_ = 0;
  std::map<SliceKey, int64_t> changed_late_;
  std::map<SliceKey, int64_t> noted_us_;
  int64_t noted_anywhere_us_ = 0;
};

// Either table, page by page, for the comparison.
class FakeSweptTable : public EventSource {
 public:
  FakeSweptTable(MirroredWorld& world, const FakeMirrorTable* mirror)
      : world_(world), mirror_(mirror) {}
  const SourceDescription& description() const override { return description_; }
  Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t>) override {
    return discovery_of({});
  }
  Result<int64_t> newest_bucket(int64_t) override { return 0; }
  ReadStatistics statistics() const override { return {}; }
  Result<std::unique_ptr<Sweep>> sweep(SweepRequest) override {
    HIRESTREAM_TRY(world_.maybe_fail("sweep"));
    return std::make_unique<PagedSweep>(world_, mirror_);
  }

 private:
  class PagedSweep : public Sweep {
   public:
    PagedSweep(MirroredWorld& world, const FakeMirrorTable* mirror)
        : world_(world), mirror_(mirror) {
      if (mirror_ != nullptr) {
        for (const auto& [id, version] : mirror_->rows()) {
          ids_.push_back(id);
        }
      } else {
        for (const auto& [id, row] : world_.rows) {
          ids_.push_back(id);
        }
      }
    }
    Result<std::optional<SweepPage>> next() override {
      world_.maybe_kill("compare");
      HIRESTREAM_TRY(world_.maybe_fail("compare"));
      batch_.clear();
      for (; next_ < ids_.size() && batch_.rows() < kPageRows; ++next_) {
        const RowId& id = ids_[next_];
        const auto version = mirror_ != nullptr ? std::optional(mirror_->rows().at(id))
                                                : world_.read(world_.rows.at(id));
        if (version) {
          batch_.add_row();
          batch_.set_id(id);
          batch_.set_integer(Column::kJobId, version->value);
        }
      }
      world_.advance(world_.random.between(0, 20'000));
      return batch_.empty() && next_ == ids_.size()
                 ? std::optional<SweepPage>()
                 : std::optional<SweepPage>({.slice = std::nullopt, .rows = batch_});
    }

   private:
    MirroredWorld& world_;
    const FakeMirrorTable* mirror_;
    std::vector<RowId> ids_;
    size_t next_ = 0;
    TrackingBatch batch_;
  };

  MirroredWorld& world_;
  const FakeMirrorTable* mirror_;
  SourceDescription description_;
};

class MirrorRun {
 public:
  MirrorRun(uint64_t seed, bool tracing)
      : world_(seed, tracing),
        clock_(world_),
        log_(world_),
        history_(world_),
        table_(world_),
        comparison_(std::make_unique<FakeSweptTable>(world_, nullptr),
                    std::make_unique<FakeSweptTable>(world_, &table_), false, slice_of) {}

  RunReport run() {
    try {
      play();
    } catch (const InvariantViolation& violation) {
      world_.report.failure = violation.invariant + ": " + violation.text;
    }
    world_.report.simulated_us = world_.now_us - kMirrorBeginUs;
    return std::move(world_.report);
  }

 private:
  void play() {
    const MirrorSetup& setup = world_.setup;
    run_until(setup.end_us);
    // A reconcile that sees everything, and one for which nothing is left.
    const int64_t reconciled_us =
        setup.policy.recent_us + setup.policy.copy_interval_us + kMinuteUs;
    run_until(setup.end_us + reconciled_us + setup.policy.copy_interval_us);
    check_mirrored();
    const int64_t copied = mirror_->counts().rows_copied;
    const int64_t copies = mirror_->counts().copies;
    run_until(world_.now_us + 2 * setup.policy.copy_interval_us);
    if (mirror_->counts().copies == copies) {
      violated("Liveness", "no reconcile");
    }
    if (mirror_->counts().rows_copied != copied && !world_.lost_acknowledged) {
      violated("Thrifty", fmt::format("{} rows copied where nothing differs",
                                      mirror_->counts().rows_copied - copied));
    }
    if (const auto slice = table_.not_noted()) {
      violated("Noted", fmt::format("slice {}/{} got rows late that were not noted", slice->bucket,
                                    slice->shard));
    }
  }

  void run_until(int64_t us) {
    while (world_.now_us < us) {
      try {
        step();
      } catch (const Killed&) {
        mirror_.reset();
        world_.advance(world_.random.between(0, 60 * kSecondUs));
      }
    }
  }

  void step() {
    ++world_.report.steps;
    if (mirror_ == nullptr) {
      mirror_ =
          std::make_unique<Mirror>(world_.setup.policy, world_.setup.with_log ? &log_ : nullptr,
                                   history_, comparison_, table_, clock_, notes());
      started_ = false;
    }
    if (!started_) {
      started_ = static_cast<bool>(mirror_->start());
      world_.advance(started_ ? 0 : kSecondUs);
      return;
    }
    const auto step = mirror_->step();
    const bool more = step && *step == Mirror::Step::kMore;
    world_.advance(more            ? world_.random.between(0, 5'000)
                   : world_.calm() ? kSecondUs
                                   : world_.random.between(10'000, 500'000));
  }

  MirrorNotes notes() {
    MirrorNotes notes;
    notes.on_gap = [this](const std::string& why) { world_.trace("gap: " + why); };
    notes.on_compared = [this](int64_t slices) {
      world_.trace(fmt::format("{} slices differ", slices));
    };
    return notes;
  }

  void check_mirrored() const {
    for (const auto& [id, version] : table_.rows()) {
      if (!world_.rows.at(id).ever.contains(version.value)) {
        violated("Invented", format_uuid(id));
      }
    }
    const int64_t keep_us = world_.setup.policy.keep_us;
    for (const auto& [id, row] : world_.rows) {
      const auto version = world_.read(row);
      const bool kept = keep_us == 0 || arrival_time_us(id) > world_.now_us - keep_us + kMinuteUs;
      if (!version || !kept) {
        continue;
      }
      const auto have = table_.rows().find(id);
      if (have == table_.rows().end() || have->second.written_us < version->written_us) {
        violated("Mirrored",
                 fmt::format(
                     "{} is {} in the table and {} in the mirror", format_uuid(id), version->value,
                     have == table_.rows().end() ? "missing" : std::to_string(have->second.value)));
      }
    }
  }

  MirroredWorld world_;
  WorldClock clock_;
  FakeChangeLog log_;
  FakeHistory history_;
  FakeMirrorTable table_;
  SweptComparison comparison_;
  std::unique_ptr<Mirror> mirror_;
  bool started_ = false;
};

}  // namespace

RunReport run_mirror(uint64_t seed, bool tracing) {
  return MirrorRun(seed, tracing).run();
}

}  // namespace hirestream::simulation
