#include "cli/mysql_config.h"

#include "http/listen_address.h"

namespace hirestream {
namespace {

MysqlTls tls_mode(const Uri& uri) {
  const std::string word =
      uri.parameter("tls", uri.parameters.contains("tls_ca")          ? "verify"
                           : is_loopback_name(uri.hosts.front().host) ? "preferred"
                                                                      : "required");
  return word == "off"         ? MysqlTls::kOff
         : word == "required"  ? MysqlTls::kRequired
         : word == "verify-ca" ? MysqlTls::kVerifyCa
         : word == "verify"    ? MysqlTls::kVerify
                               : MysqlTls::kPreferred;
}

}  // namespace

MysqlConfig mysql_config(const Uri& uri, const Secret& password) {
  MysqlConfig config;
  config.host = uri.hosts.front().host;
  config.port = uri.hosts.front().port;
  config.user = uri.user;
  config.password = password.text;
  config.password_file = password.file;
  config.database = uri.database;
  config.tls = tls_mode(uri);
  config.tls_ca = uri.parameter("tls_ca");
  config.tls_certificate = uri.parameter("tls_cert");
  config.tls_key = uri.parameter("tls_key");
  return config;
}

}  // namespace hirestream
