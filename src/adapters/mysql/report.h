// adapters/sql/report.h and pipeline_log.h on MySQL and MariaDB. For a report a database user that
// may SELECT what `init --print` grants to hirestream_reader is enough. Both connect.
#pragma once

#include <memory>

#include "adapters/mysql/connection.h"
#include "ports/report.h"

namespace hirestream {

Result<std::unique_ptr<Report>> open_mysql_report(const MysqlConfig& config);
Result<std::unique_ptr<PipelineLog>> open_mysql_pipeline_log(const MysqlConfig& config);

}  // namespace hirestream
