#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "adapters/system/system_clock.h"
#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/open_source.h"
#include "cli/open_warehouse.h"
#include "cli/printed_json_internal.h"
#include "cli/setting_options.h"
#include "pipeline/adoption.h"
#include "ports/observer.h"

namespace hirestream {
namespace {

constexpr const char* kAdoptFooter =
    R"(For a table that was dropped and created again, or has other columns than before: `run` refuses
it, since its rows could be others. With --yes the source goes on with it, under its name, and
nothing of what was counted is changed. What the raw log gives now is compared by `hirestream verify`:
slices that would give less than before are held, until --allow-shrink lets them.

Exit code 1: something differs, and --yes was not given.

Examples:
  hirestream adopt --source cassandra://cassandra-1/logs/tracking --warehouse mysql://etl@mysql/etl_data
  hirestream adopt --yes --config /etc/hirestream/hirestream.toml && hirestream verify --repair
)";

struct AdoptOptions {
  SettingOptions settings;
  bool yes = false;
};

Result<Adoption> adopt(const Settings& settings, const SourceSettings& source, bool yes) {
  NullObserver observer;
  SystemClock clock;
  HIRESTREAM_ASSIGN(const auto opened, open_source(source, observer));
  HIRESTREAM_ASSIGN(const auto warehouse, open_warehouse(settings.warehouse));
  HIRESTREAM_ASSIGN(const EngineOptions options, engine_options(settings, source));
  return adopt_source({*opened, *warehouse, nullptr, clock, observer}, options, yes);
}

void print_adoption(const std::string& source, const Adoption& adoption) {
  if (adoption.differences.empty()) {
    fmt::print("{}: as it was counted, nothing to adopt\n", source);
    return;
  }
  fmt::print("{}: {}\n", source, adoption.differences);
  fmt::print("  {}\n", adoption.stored
                           ? "adopted; compare what it gives now with what was counted: "
                             "hirestream verify"
                           : "--yes goes on with it as it is now");
}

// What became of the sources that are done.
struct Adopted {
  bool waits = false;  // for what is not done without --yes
  nlohmann::ordered_json sources = nlohmann::ordered_json::array();
};

Result<void> adopt_each(const Settings& settings, const AdoptOptions& options, bool json,
                        Adopted& done) {
  for (const SourceSettings& source : settings.sources) {
    HIRESTREAM_ASSIGN(const Adoption adoption, adopt(settings, source, options.yes));
    const bool differs = !adoption.differences.empty();
    done.waits = done.waits || (differs && !adoption.stored);
    done.sources.push_back({{"source", source.name},
                            {"differences", adoption.differences},
                            {"adopted", differs && adoption.stored}});
    if (!json) {
      print_adoption(source.name, adoption);
    }
  }
  return {};
}

Result<int> run_adopt(const AdoptOptions& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(const Settings settings, options.settings.load(context));
  HIRESTREAM_TRY(require_sources(settings));
  HIRESTREAM_TRY(require_warehouse(settings));
  Adopted done;
  const auto ended = adopt_each(settings, options, context.json, done);
  // A source that is refused hides nothing of those before it.
  if (context.json && (ended || !done.sources.empty())) {
    std::puts(printed_json({{"sources", std::move(done.sources)}}).c_str());
  }
  HIRESTREAM_TRY(ended);
  return done.waits ? kExitDifference : kExitOk;
}

}  // namespace

void add_adopt_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<AdoptOptions>();
  CLI::App* command =
      app.add_subcommand("adopt", "Go on with a table that was created anew or has other columns");
  options->settings.add(*command, {"source", "warehouse", "counting"});
  command->add_flag("--yes", options->yes, "Do it; without it, say what differs");
  command->footer(kAdoptFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return run_adopt(*options, c); };
  });
}

}  // namespace hirestream
