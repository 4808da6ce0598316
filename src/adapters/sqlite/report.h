// adapters/sql/report.h and pipeline_log.h on SQLite. A report reads only: commits never wait for
// it, nor it for them.
//
// Errors: a missing file is kConfig, and lacks_tables().
#pragma once

#include <memory>
#include <string>

#include "ports/report.h"

namespace hirestream {

Result<std::unique_ptr<Report>> open_sqlite_report(const std::string& path);
Result<std::unique_ptr<PipelineLog>> open_sqlite_pipeline_log(const std::string& path);

}  // namespace hirestream
