#include "pipeline/company_directory.h"

#include <utility>

namespace hirestream {
namespace {

// The next refresh may be a little too early for what another engine still writes.
constexpr int kStoredAgain = 2;

}  // namespace

Result<void> CompanyDirectory::start() {
  HIRESTREAM_ASSIGN(const std::vector<Job> stored, ports_.warehouse.load_jobs());
  jobs_.clear();
  stored_all_ = false;
  stored_again_.clear();
  for (const Job& job : stored) {
    jobs_.insert_or_assign(job.job_id, job);
  }
  return {};
}

Result<void> CompanyDirectory::refresh() {
  auto dimension = read_directory();
  const bool read = dimension.has_value();
  const bool stands_in = !read && read_before_;
  auto done = read ? store(std::move(*dimension)) : forward(std::move(dimension).error());
  read_before_ = read_before_ || read;
  if (done) {
    failures_ = 0;
    return {};
  }
  if (!stands_in && done.error().kind != ErrorKind::kTransient) {
    return done;
  }
  ports_.observer.on_retry(done.error(), ++failures_, interval_us_);
  return {};
}

Result<CompanyDirectory::Dimension> CompanyDirectory::read_directory() {
  Dimension dimension;
  if (ports_.jobs != nullptr) {
    HIRESTREAM_ASSIGN(Loaded<Job> jobs, ports_.jobs->load());
    HIRESTREAM_ASSIGN(Loaded<Publisher> publishers, ports_.jobs->load_publishers());
    note(jobs.warnings, noted_of_jobs_);
    note(publishers.warnings, noted_of_publishers_);
    for (Job& job : jobs.entries) {
      dimension.jobs.push_back(storable(std::move(job)));
    }
    for (Publisher& publisher : publishers.entries) {
      dimension.publishers.push_back(storable(std::move(publisher)));
    }
  }
  return dimension;
}

Result<void> CompanyDirectory::store(Dimension dimension) {
  HIRESTREAM_TRY(store_jobs(dimension.jobs));
  return ports_.jobs != nullptr ? store_publishers(std::move(dimension.publishers))
                                : Result<void>();
}

Result<void> CompanyDirectory::store_jobs(const std::vector<Job>& current) {
  // Compared with what the warehouse holds as well as with memory: another engine may have stored
  // the job already while this one still wrote rows with the old company.
  HIRESTREAM_ASSIGN(const std::vector<Job> stored_list, ports_.warehouse.load_jobs());
  std::unordered_map<int64_t, const Job*> stored;
  for (const Job& job : stored_list) {
    stored.emplace(job.job_id, &job);
  }
  std::vector<Job> changed;
  std::unordered_map<int64_t, int> stored_again;
  int64_t moved = 0;
  for (const Job& job : ports_.jobs != nullptr ? current : stored_list) {
    const auto known = jobs_.find(job.job_id);
    const auto in_warehouse = stored.find(job.job_id);
    const bool differs = known == jobs_.end() || known->second != job ||
                         in_warehouse == stored.end() || *in_warehouse->second != job;
    moved += differs ? 1 : 0;
    const auto again = stored_again_.find(job.job_id);
    const int left = differs ? kStoredAgain : again == stored_again_.end() ? 0 : again->second - 1;
    if (left > 0) {
      stored_again.emplace(job.job_id, left);
    }
    if (differs || again != stored_again_.end() || !stored_all_) {
      changed.push_back(job);
    }
  }
  if (changed.empty()) {
    stored_again_.clear();
    return {};
  }
  HIRESTREAM_ASSIGN(const int64_t rewritten,
                    ports_.warehouse.store_jobs(changed, ports_.clock.now_us()));
  for (const Job& job : changed) {
    jobs_.insert_or_assign(job.job_id, job);
  }
  stored_all_ = true;
  stored_again_ = std::move(stored_again);
  if (moved > 0 || rewritten > 0) {
    ports_.observer.on_note("info", "job dimension: " + std::to_string(moved) +
                                        " jobs new or changed, " + std::to_string(rewritten) +
                                        " rows of events rewritten");
  }
  return {};
}

Result<void> CompanyDirectory::store_publishers(std::vector<Publisher> current) {
  if (current == publishers_) {
    return {};
  }
  HIRESTREAM_TRY(ports_.warehouse.store_publishers(current));
  publishers_ = std::move(current);
  return {};
}

void CompanyDirectory::note(const std::vector<std::string>& warnings,
                            std::vector<std::string>& noted) {
  if (warnings != noted) {
    for (const std::string& warning : warnings) {
      ports_.observer.on_note("warning", warning);
    }
    noted = warnings;
  }
}

int64_t CompanyDirectory::company_of(int64_t job_id) const {
  const auto job = jobs_.find(job_id);
  return job == jobs_.end() ? 0 : job->second.company_id;
}

}  // namespace hirestream
