#include "telemetry/metrics_observer.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>

namespace hirestream {
namespace {

using prometheus::Counter;
using prometheus::Histogram;

constexpr SliceEvent kSliceEvents[] = {
    SliceEvent::kOpened, SliceEvent::kSettled, SliceEvent::kAudited,  SliceEvent::kCorrected,
    SliceEvent::kFrozen, SliceEvent::kHeld,    SliceEvent::kReleased, SliceEvent::kConflict};

double seconds(int64_t us) {
  return static_cast<double>(us) / 1e6;
}

}  // namespace

struct MetricsObserver::Metrics {
  prometheus::Registry registry;

  Counter& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
  }
  Histogram& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(
        {}, Histogram::BucketBoundaries{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2.5,
                                        5, 10, 30, 60});
  }

  Counter& rows_read =
      counter("hirestream_rows_read_total", "Rows read from the raw log, with those read again");
  Counter& requests = counter("hirestream_requests_total", "Requests to the raw log");
  Counter& new_rows =
      counter("hirestream_new_rows_total", "Rows that were not in the ledger before");
  Counter& rows_committed =
      counter("hirestream_rows_committed_total", "Rows counted or recounted in commits");
  Counter& cells = counter("hirestream_cells_changed_total", "Cells of events changed");
  Counter& commits = counter("hirestream_commits_total", "Commits to the warehouse");
  Counter& retries = counter("hirestream_retries_total", "Errors that were retried");
  Histogram& freshness =
      histogram("hirestream_freshness_seconds",
                "From a row's arrival to its commit, of a sample of the rows appended live");
  Histogram& commit_duration = histogram("hirestream_commit_seconds", "Duration of a commit");
  std::map<SliceEvent, Counter*> slices;
};

MetricsObserver::MetricsObserver() : metrics_(std::make_unique<Metrics>()) {
  auto& family = prometheus::BuildCounter()
                     .Name("hirestream_slice_events_total")
                     .Help("What happened to slices")
                     .Register(metrics_->registry);
  for (const SliceEvent event : kSliceEvents) {
    metrics_->slices[event] = &family.Add({{"event", std::string(slice_event_name(event))}});
  }
}

MetricsObserver::~MetricsObserver() = default;

void MetricsObserver::on_read(int64_t rows, int64_t requests, int64_t /*duration_us*/) {
  metrics_->rows_read.Increment(static_cast<double>(rows));
  metrics_->requests.Increment(static_cast<double>(requests));
}

void MetricsObserver::on_commit(const CommitReport& report) {
  metrics_->new_rows.Increment(static_cast<double>(report.new_rows));
  metrics_->rows_committed.Increment(static_cast<double>(report.rows));
  metrics_->cells.Increment(static_cast<double>(report.cells));
  metrics_->commits.Increment();
  metrics_->commit_duration.Observe(seconds(report.duration_us));
  for (const int64_t us : report.freshness_sample_us) {
    metrics_->freshness.Observe(us < 0 ? 0 : seconds(us));
  }
}

void MetricsObserver::on_slice(SliceEvent event, const SliceKey& /*slice*/,
                               const std::string& /*detail*/) {
  metrics_->slices.at(event)->Increment();
}

void MetricsObserver::on_retry(const Error& /*error*/, int /*attempt*/, int64_t /*delay_us*/) {
  metrics_->retries.Increment();
}

std::string MetricsObserver::text() const {
  return prometheus::TextSerializer().Serialize(metrics_->registry.Collect());
}

}  // namespace hirestream
