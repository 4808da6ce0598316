#include "cli/lease_keeper.h"

#include <fmt/format.h>

#include <random>
#include <utility>

#include "cli/engine_options.h"
#include "cli/generate_writing.h"

namespace hirestream {
namespace {

// Names a process among all that ever were.
std::string new_owner() {
  std::random_device random;
  return fmt::format("{}:{:08x}", process_owner(), random());
}

}  // namespace

LeaseKeeper::LeaseKeeper(const WarehouseSettings& settings, LeaseRequest request)
    : settings_(settings), request_(std::move(request)), owner_(new_owner()) {}

LeaseKeeper::~LeaseKeeper() {
  if (!held()) {
    return;
  }
  thread_.request_stop();
  thread_.join();
  if (!lost_ && leases_ != nullptr) {
    // If it fails, the lease ends by itself.
    (void)leases_->take(request_.source, request_.shards, owner_, 0);
  }
}

Result<std::optional<LeaseHolder>> LeaseKeeper::acquire() {
  HIRESTREAM_ASSIGN(auto holder, take(request_.lease_us));
  if (!holder) {
    thread_ = std::jthread([this](const std::stop_token& stop) { renew(stop); });
  }
  return holder;
}

// On a new connection after an error.
Result<std::optional<LeaseHolder>> LeaseKeeper::take(int64_t lease_us) {
  if (leases_ == nullptr) {
    HIRESTREAM_ASSIGN(leases_, open_leases(settings_));
  }
  auto holder = leases_->take(request_.source, request_.shards, owner_, lease_us);
  if (!holder) {
    leases_.reset();
  }
  return holder;
}

void LeaseKeeper::renew(const std::stop_token& stop) {
  int64_t pause_us = request_.lease_us / kRenewalsPerLease;
  while (sleep_unless_stopped(pause_us, stop)) {
    const auto holder = take(request_.lease_us);
    if (holder && *holder) {
      lost_ = true;
      return;
    }
    pause_us = request_.lease_us / (holder ? kRenewalsPerLease : kRetriesPerLease);
  }
}

}  // namespace hirestream
