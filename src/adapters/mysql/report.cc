#include "adapters/mysql/report.h"

#include "adapters/mysql/session.h"
#include "adapters/sql/pipeline_log.h"
#include "adapters/sql/report.h"

namespace hirestream {

Result<std::unique_ptr<Report>> open_mysql_report(const MysqlConfig& config) {
  HIRESTREAM_ASSIGN(auto session, mysql::Session::open(config));
  return std::unique_ptr<Report>(std::make_unique<SqlReport>(std::move(session)));
}

Result<std::unique_ptr<PipelineLog>> open_mysql_pipeline_log(const MysqlConfig& config) {
  HIRESTREAM_ASSIGN(auto session, mysql::Session::open(config));
  return std::unique_ptr<PipelineLog>(std::make_unique<SqlPipelineLog>(std::move(session)));
}

}  // namespace hirestream
