#include "cli/plain_text.h"

#include <algorithm>
#include <set>

#include "cli/cassandra_config.h"
#include "http/listen_address.h"

namespace hirestream {
namespace {

bool is_plain(const Uri& uri) {
  if (std::ranges::all_of(uri.hosts,
                          [](const HostPort& host) { return is_loopback_name(host.host); })) {
    return false;
  }
  switch (uri.scheme) {
    case Scheme::kCassandra:
      return !cassandra_uses_tls(uri);
    case Scheme::kMysql: {
      const std::string tls = uri.parameter("tls");
      return tls == "off" || tls == "preferred";
    }
    default:
      return false;
  }
}

}  // namespace

std::vector<PlainTextServer> plain_text_servers(const Settings& settings) {
  std::vector<PlainTextServer> servers;
  std::set<std::string> seen;
  const auto look_at = [&](const std::string& place, const std::optional<Uri>& uri) {
    if (uri && is_plain(*uri) && seen.insert(uri->text()).second) {
      servers.push_back({place, uri->text(),
                         uri->scheme == Scheme::kCassandra
                             ? "?tls=on encrypts it and checks the server; ?tls_ca=FILE names an "
                               "authority of your own"
                             : "?tls=required encrypts it, ?tls_ca=FILE checks the server, too"});
    }
  };
  for (const SourceSettings& source : settings.sources) {
    look_at("source " + source.name, source.uri);
  }
  look_at("warehouse", settings.warehouse.uri);
  look_at("jobs", settings.jobs.uri);
  return servers;
}

}  // namespace hirestream
