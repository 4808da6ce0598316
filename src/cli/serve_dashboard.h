// The HTTP server of `dashboard`, `run --http` and `demo`, on a warehouse.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/service_watch.h"
#include "config/settings.h"
#include "http/dashboard_server.h"
#include "ports/clock.h"
#include "telemetry/metrics_observer.h"

namespace hirestream {

// Where `dashboard` serves: as set, or the usual address.
Result<ListenAddress> dashboard_address(const HttpSettings& settings);

// What is served beside the warehouse. All outlive the server.
struct Served {
  // Of the engines of this process; null: there are none.
  const MetricsObserver* metrics = nullptr;
  ServiceWatch* watch = nullptr;
  // What a person should read. Called from several threads.
  std::function<void(const std::string& text)> warn = nullptr;
  bool samples = false;  // of rejected rows
};

// The clock outlives the server.
Result<std::unique_ptr<DashboardServer>> serve_dashboard(const WarehouseSettings& warehouse,
                                                         const ListenAddress& address,
                                                         const std::string& token,
                                                         const Served& served, Clock& clock);

}  // namespace hirestream
