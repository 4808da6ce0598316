// The HTTP server of `dashboard`, `run --http` and `demo`, on a warehouse.
#pragma once

#include <memory>

#include "config/settings.h"
#include "http/dashboard_server.h"
#include "ports/clock.h"
#include "telemetry/metrics_observer.h"

namespace hirestream {

// Where `dashboard` serves: as set, or the usual address.
Result<ListenAddress> dashboard_address(const HttpSettings& settings);

// `engines`: metrics of this process's engines; null: there are none. Clock and engines outlive the
// server.
Result<std::unique_ptr<DashboardServer>> serve_dashboard(const WarehouseSettings& warehouse,
                                                         const ListenAddress& address,
                                                         const std::string& token,
                                                         const MetricsObserver* engines,
                                                         Clock& clock);

}  // namespace hirestream
