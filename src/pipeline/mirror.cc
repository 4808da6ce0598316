#include "pipeline/mirror.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "model/raw_columns.h"
#include "ports/event_source.h"

namespace hirestream {
namespace {

// After its bucket's end. An engine settles a slice some time later, by its grace; what is noted
// before that costs nothing.
constexpr int64_t kLateAfterUs = 30'000'000;
constexpr size_t kLateMax = 10'000;
constexpr int64_t kHearIntervalUs = 1'000'000;
// What is held is looked for in so many batches within the time that it is held.
constexpr int64_t kHeldBatches = 4;

}  // namespace

Mirror::Mirror(MirrorPolicy policy, ChangeLog* log, TableHistory& history,
               TableComparison& comparison, MirrorTable& table, Clock& clock, MirrorNotes notes)
    : policy_(std::move(policy)),
      log_(log),
      history_(history),
      comparison_(comparison),
      table_(table),
      clock_(clock),
      notes_(std::move(notes)),
      turns_(policy_.node) {}

Result<void> Mirror::start() {
  HIRESTREAM_ASSIGN(const auto stored, table_.load());
  state_ = stored.value_or(MirrorState());
  rows_.clear();
  held_.clear();
  held_rows_ = 0;
  poll_failed_ = false;
  compared_ = Comparison::kNone;
  copy_recent_ = true;
  followed_again_ = false;
  if (log_ == nullptr) {
    state_.position.reset();
    unnoted_before_ = is_copying();
    return {};
  }
  const bool known = stored && stored->position;
  HIRESTREAM_ASSIGN(const auto gap, log_->start(state_.position));
  if (known && gap) {
    note_gap(*gap);
  } else if (!known) {
    state_.copied_parts = 0;
    copy_from_us_ = clock_.now_us() + policy_.copy_delay_us;
  }
  unnoted_before_ = is_copying();
  return store();
}

Result<Mirror::Step> Mirror::step() {
  Step step = Step::kIdle;
  if (log_ != nullptr) {
    HIRESTREAM_ASSIGN(step, follow());
  }
  const int64_t now_us = clock_.now_us();
  if (!is_copying() && has_passed(policy_.copy_interval_us, state_.copied_us, now_us)) {
    state_.copied_parts = 0;
    copy_recent_ = log_ == nullptr;
    must_store_ = true;
  }
  // A clock that was set back puts no copy off.
  copy_from_us_ = std::min(copy_from_us_, now_us + policy_.copy_delay_us);
  if (is_copying() && now_us >= copy_from_us_) {
    HIRESTREAM_TRY(store_if_due());  // first: the next run must know of it
    HIRESTREAM_TRY(must_compare() ? compare() : copy_part());
    step = Step::kMore;
  }
  HIRESTREAM_TRY(store_if_due());
  return step;
}

Result<void> Mirror::finish() {
  return can_store() ? store() : Result<void>();
}

Result<Mirror::Step> Mirror::follow() {
  HIRESTREAM_TRY(write_followed());  // what an error left
  HIRESTREAM_TRY(settle_held());
  const std::string position = log_->position();
  poll_failed_ = true;
  HIRESTREAM_ASSIGN(const auto poll, log_->poll(policy_.rows_max, rows_));
  poll_failed_ = false;
  if (poll.gap) {
    note_gap(*poll.gap);
  }
  HIRESTREAM_TRY(hold_others_rows(position));
  HIRESTREAM_TRY(write_followed());
  if (!poll.more) {
    ++counts_.log_ends;
    counts_.level_us = held_since_us().value_or(clock_.now_us());
  }
  followed_again_ = followed_again_ || (!poll.more && !poll.gap);
  HIRESTREAM_TRY(store_if_due());
  if (notes_.on_looked) {
    notes_.on_looked();
  }
  return poll.more ? Step::kMore : Step::kIdle;
}

Result<void> Mirror::write_followed() {
  if (rows_.empty()) {
    return {};
  }
  HIRESTREAM_TRY(write_noting_late(rows_, counts_.rows_followed, late_));
  counts_.newest_written_us =
      std::ranges::max(rows_, {}, &ChangedRow::row_written_us).row_written_us;
  rows_.clear();
  dirty_ = true;
  return {};
}

// `position`: of the log, before the rows.
Result<void> Mirror::hold_others_rows(const std::string& position) {
  const auto is_shared = [](const ChangedRow& row) { return row.nodes && row.nodes->size() > 1; };
  if (policy_.hold_us == 0 || std::ranges::none_of(rows_, is_shared)) {
    return {};
  }
  const int64_t now_us = clock_.now_us();
  if (has_passed(kHearIntervalUs, heard_us_, now_us)) {
    HIRESTREAM_ASSIGN(const auto positions, table_.positions());
    turns_.hear(positions, now_us);
    heard_us_ = now_us;
  }
  std::vector<ChangedRow> own;
  Held others{.position = position, .since_us = now_us, .rows = {}, .firsts = {}};
  for (ChangedRow& row : rows_) {
    const std::string* first =
        row.nodes && may_be_left(row) ? turns_.first_of(*row.nodes, now_us) : nullptr;
    if (first != nullptr) {
      others.firsts.push_back(first);
    }
    (first != nullptr ? others.rows : own).push_back(std::move(row));
  }
  rows_ = std::move(own);
  if (others.rows.empty()) {
    return {};
  }
  held_rows_ += others.rows.size();
  dirty_ = true;
  if (held_.empty() || now_us - held_.back().since_us >= policy_.hold_us / kHeldBatches) {
    held_.push_back(std::move(others));
  } else {
    std::ranges::move(others.rows, std::back_inserter(held_.back().rows));
    std::ranges::copy(others.firsts, std::back_inserter(held_.back().firsts));
  }
  return {};
}

// Of a row that came late whoever wrote it may have ended without a note.
bool Mirror::may_be_left(const ChangedRow& row) const {
  const auto place = table_.place_of(row);
  return place && place->end_us > clock_.now_us() - kLateAfterUs;
}

Result<void> Mirror::settle_held() {
  while (!held_.empty()) {
    const Held& held = held_.front();
    const bool is_due = has_passed(policy_.hold_us, held.since_us, clock_.now_us());
    if (!is_due && held_rows_ <= policy_.held_rows_max) {
      return {};
    }
    HIRESTREAM_ASSIGN(const auto lacking, table_.find_lacking(held.rows));
    std::map<std::string, std::pair<int64_t, int64_t>> left_and_lacking;
    std::vector<ChangedRow> wanted;
    auto next_lacking = lacking.begin();
    for (size_t i = 0; i < held.rows.size(); ++i) {
      const bool lacks = next_lacking != lacking.end() && *next_lacking == i;
      next_lacking += lacks ? 1 : 0;
      auto& [left, missed] = left_and_lacking[*held.firsts[i]];
      ++left;
      missed += lacks ? 1 : 0;
      if (lacks || !may_be_left(held.rows[i])) {
        wanted.push_back(held.rows[i]);
      }
    }
    HIRESTREAM_TRY(write_noting_late(wanted, counts_.rows_followed, late_));
    counts_.rows_taken_over += static_cast<int64_t>(wanted.size());
    counts_.rows_left += static_cast<int64_t>(held.rows.size() - wanted.size());
    for (const auto& [node, found] : left_and_lacking) {
      if (is_due) {
        turns_.judge(node, found.first, found.second, clock_.now_us());
      }
    }
    held_rows_ -= held.rows.size();
    held_.pop_front();
  }
  return {};
}

// The copy that is under way may have passed what is missing now: it begins again. That is stored
// together with a position behind the gap, or not at all.
void Mirror::note_gap(const std::string& why) {
  ++counts_.gaps;
  state_.copied_parts = 0;
  compared_ = Comparison::kNone;
  copy_recent_ = true;
  unnoted_before_ = unnoted_before_ || !followed_again_;
  copy_from_us_ = clock_.now_us() + policy_.copy_delay_us;
  must_store_ = true;
  if (notes_.on_gap) {
    notes_.on_gap(why);
  }
}

// Not of a table that was never copied, and not of a copy that an earlier run has begun.
bool Mirror::must_compare() const {
  return compared_ != Comparison::kDone && state_.copied_us != 0 && state_.copied_parts == 0;
}

Result<void> Mirror::compare() {
  if (compared_ == Comparison::kNone) {
    const int64_t now_us = clock_.now_us();
    compared_until_us_ = now_us - policy_.recent_us;
    comparison_.begin(policy_.keep_us == 0 ? INT64_MIN : now_us - policy_.keep_us,
                      compared_until_us_);
    compared_ = Comparison::kUnderWay;
  }
  const auto more = comparison_.next();
  if (!more) {
    compared_ = Comparison::kNone;
    return forward(more.error());
  }
  if (notes_.on_comparing) {
    notes_.on_comparing(comparison_.rows_read());
  }
  if (*more) {
    return {};
  }
  const std::vector<SliceKey> differing = comparison_.differing();
  differing_ = {differing.begin(), differing.end()};
  compared_ = Comparison::kDone;
  counts_.slices_differed += static_cast<int64_t>(differing.size());
  if (notes_.on_compared) {
    notes_.on_compared(static_cast<int64_t>(differing.size()));
  }
  if (differing.empty() && !copy_recent_) {
    state_.copied_parts = kMirrorCopyParts;
    finish_copy();
  }
  return {};
}

Result<void> Mirror::copy_part() {
  constexpr uint64_t kPlaces = kRingPlaces / kMirrorCopyParts;
  const int64_t gaps_before = counts_.gaps;
  const auto begin = static_cast<uint64_t>(state_.copied_parts) * kPlaces;
  const auto take = [&](std::span<const ChangedRow> rows) -> Result<void> {
    HIRESTREAM_TRY(write_copied(rows));
    if (log_ != nullptr) {
      HIRESTREAM_TRY(follow());
    }
    return {};
  };
  HIRESTREAM_TRY(history_.read(begin, begin + kPlaces, take));
  if (counts_.gaps != gaps_before) {
    return {};
  }
  ++state_.copied_parts;
  must_store_ = true;
  if (!is_copying()) {
    finish_copy();
  }
  if (notes_.on_copied) {
    notes_.on_copied(state_.copied_parts, counts_);
  }
  return {};
}

// Which slices were late is not known where nothing was compared, or an earlier run may have
// written to some of them, which do not differ any more.
void Mirror::finish_copy() {
  if (compared_ == Comparison::kDone && !unnoted_before_) {
    late_.merge(copied_late_);
  } else {
    late_anywhere_ = true;
  }
  unnoted_before_ = false;
  copied_late_.clear();
  compared_ = Comparison::kNone;
  state_.copied_us = clock_.now_us();
  ++counts_.copies;
  must_store_ = true;
}

Result<void> Mirror::write_copied(std::span<const ChangedRow> rows) {
  if (state_.copied_us == 0) {
    return write(rows, counts_.rows_copied);
  }
  wanted_rows_.clear();
  std::ranges::copy_if(rows, std::back_inserter(wanted_rows_),
                       [this](const ChangedRow& row) { return is_wanted(row); });
  return write_noting_late(wanted_rows_, counts_.rows_copied, copied_late_);
}

bool Mirror::is_wanted(const ChangedRow& row) const {
  const auto arrival_us = arrival_of(row.event);
  if (policy_.keep_us != 0 && arrival_us && *arrival_us < clock_.now_us() - policy_.keep_us) {
    return false;
  }
  if (compared_ != Comparison::kDone) {
    return true;
  }
  if (arrival_us && *arrival_us >= compared_until_us_) {
    return copy_recent_;
  }
  const auto place = table_.place_of(row);
  return place && differing_.contains(place->slice);
}

Result<void> Mirror::write(std::span<const ChangedRow> rows, int64_t& counted) {
  if (rows.empty()) {
    return {};
  }
  const auto written = table_.write(rows);
  if (!written && written.error().kind == ErrorKind::kRejected) {
    return write_halves(rows, written.error(), counted);
  }
  HIRESTREAM_TRY(written);
  counted += static_cast<int64_t>(rows.size());
  return {};
}

// Until the row that does not fit is alone.
Result<void> Mirror::write_halves(std::span<const ChangedRow> rows, const Error& why,
                                  int64_t& counted) {
  if (rows.size() > 1) {
    const size_t half = rows.size() / 2;
    HIRESTREAM_TRY(write(rows.first(half), counted));
    return write(rows.subspan(half), counted);
  }
  ++counts_.rows_rejected;
  if (notes_.on_rejected) {
    notes_.on_rejected(why);
  }
  return {};
}

// Before it, since some are written even if it fails; and behind it, since it may take minutes.
Result<void> Mirror::write_noting_late(std::span<const ChangedRow> rows, int64_t& counted,
                                       std::set<SliceKey>& late) {
  remember_late(rows, late);
  HIRESTREAM_TRY(write(rows, counted));
  remember_late(rows, late);
  return {};
}

void Mirror::remember_late(std::span<const ChangedRow> rows, std::set<SliceKey>& late) const {
  const int64_t over_us = clock_.now_us() - kLateAfterUs;
  for (const ChangedRow& row : rows) {
    const auto place = table_.place_of(row);
    if (place && place->end_us <= over_us) {
      late.insert(place->slice);
    }
  }
}

Result<void> Mirror::note_late() {
  if (late_anywhere_ || late_.size() > kLateMax) {
    HIRESTREAM_TRY(table_.note_late_anywhere(clock_.now_us()));
    ++counts_.late_notes;
  } else if (!late_.empty()) {
    HIRESTREAM_TRY(
        table_.note_late(std::vector<SliceKey>(late_.begin(), late_.end()), clock_.now_us()));
    counts_.late_notes += static_cast<int64_t>(late_.size());
  }
  late_anywhere_ = false;
  late_.clear();
  return {};
}

Result<void> Mirror::store_if_due() {
  const int64_t interval_us = dirty_ ? policy_.store_interval_us : policy_.idle_store_interval_us;
  const bool due = must_store_ || has_passed(interval_us, stored_us_, clock_.now_us());
  return due && can_store() ? store() : Result<void>();
}

Result<void> Mirror::store() {
  HIRESTREAM_CHECK(can_store());
  if (log_ != nullptr) {
    state_.position = held_.empty() ? log_->position() : held_.front().position;
  }
  HIRESTREAM_TRY(note_late());
  const int64_t began_us = clock_.now_us();
  HIRESTREAM_TRY(table_.store(state_));
  store_began_us_ = began_us;
  dirty_ = false;
  must_store_ = false;
  stored_us_ = clock_.now_us();
  // As long as it copies, the log is what tells why.
  return log_ == nullptr || is_copying() ? Result<void>() : log_->delete_before(*state_.position);
}

}  // namespace hirestream
