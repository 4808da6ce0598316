// Puts jobs and publishers where a job directory will read them: tables of MySQL or SQLite, or a
// CSV file and `publishers.csv` beside it. Blocking.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/uri.h"
#include "model/job.h"
#include "model/result.h"

namespace hirestream {

Uri csv_file(const std::string& path);
// The files that write_jobs makes or writes into; none of MySQL.
Result<std::vector<Uri>> files_of_jobs(const std::string& uri_text);
// `uri_text`: mysql://…, sqlite:PATH or csv:PATH. Tables are made when missing, known ids replaced;
// CSV files are replaced. Passwords come from HIRESTREAM_JOBS_PASSWORD, else
// HIRESTREAM_MYSQL_PASSWORD.
Result<void> write_jobs(const std::string& uri_text, std::span<const Job> jobs,
                        std::span<const Publisher> publishers);

}  // namespace hirestream
