#include "simulation/mirror_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

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
// After the last fault. Longer than rows are held, a distrust lasts and a hint is under way.
constexpr int64_t kPromptUs = 90 * kSecondUs;
constexpr int kPromptRoundsMax = 20;  // of it, until copies are complete

struct Killed {};  // as by kill -9

// A row's value, as it was written once.
struct Version {
  int64_t value = 0;
  int64_t written_us = 0;
  int64_t visible_us = 0;  // in the table; the log may have it earlier
  bool silent = false;     // in no log
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
  bool damaged = false;   // its section cannot be read
};

struct NodeLog {
  std::deque<LogEntry> entries;
  int64_t begin = 0;                       // number of the first entry that is still there
  int64_t runs = 1;                        // of the node
  std::multimap<int64_t, LogEntry> hints;  // what it missed, by when it gets it
  std::deque<LogEntry> deleted;            // by the mirror, in this run

  int64_t end() const { return begin + static_cast<int64_t>(entries.size()); }
  bool has(int64_t value) const {
    const auto is_it = [value](const LogEntry& entry) { return entry.version.value == value; };
    return std::ranges::any_of(entries, is_it) ||
           std::ranges::any_of(hints, [&](const auto& hint) { return is_it(hint.second); });
  }
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
    if (with_log && random.chance(0.5)) {
      nodes = 3;
      missed = random.pick<double>({0, 0.02, 0.2});
      hinted = random.pick<double>({0, 0.5, 1});
      unreachable = random.pick<double>({0, 0.05});
      pauses = random.pick<double>({0, 0.0005});
      policy.hold_us = random.pick<int64_t>({500'000, 2'000'000});
      policy.held_rows_max = random.pick<size_t>({2, 1000});
    }
  }

  MirrorPolicy policy;
  bool with_log = true;
  double rows_per_s = 1;
  double fails = 0;
  double kills = 0;
  double node_kills = 0;
  int64_t segment_life_us = 0;
  double silent = 0;       // writes that no log shows
  double replayed = 0;     // rows with an older id
  size_t nodes = 1;        // each with a log and a mirror of its own
  double missed = 0;       // of a node's rows
  double hinted = 0;       // of these
  double unreachable = 0;  // a node, as another sees it
  double pauses = 0;       // of mirrors
  double damaged = 0;      // of a log's entries
  // Entries stay until the mirror deletes them (cdc_raw).
  bool kept = false;
  int64_t end_us = kMirrorBeginUs + 40 * kMinuteUs;
};

std::string node_name(size_t node) {
  return fmt::format("node {}", node);
}

SliceKey slice_of(const RowId& id) {
  return {.shard = static_cast<int32_t>(id.low % kShards),
          .bucket = arrival_time_us(id) / kMinuteUs};
}

// The table, its log, the writers and the time.
class MirroredWorld {
 public:
  MirroredWorld(uint64_t seed, bool tracing)
      : random(seed * 6151 + 3),
        setup(random),
        logs(setup.nodes),
        tracing_(tracing),
        damage_(seed * 7411 + 5) {
    setup.damaged = damage_.pick<double>({0, 0, 0.01});
    setup.kept = setup.with_log && damage_.chance(0.3);
  }

  Random random;
  MirrorSetup setup;
  RunReport report;
  int64_t now_us = kMirrorBeginUs;
  std::map<RowId, TableRow> rows;
  std::vector<NodeLog> logs;       // by node
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
    for (NodeLog& log : logs) {
      for (auto hint = log.hints.begin(); hint != log.hints.end() && hint->first <= now_us;
           hint = log.hints.erase(hint)) {
        log.entries.push_back(hint->second);
        log.entries.back().marked_us = now_us;
      }
    }
    if (calm()) {
      return;
    }
    for (due_rows_ += setup.rows_per_s * static_cast<double>(us) / 1e6; due_rows_ >= 1;
         --due_rows_) {
      write();
    }
    if (random.chance(setup.node_kills)) {
      kill_node(random.below(logs.size()));
    }
    for (NodeLog& log : logs) {
      while (!setup.kept && !log.entries.empty() &&
             log.entries.front().marked_us < now_us - setup.segment_life_us && random.chance(0.9)) {
        log.entries.pop_front();
        ++log.begin;
      }
    }
  }

  // For rare things: a seed draws the rest as it did before there were any.
  Random& rare() { return damage_; }

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

