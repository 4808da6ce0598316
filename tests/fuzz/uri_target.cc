// Input: one byte that chooses the role, then a URI.
#include <string>

#include "config/uri.h"
#include "fuzz/fuzz_target.h"

namespace hirestream {
namespace {

constexpr std::string_view kPassword = "correct.horse_battery";

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

void require_same(const Uri& a, const Uri& b) {
  FUZZ_REQUIRE(a.scheme == b.scheme);
  FUZZ_REQUIRE(a.user == b.user);
  FUZZ_REQUIRE(a.hosts == b.hosts);
  FUZZ_REQUIRE(a.database == b.database && a.table == b.table && a.path == b.path);
  FUZZ_REQUIRE(a.parameters == b.parameters);
}

void check_uri(std::string_view text, UriRole role) {
  const auto uri = parse_uri(text, role);
  if (!uri) {
    FUZZ_REQUIRE(uri.error().kind == ErrorKind::kConfig);
    FUZZ_REQUIRE(!uri.error().message.empty());
    return;
  }
  // What is shown of it says all of it.
  const auto again = parse_uri(uri->text(), role);
  FUZZ_REQUIRE(again.has_value());
  require_same(*uri, *again);
  FUZZ_REQUIRE(again->text() == uri->text());
  if (uri->scheme == Scheme::kCassandra || uri->scheme == Scheme::kMysql) {
    FUZZ_REQUIRE(!uri->hosts.empty());
    FUZZ_REQUIRE(uri->scheme == Scheme::kCassandra || uri->hosts.size() == 1);
    FUZZ_REQUIRE(!uri->database.empty());
    for (const HostPort& host : uri->hosts) FUZZ_REQUIRE(!host.host.empty() && host.port != 0);
    // The name is a URI itself: the same place without user and parameters.
    const auto named = parse_uri(uri->name(), role);
    FUZZ_REQUIRE(named.has_value() && named->text() == uri->name());
    FUZZ_REQUIRE(named->hosts == uri->hosts && named->user.empty() && named->parameters.empty());
    FUZZ_REQUIRE(redact(uri->text()) == uri->text());
  } else {
    FUZZ_REQUIRE(!uri->path.empty());
  }
}

// A password in the place where people put it is refused and stands in no part of the error.
void check_password(std::string_view text, UriRole role) {
  if (contains(text, kPassword)) return;  // libFuzzer knows what it is compared with
  const size_t at = text.find('@');
  const std::string_view user = text.substr(0, at);
  const std::string_view rest = at == text.npos ? std::string_view("h/d/t") : text.substr(at + 1);
  for (const std::string_view scheme : {"cassandra", "mysql"}) {
    std::string with_password(scheme);
    with_password.append("://").append(user).append(":").append(kPassword).append("@").append(rest);
    const auto uri = parse_uri(with_password, role);
    FUZZ_REQUIRE(!uri.has_value());
    FUZZ_REQUIRE(!contains(uri.error().text(), kPassword));
    FUZZ_REQUIRE(!contains(uri.error().subject, kPassword));
    FUZZ_REQUIRE(!contains(redact(with_password), kPassword));
  }
}

}  // namespace

void fuzz_uri(Bytes input) {
  InputReader reader(input);
  const auto role = static_cast<UriRole>(reader.byte() % 4);
  const std::string_view text = as_text(reader.rest());
  check_uri(text, role);
  check_password(text, role);
}

}  // namespace hirestream
