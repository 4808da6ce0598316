#include "adapters/sql/rebuild.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/sql/backend.h"
#include "adapters/sql/cell_rows.h"
#include "adapters/sql/events_table.h"
#include "adapters/sql/insert_lanes.h"
#include "adapters/sql/ledger_copy.h"
#include "adapters/sql/multi_row_insert.h"
#include "adapters/sql/shadow_tables.h"
#include "adapters/sql/warehouse.h"

namespace hirestream {

using sql::CellRow;
using sql::Dialect;
using sql::LedgerCopy;
using sql::MultiRowInsert;
using sql::Row;
using sql::SliceVersion;

namespace {

constexpr size_t kSlicesPerBatch = 1024;
constexpr size_t kCellsMin = 4096;
constexpr size_t kJobsPerStatement = 500;
constexpr int64_t kRowsPerReport = 10'000;
// A comparison that finds no more than that is soon done while engines wait.
constexpr int64_t kFewSlices = 64;
constexpr int kComparisonsMax = 8;
constexpr int kLocksMax = 10;
constexpr int64_t kPauseBetweenLocksUs = 2'000'000;
constexpr int32_t kFirstHour = INT32_MIN;
constexpr int32_t kLastHour = INT32_MAX;

struct SourceState {
  std::string kind;
  std::vector<SliceVersion> slices;  // sorted by key
};

// What decides about `events`, at one moment.
struct State {
  std::map<SourceId, SourceState> sources;
  // Sums of frozen slices by hour.
  std::map<int32_t, Measures> frozen;
  std::unordered_map<int64_t, int64_t> companies;
};

// Cells of the hours from … to (exclusive), by kind of source.
struct Part {
  int32_t from = kFirstHour;
  int32_t to = kLastHour;
  std::map<std::string, Contribution> by_kind = {};
  // Of these, what replaced slices give more than before.
  Contribution change = {};
  // Cells that may be held before they are added up.
  size_t limit = 0;

  bool has(int32_t hour) const { return hour >= from && hour < to; }
  size_t size() const {
    size_t cells = change.size();
    for (const auto& [kind, of_kind] : by_kind) {
      cells += of_kind.size();
    }
    return cells;
  }
  Contribution sum() const {
    Contribution all;
    for (const auto& [kind, of_kind] : by_kind) {
      all.insert(all.end(), of_kind.begin(), of_kind.end());
    }
    canonicalize(all);
    return all;
  }
  // What the ledger as it is gives where it shall give so much.
  Measures before(const CellKey& key, Measures measures) const {
    if (const Cell* changed = find_cell(change, key)) {
      measures -= changed->measures;
    }
    return measures;
  }
  // Names of the kinds that give something to the cell, behind those that are known already.
  std::string sources_of(const CellKey& key, std::string_view known = "") const {
    std::string names(known);
    for (const auto& [kind, of_kind] : by_kind) {
      const std::string_view name = sql::sources_name(kind);
      if (find_cell(of_kind, key) != nullptr && !is_listed(names, name)) {
        names += names.empty() ? "" : ",";
        names += name;
      }
    }
    return names;
  }
  static bool is_listed(const std::string& names, std::string_view name) {
    return !names.empty() &&
           fmt::format(",{},", names).find(fmt::format(",{},", name)) != std::string::npos;
  }
};

std::string insert_cells(const Dialect& dialect, const std::string& table) {
  return fmt::format("INSERT INTO {} ({}) VALUES", table, sql::cell_columns(dialect));
}

// Of a part's rows. Empty: all.
std::string part_condition(const Dialect& dialect, const Part& part) {
  std::vector<std::string> conditions;
  const auto add = [&](int32_t local_hour, std::string_view day_is, std::string_view hour_is) {
    const CellKey key{.local_hour = local_hour};
    const std::string day = dialect.day_value(key.days());
    conditions.push_back(fmt::format("({0} {1} {2} OR ({0} = {2} AND hours {3} {4}))", dialect.day,
                                     day_is, day, hour_is, key.hour()));
  };
  if (part.from != kFirstHour) {
    add(part.from, ">", ">=");
  }
  if (part.to != kLastHour) {
    add(part.to, "<", "<");
  }
  return conditions.empty() ? "" : fmt::format(" WHERE {}", fmt::join(conditions, " AND "));
}

class Rebuild {
 public:
  Rebuild(const OpenBackend& open, RebuildOptions options, Clock& clock, Observer& observer)
      : open_(open), options_(std::move(options)), clock_(clock), observer_(observer) {}

