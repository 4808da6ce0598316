// The world of one simulated run: its clock, its chance, its faults and its trace. Every port call
// of every simulated process passes through port_call(), which lets time go by, lets the other
// processes work meanwhile, and may kill the caller.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "simulation/random.h"

namespace hirestream::simulation {

inline constexpr int64_t kSecondUs = 1'000'000;

// Thrown by a fake: the process that made the call is gone. No engine code may catch it.
struct SimulatedCrash {};

// Thrown by the checks: the run has failed.
struct InvariantViolation {
  // "Truth", "Atomic", "Sound", "Prompt", "Fence", "Accounted", "Liveness", …
  std::string invariant;
  std::string text;
};

[[noreturn]] inline void violated(const std::string& invariant, const std::string& text) {
  throw InvariantViolation{invariant, text};
}

// Probabilities per port call; they hold while a fault window is open. Drawn anew for every seed.
struct FaultRates {
  double crash = 0;
  double slow = 0;
  double read_error = 0;
  // A kConfigured read is answered by the replica that knows less; in calm times too.
  double stale_read = 0;
  // A listing of slices is answered by that replica.
  double stale_discovery = 0.5;
  double deadlock = 0;
  double lost_before_commit = 0;
  double lost_after_commit = 0;
  // Of COMMITs that are lost: the server goes with them for a while.
  bool server_goes = false;
  double delayed_commit = 0;
  double warehouse_error = 0;  // calls other than commit
  double lost_epoch_answer = 0;
  double jobs_error = 0;
  double duplicate_delivery = 0;  // in calm times too
};

class World {
 public:
  World(uint64_t seed, int64_t start_us, bool tracing)
      : random(seed), now_us_(start_us), tracing_(tracing) {}

  Random random;
  FaultRates rates;
  std::vector<std::pair<int64_t, int64_t>> fault_windows;      // [from, to)
  std::vector<std::pair<int64_t, int64_t>> warehouse_outages;  // [from, to)
  std::vector<std::pair<int64_t, int64_t>> warehouse_full;     // [from, to): reads alone succeed
  std::vector<std::pair<int64_t, int64_t>> replica_outages;    // [from, to): no strongest read
  // Runs whoever has work that is due, except those that are in the middle of a call.
  std::function<void()> run_others;

  int64_t now_us() const { return now_us_; }
  void advance_to(int64_t us) { now_us_ = us > now_us_ ? us : now_us_; }

  bool faults_on() const { return inside(fault_windows); }
  bool warehouse_is_down() const { return inside(warehouse_outages); }
  bool warehouse_is_full() const { return inside(warehouse_full); }
  bool replica_is_down() const { return inside(replica_outages); }
  // A fault of the given probability strikes now (never outside the fault windows); it is counted.
  bool fault(double probability, std::string_view kind);
  void count_fault(std::string_view kind);
  // The same, of something that leaves most of the engines alone.
  void note_fault(std::string_view kind);
  // From now on the engines need time to recover before promptness can be asked for.
  void disturb() { disturbed_us_ = now_us_; }
  int64_t disturbed_us() const { return disturbed_us_; }

  // At the begin and at the end of every port call of process `process`.
  void port_call(const std::string& process, std::string_view call);

  void trace(const std::string& process, std::string_view text);
  bool tracing() const { return tracing_; }
  const std::deque<std::string>& trace_lines() const { return lines_; }
  const std::map<std::string, int64_t, std::less<>>& faults() const { return faults_; }
  // By port call.
  const std::map<std::string, int64_t, std::less<>>& crashes() const { return crashes_; }
  void count_crash(std::string_view call) { ++crashes_[std::string(call)]; }
  int64_t port_calls() const { return port_calls_; }

 private:
  bool inside(const std::vector<std::pair<int64_t, int64_t>>& windows) const;

  int64_t now_us_;
  bool tracing_;
  int64_t disturbed_us_ = 0;
  int64_t port_calls_ = 0;
  std::map<std::string, int64_t, std::less<>> faults_;
  std::map<std::string, int64_t, std::less<>> crashes_;
  std::deque<std::string> lines_;
};

}  // namespace hirestream::simulation
