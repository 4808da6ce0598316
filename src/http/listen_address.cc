#include "http/listen_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "config/values.h"

namespace hirestream {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// What may stand behind a host: nothing, or a colon with at most a port.
bool is_port_part(std::string_view text) {
  constexpr size_t kDigitsMax = 5;
  return text.empty() || (text.size() <= 1 + kDigitsMax && text.front() == ':' &&
                          std::all_of(text.begin() + 1, text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; }));
}

}  // namespace

bool is_loopback_name(std::string_view host) {
  const std::string name = lower(host);
  if (name == "localhost" || name == "::1") {
    return true;
  }
  // 127.0.0.0/8, written in full
  int points = 0;
  for (const char c : name) {
    points += c == '.' ? 1 : 0;
    if (c != '.' && std::isdigit(static_cast<unsigned char>(c)) == 0) {
      return false;
    }
  }
  return points == 3 && name.starts_with("127.");
}

std::string ListenAddress::text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

bool ListenAddress::is_loopback() const {
  return is_loopback_name(host);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  ListenAddress address;
  std::string_view port = text;
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    std::string_view host = text.substr(0, colon);
    port = text.substr(colon + 1);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) {
      host = host.substr(1, host.size() - 2);
    }
    const bool several_colons = host.find(':') != std::string_view::npos;
    if (several_colons != bracketed || host.find_first_of(" /@[]") != std::string_view::npos) {
      port = {};
    } else if (!host.empty()) {
      address.host = host;
    }
  }
  const bool digits =
      !port.empty() && port.size() <= 5 &&
      std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  const auto number = digits ? parse_int64(port) : std::nullopt;
  if (!number || *number > 65535) {
    return fail(ErrorKind::kConfig, "read address", std::string(text),
                "this is no address to listen at",
                "HOST:PORT, as 127.0.0.1:8080 or [::1]:8080; port 0 is any that is free");
  }
  address.port = static_cast<uint16_t>(*number);
  return address;
}

bool is_loopback_host_header(std::string_view header) {
  if (!header.starts_with('[')) {
    const size_t colon = header.find(':');
    return is_loopback_name(header.substr(0, colon)) &&
           is_port_part(header.substr(std::min(colon, header.size())));
  }
  const size_t end = header.find(']');
  return end != std::string_view::npos && is_loopback_name(header.substr(1, end - 1)) &&
         is_port_part(header.substr(end + 1));
}

bool carries_token(std::string_view authorization, std::string_view token) {
  constexpr std::string_view kScheme = "bearer ";
  if (token.empty() || authorization.size() < kScheme.size() ||
      lower(authorization.substr(0, kScheme.size())) != kScheme) {
    return false;
  }
  const std::string_view given = authorization.substr(kScheme.size());
  auto difference = static_cast<unsigned>(given.size() != token.size());
  for (size_t i = 0; i < given.size(); ++i) {
    difference |=
        static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(token[i % token.size()]);
  }
  return difference == 0;
}

}  // namespace hirestream
