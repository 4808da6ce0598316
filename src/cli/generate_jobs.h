// Puts jobs and publishers where a job directory will read them: tables of MySQL or SQLite, or a
// CSV file and `publishers.csv` beside it. Blocking.
#pragma once

#include <span>
#include <string>

#include "model/job.h"
#include "model/result.h"

namespace hirestream {

// `uri_text`: mysql://…, sqlite:PATH or csv:PATH. Tables are made when missing, known ids replaced;
// CSV files are replaced. Passwords come from HIRESTREAM_JOBS_PASSWORD, else
// HIRESTREAM_MYSQL_PASSWORD.
Result<void> write_jobs(const std::string& uri_text, std::span<const Job> jobs,
                        std::span<const Publisher> publishers);

}  // namespace hirestream
