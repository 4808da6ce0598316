#include "pipeline/company_directory.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

namespace hirestream {
namespace {

// Commits wait for such a transaction, which rewrites all rows of its jobs.
constexpr size_t kJobsPerTransaction = 200;

}  // namespace

Result<void> CompanyDirectory::load() {
  // First the count: jobs that are stored in between are loaded once more.
  HIRESTREAM_ASSIGN(const int64_t version, ports_.warehouse.jobs_version());
  HIRESTREAM_ASSIGN(std::vector<Job> stored, ports_.warehouse.load_jobs());
  version_ = version;
  jobs_.clear();
  for (Job& job : stored) {
    const int64_t id = job.job_id;
    jobs_.insert_or_assign(id, std::move(job));
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
  ports_.observer.on_stale_jobs(done.error(), ++failures_, interval_us_);
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
  HIRESTREAM_TRY(load());
  std::map<int64_t, Job> changes;
  if (version_ == 0) {
    changes.insert(jobs_.begin(), jobs_.end());
  }
  int64_t moved = 0;
  for (const Job& job : current) {
    const auto known = jobs_.find(job.job_id);
    if (known == jobs_.end() || known->second != job) {
      changes.insert_or_assign(job.job_id, job);
      ++moved;
    }
  }
  if (changes.empty()) {
    return {};
  }
  std::vector<Job> changed;
  for (auto& [id, job] : changes) {
    changed.push_back(std::move(job));
  }
  // All at once the first time: whoever goes on from there would find nothing to do.
  const size_t portion = version_ == 0 ? changed.size() : kJobsPerTransaction;
  int64_t rewritten = 0;
  for (size_t at = 0; at < changed.size(); at += portion) {
    const auto part = std::span(changed).subspan(at, std::min(portion, changed.size() - at));
    HIRESTREAM_ASSIGN(const StoredJobs stored,
                      ports_.warehouse.store_jobs(part, ports_.clock.now_us()));
    rewritten += stored.rewritten;
    if (stored.version == version_ + 1) {
      version_ = stored.version;
      for (const Job& job : part) {
        jobs_.insert_or_assign(job.job_id, job);
      }
    }
  }
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
