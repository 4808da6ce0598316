// What a warehouse knows of its sources, as Prometheus metrics: slices by state, rows by class,
// time since the last commit and since what is settled, what `verify` found last; and which build
// says so. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "ports/report.h"

namespace hirestream {

// Text exposition format.
std::string warehouse_metrics(std::span<const SourceQuality> sources,
                              std::span<const Verification> verifications, int64_t now_us,
                              const std::string& product_version);

}  // namespace hirestream
