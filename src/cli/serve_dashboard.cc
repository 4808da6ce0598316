#include "cli/serve_dashboard.h"

#include <chrono>
#include <utility>

#include "cli/open_report.h"
#include "cli/product_version.h"
#include "telemetry/process_metrics.h"
#include "telemetry/warehouse_metrics.h"

namespace hirestream {

Result<ListenAddress> dashboard_address(const HttpSettings& settings) {
  return settings.address.empty() ? ListenAddress() : parse_listen_address(settings.address);
}

namespace {

using Steady = std::chrono::steady_clock;

// Of all time, so much at most goes into what only a walk over the ledger tells.
constexpr int kWalkShare = 10;

Result<std::string> read_warehouse(Report& report, int64_t now_us) {
  auto sources = report.quality();
  auto not_counted = report.not_counted();
  auto verifications = report.verifications();
  auto minutes = report.minutes(now_us - kMetricsMinutesUs);
  if (!sources && lacks_tables(sources.error())) {  // it answers
    return std::string();
  }
  HIRESTREAM_TRY(sources);
  HIRESTREAM_TRY(not_counted);
  HIRESTREAM_TRY(verifications);
  HIRESTREAM_TRY(minutes);
  return warehouse_metrics(*sources, *not_counted, *verifications, *minutes, now_us);
}

// What /metrics tells. However large the ledger and however many ask: reading it again waits until
// it has rested for some times as long as the last reading took.
class MetricsPage {
 public:
  MetricsPage(const Served& served, Clock& clock) : served_(served), clock_(clock) {}

  std::string text(Report* report) {
    const bool up = report != nullptr && look(*report);
    std::string text = process_metrics(product_version(), product_commit());
    text += warehouse_up_metric(up);
    if (up) {
      text += warehouse_;
    }
    if (served_.metrics != nullptr) {
      text += served_.metrics->text();
    }
    if (served_.watch != nullptr) {
      text += ready_metric(served_.watch->waits_for().empty());
    }
    return text;
  }

 private:
  // False: the warehouse does not answer.
  bool look(Report& report) {
    const auto begin = Steady::now();
    if (begin < due_) {
      const auto version = report.version();
      return version.has_value() || lacks_tables(version.error());
    }
    auto read = read_warehouse(report, clock_.now_us());
    if (!read) {
      return false;
    }
    warehouse_ = std::move(*read);
    const auto end = Steady::now();
    due_ = end + (kWalkShare - 1) * (end - begin);
    return true;
  }

  Served served_;
  Clock& clock_;
  std::string warehouse_;
  Steady::time_point due_;
};

}  // namespace

Result<std::unique_ptr<DashboardServer>> serve_dashboard(const WarehouseSettings& warehouse,
                                                         const ListenAddress& address,
                                                         const std::string& token,
                                                         const Served& served, Clock& clock) {
  DashboardOptions options;
  options.address = address;
  options.token = token;
  options.product_version = product_version();
  options.assets = embedded_assets();
  options.samples = served.samples;
  options.open_report = [warehouse, stop = options.ending.get_token()] {
    return open_report(warehouse, stop);
  };
  if (served.warn) {
    options.warn = served.warn;
  }
  options.metrics = [page = std::make_shared<MetricsPage>(served, clock)](Report* report) {
    return page->text(report);
  };
  if (served.watch != nullptr) {
    options.waits_for = [watch = served.watch] { return watch->waits_for(); };
  }
  return DashboardServer::start(std::move(options), clock);
}

}  // namespace hirestream
