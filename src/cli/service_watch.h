// What the service manager is told of the engines: that all have started (READY=1), that all of
// their loops go round (WATCHDOG=1), and what they wait for (STATUS=…). The watchdog's word is
// given once every engine that has not ended has shown itself since the last time: one that is
// stuck keeps it from being given, however busy the others are, and the manager starts the process
// anew.
//
// Each engine's thread has a Seat; seats are taken before the threads begin. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>

#include "cli/service_notifier.h"
#include "ports/observer.h"

namespace hirestream {

class ServiceWatch {
 public:
  using Steady = std::chrono::steady_clock;

  // The notifier outlives it. `now`: of tests.
  explicit ServiceWatch(const ServiceNotifier& notifier,
                        std::function<Steady::time_point()> now = Steady::now);

  // One engine's. Whatever it reports shows that it is alive: a long read reports its pages.
  class Seat : public Observer {
   public:
    Seat(ServiceWatch& watch, std::string name) : watch_(watch), name_(std::move(name)) {}

    void started();
    void beat();
    // A step has succeeded: nothing is waited for but rows of slices that are held.
    void stepped(int64_t slices_held = 0);
    // One has failed, and is tried again.
    void failed();
    // `fenced`: by another engine.
    void ended(bool fenced = false);

    void on_read(int64_t, int64_t, int64_t) override { went_on(); }
    void on_commit(const CommitReport&) override;
    void on_slice(SliceEvent, const SliceKey&, const std::string&) override { went_on(); }
    void on_retry(const Error& error, int attempt, int64_t delay_us) override;
    void on_note(const std::string&, const std::string&) override { beat(); }
    void on_progress(const std::string&, int64_t, int64_t) override { beat(); }

   private:
    friend class ServiceWatch;
    void went_on();
    // With the mutex held: what was read is in `events`.
    void succeeded();
    // With the mutex held. Empty: nothing.
    std::string waits_for(Steady::time_point now) const;

    ServiceWatch& watch_;
    std::string name_;
    // Guarded by the watch's mutex.
    bool started_ = false;
    bool ended_ = false;
    bool beaten_ = false;  // since the watchdog's word was given last
    std::string waits_for_;
    bool fenced_ = false;
    int64_t slices_held_ = 0;
    Steady::time_point went_on_;  // read, committed or had nothing to do
    // Since then steps have failed, and nothing was committed, however much was read.
    std::optional<Steady::time_point> failing_since_;
    Steady::time_point retried_;
  };

  Seat& take_seat(std::string name);
  // What /readyz tells: for each engine that does not keep its part of `events` up to date a line,
  // which says why. Empty when all do.
  std::string waits_for();

 private:
  // With the mutex held.
  void tell();
  void tell_ready();
  void tell_alive();
  void tell_status();

  const ServiceNotifier& notifier_;
  std::function<Steady::time_point()> now_;
  std::mutex mutex_;
  std::list<Seat> seats_;  // they stay where they are
  bool ready_ = false;
  Steady::time_point told_alive_;
  std::string told_status_;
};

}  // namespace hirestream