  // What it had not marked is lost, in the table, too, unless another node has it.
  void kill_node(size_t node) {
    ++report.faults["mirror: node killed"];
    trace(fmt::format("node {} killed", node));
    NodeLog& log = logs[node];
    ++log.runs;
    while (!log.entries.empty() && log.entries.back().marked_us > now_us) {
      const LogEntry lost = log.entries.back();
      log.entries.pop_back();
      const auto has = [&](const NodeLog& other) { return other.has(lost.version.value); };
      if (std::ranges::none_of(logs, has)) {
        std::erase_if(rows.at(lost.id).versions,
                      [&](const Version& version) { return version.value == lost.version.value; });
        lost_acknowledged = true;
      }
    }
    for (LogEntry& entry : log.entries) {
      entry.marked_us = std::min(entry.marked_us, now_us);
    }
    relink(log);
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
                          .visible_us = now_us + random.between(0, 300'000),
                          .silent = silent};
    TableRow& row = rows[id];
    row.versions.push_back(version);
    row.ever.insert(version.value);
    if (silent) {
      ++report.faults["mirror: silent write"];
    } else {
      log(id, version);
    }
  }

  // One node at least gets it at once.
  void log(const RowId& id, const Version& version) {
    const size_t sure = random.below(logs.size());
    for (size_t node = 0; node < logs.size(); ++node) {
      const LogEntry entry{.id = id,
                           .version = version,
                           .marked_us = now_us + random.between(0, 100'000),
                           .damaged = damage_.chance(setup.damaged)};
      if (node == sure || !random.chance(setup.missed)) {
        logs[node].entries.push_back(entry);
      } else if (++report.faults["mirror: a node missed a row"]; random.chance(setup.hinted)) {
        logs[node].hints.emplace(now_us + random.between(0, 30 * kSecondUs), entry);
      }
    }
  }

  // The node replays its log, of which it had kept more than the mirror, and its segments are there
  // once more.
  void relink(NodeLog& log) {
    const size_t some = log.deleted.empty() || damage_.chance(0.5)
                            ? 0
                            : 1 + damage_.below(std::min<size_t>(log.deleted.size(), 50));
    for (size_t i = 0; i < some; ++i) {
      ++report.faults["mirror: entry relinked"];
      log.entries.push_front(log.deleted.back());
      log.deleted.pop_back();
      --log.begin;
    }
    log.deleted.clear();
  }

  bool tracing_;
  Random damage_;
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
  FakeChangeLog(MirroredWorld& world, size_t node) : world_(world), node_(node) {}

  Result<std::optional<std::string>> start(const std::optional<std::string>& position) override {
    world_.maybe_kill("start");
    HIRESTREAM_TRY(world_.maybe_fail("start"));
    run_ = log().runs;
    next_ = log().end();
    if (!position) {
      return std::optional<std::string>();
    }
    const auto [run, next] = parsed(*position);
    if (run == run_ && next < log().begin && world_.setup.kept) {
      violated("Kept", fmt::format("entry {} was deleted before its place was stored", next));
    }
    if (run != run_ || next < log().begin) {
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
    if (run_ != log().runs || next_ < log().begin) {
      ++world_.report.faults["mirror: gap"];
      poll.gap = "segments went, or the node was started again";
      run_ = log().runs;
      next_ = std::clamp(next_, log().begin, log().end());
    }
    if (next_ > log().begin && world_.random.chance(0.05) && !at(next_ - 1).damaged) {
      give(at(next_ - 1), rows);  // a replica's, replayed
    }
    if (world_.setup.kept && next_ > log().begin && world_.rare().chance(0.02)) {
      const auto old = static_cast<uint64_t>(next_ - log().begin);
      const LogEntry& entry = at(log().begin + static_cast<int64_t>(world_.rare().below(old)));
      if (!entry.damaged) {
        give(entry, rows);
      }
    }
    for (; can_be_seen(next_) && rows.size() < rows_max; ++next_) {
      if (at(next_).damaged) {
        ++world_.report.faults["mirror: damaged entry"];
        poll.gap = "a section is damaged";
      } else {
        give(at(next_), rows);
      }
    }
    poll.more = can_be_seen(next_);
    return poll;
  }

  std::string position() const override { return fmt::format("{},{}", run_, next_); }

  // What is not complete yet goes at a later time.
  Result<void> delete_before(const std::string& position) override {
    world_.maybe_kill("delete");
    HIRESTREAM_TRY(world_.maybe_fail("delete"));
    const auto [run, next] = parsed(position);
    NodeLog& log = world_.logs[node_];
    while (world_.setup.kept && run == log.runs && log.begin < next && !log.entries.empty() &&
           (world_.random.chance(0.9) || world_.calm())) {
      ++world_.report.faults["mirror: entry deleted"];
      log.deleted.push_back(log.entries.front());
      log.entries.pop_front();
      ++log.begin;
    }
    return {};
  }

 private:
  static std::pair<int64_t, int64_t> parsed(const std::string& position) {
    const size_t comma = position.find(',');
    return {std::stoll(position.substr(0, comma)), std::stoll(position.substr(comma + 1))};
  }
  const NodeLog& log() const { return world_.logs[node_]; }
  const LogEntry& at(int64_t number) const {
    return log().entries[static_cast<size_t>(number - log().begin)];
  }
  bool can_be_seen(int64_t number) const {
    return number < log().end() && at(number).marked_us <= world_.now_us;
  }
  void give(const LogEntry& entry, std::vector<ChangedRow>& rows) {
    rows.push_back(changed_row(entry.id, entry.version));
    std::vector<std::string> nodes;
    for (size_t i = 0; i < world_.logs.size(); ++i) {
      if (!world_.chance(world_.setup.unreachable)) {
        nodes.push_back(node_name((i + entry.id.low) % world_.logs.size()));
      }
    }
    rows.back().nodes = std::make_shared<std::vector<std::string>>(std::move(nodes));
  }

  MirroredWorld& world_;
  size_t node_;
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

// The mirrors' table, and their states.
struct MirrorStore {
  std::map<RowId, Version> rows;
  std::map<std::string, MirrorState> states;  // by node
  // Moments in the order of what happens.
  int64_t moment = 0;
  std::map<SliceKey, int64_t> changed_late;
  std::map<SliceKey, int64_t> noted;
  int64_t noted_anywhere = 0;

  // A slice that got something late, about which nothing was said since.
  std::optional<SliceKey> not_noted() const {
    for (const auto& [slice, changed] : changed_late) {
      const auto told = noted.find(slice);
      if (changed > noted_anywhere && (told == noted.end() || changed > told->second)) {
        return slice;
      }
    }
    return std::nullopt;
  }
};

// As one mirror sees it.
class FakeMirrorTable : public MirrorTable {
 public:
  FakeMirrorTable(MirroredWorld& world, MirrorStore& store, std::string node)
      : world_(world), store_(store), node_(std::move(node)) {}

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
  Result<std::vector<size_t>> find_lacking(std::span<const ChangedRow> rows) override {
    world_.maybe_kill("look up");
    HIRESTREAM_TRY(world_.maybe_fail("look up"));
    std::vector<size_t> lacking;
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto have = store_.rows.find(*parse_uuid(*rows[i].event[RawColumn::kCreateTime]));
      if (have == store_.rows.end() || have->second.written_us < rows[i].row_written_us) {
        lacking.push_back(i);
      }
    }
    world_.report.faults["mirror: rows taken over"] += static_cast<int64_t>(lacking.size());
    return lacking;
  }
  std::optional<Place> place_of(const ChangedRow& row) const override {
    const SliceKey slice = slice_of(*parse_uuid(*row.event[RawColumn::kCreateTime]));
    return Place{.slice = slice, .end_us = (slice.bucket + 1) * kMinuteUs};
  }
  Result<void> note_late(std::span<const SliceKey> slices, int64_t) override {
    HIRESTREAM_TRY(world_.maybe_fail("note"));
    for (const SliceKey& slice : slices) {
      store_.noted[slice] = ++store_.moment;
    }
    world_.maybe_kill("noted");
    return {};
  }
  Result<void> note_late_anywhere(int64_t) override {
    HIRESTREAM_TRY(world_.maybe_fail("note"));
    store_.noted_anywhere = ++store_.moment;
    ++world_.report.faults["mirror: noted anywhere"];
    return {};
  }
  Result<std::optional<MirrorState>> load() override {
    HIRESTREAM_TRY(world_.maybe_fail("load"));
    const auto stored = store_.states.find(node_);
    return stored == store_.states.end() ? std::optional<MirrorState>() : stored->second;
  }
  Result<void> store(const MirrorState& state) override {
    world_.maybe_kill("store");
    HIRESTREAM_TRY(world_.maybe_fail("store"));
    ++world_.report.commits;
    store_.states[node_] = state;
    world_.maybe_kill("stored");
    return {};
  }
  Result<std::map<std::string, std::string>> positions() override {
    HIRESTREAM_TRY(world_.maybe_fail("hear"));
    std::map<std::string, std::string> positions;
    for (const auto& [node, state] : store_.states) {
      positions[node] = state.position.value_or("");
    }
    return positions;
  }

 private:
  void put(const ChangedRow& row) {
    const RowId id = *parse_uuid(*row.event[RawColumn::kCreateTime]);
    Version& have = store_.rows[id];
    if (have.written_us >= row.row_written_us) {
      return;
    }
    have = {.value = std::stoll(*row.event[RawColumn::kJobId]), .written_us = row.row_written_us};
    if (place_of(row)->end_us + 31 * kSecondUs <= world_.now_us) {
      store_.changed_late[slice_of(id)] = ++store_.moment;
    }
  }

  MirroredWorld& world_;
  MirrorStore& store_;
  std::string node_;
};

// Either table, page by page, for the comparison.
class FakeSweptTable : public EventSource {
 public:
  FakeSweptTable(MirroredWorld& world, const MirrorStore* mirror)
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
    PagedSweep(MirroredWorld& world, const MirrorStore* mirror) : world_(world), mirror_(mirror) {
      if (mirror_ != nullptr) {
        for (const auto& [id, version] : mirror_->rows) {
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
        const auto version = mirror_ != nullptr ? std::optional(mirror_->rows.at(id))
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
    const MirrorStore* mirror_;
    std::vector<RowId> ids_;
    size_t next_ = 0;
    TrackingBatch batch_;
  };

  MirroredWorld& world_;
  const MirrorStore* mirror_;
  SourceDescription description_;
};

// A mirror and what it works with; killed, it begins anew.
struct MirrorProcess {
  MirrorProcess(MirroredWorld& world, MirrorStore& store, WorldClock& world_clock, size_t number)
      : log(world, number),
        history(world),
        table(world, store, node_name(number)),
        comparison(std::make_unique<FakeSweptTable>(world, nullptr),
                   std::make_unique<FakeSweptTable>(world, &store), false, slice_of),
        clock(world_clock),
        policy(world.setup.policy),
        with_log(world.setup.with_log) {
    policy.node = node_name(number);
  }

  void begin(MirrorNotes notes) {
    mirror = std::make_unique<Mirror>(policy, with_log ? &log : nullptr, history, comparison, table,
                                      clock, std::move(notes));
    started = false;
  }

  FakeChangeLog log;
  FakeHistory history;
  FakeMirrorTable table;
  SweptComparison comparison;
  WorldClock& clock;
  MirrorPolicy policy;
  bool with_log;
  std::unique_ptr<Mirror> mirror;
  bool started = false;
  int64_t away_until_us = 0;  // it is down, or stands still
};

class MirrorRun {
 public:
  MirrorRun(uint64_t seed, bool tracing) : world_(seed, tracing), clock_(world_) {
    for (size_t node = 0; node < world_.setup.nodes; ++node) {
      processes_.push_back(std::make_unique<MirrorProcess>(world_, store_, clock_, node));
    }
  }

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
    if (setup.with_log) {
      run_until(setup.end_us + kPromptUs);
      for (int round = 0; round < kPromptRoundsMax && may_lack_rows(); ++round) {
        run_until(world_.now_us + kPromptUs);
      }
      check_mirrored("Prompt", true);
    }
    // No row comes any more, but segments that were deleted may.
    for (size_t node = 0; node < setup.nodes && setup.kept; ++node) {
      world_.kill_node(node);
    }
    // A reconcile that sees everything, and one for which nothing is left. Several mirrors take
    // turns and are slower.
    const int64_t reconcile_us = setup.nodes == 1 ? kMinuteUs : 5 * kMinuteUs;
    run_until(world_.now_us + setup.policy.recent_us + 2 * setup.policy.copy_interval_us +
              2 * reconcile_us);
    check_mirrored("Mirrored", false);
    const int64_t copied = sum(&MirrorCounts::rows_copied);
    const int64_t copies = sum(&MirrorCounts::copies);
    run_until(world_.now_us + 2 * setup.policy.copy_interval_us);
    if (sum(&MirrorCounts::copies) == copies) {
      violated("Liveness", "no reconcile");
    }
    if (sum(&MirrorCounts::rows_copied) != copied && !world_.lost_acknowledged) {
      violated("Thrifty", fmt::format("{} rows copied where nothing differs",
                                      sum(&MirrorCounts::rows_copied) - copied));
    }
    if (const size_t left = entries_left(); setup.kept && left > 0) {
      violated("Kept", fmt::format("{} entries were not deleted, though they are mirrored", left));
    }
    if (const auto slice = store_.not_noted()) {
      violated("Noted", fmt::format("slice {}/{} got rows late that were not noted", slice->bucket,
                                    slice->shard));
    }
  }

  size_t entries_left() const {
    size_t left = 0;
    for (const NodeLog& log : world_.logs) {
      left += log.entries.size();
    }
    return left;
  }

  bool may_lack_rows() const {
    return std::ranges::any_of(processes_, [](const auto& process) {
      return !process->started || process->mirror->may_lack_rows();
    });
  }

  int64_t sum(int64_t MirrorCounts::* count) const {
    int64_t sum = 0;
    for (const auto& process : processes_) {
      sum += process->mirror->counts().*count;
    }
    return sum;
  }

  void run_until(int64_t us) {
    while (world_.now_us < us) {
      MirrorProcess& process = *processes_[world_.random.below(processes_.size())];
      if (process.away_until_us > world_.now_us && !world_.calm()) {
        world_.advance(100'000);
        continue;
      }
      try {
        step(process);
      } catch (const Killed&) {
        process.mirror.reset();
        process.away_until_us = world_.now_us + world_.random.between(0, 60 * kSecondUs);
      }
    }
  }

  void step(MirrorProcess& process) {
    ++world_.report.steps;
    if (process.mirror == nullptr) {
      process.begin(notes());
    }
    if (!process.started) {
      process.started = static_cast<bool>(process.mirror->start());
      world_.advance(process.started ? 0 : kSecondUs);
      return;
    }
    if (world_.chance(world_.setup.pauses)) {
      ++world_.report.faults["mirror: stands still"];
      process.away_until_us = world_.now_us + world_.random.between(0, 60 * kSecondUs);
      return;
    }
    const auto step = process.mirror->step();
    const bool more = step && *step == Mirror::Step::kMore;
    const auto shared = static_cast<int64_t>(processes_.size());
    world_.advance(more            ? world_.random.between(0, 5'000)
                   : world_.calm() ? kSecondUs / shared
                                   : world_.random.between(10'000, 500'000) / shared);
  }

  MirrorNotes notes() {
    MirrorNotes notes;
    notes.on_gap = [this](const std::string& why) { world_.trace("gap: " + why); };
    notes.on_compared = [this](int64_t slices) {
      world_.trace(fmt::format("{} slices differ", slices));
    };
    return notes;
  }

  void check_mirrored(const char* invariant, bool logged_alone) const {
    for (const auto& [id, version] : store_.rows) {
      if (!world_.rows.at(id).ever.contains(version.value)) {
        violated("Invented", format_uuid(id));
      }
    }
    const int64_t keep_us = world_.setup.policy.keep_us;
    for (const auto& [id, row] : world_.rows) {
      const auto version = world_.read(row);
      const bool kept = keep_us == 0 || arrival_time_us(id) > world_.now_us - keep_us + kMinuteUs;
      if (!version || !kept || (logged_alone && version->silent)) {
        continue;
      }
      const auto have = store_.rows.find(id);
      if (have == store_.rows.end() || have->second.written_us < version->written_us) {
        violated(invariant,
                 fmt::format(
                     "{} is {} in the table and {} in the mirror", format_uuid(id), version->value,
                     have == store_.rows.end() ? "missing" : std::to_string(have->second.value)));
      }
    }
  }

  MirroredWorld world_;
  WorldClock clock_;
  MirrorStore store_;
  std::vector<std::unique_ptr<MirrorProcess>> processes_;
};

}  // namespace

RunReport run_mirror(uint64_t seed, bool tracing) {
  return MirrorRun(seed, tracing).run();
}

}  // namespace hirestream::simulation
