// What a warehouse knows of its sources, as Prometheus metrics: slices by state, rows by class,
// those not counted by kind, how far they lie behind, time since what is settled, what `verify`
// found last. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "ports/report.h"

namespace hirestream {

// Minutes before this time change nothing.
inline constexpr int64_t kMetricsMinutesUs = 86'400'000'000;

// Text exposition format. `minutes`: what the engines reported lately, of all sources. They tell of
// a source that it was read though nothing was committed: an idle one is not behind.
std::string warehouse_metrics(std::span<const SourceQuality> sources,
                              std::span<const KindLine> not_counted,
                              std::span<const Verification> verifications,
                              std::span<const PipelineMinute> minutes, int64_t now_us);

// Whether the warehouse answers.
std::string warehouse_up_metric(bool up);
// What /readyz says of this process's engines.
std::string ready_metric(bool ready);

}  // namespace hirestream
