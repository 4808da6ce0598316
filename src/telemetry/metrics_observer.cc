#include "telemetry/metrics_observer.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string_view>

#include "telemetry/error_kind_names.h"
#include "telemetry/metrics_text_internal.h"

namespace hirestream {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

constexpr SliceEvent kSliceEvents[] = {
    SliceEvent::kOpened, SliceEvent::kSettled, SliceEvent::kAudited,  SliceEvent::kCorrected,
    SliceEvent::kFrozen, SliceEvent::kHeld,    SliceEvent::kReleased, SliceEvent::kConflict};

double seconds(int64_t us) {
  return static_cast<double>(us) / 1e6;
}

Histogram& add_histogram(Family<Histogram>& family, const std::string& source) {
  return family.Add({{"source", source}},
                    Histogram::BucketBoundaries{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1,
                                                1.5, 2.5, 5, 10, 30, 60});
}

}  // namespace

struct MetricsObserver::Families {
  prometheus::Registry registry;

  Family<Counter>& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }

  Family<Counter>& rows_read =
      counter("hirestream_rows_read_total", "Rows read from the raw log, with those read again");
  Family<Counter>& requests = counter("hirestream_requests_total", "Requests to the raw log");
  Family<Counter>& new_rows =
      counter("hirestream_new_rows_total", "Rows that were not in the ledger before");
  Family<Counter>& rows_committed =
      counter("hirestream_rows_committed_total", "Rows counted or recounted in commits");
  Family<Counter>& rejected =
      counter("hirestream_rows_rejected_total", "Rows that were met first and rejected");
  Family<Counter>& cells = counter("hirestream_cells_changed_total", "Cells of events changed");
  Family<Counter>& commits = counter("hirestream_commits_total", "Commits to the warehouse");
  Family<Counter>& retries = counter("hirestream_retries_total", "Errors that were retried");
  Family<Counter>& errors =
      counter("hirestream_errors_total", "Errors that were retried, by their kind");
  Family<Counter>& slices = counter("hirestream_slice_events_total", "What happened to slices");
  Family<Histogram>& freshness =
      histogram("hirestream_freshness_seconds",
                "From a row's arrival to its commit, of a sample of the rows appended live");
  Family<Histogram>& commit_duration =
      histogram("hirestream_commit_seconds", "Duration of a commit");
  Family<Gauge>& last_read =
      gauge("hirestream_last_read_timestamp_seconds", "When the raw log last answered");
  Family<Gauge>& last_commit =
      gauge("hirestream_last_commit_timestamp_seconds", "When a commit last succeeded");
};

class MetricsObserver::SourceObserver : public Observer {
 public:
  SourceObserver(Families& families, const std::string& source)
      : rows_read_(families.rows_read.Add({{"source", source}})),
        requests_(families.requests.Add({{"source", source}})),
        new_rows_(families.new_rows.Add({{"source", source}})),
        rows_committed_(families.rows_committed.Add({{"source", source}})),
        rejected_(families.rejected.Add({{"source", source}})),
        cells_(families.cells.Add({{"source", source}})),
        commits_(families.commits.Add({{"source", source}})),
        retries_(families.retries.Add({{"source", source}})),
        freshness_(add_histogram(families.freshness, source)),
        commit_duration_(add_histogram(families.commit_duration, source)),
        last_read_(families.last_read.Add({{"source", source}})),
        last_commit_(families.last_commit.Add({{"source", source}})) {
    for (const SliceEvent event : kSliceEvents) {
      slices_[event] = &families.slices.Add(
          {{"source", source}, {"event", std::string(slice_event_name(event))}});
    }
    for (const ErrorKindName& kind : kErrorKindNames) {
      errors_[kind.kind] = &families.errors.Add({{"source", source}, {"kind", kind.name}});
    }
  }

  void on_read(int64_t rows, int64_t requests, int64_t /*duration_us*/) override {
    rows_read_.Increment(static_cast<double>(rows));
    requests_.Increment(static_cast<double>(requests));
    last_read_.SetToCurrentTime();
  }

  void on_commit(const CommitReport& report) override {
    new_rows_.Increment(static_cast<double>(report.new_rows));
    rows_committed_.Increment(static_cast<double>(report.rows));
    rejected_.Increment(static_cast<double>(report.fresh.classes.rejected));
    cells_.Increment(static_cast<double>(report.cells));
    commits_.Increment();
    commit_duration_.Observe(seconds(report.duration_us));
    for (const int64_t us : report.freshness_sample_us) {
      freshness_.Observe(us < 0 ? 0 : seconds(us));
    }
    last_commit_.SetToCurrentTime();
  }

  void on_slice(SliceEvent event, const SliceKey& /*slice*/,
                const std::string& /*detail*/) override {
    slices_.at(event)->Increment();
  }

  void on_retry(const Error& error, int /*attempt*/, int64_t /*delay_us*/) override {
    retries_.Increment();
    errors_.at(error.kind)->Increment();
  }

  void on_note(const std::string& /*level*/, const std::string& /*text*/) override {}
  void on_progress(const std::string& /*phase*/, int64_t /*done*/, int64_t /*total*/) override {}

 private:
  Counter& rows_read_;
  Counter& requests_;
  Counter& new_rows_;
  Counter& rows_committed_;
  Counter& rejected_;
  Counter& cells_;
  Counter& commits_;
  Counter& retries_;
  Histogram& freshness_;
  Histogram& commit_duration_;
  Gauge& last_read_;
  Gauge& last_commit_;
  std::map<SliceEvent, Counter*> slices_;
  std::map<ErrorKind, Counter*> errors_;
};

MetricsObserver::MetricsObserver() : families_(std::make_unique<Families>()) {}
MetricsObserver::~MetricsObserver() = default;

Observer& MetricsObserver::observer_of(const std::string& source) {
  const std::lock_guard lock(mutex_);
  auto& observer = sources_[source];
  if (observer == nullptr) {
    observer = std::make_unique<SourceObserver>(*families_, source);
  }
  return *observer;
}

std::string MetricsObserver::text() const {
  return metrics_text(families_->registry);
}

}  // namespace hirestream
