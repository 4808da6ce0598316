#include "telemetry/mirror_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <utility>

#include "telemetry/error_kind_names.h"
#include "telemetry/metrics_text_internal.h"

namespace hirestream {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Labels;

class Page {
 public:
  explicit Page(const std::string& table) : table_(table) {}

  Family<Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
  }
  void add(Family<Counter>& family, int64_t value, Labels labels = {}) {
    labels.emplace("table", table_);
    family.Add(labels).Increment(static_cast<double>(value));
  }
  void counter(const char* name, const char* help, int64_t value) {
    add(counters(name, help), value);
  }
  void gauge(const char* name, const char* help, double value) {
    prometheus::BuildGauge()
        .Name(name)
        .Help(help)
        .Register(registry_)
        .Add({{"table", table_}})
        .Set(value);
  }
  // When something was; nothing is told of what never was.
  void moment(const char* name, const char* help, int64_t us) {
    if (us != 0) {
      gauge(name, help, static_cast<double>(us) / 1e6);
    }
  }
  std::string text() const { return metrics_text(registry_); }

 private:
  const std::string& table_;
  prometheus::Registry registry_;
};

void add_counters(Page& page, const MirrorFigures& figures) {
  auto& rows =
      page.counters("hirestream_mirror_rows_total", "Rows written into the mirror, by origin");
  page.add(rows, figures.rows_followed, {{"from", "log"}});
  page.add(rows, figures.rows_copied, {{"from", "table"}});
  page.counter("hirestream_mirror_rows_left_total",
               "Rows of the log that another node's mirror was found to have written",
               figures.rows_left);
  page.counter("hirestream_mirror_rows_taken_over_total",
               "Rows written from the log that another node's mirror should have written",
               figures.rows_taken_over);
  page.counter("hirestream_mirror_rows_rejected_total", "Rows that have no place in the mirror",
               figures.rows_rejected);
  page.counter("hirestream_mirror_entries_read_total",
               "Entries of the commit log that were read, of all tables", figures.entries_read);
  page.counter("hirestream_mirror_read_bytes_total", "Bytes of these entries", figures.bytes_read);
  page.counter("hirestream_mirror_values_unreadable_total",
               "Values in the log that are left out, for they have no text",
               figures.values_unreadable);
  page.counter("hirestream_mirror_gaps_total", "Gaps of the log; what the mirror lacks was copied",
               figures.gaps);
  page.counter("hirestream_mirror_copies_total", "Copies and comparisons that were completed",
               figures.copies);
  page.counter("hirestream_mirror_partitions_differed_total",
               "Partitions of the mirror that differed when they were compared, and were copied",
               figures.partitions_differed);
  page.counter("hirestream_mirror_late_notes_total",
               "Notes for the engine that rows came into minutes that were over",
               figures.late_notes);
  auto& errors =
      page.counters("hirestream_mirror_errors_total", "Errors that were retried, by their kind");
  for (const ErrorKindName& kind : kErrorKindNames) {
    const auto found = figures.errors.find(kind.kind);
    page.add(errors, found == figures.errors.end() ? 0 : found->second, {{"kind", kind.name}});
  }
}

}  // namespace

std::string mirror_metrics(const std::string& table, const MirrorFigures& figures, int64_t now_us) {
  Page page(table);
  add_counters(page, figures);
  page.gauge("hirestream_mirror_up", "1 while it mirrors, 0 while it waits after an error",
             figures.is_up ? 1 : 0);
  page.gauge("hirestream_mirror_copying", "1 while the table is copied or compared",
             figures.is_copying ? 1 : 0);
  page.gauge(
      "hirestream_mirror_may_lack_rows",
      "1 until the first copy is complete, from a gap of the log to the end of its copy, and "
      "after a start until the log has been read",
      figures.may_lack_rows ? 1 : 0);
  if (figures.level_us != 0) {
    page.gauge("hirestream_mirror_lag_seconds",
               "How long ago all that was written by then was in the mirror; near 0 when idle",
               static_cast<double>(std::max<int64_t>(now_us - figures.level_us, 0)) / 1e6);
  }
  if (figures.unread_bytes) {
    page.gauge("hirestream_mirror_lag_bytes",
               "Of the commit log, of all tables, that can be seen and were not read yet",
               static_cast<double>(*figures.unread_bytes));
  }
  page.moment("hirestream_mirror_last_success_timestamp_seconds",
              "When it last looked and wrote without an error", figures.last_success_us);
  page.moment("hirestream_mirror_last_copy_timestamp_seconds",
              "When a copy or comparison of the table was last completed", figures.last_copy_us);
  return page.text();
}

}  // namespace hirestream
