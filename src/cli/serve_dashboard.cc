#include "cli/serve_dashboard.h"

#include "cli/open_report.h"
#include "cli/product_version.h"
#include "telemetry/warehouse_metrics.h"

namespace hirestream {

Result<ListenAddress> dashboard_address(const HttpSettings& settings) {
  return settings.address.empty() ? ListenAddress() : parse_listen_address(settings.address);
}

Result<std::unique_ptr<DashboardServer>> serve_dashboard(const WarehouseSettings& warehouse,
                                                         const ListenAddress& address,
                                                         const std::string& token,
                                                         const MetricsObserver* engines,
                                                         Clock& clock) {
  DashboardOptions options;
  options.address = address;
  options.token = token;
  options.product_version = product_version();
  options.assets = embedded_assets();
  options.open_report = [warehouse] { return open_report(warehouse); };
  options.metrics = [engines, &clock](Report& report) -> Result<std::string> {
    auto sources = report.quality();
    auto not_counted = report.not_counted();
    auto verifications = report.verifications();
    auto minutes = report.minutes(clock.now_us() - kMetricsMinutesUs);
    if (!sources && lacks_tables(sources.error())) {  // the engines' own figures are there
      sources.emplace();
      not_counted.emplace();
      verifications.emplace();
      minutes.emplace();
    }
    HIRESTREAM_TRY(sources);
    HIRESTREAM_TRY(not_counted);
    HIRESTREAM_TRY(verifications);
    HIRESTREAM_TRY(minutes);
    const std::string known = warehouse_metrics(*sources, *not_counted, *verifications, *minutes,
                                                clock.now_us(), product_version());
    return engines == nullptr ? known : known + engines->text();
  };
  return DashboardServer::start(std::move(options), clock);
}

}  // namespace hirestream
