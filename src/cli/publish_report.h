// What publishing did, for people and as JSON.
#pragma once

#include <string>

#include "pipeline/publish.h"

namespace hirestream {

std::string publish_report_text(const PublishReport& report);
// An object, without a line's end.
std::string publish_report_json(const PublishReport& report);

}  // namespace hirestream