  Result<RebuildReport> run();

 private:
  Result<void> make();
  Result<void> add_keys_and_days();
  Result<void> put_in_place();
  Result<std::unique_ptr<SqlWarehouse>> open();
  Result<void> step_done(std::string_view step);
  Result<void> go_on() const;

  static Result<State> state_of(Warehouse& warehouse);
  // Of the slices in `keys` of a source, as that warehouse sees them.
  static Result<Contribution> given(Warehouse& warehouse, SourceId source,
                                    std::span<const SliceKey> keys);
  bool is_frozen(int32_t hour) const { return known_.frozen.contains(hour); }
  int64_t company_of(int64_t job_id, int64_t otherwise) const;

  // --- the ledger as it was when the rebuild began
  Result<void> fill();
  Result<void> collect(Part& part);
  Result<void> collect_changes(Part& part, std::span<const SliceKey> keys);
  // Known ones, and those that a run adds.
  std::vector<SliceKey> slices_of(SourceId id, const SourceState& source) const;
  void take(Part& part, const std::string& kind, const Contribution& contribution);
  void tidy(Part& part) const;
  void cut(Part& part) const;
  using VisitRow = std::function<Result<void>(CellRow&)>;
  Result<void> read_rows(const Part& part, const VisitRow& visit) const;
  Result<void> write(const Part& part);
  // `insert`: MultiRowInsert or sql::InsertLanes.
  template <typename Insert>
  Result<void> write_row(Insert& insert, const CellRow& row);
  void count_difference(const Measures& held, const Measures& expected);
  void check_frozen_hours();
  Result<void> refuse_shrink() const;

  // --- what has changed since
  // Returns how many slices had.
  Result<int64_t> catch_up();
  Result<int64_t> apply(const State& now);
  Result<void> apply_slices(SourceId source, const std::string& kind,
                            std::span<const SliceKey> keys, const State& now);
  // What they give in shadow_->events() now; they are not replaced any more.
  Result<Contribution> take_out(SourceId source, std::span<const SliceKey> keys);
  // Replaced slices that the ledger lacks and a mark has passed: their engine counts what lies
  // below it, but for what the ledger had when it was made.
  Result<void> give_back_passed(const State& now);
  // Replaced slices that change an hour which is to be copied stay as they were.
  Result<void> give_back_copied();
  // `change`: what that makes of the cells.
  Result<void> add_given_back(Contribution change);
  Result<void> bring_up_copy();
  // Whose frozen sums are others.
  void note_moved_hours(const std::map<int32_t, Measures>& some,
                        const std::map<int32_t, Measures>& others);
  Result<void> add_cells(const std::string& kind, const Contribution& cells);
  Result<void> copy_hour(int32_t local_hour);
  Result<void> drop_zeros(int32_t local_hour);
  Result<void> set_companies(const State& now);
  Result<void> sum_up_day(sql::Session& session, int32_t day);

  const OpenBackend& open_;
  RebuildOptions options_;
  Clock& clock_;
  Observer& observer_;

