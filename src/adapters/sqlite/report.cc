#include "adapters/sqlite/report.h"

#include <filesystem>

#include "adapters/sql/pipeline_log.h"
#include "adapters/sql/report.h"
#include "adapters/sqlite/session.h"

namespace hirestream {

Result<std::unique_ptr<Report>> open_sqlite_report(const std::string& path,
                                                   std::chrono::milliseconds time_max,
                                                   const std::stop_token& stop) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return fail(ErrorKind::kConfig, "open", path, "there is no such file", "run `hirestream init`");
  }
  sqlite::OpenOptions options;
  options.path = path;
  options.mode = sqlite::OpenMode::kReadOnly;
  options.statement_time_max = time_max;
  options.stop = stop;
  HIRESTREAM_ASSIGN(auto session, sqlite::Session::open(options));
  return std::unique_ptr<Report>(std::make_unique<SqlReport>(std::move(session)));
}

Result<std::unique_ptr<PipelineLog>> open_sqlite_pipeline_log(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored) && !ignored) {
    return fail(ErrorKind::kConfig, "open", path, "the warehouse is not there yet",
                "the first run that reaches its source makes it");
  }
  sqlite::OpenOptions options;
  options.path = path;
  options.mode = sqlite::OpenMode::kReadWrite;
  options.busy_timeout = std::chrono::milliseconds(1000);
  options.synchronous_full = false;  // a minute lost with the power is no loss
  HIRESTREAM_ASSIGN(auto session, sqlite::Session::open(options));
  return std::unique_ptr<PipelineLog>(std::make_unique<SqlPipelineLog>(std::move(session)));
}

}  // namespace hirestream
