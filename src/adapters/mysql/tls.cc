#include "adapters/mysql/tls.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace hirestream::mysql {
namespace {

template <size_t kCount>
bool has_one_of(std::string_view message, const std::array<std::string_view, kCount>& parts) {
  return std::any_of(parts.begin(), parts.end(), [message](std::string_view part) {
    return message.find(part) != std::string_view::npos;
  });
}

tl::unexpected<Error> wrong(const MysqlConfig& config, std::string message, std::string hint) {
  return fail(ErrorKind::kConfig, "connect", config.subject(), std::move(message), std::move(hint));
}

Result<void> check_file(const MysqlConfig& config, std::string_view parameter,
                        const std::string& path) {
  if (path.empty()) {
    return {};
  }
  errno = 0;
  std::ifstream file(path);
  std::string line;
  bool pem = false;
  while (file && !pem && std::getline(file, line)) {
    pem = line.starts_with("-----BEGIN ");
  }
  if (!pem) {
    const int code = errno;
    auto unusable =
        wrong(config,
              code != 0 ? fmt::format("{}: {} cannot be read: {}", parameter, path, strerror(code))
                        : fmt::format("{}: {} is no PEM file", parameter, path),
              fmt::format("name a PEM file that this program may read in {}", parameter));
    unusable.value().may_pass = true;  // it is being replaced, perhaps
    return unusable;
  }
  return {};
}

}  // namespace

Result<void> check_tls_settings(const MysqlConfig& config) {
  const bool may_be_plain = config.tls == MysqlTls::kOff || config.tls == MysqlTls::kPreferred;
  if (may_be_plain && !config.tls_ca.empty()) {
    return wrong(config, "tls_ca is given, but this tls would never look at it",
                 "leave tls out (verify is meant then), or write tls=verify-ca or tls=required");
  }
  if (config.tls == MysqlTls::kVerifyCa && config.tls_ca.empty()) {
    return wrong(
        config, "tls=verify-ca needs tls_ca",
        "name the file of the authority that signed the server's certificate: tls_ca=FILE");
  }
  if (config.tls_certificate.empty() != config.tls_key.empty()) {
    return wrong(config, "tls_cert and tls_key must be given together",
                 "name the client's certificate and its key");
  }
  HIRESTREAM_TRY(check_file(config, "tls_ca", config.tls_ca));
  HIRESTREAM_TRY(check_file(config, "tls_cert", config.tls_certificate));
  return check_file(config, "tls_key", config.tls_key);
}

bool is_lost_handshake(std::string_view message) {
  static constexpr std::array<std::string_view, 4> kLost = {"unexpected eof", "Connection reset",
                                                            "Broken pipe", "timed out"};
  return has_one_of(message, kLost);
}

std::string tls_hint(const MysqlConfig& config, std::string_view message) {
  static constexpr std::array<std::string_view, 2> kOtherHost = {
      "Validation of SSL server certificate failed", "mismatch in certificate"};
  static constexpr std::array<std::string_view, 5> kUnknownIssuer = {
      "self-signed", "self signed", "issuer", "certificate verify failed", "certificate signature"};
  static constexpr std::array<std::string_view, 2> kOutOfDate = {"expired", "not yet valid"};
  if (has_one_of(message, kOtherHost)) {
    return fmt::format(
        "the server's certificate names another host than {}: give the server one that names it, "
        "or check only who signed it with tls=verify-ca",
        config.host);
  }
  if (has_one_of(message, kUnknownIssuer)) {
    return config.tls_ca.empty()
               ? std::string(
                     "no authority that this machine knows signed the server's certificate: name "
                     "the file of the one that did with tls_ca=FILE")
               : fmt::format(
                     "the authority in tls_ca ({}) is not the one that signed the server's "
                     "certificate: name its file (a MySQL that made its own keeps it as ca.pem in "
                     "its data folder)",
                     config.tls_ca);
  }
  if (has_one_of(message, kOutOfDate)) {
    return "renew the certificate, or put the clocks right";
  }
  if (message.find("key values mismatch") != std::string_view::npos) {
    return "tls_key is not the key of tls_cert: name the two files that belong together";
  }
  return config.tls_certificate.empty()
             ? "check tls and the server's certificate; a server that demands one of its clients "
               "needs tls_cert and tls_key"
             : "check tls and the server's certificate, and that the server trusts who signed "
               "tls_cert";
}

std::string no_tls_hint() {
  return "give the server a certificate (ssl_cert, ssl_key), or where the network is trusted write "
         "tls=off";
}

std::string access_denied_hint(const MysqlConfig& config, bool encrypted) {
  const std::string_view more = !encrypted ? " (one made with REQUIRE SSL also needs tls=required)"
                                : config.tls_certificate.empty()
                                    ? " (one made with REQUIRE X509 also needs tls_cert and "
                                      "tls_key)"
                                    : "";
  return fmt::format("check the user {} and the password{}", config.user, more);
}

}  // namespace hirestream::mysql
