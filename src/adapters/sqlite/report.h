// adapters/sql/report.h and pipeline_log.h on SQLite. A report reads only: commits never wait for
// it, nor it for them.
//
// Errors: a missing file is kConfig, and lacks_tables().
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "ports/report.h"

namespace hirestream {

// A question that takes longer than `time_max` (0: no limit), or is under way at a stop, is
// kTransient.
Result<std::unique_ptr<Report>> open_sqlite_report(const std::string& path,
                                                   std::chrono::milliseconds time_max = {},
                                                   const std::stop_token& stop = {});
Result<std::unique_ptr<PipelineLog>> open_sqlite_pipeline_log(const std::string& path);

}  // namespace hirestream
