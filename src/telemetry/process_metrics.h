// What the operating system knows of this process, under the names that Prometheus' own clients
// use, and which build it is. Thread-safe.
#pragma once

#include <string>

namespace hirestream {

// Text exposition format; what cannot be read is left out.
std::string process_metrics(const std::string& version, const std::string& commit);

}  // namespace hirestream
