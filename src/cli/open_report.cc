#include "cli/open_report.h"

#include "adapters/mysql/report.h"
#include "adapters/sqlite/report.h"
#include "cli/as_port.h"
#include "cli/mysql_config.h"

namespace hirestream {

Result<std::unique_ptr<Report>> open_report(const WarehouseSettings& settings) {
  HIRESTREAM_CHECK(settings.uri.has_value());
  if (settings.uri->scheme == Scheme::kSqlite) {
    return as_port<Report>(SqliteReport::open(settings.uri->path));
  }
  return as_port<Report>(MysqlReport::open(mysql_config(*settings.uri, settings.password)));
}

Result<std::unique_ptr<PipelineLog>> open_pipeline_log(const WarehouseSettings& settings) {
  HIRESTREAM_CHECK(settings.uri.has_value());
  if (settings.uri->scheme == Scheme::kSqlite) {
    return as_port<PipelineLog>(SqlitePipelineLog::open(settings.uri->path));
  }
  return as_port<PipelineLog>(
      MysqlPipelineLog::open(mysql_config(*settings.uri, settings.password)));
}

}  // namespace hirestream
