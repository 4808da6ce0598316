// From settings to each component's own options: the one place that knows both.
#pragma once

#include <cstdint>
#include <string>

#include "config/settings.h"
#include "model/reading_rules.h"
#include "model/result.h"
#include "pipeline/engine.h"

namespace hirestream {

// Of one source. Fresh random token_seed and the owner "host:pid" at each call.
Result<EngineOptions> engine_options(const Settings& settings, const SourceSettings& source);

// How the source's rows are read.
Result<ReadingRules> reading_rules(const SourceSettings& source);

// "host:pid"
std::string process_owner();

}  // namespace hirestream