  std::unique_ptr<SqlWarehouse> owner_;  // of the shadow tables' session
  std::string subject_;                  // of that session, which other threads may be using
  std::unique_ptr<sql::ShadowTables> shadow_;
  // Sees what the shadow tables hold; and the one that is to be next.
  std::unique_ptr<SqlWarehouse> before_;
  std::unique_ptr<SqlWarehouse> after_;
  State known_;
  // Only where slices are replaced.
  std::unique_ptr<LedgerCopy> copy_;
  std::set<int32_t> hours_of_run_;
  // By hour, of frozen hours: what the ledger has, and the rows of `events`.
  std::map<int32_t, Measures> frozen_ledger_;
  std::map<int32_t, Measures> frozen_events_;
  std::set<int32_t> days_;
  // Of events.
  int64_t rows_ = 0;
  bool locked_ = false;
  // Of which the ledger does not know all: they are copied once `events` is locked, not before, for
  // a snapshot that has read `events` would keep it from being locked.
  std::set<int32_t> hours_to_copy_;
  // Of the comparison at work.
  std::set<int32_t> hours_changed_;
  RebuildReport report_;
};

Result<std::unique_ptr<SqlWarehouse>> Rebuild::open() {
  HIRESTREAM_ASSIGN(auto backend, open_());
  HIRESTREAM_TRY(backend->be_patient());
  return std::make_unique<SqlWarehouse>(std::move(backend));
}

Result<void> Rebuild::step_done(std::string_view step) {
  return options_.at_step ? options_.at_step(step) : Result<void>();
}

Result<void> Rebuild::go_on() const {
  if (options_.stop.stop_requested()) {
    return interrupted(subject_, "nothing is changed");
  }
  return {};
}

Result<RebuildReport> Rebuild::run() {
  HIRESTREAM_ASSIGN(owner_, open());
  subject_ = owner_->backend().session().subject();
  HIRESTREAM_ASSIGN(before_, open());
  HIRESTREAM_ASSIGN(after_, open());
  HIRESTREAM_ASSIGN(shadow_, owner_->backend().shadow_tables(options_.run));
  HIRESTREAM_TRY(shadow_->create());
  auto made = make();
  before_.reset();
  after_.reset();
  const auto dropped = shadow_->drop();
  if (!made) {
    return forward(std::move(made).error());
  }
  if (!dropped) {
    observer_.on_note("warning",
                      "tables are left that the next rebuild drops: " + dropped.error().text());
  }
  return report_;
}

Result<void> Rebuild::make() {
  HIRESTREAM_TRY(before_->begin_snapshot());
  HIRESTREAM_ASSIGN(known_, state_of(*before_));
  for (const auto& [id, source] : known_.sources) {
    report_.slices += static_cast<int64_t>(source.slices.size());
  }
  if (options_.replace) {
    HIRESTREAM_ASSIGN(auto copied, open());
    HIRESTREAM_ASSIGN(copy_, LedgerCopy::make(std::move(copied), *shadow_, options_.replace));
    known_.sources[copy_->source()].kind = copy_->kind();
    HIRESTREAM_TRY(step_done("replaced"));
  }
  HIRESTREAM_ASSIGN(rows_, before_->backend().session().number(fmt::format(
                               "SELECT COUNT(*) FROM {}", shadow_->writer().dialect().events)));
  HIRESTREAM_TRY(fill());
  HIRESTREAM_TRY(refuse_shrink());
  HIRESTREAM_TRY(step_done("filled"));
  HIRESTREAM_TRY(add_keys_and_days());
  HIRESTREAM_TRY(step_done("keyed"));
  for (int comparison = 1; comparison <= kComparisonsMax; ++comparison) {
    HIRESTREAM_ASSIGN(const int64_t changed, catch_up());
    if (changed <= kFewSlices) {
      break;
    }
  }
  HIRESTREAM_TRY(step_done("caught up"));
  return put_in_place();
}

// The server sorts the keys of `events` while it sums up the days, where it has a connection for
// each.
Result<void> Rebuild::add_keys_and_days() {
  const std::vector<sql::Session*> writers = shadow_->writers();
  observer_.on_progress("keys", 0, -1);
  std::future<Result<void>> keyed =
      std::async(writers.size() > 1 ? std::launch::async : std::launch::deferred,
                 [this] { return shadow_->add_events_keys(); });
  const auto sum_up = [&]() -> Result<void> {
    int64_t done = 0;
    for (const int32_t day : days_) {
      HIRESTREAM_TRY(go_on());
      HIRESTREAM_TRY(sum_up_day(*writers.back(), day));
      observer_.on_progress("days", ++done, static_cast<int64_t>(days_.size()));
    }
    return {};
  };
  const Result<void> summed = sum_up();
  HIRESTREAM_TRY(keyed.get());
  HIRESTREAM_TRY(summed);
  return shadow_->add_days_keys();
}

Result<void> Rebuild::put_in_place() {
  for (int attempt = 1;; ++attempt) {
    HIRESTREAM_TRY(go_on());
    auto locked = shadow_->lock();
    if (locked) {
      break;
    }
    if (locked.error().kind != ErrorKind::kTransient || attempt == kLocksMax) {
      return locked;
    }
    observer_.on_retry(locked.error(), attempt, kPauseBetweenLocksUs);
    options_.wait(kPauseBetweenLocksUs);
    HIRESTREAM_TRY(catch_up());
  }
  locked_ = true;
  const int64_t locked_at_us = clock_.now_us();
  HIRESTREAM_TRY(step_done("locked"));
  HIRESTREAM_TRY(catch_up());
  HIRESTREAM_TRY(bring_up_copy());
  before_->end_snapshot();  // a table that is being read is not renamed
  HIRESTREAM_TRY(step_done("ready"));
  HIRESTREAM_TRY(shadow_->swap());
  report_.locked_us = clock_.now_us() - locked_at_us;
  if (copy_) {
    report_.slices_replaced.assign(copy_->replaced().begin(), copy_->replaced().end());
  }
  return {};
}

Result<State> Rebuild::state_of(Warehouse& warehouse) {
  State state;
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> sources, warehouse.sources());
  for (const SourceStatus& source : sources) {
    SourceState& known = state.sources[source.id];
    known.kind = source.kind;
    HIRESTREAM_ASSIGN(known.slices, sql::slice_versions(warehouse, source.id));
  }
  HIRESTREAM_ASSIGN(const Contribution frozen, warehouse.frozen_totals());
  for (const Cell& hour : frozen) {
    state.frozen[hour.key.local_hour] = hour.measures;
  }
  HIRESTREAM_ASSIGN(const std::vector<Job> jobs, warehouse.load_jobs());
  for (const Job& job : jobs) {
    state.companies[job.job_id] = job.company_id;
  }
  return state;
}

Result<Contribution> Rebuild::given(Warehouse& warehouse, SourceId source,
                                    std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(const std::vector<StoredContribution> stored,
                    sql::whole_contributions(warehouse, source, keys));
  Contribution all;
  for (const StoredContribution& slice : stored) {
    all.insert(all.end(), slice.contribution.begin(), slice.contribution.end());
  }
  canonicalize(all);
  return all;
}

int64_t Rebuild::company_of(int64_t job_id, int64_t otherwise) const {
  const auto company = known_.companies.find(job_id);
  return company == known_.companies.end() ? otherwise : company->second;
}

Result<void> Rebuild::fill() {
  Part part;
  while (true) {
    HIRESTREAM_TRY(collect(part));
    HIRESTREAM_TRY(write(part));
    if (part.to == kLastHour) {
      break;
    }
    part = {.from = part.to};
  }
  check_frozen_hours();
  return {};
}

std::vector<SliceKey> Rebuild::slices_of(SourceId id, const SourceState& source) const {
  std::vector<SliceKey> keys;
  for (const SliceVersion& version : source.slices) {
    keys.push_back(version.key);
  }
  if (copy_ && copy_->source() == id) {
    const std::vector<SliceKey> added = copy_->new_slices(source.slices);
    keys.insert(keys.end(), added.begin(), added.end());
  }
  return keys;
}

Result<void> Rebuild::collect(Part& part) {
  int64_t done = 0;
  for (const auto& [id, source] : known_.sources) {
    const std::vector<SliceKey> all = slices_of(id, source);
    for (size_t at = 0; at < all.size(); at += kSlicesPerBatch) {
      HIRESTREAM_TRY(go_on());
      const auto keys = std::span(all).subspan(at, std::min(kSlicesPerBatch, all.size() - at));
      HIRESTREAM_ASSIGN(const Contribution contribution, given(*before_, id, keys));
      take(part, source.kind, contribution);
      if (copy_ && copy_->source() == id) {
        HIRESTREAM_TRY(collect_changes(part, keys));
      }
      done += static_cast<int64_t>(keys.size());
      observer_.on_progress("ledger", done, report_.slices);
    }
  }
  tidy(part);
  return {};
}

Result<void> Rebuild::collect_changes(Part& part, std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(Contribution change, copy_->change(*before_, keys, [this](int32_t hour) {
    return is_frozen(hour);
  }));
  take(part, copy_->kind(), change);
  for (const Cell& cell : change) {
    hours_of_run_.insert(cell.key.local_hour);
  }
  std::erase_if(change, [&part](const Cell& cell) { return !part.has(cell.key.local_hour); });
  part.change.insert(part.change.end(), change.begin(), change.end());
  return {};
}

void Rebuild::take(Part& part, const std::string& kind, const Contribution& contribution) {
  Contribution& cells = part.by_kind[kind];
  for (const Cell& cell : contribution) {
    if (is_frozen(cell.key.local_hour)) {
      if (part.from == kFirstHour) {
        frozen_ledger_[cell.key.local_hour] += cell.measures;
      }
    } else if (part.has(cell.key.local_hour)) {
      cells.push_back(cell);
    }
  }
  if (part.size() > part.limit) {
    tidy(part);
    part.limit = std::max(kCellsMin, part.size() * 2);
  }
}

void Rebuild::tidy(Part& part) const {
  for (auto& [kind, cells] : part.by_kind) {
    canonicalize(cells);
  }
  canonicalize(part.change);
  cut(part);
}

// So that no more cells are held than allowed, but for those of one hour.
void Rebuild::cut(Part& part) const {
  if (part.size() <= options_.cells_max) {
    return;
  }
  std::map<int32_t, size_t> cells_by_hour;
  const auto count = [&cells_by_hour](const Contribution& cells) {
    for (const Cell& cell : cells) {
      ++cells_by_hour[cell.key.local_hour];
    }
  };
  count(part.change);
  for (const auto& [kind, cells] : part.by_kind) {
    count(cells);
  }
  size_t held = 0;
  for (const auto& [hour, cells] : cells_by_hour) {
    held += cells;
    if (held > options_.cells_max / 2 && hour != cells_by_hour.begin()->first) {
      part.to = hour;
      break;
    }
  }
  const auto is_beyond = [&part](const Cell& cell) { return !part.has(cell.key.local_hour); };
  for (auto& [kind, cells] : part.by_kind) {
    std::erase_if(cells, is_beyond);
  }
  std::erase_if(part.change, is_beyond);
}

template <typename Insert>
Result<void> Rebuild::write_row(Insert& insert, const CellRow& row) {
  sql::append_cell(insert.session(), insert.row(), row);
  days_.insert(row.key.days());
  return insert.end_row();
}

void Rebuild::count_difference(const Measures& held, const Measures& expected) {
  Measures correction = expected;
  correction -= held;
  if (correction.any_negative()) {
    ++report_.cells_taken_away;
  } else if (!correction.is_zero()) {
    ++report_.cells_put_back;
  }
}

// The rows of `events` in those hours, in the order of their keys.
Result<void> Rebuild::read_rows(const Part& part, const VisitRow& visit) const {
  sql::Session& reader = before_->backend().session();
  const Dialect& dialect = reader.dialect();
  const std::string sql = fmt::format(
      "SELECT {}, hours, job_id, publisher_id, campaign_id, group_id, impressions, clicks, {}, {}, "
      "{}, {}, company_id, sources, {} FROM {}{} ORDER BY {}, hours, job_id, publisher_id, "
      "campaign_id, group_id",
      dialect.day_number(dialect.day), dialect.conversions, dialect.qualified, dialect.unqualified,
      dialect.spend_of_hour, dialect.moment_micros(dialect.updated_at), dialect.events,
      part_condition(dialect, part), dialect.day);
  return reader.stream(sql, [&](const Row& row) -> Result<void> {
    CellRow held{{static_cast<int32_t>(row.integer(0) * 24 + row.integer(1)), row.integer(2),
                  row.integer(3), row.integer(4), row.integer(5)},
                 {row.integer(6), row.integer(7), row.integer(8), row.integer(9), row.integer(10),
                  row.micros(11)},
                 company_of(row.integer(2), row.integer(12)),
                 row.text(13),
                 row.integer(14)};
    return row.fault().empty() ? visit(held) : Result<void>();
  });
}

Result<void> Rebuild::write(const Part& part) {
  const int64_t now_us = clock_.now_us();
  const Contribution expected = part.sum();
  sql::InsertLanes insert(shadow_->writers(),
                          insert_cells(shadow_->writer().dialect(), shadow_->events()));
  auto next = expected.begin();
  const auto write_missing_before = [&](const CellKey* key) -> Result<void> {
    for (; next != expected.end() && (key == nullptr || next->key < *key); ++next) {
      count_difference({}, part.before(next->key, next->measures));
      const std::string sources = part.sources_of(next->key);
      const int64_t company = company_of(next->key.job_id, 0);
      HIRESTREAM_TRY(write_row(insert, {next->key, next->measures, company, sources, now_us}));
    }
    return {};
  };
  std::string sources;
  const auto write_held = [&](CellRow& held) -> Result<void> {
    if (++report_.cells % kRowsPerReport == 0) {
      HIRESTREAM_TRY(go_on());
      observer_.on_progress("cells", report_.cells, rows_);
    }
    HIRESTREAM_TRY(write_missing_before(&held.key));
    if (is_frozen(held.key.local_hour)) {
      frozen_events_[held.key.local_hour] += held.measures;
      ++report_.cells_kept;
      return write_row(insert, held);
    }
    const bool counted = next != expected.end() && next->key == held.key;
    const Measures should = counted ? next->measures : Measures{};
    count_difference(held.measures, part.before(held.key, should));
    if (should != held.measures) {
      if (counted && find_cell(part.change, held.key) != nullptr) {
        sources = part.sources_of(held.key, held.sources);
        held.sources = sources;
      }
      held.measures = should;
      held.updated_at_us = now_us;
    }
    if (!counted) {
      return {};
    }
    ++next;
    return write_row(insert, held);
  };
  HIRESTREAM_TRY(read_rows(part, write_held));
  HIRESTREAM_TRY(write_missing_before(nullptr));
  return insert.finish();
}

void Rebuild::check_frozen_hours() {
  for (const auto& [hour, sum] : known_.frozen) {
    Measures explained = sum;
    explained += frozen_ledger_[hour];
    if (frozen_events_[hour] != explained) {
      ++report_.hours_unexplained;
    }
  }
}

Result<void> Rebuild::refuse_shrink() const {
  if (report_.cells_taken_away == 0 || options_.allow_shrink) {
    return {};
  }
  return fail(ErrorKind::kConfig, "rebuild", "events",
              fmt::format("{} rows hold more than the ledger says: somebody else wrote to the "
                          "table; nothing is changed",
                          report_.cells_taken_away),
              "`hirestream verify` shows some of them; `hirestream rebuild --allow-shrink` takes "
              "away what the ledger does not have");
}

Result<int64_t> Rebuild::catch_up() {
  HIRESTREAM_TRY(after_->begin_snapshot());
  HIRESTREAM_ASSIGN(State now, state_of(*after_));
  HIRESTREAM_ASSIGN(const int64_t changed, apply(now));
  before_->end_snapshot();
  std::swap(before_, after_);
  known_ = std::move(now);
  report_.slices_changed += changed;
  ++report_.comparisons;
  return changed;
}

void Rebuild::note_moved_hours(const std::map<int32_t, Measures>& some,
                               const std::map<int32_t, Measures>& others) {
  for (const auto& [hour, sum] : some) {
    const auto at = others.find(hour);
    if (at == others.end() || at->second != sum) {
      hours_to_copy_.insert(hour);
    }
  }
}

Result<int64_t> Rebuild::apply(const State& now) {
  hours_changed_.clear();
  note_moved_hours(known_.frozen, now.frozen);
  note_moved_hours(now.frozen, known_.frozen);
  int64_t changed = 0;
  for (const auto& [id, source] : now.sources) {
    const std::vector<SliceKey> list = sql::moved_slices(known_.sources[id].slices, source.slices);
    for (size_t at = 0; at < list.size(); at += kSlicesPerBatch) {
      HIRESTREAM_TRY(apply_slices(
          id, source.kind, std::span(list).subspan(at, std::min(kSlicesPerBatch, list.size() - at)),
          now));
    }
    changed += static_cast<int64_t>(list.size());
  }
  HIRESTREAM_TRY(give_back_passed(now));
  HIRESTREAM_TRY(give_back_copied());
  std::set<int32_t> days;
  for (const int32_t hour : hours_changed_) {
    HIRESTREAM_TRY(drop_zeros(hour));
    days.insert(CellKey{.local_hour = hour}.days());
  }
  if (locked_) {
    for (const int32_t hour : hours_to_copy_) {
      HIRESTREAM_TRY(copy_hour(hour));
      days.insert(CellKey{.local_hour = hour}.days());
    }
  }
  HIRESTREAM_TRY(set_companies(now));
  for (const int32_t day : days) {
    HIRESTREAM_TRY(sum_up_day(shadow_->writer(), day));
  }
  return changed;
}

// A slice that has left the ledger is frozen: its hours are copied.
Result<void> Rebuild::apply_slices(SourceId source, const std::string& kind,
                                   std::span<const SliceKey> keys, const State& now) {
  HIRESTREAM_ASSIGN(const Contribution was, take_out(source, keys));
  HIRESTREAM_ASSIGN(const Contribution is, given(*after_, source, keys));
  Contribution change = difference(is, was);
  for (const Cell& cell : change) {
    const int32_t hour = cell.key.local_hour;
    const bool copied = now.frozen.contains(hour) || hours_to_copy_.contains(hour);
    (copied ? hours_to_copy_ : hours_changed_).insert(hour);
  }
  std::erase_if(change,
                [this](const Cell& cell) { return hours_to_copy_.contains(cell.key.local_hour); });
  return add_cells(kind, change);
}

Result<Contribution> Rebuild::take_out(SourceId source, std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(Contribution was, given(*before_, source, keys));
  if (copy_ && copy_->source() == source) {
    HIRESTREAM_ASSIGN(const Contribution change,
                      copy_->change(*before_, keys, [](int32_t) { return false; }));
    was = merge(was, change);
    copy_->give_back(keys);
  }
  return was;
}

Result<void> Rebuild::give_back_passed(const State& now) {
  const auto source = copy_ ? now.sources.find(copy_->source()) : now.sources.end();
  if (source == now.sources.end()) {
    return {};
  }
  std::vector<SliceKey> passed = copy_->new_slices(source->second.slices);
  std::set<int32_t> shards;
  for (const SliceKey& key : passed) {
    shards.insert(key.shard);
  }
  const std::vector<int32_t> list(shards.begin(), shards.end());
  HIRESTREAM_ASSIGN(const auto marks, after_->load_frozen_marks(copy_->source(), list));
  std::map<int32_t, int64_t> until;
  for (const FrozenMark& mark : marks) {
    until[mark.shard] = mark.until;
  }
  std::erase_if(passed, [&](const SliceKey& key) { return key.bucket >= until.at(key.shard); });
  for (size_t at = 0; at < passed.size(); at += kSlicesPerBatch) {
    const auto keys = std::span(passed).subspan(at, std::min(kSlicesPerBatch, passed.size() - at));
    HIRESTREAM_ASSIGN(const Contribution was, take_out(copy_->source(), keys));
    HIRESTREAM_TRY(add_given_back(difference({}, was)));
  }
  return {};
}

// Hours that are copied are not known by cells.
Result<void> Rebuild::add_given_back(Contribution change) {
  std::erase_if(change,
                [this](const Cell& cell) { return hours_to_copy_.contains(cell.key.local_hour); });
  for (const Cell& cell : change) {
    hours_changed_.insert(cell.key.local_hour);
  }
  return add_cells(copy_->kind(), change);
}

Result<void> Rebuild::give_back_copied() {
  const auto is_copied = [this](int32_t hour) { return hours_to_copy_.contains(hour); };
  if (!copy_ || std::none_of(hours_of_run_.begin(), hours_of_run_.end(), is_copied)) {
    return {};
  }
  const std::vector<SliceKey> all(copy_->replaced().begin(), copy_->replaced().end());
  for (size_t at = 0; at < all.size(); at += kSlicesPerBatch) {
    const auto keys = std::span(all).subspan(at, std::min(kSlicesPerBatch, all.size() - at));
    const auto none = [](int32_t) { return false; };
    HIRESTREAM_ASSIGN(const Contribution with, copy_->change(*before_, keys, none));
    HIRESTREAM_ASSIGN(const Contribution without, copy_->change(*before_, keys, is_copied));
    HIRESTREAM_TRY(add_given_back(difference(without, with)));
  }
  // No slice that is replaced still changes them: the next comparison need not read all again.
  std::erase_if(hours_of_run_, is_copied);
  return {};
}

Result<void> Rebuild::bring_up_copy() {
  if (!copy_) {
    return {};
  }
  for (const SourceId id : copy_->sources()) {
    known_.sources.try_emplace(id);
  }
  for (const auto& [id, source] : known_.sources) {
    HIRESTREAM_TRY(copy_->bring_up(id, source.slices));
  }
  return shadow_->copy_frozen();
}

Result<void> Rebuild::add_cells(const std::string& kind, const Contribution& cells) {
  sql::Session& session = shadow_->writer();
  const Dialect& dialect = session.dialect();
  const std::string table = shadow_->events();
  const std::string assignments = sql::added_measures(dialect, table) +
                                  fmt::format("sources = {0}, {1} = new.{1}",
                                              dialect.merged_sources(table), dialect.updated_at);
  MultiRowInsert insert(session, insert_cells(dialect, table),
                        dialect.upsert(sql::cell_key_columns(dialect), assignments));
  const int64_t now_us = clock_.now_us();
  for (const Cell& cell : cells) {
    HIRESTREAM_TRY(write_row(insert, {cell.key, cell.measures, company_of(cell.key.job_id, 0),
                                      sql::sources_name(kind), now_us}));
  }
  return insert.flush();
}

Result<void> Rebuild::copy_hour(int32_t local_hour) {
  sql::Session& session = shadow_->writer();
  const Dialect& dialect = session.dialect();
  const std::string hour = sql::hour_condition(dialect, local_hour);
  HIRESTREAM_TRY(session.execute(fmt::format("DELETE FROM {} WHERE {}", shadow_->events(), hour)));
  return session.execute(fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2} WHERE {3}",
                                     shadow_->events(), sql::cell_columns(dialect), dialect.events,
                                     hour));
}

