#include "adapters/sql/fingerprint_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace hirestream {

std::string encode_fingerprint(const Fingerprint& fingerprint) {
  return nlohmann::json(fingerprint).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Fingerprint decode_fingerprint(std::string_view text) {
  Fingerprint fingerprint;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      fingerprint[key] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  return fingerprint;
}

namespace sql {

Result<void> write_fingerprint(Session& session, SourceId source, const Fingerprint& fingerprint) {
  return session.execute(fmt::format("UPDATE hirestream_sources SET fingerprint = {} WHERE id = {}",
                                     session.quoted(encode_fingerprint(fingerprint)), source));
}

Result<void> write_fingerprint(Session& session, const Commit& commit) {
  return commit.fingerprint ? write_fingerprint(session, commit.source, *commit.fingerprint)
                            : Result<void>();
}

}  // namespace sql
}  // namespace hirestream
