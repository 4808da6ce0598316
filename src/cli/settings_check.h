// What `run` would refuse of settings that could be read: what is missing, and what each component
// has to say to its own. Reads no file and connects to nothing.
#pragma once

#include <vector>

#include "config/settings.h"
#include "model/result.h"

namespace hirestream {

// kConfig: ways to run that exclude each other.
Result<void> check_company_of_engines(const RunSettings& run);

// The subject of each is the place where the setting at fault was set, where one is known.
std::vector<Error> faults_of_components(const Settings& settings);

}  // namespace hirestream
