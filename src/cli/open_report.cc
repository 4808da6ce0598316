#include "cli/open_report.h"

#include "adapters/mysql/report.h"
#include "adapters/sqlite/report.h"
#include "cli/mysql_config.h"

namespace hirestream {

namespace {

// Nobody waits longer for a page. MySQL's own limits hold for single statements, too.
constexpr std::chrono::seconds kQuestionTimeMax{10};

}  // namespace

Result<std::unique_ptr<Report>> open_report(const WarehouseSettings& settings,
                                            const std::stop_token& stop) {
  HIRESTREAM_CHECK(settings.uri.has_value());
  if (settings.uri->scheme == Scheme::kSqlite) {
    return open_sqlite_report(settings.uri->path, kQuestionTimeMax, stop);
  }
  MysqlConfig config = mysql_config(*settings.uri, settings.password);
  config.statement_time_max = kQuestionTimeMax;
  return open_mysql_report(config);
}

Result<std::unique_ptr<PipelineLog>> open_pipeline_log(const WarehouseSettings& settings) {
  HIRESTREAM_CHECK(settings.uri.has_value());
  if (settings.uri->scheme == Scheme::kSqlite) {
    return open_sqlite_pipeline_log(settings.uri->path);
  }
  return open_mysql_pipeline_log(mysql_config(*settings.uri, settings.password));
}

}  // namespace hirestream
