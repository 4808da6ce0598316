// What a rebuild did, for people and as JSON: an object, without a line's end.
#pragma once

#include <string>

#include "cli/rebuild_run.h"

namespace hirestream {

std::string rebuild_report_text(const RebuildReport& report);
std::string rebuild_report_json(const RebuildReport& report);
// That of publishing, with the rebuild's as `rebuild`.
std::string run_rebuild_json(const RunRebuild& done);

}  // namespace hirestream
