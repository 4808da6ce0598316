#include "cli/settings_check.h"

#include <fmt/format.h>

#include <string>

#include "cli/cassandra_config.h"
#include "cli/engine_options.h"
#include "cli/open_source.h"
#include "cli/setting_options.h"
#include "config/setting_table.h"
#include "http/listen_address.h"
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
    if (!settings_.http.address.empty()) {
      note(parse_listen_address(settings_.http.address), "http.address");
    }
    return std::move(faults_);
  }

 private:
  void check_source(const SourceSettings& source) {
    if (source.uri->scheme == Scheme::kCassandra) {
      note(cassandra_config(*source.uri, source.password.text), "source.uri");
    }
    if (source.uri->scheme == Scheme::kCsv) {
      note(csv_settings(source));
    }
    const auto options = engine_options(settings_, source);
    note(options);
    if (options) {
      note(check_engine_options(*options));
    }
  }

  // Engines know an option's name, and nobody but the settings where it was set.
  const Setting* setting_named_by(const Error& error) const {
    for (const Setting& setting : setting_table()) {
      if (setting.option == "--" + error.subject || setting.name() == error.subject) {
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

std::vector<Error> faults_of_components(const Settings& settings) {
  return ComponentCheck(settings).faults();
}

}  // namespace hirestream
