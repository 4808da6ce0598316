// How an Error looks to a person, and which exit code it becomes.
#pragma once

#include <string>

#include "cli/commands.h"
#include "model/result.h"

namespace hirestream {

// error: <operation> <subject>: <message>
//   <hint>
std::string error_text(const Error& error, bool color);
// To stderr.
void print_error(const Error& error, const CommandContext& context);

}  // namespace hirestream
