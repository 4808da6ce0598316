// Which servers on other machines are spoken to without TLS: whoever is between reads passwords
// and rows.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace hirestream {

struct PlainTextServer {
  std::string place;   // "source clicks", "warehouse", "jobs"
  std::string uri;     // as it may be shown
  std::string remedy;  // what to do
};

// Each URI once. By its parameters: nothing is connected.
std::vector<PlainTextServer> plain_text_servers(const Settings& settings);

}  // namespace hirestream
