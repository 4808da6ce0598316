// TLS settings of a connection to MySQL or MariaDB: what is wrong with them, and what to do when a
// server does not fit them.
#pragma once

#include <string>
#include <string_view>

#include "adapters/mysql/connection.h"

namespace hirestream::mysql {

// kConfig: a file that cannot be read, one that is missing, or one that the mode would ignore.
Result<void> check_tls_settings(const MysqlConfig& config);

// Of a connection whose TLS handshake failed with `message`: the network, not the settings.
bool is_lost_handshake(std::string_view message);
std::string tls_hint(const MysqlConfig& config, std::string_view message);
inline constexpr std::string_view kNoTlsOffered = "the server offers no TLS";
std::string no_tls_hint();

// A refused user may lack nothing but TLS: the server does not say so.
std::string access_denied_hint(const MysqlConfig& config, bool encrypted);

}  // namespace hirestream::mysql
