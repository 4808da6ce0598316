// A MySQL URI and a password as the adapter's configuration.
#pragma once

#include <string>

#include "adapters/mysql/connection.h"
#include "config/uri.h"

namespace hirestream {

MysqlConfig mysql_config(const Uri& uri, const std::string& password);

}  // namespace hirestream
