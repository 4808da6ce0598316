#include "ports/source_check.h"

#include <fmt/format.h>

#include <set>

namespace hirestream {
namespace {

std::string describe_differences(const Fingerprint& stored, const Fingerprint& given) {
  std::set<std::string> keys;
  for (const auto& [key, value] : stored) {
    keys.insert(key);
  }
  for (const auto& [key, value] : given) {
    keys.insert(key);
  }
  const auto show = [](const Fingerprint& fingerprint, const std::string& key) {
    const auto found = fingerprint.find(key);
    return found == fingerprint.end() ? std::string("nothing") : "\"" + found->second + "\"";
  };
  std::string text;
  for (const auto& key : keys) {
    const std::string before = show(stored, key);
    const std::string now = show(given, key);
    if (before != now) {
      text += fmt::format("{}{}: stored {}, given {}", text.empty() ? "" : "; ", key, before, now);
    }
  }
  return text;
}

// Does the identity name one raw log among all there are? A path does not: other hosts have it too, and other files may come to
// stand there.
bool is_unique_identity(const Fingerprint& fingerprint) {
  const auto source = fingerprint.find("source");
  const auto strategy = fingerprint.find("strategy");
  return source != fingerprint.end() && !source->second.empty() &&
         !source->second.ends_with("(without id)") && strategy != fingerprint.end() &&
         strategy->second != "files";
}

bool is_same_raw_log(const Fingerprint& stored, const Fingerprint& given) {
  const auto same = [&](const std::string& key) {
    const auto found = stored.find(key);
    return found != stored.end() && found->second == given.at(key);
  };
  return is_unique_identity(given) && same("source") && same("strategy");
}

tl::unexpected<Error> refused(const SourceRegistration& given, std::string message,
                              std::string hint) {
  return fail(ErrorKind::kConfig, "register source", given.name, std::move(message),
              std::move(hint));
}

}  // namespace

Result<void> check_known_source(const SourceRegistration& stored, const SourceRegistration& given) {
  std::string differences = describe_differences(stored.fingerprint, given.fingerprint);
  if (stored.kind != given.kind) {
    differences += fmt::format("{}kind: stored \"{}\", given \"{}\"",
                               differences.empty() ? "" : "; ", stored.kind, given.kind);
  }
  if (differences.empty()) {
    return {};
  }
  return refused(given, "its numbers were made with other settings: " + differences,
                 "restore the old setting, or count into another warehouse");
}

Result<void> check_new_source(std::span<const SourceRegistration> known,
                              const SourceRegistration& given) {
  for (const SourceRegistration& stored : known) {
    if (is_same_raw_log(stored.fingerprint, given.fingerprint)) {
      return refused(given, fmt::format("this raw log is counted already, as \"{}\"", stored.name),
                     fmt::format("go on with --source-name '{}', or count into another warehouse",
                                 stored.name));
    }
  }
  return {};
}

Result<void> refuse_rows_without_ledger(const SourceRegistration& given) {
  return refused(given, "`events` holds rows that no ledger knows of",
                 "restore the hirestream_* tables from a backup, or start with an empty database; "
                 "`hirestream run` would count everything a second time");
}

}  // namespace hirestream
