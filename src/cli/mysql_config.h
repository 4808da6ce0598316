// A MySQL URI and a password as the adapter's configuration.
#pragma once

#include "adapters/mysql/connection.h"
#include "config/secrets.h"
#include "config/uri.h"

namespace hirestream {

MysqlConfig mysql_config(const Uri& uri, const Secret& password);

}  // namespace hirestream
