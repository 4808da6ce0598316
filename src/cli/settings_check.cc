#include "cli/settings_check.h"

#include <fmt/format.h>

#include <string>

#include "cli/cassandra_config.h"
#include "cli/engine_options.h"
#include "cli/open_source.h"
#include "cli/setting_options.h"
#include "config/setting_table.h"
#include "http/listen_address.h"
#include "http/request_guard.h"
#include "pipeline/engine.h"

namespace hirestream {
namespace {

class ComponentCheck {
 public:
  explicit ComponentCheck(const Settings& settings) : settings_(settings) {}

  std::vector<Error> faults() {
    note(require_sources(settings_));
    note(require_warehouse(settings_));
    for (const SourceSettings& source : settings_.sources) {
      if (source.uri) {
        check_source(source);
      }
    }
    note(check_company_of_engines(settings_.run));
    check_http();
    return std::move(faults_);
  }

 private:
  void check_http() {
    if (settings_.http.address.empty()) {
      return;
    }
    const auto address = parse_listen_address(settings_.http.address);
    note(address, "http.address");
    if (address) {
      note(check_access(*address, settings_.http.token), "http.address");
    }
  }

  void check_source(const SourceSettings& source) {
    if (source.uri->scheme == Scheme::kCassandra) {
      note(cassandra_config(*source.uri, source.password.text), "source.uri");
    }
    if (source.uri->scheme == Scheme::kCsv) {
      note(csv_settings(source));
    }
    note(check_strategy(source), "source.strategy");
    const auto options = engine_options(settings_, source);
    note(options);
    if (!options) {
      return;
    }
    const auto consistent = check_engine_options(*options);
    note(consistent);
    if (const auto foreseen = foreseen_description(source); consistent && foreseen) {
      note(check_options_fit(*options, *foreseen));
    }
  }

  // Engines know an option's name, and nobody but the settings where it was set.
  const Setting* setting_named_by(const Error& error) const {
    for (const Setting& setting : setting_table()) {
      if (setting.option == "--" + error.subject || setting.option == error.subject ||
          setting.name() == error.subject) {
        return &setting;
      }
    }
    return nullptr;
  }

  template <typename T>
  void note(const Result<T>& outcome, std::string_view setting_name = {}) {
    if (outcome) {
      return;
    }
    Error fault = outcome.error();
    const Setting* setting =
        setting_name.empty() ? setting_named_by(fault) : find_setting(setting_name);
    if (setting != nullptr) {
      const auto origin = settings_.origins.find(setting->name());
      fault.message = fmt::format("{}: {}", setting->name(), fault.message);
      fault.subject = origin == settings_.origins.end() ? "default" : origin->second;
    }
    faults_.push_back(std::move(fault));
  }

  const Settings& settings_;
  std::vector<Error> faults_;
};

}  // namespace

Result<void> check_company_of_engines(const RunSettings& run) {
  if (run.once && (run.standby || run.share)) {
    const std::string option = run.standby ? "--standby" : "--share";
    return fail(ErrorKind::kConfig, "read options", option,
                "an engine that waits for others does not end when all is counted",
                "leave out --once or " + option);
  }
  if (run.standby && run.share) {
    return fail(ErrorKind::kConfig, "read options", "--share",
                "engines that share the shards wait for each other already",
                "leave out --standby or --share");
  }
  return {};
}

std::vector<Error> faults_of_components(const Settings& settings) {
  return ComponentCheck(settings).faults();
}

}  // namespace hirestream
