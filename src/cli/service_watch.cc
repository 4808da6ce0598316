#include "cli/service_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hirestream {
namespace {

// Of the watchdog's time: room for a word that is lost.
constexpr int64_t kWordsInTime = 4;
// Without a read or a commit for so long an engine is stale, and so it is when its steps have
// failed for so long and go on to: one that reads on for minutes after a failure may well succeed.
constexpr std::chrono::seconds kStaleAfter{60};

int64_t seconds_between(ServiceWatch::Steady::time_point from,
                        ServiceWatch::Steady::time_point to) {
  return std::chrono::duration_cast<std::chrono::seconds>(to - from).count();
}

}  // namespace

ServiceWatch::ServiceWatch(const ServiceNotifier& notifier, std::function<Steady::time_point()> now)
    : notifier_(notifier), now_(std::move(now)), told_alive_(now_()) {}

ServiceWatch::Seat& ServiceWatch::take_seat(std::string name) {
  const std::lock_guard lock(mutex_);
  Seat& seat = seats_.emplace_back(*this, std::move(name));
  seat.went_on_ = now_();
  return seat;
}

void ServiceWatch::Seat::started() {
  const std::lock_guard lock(watch_.mutex_);
  started_ = true;
  beaten_ = true;
  went_on_ = watch_.now_();
  waits_for_.clear();
  watch_.tell();
}

void ServiceWatch::Seat::beat() {
  const std::lock_guard lock(watch_.mutex_);
  beaten_ = true;
  watch_.tell();
}

void ServiceWatch::Seat::went_on() {
  const std::lock_guard lock(watch_.mutex_);
  beaten_ = true;
  went_on_ = watch_.now_();
  watch_.tell();
}

std::string ServiceWatch::Seat::waits_for(Steady::time_point now) const {
  if (ended_) {
    return fenced_ ? "fenced: another engine counts" : "its engine has ended";
  }
  if (!started_) {
    return "recovering: its engine has not started yet";
  }
  if (now - went_on_ > kStaleAfter) {
    return fmt::format("stale: nothing read for {} s", seconds_between(went_on_, now));
  }
  if (failing_since_ && now - *failing_since_ > kStaleAfter && now - retried_ <= kStaleAfter) {
    return fmt::format("nothing committed for {} s: {}", seconds_between(*failing_since_, now),
                       waits_for_);
  }
  return slices_held_ == 0 ? "" : fmt::format("slices held: {}", slices_held_);
}

std::string ServiceWatch::waits_for() {
  const std::lock_guard lock(mutex_);
  std::string lines;
  for (const Seat& seat : seats_) {
    if (const std::string why = seat.waits_for(now_()); !why.empty()) {
      lines += fmt::format("{}: {}\n", seat.name_, why);
    }
  }
  return seats_.empty() ? "no engine has begun\n" : lines;
}

void ServiceWatch::Seat::stepped(int64_t slices_held) {
  const std::lock_guard lock(watch_.mutex_);
  beaten_ = true;
  slices_held_ = slices_held;
  succeeded();
  watch_.tell();
}

void ServiceWatch::Seat::on_commit(const CommitReport&) {
  const std::lock_guard lock(watch_.mutex_);
  beaten_ = true;
  succeeded();
  watch_.tell();
}

void ServiceWatch::Seat::succeeded() {
  went_on_ = watch_.now_();
  failing_since_.reset();
  waits_for_.clear();
}

void ServiceWatch::Seat::ended(bool fenced) {
  const std::lock_guard lock(watch_.mutex_);
  ended_ = true;
  fenced_ = fenced;
  watch_.tell();
}

void ServiceWatch::Seat::failed() {
  const std::lock_guard lock(watch_.mutex_);
  beaten_ = true;
  failing_since_ = failing_since_.value_or(watch_.now_());
}

void ServiceWatch::Seat::on_retry(const Error& error, int /*attempt*/, int64_t /*delay_us*/) {
  const std::lock_guard lock(watch_.mutex_);
  beaten_ = true;
  waits_for_ = error.text();
  retried_ = watch_.now_();
  watch_.tell();
}

void ServiceWatch::tell() {
  tell_ready();
  tell_alive();
  tell_status();
}

void ServiceWatch::tell_ready() {
  const bool all =
      std::ranges::all_of(seats_, [](const Seat& seat) { return seat.started_ || seat.ended_; });
  const bool any = std::ranges::any_of(seats_, [](const Seat& seat) { return seat.started_; });
  if (!ready_ && all && any) {
    ready_ = true;
    notifier_.ready();
  }
}

void ServiceWatch::tell_alive() {
  const auto now = now_();
  const std::chrono::microseconds pause(notifier_.watchdog_us() / kWordsInTime);
  const bool all =
      std::ranges::all_of(seats_, [](const Seat& seat) { return seat.beaten_ || seat.ended_; });
  if (notifier_.watchdog_us() == 0 || !all || now - told_alive_ < pause) {
    return;
  }
  notifier_.alive();
  told_alive_ = now;
  for (Seat& seat : seats_) {
    seat.beaten_ = false;
  }
}

void ServiceWatch::tell_status() {
  std::string status = ready_ ? "counting" : "starting";
  for (const Seat& seat : seats_) {
    if (!seat.waits_for_.empty() && !seat.ended_) {
      status = fmt::format("{} waits: {}", seat.name_, seat.waits_for_);
      break;
    }
  }
  if (status != told_status_) {
    notifier_.status(status);
    told_status_ = std::move(status);
  }
}

}  // namespace hirestream
