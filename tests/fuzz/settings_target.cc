// Input: a settings file (TOML).
#include <string>

#include "config/setting_table.h"
#include "config/settings.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/scratch_folder.h"

namespace hirestream {
namespace {

constexpr int64_t kPollUs = 123'000;

void check_settings(const Settings& settings, const std::string& file) {
  FUZZ_REQUIRE(!settings.sources.empty());
  for (const SourceSettings& source : settings.sources) {
    FUZZ_REQUIRE(source.uri.has_value() == !source.uri_text.empty());
    FUZZ_REQUIRE(!source.uri || !source.name.empty());
    FUZZ_REQUIRE(source.password.text.empty());
  }
  FUZZ_REQUIRE(settings.warehouse.uri.has_value() == !settings.warehouse.uri_text.empty());
  FUZZ_REQUIRE(settings.jobs.uri.has_value() == !settings.jobs.uri_text.empty());
  for (const auto& [name, origin] : settings.origins) {
    FUZZ_REQUIRE(find_setting(name) != nullptr);
    FUZZ_REQUIRE(origin.starts_with(file + ":"));
  }
}

}  // namespace

void fuzz_settings(Bytes input) {
  static const ScratchFolder kFolder;
  const std::string file = kFolder.write("hirestream.toml", input);
  const auto settings = load_settings({file, {}, {}});
  // An option wins over the file, and cannot make a bad file good.
  const auto with_option = load_settings({file, {}, {{"engine.poll_interval", "123ms"}}});
  FUZZ_REQUIRE(settings.has_value() == with_option.has_value());
  if (!settings) {
    const Error& error = settings.error();
    FUZZ_REQUIRE(error.kind == ErrorKind::kConfig);
    FUZZ_REQUIRE(!error.message.empty() && !error.subject.empty());
    FUZZ_REQUIRE(with_option.error().text() == error.text());
    return;
  }
  check_settings(*settings, file);
  FUZZ_REQUIRE(with_option->engine.poll_interval_us == kPollUs);
  FUZZ_REQUIRE(with_option->sources.size() == settings->sources.size());
  FUZZ_REQUIRE(with_option->engine.grace_us == settings->engine.grace_us);
}

}  // namespace hirestream
