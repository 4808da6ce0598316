#include "cli/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <optional>

#include "cli/commands.h"

namespace hirestream {
namespace {

// Wrappers (timeout, docker, a shell's process group) often deliver one Ctrl-C twice.
constexpr std::chrono::milliseconds kOneSignal{500};

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t set = ending_signals();
  HIRESTREAM_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  // A connection lost under TLS is an error of that connection, not the program's end.
  HIRESTREAM_CHECK(::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
  thread_ = std::jthread([this](const std::stop_token& ending) { wait_for_signals(ending); });
}

Interrupt::~Interrupt() = default;

std::stop_token Interrupt::token() {
  awaited_ = true;
  return source_.get_token();
}

void Interrupt::request_stop() {
  source_.request_stop();
}

void Interrupt::wait_for_signals(const std::stop_token& ending) {
  using Steady = std::chrono::steady_clock;
  const sigset_t set = ending_signals();
  std::optional<Steady::time_point> first;
  while (!ending.stop_requested()) {
    const timespec tick{.tv_sec = 0, .tv_nsec = 100'000'000};
    const int signal = sigtimedwait(&set, nullptr, &tick);
    if (signal < 0) {
      continue;
    }
    signal_ = signal;
    const auto now = Steady::now();
    if (!awaited_ || (first && now - *first > kOneSignal)) {
      _exit(kExitInterrupted);
    }
    first = first.value_or(now);
    source_.request_stop();
  }
}

}  // namespace hirestream
