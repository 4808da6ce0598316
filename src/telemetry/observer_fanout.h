// Tells several observers. They outlive it; thread-safe if they are.
#pragma once

#include <utility>
#include <vector>

#include "ports/observer.h"

namespace hirestream {

class ObserverFanout : public Observer {
 public:
  explicit ObserverFanout(std::vector<Observer*> observers) : observers_(std::move(observers)) {}

  void on_read(int64_t rows, int64_t requests, int64_t duration_us) override {
    for (Observer* observer : observers_) {
      observer->on_read(rows, requests, duration_us);
    }
  }
  void on_commit(const CommitReport& report) override {
    for (Observer* observer : observers_) {
      observer->on_commit(report);
    }
  }
  void on_slice(SliceEvent event, const SliceKey& slice, const std::string& detail) override {
    for (Observer* observer : observers_) {
      observer->on_slice(event, slice, detail);
    }
  }
  void on_retry(const Error& error, int attempt, int64_t delay_us) override {
    for (Observer* observer : observers_) {
      observer->on_retry(error, attempt, delay_us);
    }
  }
  void on_stale_jobs(const Error& error, int attempt, int64_t delay_us) override {
    for (Observer* observer : observers_) {
      observer->on_stale_jobs(error, attempt, delay_us);
    }
  }
  void on_note(const std::string& level, const std::string& text) override {
    for (Observer* observer : observers_) {
      observer->on_note(level, text);
    }
  }
  void on_mirrors(const std::vector<MirrorProgress>& mirrors) override {
    for (Observer* observer : observers_) {
      observer->on_mirrors(mirrors);
    }
  }
  void on_progress(const std::string& phase, int64_t done, int64_t total) override {
    for (Observer* observer : observers_) {
      observer->on_progress(phase, done, total);
    }
  }

 private:
  std::vector<Observer*> observers_;
};

}  // namespace hirestream
