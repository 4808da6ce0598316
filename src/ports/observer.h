// What the pipeline tells the world while it works: metrics and log are made from this. Calls are
// cheap and must not throw or block. Called from the engine's thread; an observer shared by engines
// must be thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/contribution.h"
#include "model/mirror_progress.h"
#include "model/not_counted.h"
#include "model/result.h"
#include "model/slice.h"

namespace hirestream {

// What rows gave that the ledger met for the first time: appended ones, and those of slices it did
// not have.
struct FreshRows {
  RowClasses classes;
  Measures given;
  NotCountedKinds not_counted;

  void add(const FreshRows& others) {
    classes += others.classes;
    if (given.can_add(others.given)) {
      given += others.given;
    }
    not_counted.add(others.not_counted);
  }
};

struct CommitReport {
  int64_t slices = 0;
  int64_t cells = 0;
  int64_t rows = 0;      // rows newly counted or recounted in this commit
  int64_t new_rows = 0;  // rows that were not in the ledger before
  FreshRows fresh = {};
  int64_t rejected = 0;  // growth of the ledger's rejected rows, slice by slice
  int64_t duration_us = 0;
  // Of the newest appended row: commit time − arrival time; < 0: nothing fresh in it.
  int64_t freshness_us = -1;
  std::vector<int64_t> freshness_sample_us;  // of rows appended by a tail poll, at most 256
};

enum class SliceEvent {
  kOpened,
  kSettled,
  kAudited,
  kCorrected,
  kFrozen,
  kHeld,
  kReleased,
  kConflict
};
std::string_view slice_event_name(SliceEvent event);

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_read(int64_t rows, int64_t requests, int64_t duration_us) = 0;
  virtual void on_commit(const CommitReport& report) = 0;
  virtual void on_slice(SliceEvent event, const SliceKey& slice, const std::string& detail) = 0;
  // A retried error; `attempt` starts at 1.
  virtual void on_retry(const Error& error, int attempt, int64_t delay_us) = 0;
  // Of jobs that cannot be read: the engine goes on with those that it knows.
  virtual void on_stale_jobs(const Error& error, int attempt, int64_t delay_us) {
    on_retry(error, attempt, delay_us);
  }
  // Something a person should read. Level: "info" or "warning".
  virtual void on_note(const std::string& level, const std::string& text) = 0;
  // Of a raw log that is a mirror, now and then.
  virtual void on_mirrors(const std::vector<MirrorProgress>& /*mirrors*/) {}
  // Long work: done and total in rows, slices or bytes; total < 0: not known.
  virtual void on_progress(const std::string& phase, int64_t done, int64_t total) = 0;
};

// Ignores everything.
class NullObserver : public Observer {
 public:
  void on_read(int64_t, int64_t, int64_t) override {}
  void on_commit(const CommitReport&) override {}
  void on_slice(SliceEvent, const SliceKey&, const std::string&) override {}
  void on_retry(const Error&, int, int64_t) override {}
  void on_note(const std::string&, const std::string&) override {}
  void on_progress(const std::string&, int64_t, int64_t) override {}
};

}  // namespace hirestream
