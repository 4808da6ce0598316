// From the jobs' settings to an adapter. Opening does not connect; load() does.
#pragma once

#include <memory>

#include "config/settings.h"
#include "ports/job_directory.h"

namespace hirestream {

// Null: none are given.
Result<std::unique_ptr<JobDirectory>> open_jobs(const JobsSettings& settings);

}  // namespace hirestream
