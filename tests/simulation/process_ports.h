// The ports of a simulated process that are neither raw log nor warehouse: its clock, the table of
// jobs, and who is told what it does.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ports/clock.h"
#include "ports/job_directory.h"
#include "ports/observer.h"
#include "simulation/random.h"
#include "simulation/setup.h"
#include "simulation/world.h"

namespace hirestream::simulation {

// The true time, or wrong by `error_us`.
class ProcessClock : public Clock {
 public:
  explicit ProcessClock(const World& world) : world_(world) {}
  int64_t now_us() override { return world_.now_us() + error_us; }
  int64_t error_us = 0;

 private:
  const World& world_;
};

class FakeJobDirectory : public JobDirectory {
 public:
  FakeJobDirectory(World& world, const std::vector<JobChange>& changes, std::string process)
      : world_(world),
        changes_(changes),
        process_(std::move(process)),
        slowness_(std::hash<std::string>()(process_)) {}

  bool ready() override { return !slowness_.chance(0.3); }
  Result<Loaded<Job>> load() override {
    world_.port_call(process_, "load job directory");
    if (world_.fault(world_.rates.jobs_error, "job directory error")) {
      // Once it has been read, a table that is missing is only being replaced.
      return read_before_ ? fail(ErrorKind::kConfig, "load", "jobs", "no such table")
                          : fail(ErrorKind::kTransient, "load", "jobs", "time-out");
    }
    read_before_ = true;
    std::map<int64_t, Job> jobs;
    for (const JobChange& change : changes_) {
      if (change.at_us <= world_.now_us()) {
        jobs[change.job.job_id] = change.job;
      }
    }
    Loaded<Job> out;
    for (const auto& [id, job] : jobs) {
      out.entries.push_back(job);
    }
    return out;
  }
  Result<Loaded<Publisher>> load_publishers() override { return Loaded<Publisher>(); }

 private:
  World& world_;
  const std::vector<JobChange>& changes_;
  std::string process_;
  // Of its own, so that other seeds stay what they were.
  Random slowness_;
  bool read_before_ = false;
};

class TraceObserver : public NullObserver {
 public:
  TraceObserver(World& world, std::string process) : world_(world), process_(std::move(process)) {}
  void on_slice(SliceEvent event, const SliceKey& slice, const std::string& detail) override {
    if (world_.tracing()) {
      world_.trace(process_, fmt::format("{} slice {}/{} {}", slice_event_name(event), slice.shard,
                                         slice.bucket, detail));
    }
  }
  void on_retry(const Error& error, int, int64_t) override {
    world_.trace(process_, "retries after: " + error.text());
  }
  void on_note(const std::string&, const std::string& text) override {
    world_.trace(process_, text);
  }

 private:
  World& world_;
  std::string process_;
};

}  // namespace hirestream::simulation
