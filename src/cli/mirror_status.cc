#include "cli/mirror_status.h"

#include <fmt/format.h>

#include <utility>

#include "cli/product_version.h"
#include "telemetry/process_metrics.h"

namespace hirestream {
namespace {

void add_counters(MirrorFigures& sum, const MirrorFigures& more) {
  for (const auto figure :
       {&MirrorFigures::rows_followed, &MirrorFigures::rows_copied, &MirrorFigures::rows_left,
        &MirrorFigures::rows_taken_over, &MirrorFigures::rows_rejected,
        &MirrorFigures::entries_read, &MirrorFigures::bytes_read, &MirrorFigures::values_unreadable,
        &MirrorFigures::gaps, &MirrorFigures::copies, &MirrorFigures::partitions_differed,
        &MirrorFigures::late_notes}) {
    sum.*figure += more.*figure;
  }
}

}  // namespace

MirrorStatus::MirrorStatus(std::string table, Clock& clock)
    : table_(std::move(table)), clock_(clock) {}

void MirrorStatus::went_on(const MirrorFigures& of_run) {
  const std::lock_guard lock(mutex_);
  auto errors = std::move(figures_.errors);
  figures_ = of_run;
  add_counters(figures_, before_);
  figures_.errors = std::move(errors);
  figures_.is_up = true;
  figures_.last_success_us = clock_.now_us();
  waits_for_ =
      of_run.may_lack_rows ? "rows may be missing until the log is read and the table copied" : "";
}

void MirrorStatus::failed(const Error& error) {
  const std::lock_guard lock(mutex_);
  ++figures_.errors[error.kind];
  figures_.is_up = false;
  waits_for_ = error.text();
}

void MirrorStatus::run_ended() {
  const std::lock_guard lock(mutex_);
  before_ = figures_;
}

std::string MirrorStatus::metrics() const {
  std::string text = process_metrics(product_version(), product_commit());
  const std::lock_guard lock(mutex_);
  return text + mirror_metrics(table_, figures_, clock_.now_us());
}

std::string MirrorStatus::waits_for() const {
  const std::lock_guard lock(mutex_);
  return waits_for_.empty() ? "" : fmt::format("{}: {}\n", table_, waits_for_);
}

}  // namespace hirestream
