// Whether a server of ours is alive: what health checks of containers ask. It tells of the process
// alone, never of source or warehouse, whose outages no restart would end.
#pragma once

#include <chrono>

#include "http/listen_address.h"
#include "model/result.h"

namespace hirestream {

// Answered without token.
inline constexpr const char* kLivenessPath = "/livez";

// Asks the server that listens there; of one that listens everywhere, on the loopback address.
// Blocks for `patience` at most. kTransient: nobody answers, or not as a server of ours does.
Result<void> ask_alive(const ListenAddress& address,
                       std::chrono::milliseconds patience = std::chrono::seconds(3));

}  // namespace hirestream
