// A few Reports for many threads: each is opened when it is first needed, lent to one thread at a
// time, and kept. Thread-safe. The pool outlives its loans.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "http/change_feed.h"
#include "ports/report.h"

namespace hirestream {

class ReportPool {
 public:
  ReportPool(OpenReport open, size_t max) : open_(std::move(open)), free_(max) {}

  class Loan {
   public:
    Loan(ReportPool& pool, std::unique_ptr<Report> report)
        : pool_(&pool), report_(std::move(report)) {}
    Loan(Loan&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), report_(std::move(other.report_)) {}
    Loan& operator=(Loan&&) = delete;
    ~Loan();
    Report& operator*() { return *report_; }

   private:
    ReportPool* pool_;
    std::unique_ptr<Report> report_;
  };
  // kTransient when all are busy for that long, the warehouse cannot be reached, or it is the end.
  Result<Loan> borrow(std::chrono::milliseconds patience);
  // Nothing is lent from then on, and nobody waits.
  void stop();

 private:
  void give_back(std::unique_ptr<Report> report);

  OpenReport open_;
  std::mutex mutex_;
  std::condition_variable returned_;
  size_t free_;  // how many more may be lent
  bool stopped_ = false;
  std::vector<std::unique_ptr<Report>> idle_;
};

}  // namespace hirestream
