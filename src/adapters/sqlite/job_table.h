// Tables of jobs and of publishers in a SQLite database, as SqliteJobDirectory reads them: made when missing, rows of known ids replaced. For trying out and
// testing; a platform has its own. Blocking. Errors: as database.h says.
#pragma once

#include <span>
#include <string>

#include "model/job.h"
#include "model/result.h"

namespace hirestream {

// The file is made, too. All jobs or none.
Result<void> store_sqlite_job_table(const std::string& path, std::span<const Job> jobs,
                                    std::span<const Publisher> publishers = {});

}  // namespace hirestream
