#include "simulation/world.h"

#include <fmt/format.h>

#include "model/timestamp.h"

namespace hirestream::simulation {
namespace {

constexpr size_t kTraceLinesMax = 400'000;
constexpr int64_t kLatencyMaxUs = 6'000;

}  // namespace

bool World::inside(const std::vector<std::pair<int64_t, int64_t>>& windows) const {
  for (const auto& [from_us, to_us] : windows) {
    if (now_us_ >= from_us && now_us_ < to_us) {
      return true;
    }
  }
  return false;
}

bool World::fault(double probability, std::string_view kind) {
  if (!faults_on() || !random.chance(probability)) {
    return false;
  }
  count_fault(kind);
  return true;
}

void World::count_fault(std::string_view kind) {
  disturb();
  note_fault(kind);
}

void World::note_fault(std::string_view kind) {
  const auto found = faults_.find(kind);
  if (found == faults_.end()) {
    faults_.emplace(kind, 1);
  } else {
    ++found->second;
  }
}

void World::port_call(const std::string& process, std::string_view call) {
  ++port_calls_;
  now_us_ += random.between(0, kLatencyMaxUs);
  if (fault(rates.slow, "slow call")) {
    now_us_ += random.between(kSecondUs / 2, 5 * kSecondUs);
    disturb();
    if (tracing_) {
      trace(process, fmt::format("{}: slow", call));
    }
  }
  if (run_others) {
    run_others();
  }
  if (fault(rates.crash, "crash")) {
    if (tracing_) {
      trace(process, fmt::format("{}: KILLED", call));
    }
    count_crash(call);
    throw SimulatedCrash{};
  }
}

void World::trace(const std::string& process, std::string_view text) {
  if (!tracing_) {
    return;
  }
  lines_.push_back(
      fmt::format("{} {:<10} {}", format_timestamp_ms(now_us_).substr(11), process, text));
  if (lines_.size() > kTraceLinesMax) {
    lines_.pop_front();
  }
}

}  // namespace hirestream::simulation
