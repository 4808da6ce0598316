#include "http/report_pool.h"

namespace hirestream {

ReportPool::Loan::~Loan() {
  if (pool_ != nullptr) {
    pool_->give_back(std::move(report_));
  }
}

void ReportPool::give_back(std::unique_ptr<Report> report) {
  const std::lock_guard lock(mutex_);
  ++free_;
  if (report != nullptr) {
    idle_.push_back(std::move(report));
  }
  returned_.notify_one();
}

void ReportPool::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  returned_.notify_all();
}

Result<ReportPool::Loan> ReportPool::borrow(std::chrono::milliseconds patience) {
  {
    std::unique_lock lock(mutex_);
    if (!returned_.wait_for(lock, patience, [this] { return stopped_ || free_ > 0; })) {
      return fail(ErrorKind::kTransient, "read", "warehouse", "too many questions at once");
    }
    if (stopped_) {
      return fail(ErrorKind::kTransient, "read", "warehouse", "the program ends");
    }
    --free_;
    if (!idle_.empty()) {
      std::unique_ptr<Report> report = std::move(idle_.back());
      idle_.pop_back();
      return Loan(*this, std::move(report));
    }
  }
  auto opened = open_();
  if (!opened) {
    give_back(nullptr);
    return forward(std::move(opened).error());
  }
  return Loan(*this, std::move(*opened));
}

}  // namespace hirestream
