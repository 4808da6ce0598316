#include "cli/commands.h"
#include "telemetry/log.h"

namespace hirestream {

std::shared_ptr<spdlog::logger> make_context_logger(const CommandContext& context) {
  const bool hush = context.quiet && (context.log_level == "debug" || context.log_level == "info");
  return make_logger({.level = hush ? "warning" : context.log_level,
                      .format = context.log_format,
                      .color = context.color_stderr,
                      .erase_line = context.progress});
}

}  // namespace hirestream
