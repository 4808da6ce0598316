// From the warehouse's settings to the reading side of an adapter, and to the log of its engines.
// Blocking; kTransient when the server does not answer.
#pragma once

#include <memory>
#include <stop_token>

#include "config/settings.h"
#include "ports/report.h"

namespace hirestream {

// settings.uri must be set. The tables must be there.
// A question may take ten seconds; at a stop SQLite's end at once.
Result<std::unique_ptr<Report>> open_report(const WarehouseSettings& settings,
                                            const std::stop_token& stop = {});
Result<std::unique_ptr<PipelineLog>> open_pipeline_log(const WarehouseSettings& settings);

}  // namespace hirestream
