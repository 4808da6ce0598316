// Files: each file is a slice, named by its path; a new or changed file is counted whole and
// replaces itself, unless it lacks rows that were counted: then it is held (decision.h). A file
// that disappears, or that another one takes the place of, keeps what it gave, unless a new one
// holds its rows, and no others before them: then it was renamed (compressed, rotated, appended to
// before), and they move to the new name.
// A file that cannot be read (truncated archive,
// missing column) is reported once per version and left out whole; one that changes while it is
// read is tried again later, after the others.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "pipeline/clockwork.h"
#include "pipeline/engine.h"
#include "pipeline/recount.h"
#include "pipeline/slice_book.h"
#include "pipeline/slice_ledger.h"

namespace hirestream {

class FilesEngine : public Engine {
 public:
  FilesEngine(const EnginePorts& ports, EngineOptions options);

  Result<void> start() override;
  // Files that cannot be used are left out, and told when all others are done.
  Result<StepReport> step() override;

 private:
  // A version of a file that is not looked at again, or not for some time.
  struct PutAside {
    std::string tag;
    std::optional<int64_t> for_now_us = std::nullopt;  // since then
    bool may_be_read(const std::string& tag_now, int64_t now_us) const;
  };
  Result<void> look_for_files(int64_t now_us);
  Result<void> work_on_next(int64_t now_us);
  // True if the file was dealt with for now; false if the error is the engine's.
  bool put_aside(const SliceListing& file, const Error& error, int64_t now_us);
  Result<void> count_file(const SliceListing& file, int64_t now_us);
  // Empties the slice of a file that had exactly these rows, or the first of them, of those for
  // which `may_have_lost`. `copy` may be one of the changes.
  Result<void> plan_renamed(CommitPlan& changes, const SliceChange& copy,
                            std::span<const RowDigest> first_rows,
                            const std::function<bool(const LedgerEntry&)>& may_have_lost,
                            int64_t now_us);
  // Empties the slices of files that are gone, or lack rows, and of which a copy is there that was
  // counted beside them.
  Result<void> forget_copied(int64_t now_us);
  // What gives rows away to the file is counted anew.
  Result<void> commit(CommitPlan changes, const SliceListing& file);
  // Gone, or held.
  bool is_lost(const LedgerEntry& known) const;
  // Gone, or not what it was when it was counted.
  bool is_another(const LedgerEntry& known) const;
  // Of a file whose rows were found under another name: if there is a file, it has others.
  void count_anew(const SliceKey& emptied);

  EnginePorts ports_;
  EngineOptions options_;
  SliceLedger ledger_;
  SliceBook book_;
  Recounter recounter_;
  Timer look_timer_;
  Clockwork clockwork_;
  std::deque<SliceListing> pending_;
  // Files of the last look.
  std::map<SliceKey, SliceListing> there_;
  // Numbers of rows of slices whose file is gone or another one since.
  std::vector<int64_t> rows_that_may_move_;
  std::map<SliceKey, PutAside> put_aside_;
  // Files that lack rows, and wait for the others, one of which may be found to hold them; since
  // the last file that was counted.
  std::set<SliceKey> waited_;
  // Not told yet.
  std::vector<Error> left_out_;
  // Why a file that is there has not been counted yet.
  std::optional<Error> changing_;
  bool started_ = false;
  bool looked_ = false;
  // Files that are gone with those that are there.
  bool compared_ = false;
  int64_t done_ = 0;
};

}  // namespace hirestream
