// A Cassandra URI and a password as the adapter's configuration. kConfig names the URI's parameter,
// its value and what is allowed.
#pragma once

#include <string>
#include <vector>

#include "adapters/cassandra/cassandra_connection.h"
#include "config/uri.h"

namespace hirestream {

// As `tls` says; without it, when a file of certificates is named.
bool cassandra_uses_tls(const Uri& uri);

// The files of certificates that it names.
std::vector<std::string> certificate_files(const Uri& uri);

Result<CassandraConfig> cassandra_config(const Uri& uri, const std::string& password);

// Of a table that an option of a command names; the password comes from the environment. kConfig:
// it is no Cassandra table.
Result<CassandraConfig> named_table_config(const std::string& operation, const std::string& option,
                                           const std::string& text);

}  // namespace hirestream
