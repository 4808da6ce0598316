// Tables of jobs and of publishers in MySQL or MariaDB, as MysqlJobDirectory reads them: made when missing, rows of known ids replaced. For trying out and
// testing; a platform has its own. Blocking. Errors: as connection.h says.
#pragma once

#include <span>

#include "adapters/mysql/connection.h"
#include "model/job.h"
#include "model/result.h"

namespace hirestream {

// All jobs or none (an unknown outcome of the last step can be resolved by calling it again).
Result<void> store_mysql_job_table(const MysqlConfig& config, std::span<const Job> jobs,
                                   std::span<const Publisher> publishers = {});

}  // namespace hirestream
