// From the warehouse's settings to the reading side of an adapter, and to the log of its engines.
// Blocking; kTransient when the server does not answer.
#pragma once

#include <memory>

#include "config/settings.h"
#include "ports/report.h"

namespace hirestream {

// settings.uri must be set. The tables must be there.
Result<std::unique_ptr<Report>> open_report(const WarehouseSettings& settings);
Result<std::unique_ptr<PipelineLog>> open_pipeline_log(const WarehouseSettings& settings);

}  // namespace hirestream
