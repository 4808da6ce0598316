// How an Error looks to a person, and which exit code it becomes.
#pragma once

#include <string>
#include <string_view>

#include "cli/commands.h"
#include "model/result.h"

namespace hirestream {

// error: <operation> <subject>: <message>
//   <hint>
// Control characters are escaped.
std::string error_text(const Error& error, bool color);
// A line of the log as JSON, with kind, operation, subject and hint.
std::string error_json_line(const Error& error, std::string_view time);
// To stderr; as JSON under --log-format json.
void print_error(const Error& error, const CommandContext& context);

}  // namespace hirestream