Result<void> Rebuild::drop_zeros(int32_t local_hour) {
  sql::Session& session = shadow_->writer();
  const Dialect& dialect = session.dialect();
  return session.execute(
      fmt::format("DELETE FROM {} WHERE {} AND impressions = 0 AND clicks = 0 AND {} = 0 AND {} = "
                  "0 AND {} = 0 AND {} = 0",
                  shadow_->events(), sql::hour_condition(dialect, local_hour), dialect.conversions,
                  dialect.qualified, dialect.unqualified, dialect.spend_of_hour));
}

// Rows of jobs whose company is another one than that with which they were written.
Result<void> Rebuild::set_companies(const State& now) {
  std::vector<std::pair<int64_t, int64_t>> changed;
  for (const auto& [job, company] : now.companies) {
    const auto known = known_.companies.find(job);
    if (known == known_.companies.end() || known->second != company) {
      changed.emplace_back(job, company);
    }
  }
  sql::Session& session = shadow_->writer();
  for (size_t at = 0; at < changed.size(); at += kJobsPerStatement) {
    std::string cases;
    std::vector<int64_t> jobs;
    for (const auto& [job, company] :
         std::span(changed).subspan(at, std::min(kJobsPerStatement, changed.size() - at))) {
      cases += fmt::format(" WHEN {} THEN {}", job, company);
      jobs.push_back(job);
    }
    for (const std::string& table : {shadow_->events(), shadow_->days()}) {
      HIRESTREAM_TRY(session.execute(
          fmt::format("UPDATE {} SET company_id = CASE job_id{} END WHERE job_id IN ({})", table,
                      cases, fmt::join(jobs, ","))));
    }
  }
  return {};
}

Result<void> Rebuild::sum_up_day(sql::Session& session, int32_t day) {
  const Dialect& dialect = session.dialect();
  const std::string condition = fmt::format("{} = {}", dialect.day, dialect.day_value(day));
  HIRESTREAM_TRY(
      session.execute(fmt::format("DELETE FROM {} WHERE {}", shadow_->days(), condition)));
  return session.execute(sql::sum_up_days(dialect, shadow_->days(), shadow_->events(), condition));
}

}  // namespace

Result<RebuildReport> rebuild_events(const OpenBackend& open, RebuildOptions options, Clock& clock,
                                     Observer& observer) {
  return Rebuild(open, std::move(options), clock, observer).run();
}

}  // namespace hirestream
