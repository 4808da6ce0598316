// Input: a token, a line end, a value of Authorization, a line end, a Host, a line end, a target.
#include <algorithm>
#include <string>

#include "fuzz/fuzz_target.h"
#include "http/listen_address.h"
#include "http/target.h"

namespace hirestream {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEF";

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// What was understood says the same when it is written with every byte encoded.
void check_target(std::string_view text) {
  const auto target = parse_target(text);
  if (!target) {
    return;
  }
  FUZZ_REQUIRE(target->path.starts_with('/'));
  size_t decoded = target->path.size();
  for (const auto& [name, value] : target->query) decoded += name.size() + value.size();
  FUZZ_REQUIRE(decoded <= text.size());
  const auto ampersands = static_cast<size_t>(std::count(text.begin(), text.end(), '&'));
  FUZZ_REQUIRE(target->query.size() <= ampersands + 1);
  const size_t path_size = text.substr(0, text.find('?')).size();
  const bool is_plain = text.find('%') == text.npos;
  FUZZ_REQUIRE(!is_plain || target->path == text.substr(0, path_size));
  if (std::any_of(text.begin(), text.end(), is_control)) {
    return;  // hyper lets none through
  }
  std::string again = target->path.find_first_of("%?") == std::string::npos ? target->path : "/";
  char mark = '?';
  for (const auto& [name, value] : target->query) {
    again.append(1, mark).append(encoded(name)).append("=").append(encoded(value));
    mark = '&';
  }
  const auto same = parse_target(again);
  FUZZ_REQUIRE(same.has_value() && same->query == target->query);
}

// Only "Bearer" and exactly the token opens.
void check_token(std::string_view token, std::string_view authorization) {
  const bool opens = carries_token(authorization, token);
  constexpr size_t kSchemeSize = std::string_view("Bearer ").size();
  if (opens) {
    FUZZ_REQUIRE(!token.empty() && authorization.substr(kSchemeSize) == token);
  }
  FUZZ_REQUIRE(token.empty() || carries_token("Bearer " + std::string(token), token));
  FUZZ_REQUIRE(!carries_token("Bearer " + std::string(token) + "x", token));
  FUZZ_REQUIRE(!carries_token("Basic " + std::string(token), token));
}

void check_host(std::string_view host) {
  if (is_loopback_host_header(host)) {
    FUZZ_REQUIRE(host.find_first_of("/@ \t") == host.npos);
    FUZZ_REQUIRE(
        !is_loopback_host_header(std::string(host.substr(0, host.find(':'))) + ".example"));
  }
}

}  // namespace

void fuzz_http_request(Bytes input) {
  InputReader reader(input);
  const std::string_view token = reader.text_until('\n');
  const std::string_view authorization = reader.text_until('\n');
  check_token(token, authorization);
  check_host(reader.text_until('\n'));
  check_target(as_text(reader.rest()));
}

}  // namespace hirestream
