#include "cli/share_keeper.h"

#include <fmt/format.h>

#include <random>
#include <utility>

#include "cli/engine_options.h"
#include "cli/generate_writing.h"
#include "cli/lease_keeper.h"

namespace hirestream {
namespace {

ShareMember new_member(std::vector<int32_t> shards, int64_t lease_us) {
  const uint32_t id = std::random_device()();
  return {fmt::format("{}:{:08x}", process_owner(), id), -1 - static_cast<int32_t>(id >> 1),
          std::move(shards), lease_us};
}

}  // namespace

ShareKeeper::ShareKeeper(const WarehouseSettings& settings, std::string source,
                         std::vector<int32_t> shards, int64_t lease_us)
    : settings_(settings),
      source_(std::move(source)),
      lease_us_(lease_us),
      member_(new_member(std::move(shards), lease_us)) {}

ShareKeeper::~ShareKeeper() {
  if (!thread_.joinable()) {
    return;
  }
  thread_.request_stop();
  thread_.join();
  if (leases_ != nullptr) {
    // If it fails, the leases end by themselves.
    (void)leases_->share(source_, member_.farewell());
  }
}

// On a new connection after an error.
Result<void> ShareKeeper::refresh() {
  const std::lock_guard asking(asking_);
  if (leases_ == nullptr) {
    HIRESTREAM_ASSIGN(leases_, open_leases(settings_));
  }
  std::unique_lock lock(mutex_);
  const ShareRequest request = member_.request();
  lock.unlock();
  auto share = leases_->share(source_, request);
  if (!share) {
    leases_.reset();
    return forward(std::move(share).error());
  }
  lock.lock();
  member_.take(std::move(*share));
  lock.unlock();
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { renew(stop); });
  }
  return {};
}

std::vector<int32_t> ShareKeeper::wanted() const {
  const std::lock_guard lock(mutex_);
  return member_.wanted();
}

void ShareKeeper::count(std::vector<int32_t> shards) {
  const std::lock_guard lock(mutex_);
  member_.count(std::move(shards));
}

void ShareKeeper::renew(const std::stop_token& stop) {
  int64_t pause_us = lease_us_ / kRenewalsPerLease;
  while (sleep_unless_stopped(pause_us, stop)) {
    const auto done = refresh();
    pause_us = lease_us_ / (done ? kRenewalsPerLease : kRetriesPerLease);
  }
}

}  // namespace hirestream
