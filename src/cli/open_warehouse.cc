#include "cli/open_warehouse.h"

#include "adapters/mysql/warehouse.h"
#include "adapters/mysql/warehouse_schema.h"
#include "adapters/sqlite/warehouse.h"
#include "cli/mysql_config.h"

namespace hirestream {
namespace {

Result<std::unique_ptr<SqliteWarehouse>> open_sqlite(const WarehouseSettings& settings,
                                                     IfMissing missing) {
  SqliteWarehouseConfig config;
  config.path = settings.uri->path;
  config.create = missing == IfMissing::kCreate;
  return SqliteWarehouse::open(config);
}

Result<std::unique_ptr<MysqlWarehouse>> open_mysql(const WarehouseSettings& settings,
                                                   IfMissing missing) {
  MysqlConfig config = mysql_config(*settings.uri, settings.password);
  config.create_database = missing == IfMissing::kCreate;
  return MysqlWarehouse::open(config);
}

std::string joined(const std::vector<std::string>& statements) {
  std::string out;
  for (const std::string& statement : statements) {
    out += statement;
    out += statement.ends_with(';') ? "\n\n" : ";\n\n";
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<Warehouse>> open_warehouse(const WarehouseSettings& settings,
                                                  IfMissing missing) {
  HIRESTREAM_CHECK(settings.uri.has_value());
  if (settings.uri->scheme == Scheme::kSqlite) {
    HIRESTREAM_ASSIGN(auto warehouse, open_sqlite(settings, missing));
    return std::unique_ptr<Warehouse>(std::move(warehouse));
  }
  HIRESTREAM_CHECK(settings.uri->scheme == Scheme::kMysql);
  HIRESTREAM_ASSIGN(auto warehouse, open_mysql(settings, missing));
  return std::unique_ptr<Warehouse>(std::move(warehouse));
}

Result<std::string> warehouse_statements(const WarehouseSettings& settings,
                                         const std::string& jobs_table) {
  if (settings.uri->scheme == Scheme::kMysql) {
    return joined(mysql_schema_statements()) +
           least_privilege_grants({.database = settings.uri->database, .jobs_table = jobs_table});
  }
  WarehouseSettings memory = settings;
  memory.uri->path = ":memory:";
  HIRESTREAM_ASSIGN(auto warehouse, open_sqlite(memory, IfMissing::kCreate));
  return joined(warehouse->schema_statements());
}

Result<Findings> probe_warehouse(const WarehouseSettings& settings) {
  if (settings.uri->scheme == Scheme::kSqlite) {
    HIRESTREAM_ASSIGN(auto warehouse, open_sqlite(settings, IfMissing::kFail));
    return warehouse->probe();
  }
  HIRESTREAM_ASSIGN(auto warehouse, open_mysql(settings, IfMissing::kFail));
  return warehouse->probe();
}

Result<std::vector<std::string>> missing_privileges(const WarehouseSettings& settings) {
  if (settings.uri->scheme == Scheme::kSqlite) {
    return std::vector<std::string>();
  }
  HIRESTREAM_ASSIGN(auto warehouse, open_mysql(settings, IfMissing::kFail));
  return warehouse->missing_privileges();
}

}  // namespace hirestream
