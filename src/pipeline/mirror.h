// Keeps a table equal to a raw log (ports/mirror.h): follows the log of its changes; at the first
// start copies the whole table; where the log has a gap, and every so often for what no log shows,
// compares both and copies the slices that differ.
// While it copies it goes on following. How far it is, is stored after what it tells was written;
// so whatever ends it, nothing is lost, and what is written twice is as if it was written once.
// What it wrote into slices that were over is noted for those who count, before that is stored.
//
// Where other nodes' logs have a row, too, it may be another mirror's turn (mirror_turns.h). It is
// held then, looked for, and written if it is not there: no row is given up that was not seen in
// the table while its slice was not over. The place that is stored is before what is held.
//
// A state machine without thread or clock of its own: step() after step(). After an error step()
// is called again, later. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "model/changed_row.h"
#include "model/result.h"
#include "pipeline/mirror_turns.h"
#include "ports/clock.h"
#include "ports/mirror.h"

namespace hirestream {

struct MirrorPolicy {
  size_t rows_max = 10'000;                         // held at a time
  int64_t store_interval_us = 1'000'000;            // while rows come
  int64_t idle_store_interval_us = 30'000'000;      // while none do
  int64_t copy_delay_us = 1'000'000;                // from a gap to the copy
  int64_t copy_interval_us = 24 * 3'600'000'000LL;  // of reconciling
  // Copies after the first one leave out what arrived longer ago: the engine has counted it for
  // good, and it would be in the table again for so long. 0: they leave out nothing.
  int64_t keep_us = 0;
  // What arrived so shortly before a comparison may be under way: it is not compared, but copied
  // where the log does not vouch for it.
  int64_t recent_us = 600'000'000;
  std::string node = {};  // whose log is followed, as in ChangedRow::nodes
  // So long a row is held that is another mirror's first. 0: all are this one's.
  int64_t hold_us = 2'000'000;
  size_t held_rows_max = 20'000;  // with more, the oldest are looked for sooner
};

struct MirrorCounts {
  int64_t rows_followed = 0;    // written, from the log
  int64_t rows_copied = 0;      // written, from the table
  int64_t rows_rejected = 0;    // did not fit
  int64_t rows_left = 0;        // from the log, written by another node's mirror
  int64_t rows_taken_over = 0;  // were another mirror's first; of those followed
  int64_t gaps = 0;
  int64_t copies = 0;             // completed, or found to be needless
  int64_t slices_differed = 0;    // and were copied
  int64_t late_notes = 0;         // of slices, and of any slice at once
  int64_t newest_written_us = 0;  // of what the log gave last: when its writer wrote it
  int64_t log_ends = 0;           // how often all that the log showed was read
  int64_t level_us = 0;           // when all that the log showed was written last; 0: never
};

// What somebody should know.
struct MirrorNotes {
  std::function<void()> on_looked;  // into the log, and wrote what was there; often
  std::function<void(const std::string& why)> on_gap;
  std::function<void(const Error& error)> on_rejected;
  std::function<void(int64_t parts, const MirrorCounts& counts)> on_copied;  // a part
  std::function<void(int64_t rows_read)> on_comparing;
  std::function<void(int64_t slices)> on_compared;  // so many differ
};

class Mirror {
 public:
  // `log`: null: none is followed, what differs is copied every copy_interval. The others outlive
  // it.
  Mirror(MirrorPolicy policy, ChangeLog* log, TableHistory& history, TableComparison& comparison,
         MirrorTable& table, Clock& clock, MirrorNotes notes);

  // Once, before step(). Also after an error of it.
  Result<void> start();
  enum class Step : uint8_t {
    kMore,  // there is more to do already
    kIdle,  // nothing for now
  };
  Result<Step> step();
  // Stores how far it is. Before the end; not needed for being right.
  Result<void> finish();

  bool is_copying() const { return state_.copied_parts < kMirrorCopyParts; }
  // The table may have rows that neither the log nor a copy has brought yet, of before now.
  bool may_lack_rows() const {
    return state_.copied_us == 0 ||
           (log_ != nullptr && (!followed_again_ || (is_copying() && copy_recent_)));
  }
  // What the log gave before may lack in the table, for it is another mirror's turn. Nothing: no
  // row is held.
  std::optional<int64_t> held_since_us() const {
    return held_.empty() ? std::nullopt : std::optional(held_.front().since_us);
  }
  const MirrorState& state() const { return state_; }
  // When the state that was stored last was sent.
  int64_t store_began_us() const { return store_began_us_; }
  const MirrorCounts& counts() const { return counts_; }

 private:
  Result<Step> follow();
  Result<void> hold_others_rows(const std::string& position);
  Result<void> settle_held();
  bool may_be_left(const ChangedRow& row) const;
  Result<void> write_followed();
  void note_gap(const std::string& why);
  bool must_compare() const;
  Result<void> compare();
  Result<void> copy_part();
  void finish_copy();
  bool is_wanted(const ChangedRow& row) const;
  Result<void> write_copied(std::span<const ChangedRow> rows);
  Result<void> write_noting_late(std::span<const ChangedRow> rows, int64_t& counted,
                                 std::set<SliceKey>& late);
  Result<void> write(std::span<const ChangedRow> rows, int64_t& counted);
  Result<void> write_halves(std::span<const ChangedRow> rows, const Error& why, int64_t& counted);
  // The log's position tells what was written, and no gap that was not told yet.
  bool can_store() const { return rows_.empty() && !poll_failed_; }
  void remember_late(std::span<const ChangedRow> rows, std::set<SliceKey>& late) const;
  Result<void> note_late();
  Result<void> store_if_due();
  Result<void> store();

  MirrorPolicy policy_;
  ChangeLog* log_;
  TableHistory& history_;
  TableComparison& comparison_;
  MirrorTable& table_;
  Clock& clock_;
  MirrorNotes notes_;
  MirrorState state_;
  int64_t store_began_us_ = 0;
  MirrorCounts counts_;
  std::vector<ChangedRow> rows_;  // from the log, not written yet
  // Rows that are others' first.
  struct Held {
    std::string position;  // of the log, before them
    int64_t since_us = 0;  // of the first
    std::vector<ChangedRow> rows;
    std::vector<const std::string*> firsts;  // whose they are, of their nodes
  };
  MirrorTurns turns_;
  std::deque<Held> held_;
  size_t held_rows_ = 0;
  int64_t heard_us_ = 0;
  std::vector<ChangedRow> wanted_rows_;  // of a page of a copy
  int64_t copy_from_us_ = 0;             // not before
  // Of the copy that is under way.
  enum class Comparison : uint8_t { kNone, kUnderWay, kDone };
  Comparison compared_ = Comparison::kNone;
  std::unordered_set<SliceKey, SliceKeyHash> differing_;
  int64_t compared_until_us_ = 0;  // by arrival; what is newer was not compared
  bool copy_recent_ = true;        // the log does not vouch for that
  std::set<SliceKey> copied_late_;
  // This run has met everything that an earlier one had followed.
  bool followed_again_ = false;
  // An earlier run may have written late what it did not note, and what this one will not meet: it
  // is in a copy that was under way, or due, or it went with the log.
  bool unnoted_before_ = false;
  std::set<SliceKey> late_;     // written into, not noted yet
  bool late_anywhere_ = false;  // into any, or into too many to name
  bool poll_failed_ = false;
  bool dirty_ = false;  // rows were written that the stored state does not tell
  bool must_store_ = false;
  int64_t stored_us_ = 0;
};

}  // namespace hirestream
