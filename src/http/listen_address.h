// Where the server listens, who may ask, and under which names: the rules of access, without any
// socket. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/result.h"

namespace hirestream {

// "localhost" or an address of this machine itself; without brackets.
bool is_loopback_name(std::string_view host);

struct ListenAddress {
  std::string host = "127.0.0.1";  // without brackets
  uint16_t port = 8080;            // 0: any that is free

  std::string text() const;  // "127.0.0.1:8080", "[::1]:8080"
  bool is_loopback() const;
};

// "HOST:PORT", "[IPv6]:PORT", ":PORT" (loopback) or "PORT". kConfig otherwise.
Result<ListenAddress> parse_listen_address(std::string_view text);

// What may stand in the Host header of a request to a server on the loopback address: a name of the
// loopback address. Otherwise a page of somebody else's could point its own name here (DNS
// rebinding) and read the answers.
bool is_loopback_host_header(std::string_view header);

// Takes as long whatever the difference is. `authorization`: the header's value.
bool carries_token(std::string_view authorization, std::string_view token);

}  // namespace hirestream
