#include "cli/open_warehouse.h"

#include "adapters/mysql/backend.h"
#include "adapters/mysql/session.h"
#include "adapters/mysql/warehouse_schema.h"
#include "adapters/sql/events_table.h"
#include "adapters/sql/job_directory.h"
#include "adapters/sql/staging.h"
#include "adapters/sql/warehouse.h"
#include "adapters/sqlite/backend.h"
#include "adapters/sqlite/session.h"
#include "adapters/sqlite/warehouse_schema.h"
#include "cli/mysql_config.h"

namespace hirestream {
namespace {

Result<std::unique_ptr<SqliteBackend>> open_sqlite(const WarehouseSettings& settings,
                                                   IfMissing missing) {
  SqliteWarehouseConfig config;
  config.path = settings.uri->path;
  config.create = missing == IfMissing::kCreate;
  return SqliteBackend::open(config);
}

Result<std::unique_ptr<MysqlBackend>> open_mysql(const WarehouseSettings& settings,
                                                 IfMissing missing) {
  MysqlConfig config = mysql_config(*settings.uri, settings.password);
  config.create_database = missing == IfMissing::kCreate;
  return MysqlBackend::open(config);
}

Result<std::unique_ptr<sql::Backend>> open_backend(const WarehouseSettings& settings,
                                                   IfMissing missing = IfMissing::kFail) {
  HIRESTREAM_CHECK(settings.uri.has_value());
  if (settings.uri->scheme == Scheme::kSqlite) {
    return open_sqlite(settings, missing);
  }
  HIRESTREAM_CHECK(settings.uri->scheme == Scheme::kMysql);
  return open_mysql(settings, missing);
}

Result<std::unique_ptr<sql::Session>> open_session(const WarehouseSettings& settings,
                                                   IfMissing missing) {
  if (settings.uri->scheme == Scheme::kSqlite) {
    const auto mode =
        missing == IfMissing::kCreate ? sqlite::OpenMode::kCreate : sqlite::OpenMode::kReadWrite;
    HIRESTREAM_ASSIGN(auto session,
                      sqlite::Session::open({.path = settings.uri->path, .mode = mode}));
    return std::unique_ptr<sql::Session>(std::move(session));
  }
  HIRESTREAM_ASSIGN(auto session,
                    mysql::Session::open(mysql_config(*settings.uri, settings.password)));
  return std::unique_ptr<sql::Session>(std::move(session));
}

MysqlGrants grants_of(const Uri& uri, const AccountOptions& options) {
  const MysqlTls tls = mysql_config(uri, {}).tls;
  const bool required = tls != MysqlTls::kOff && tls != MysqlTls::kPreferred;
  return {.database = uri.database,
          .jobs_table = options.jobs_table,
          .publishers_table = options.publishers_table,
          .engine_tls = required,
          .reader_tls = required && !options.plain_text_reader};
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
  HIRESTREAM_ASSIGN(auto backend, open_backend(settings, missing));
  return std::unique_ptr<Warehouse>(std::make_unique<SqlWarehouse>(std::move(backend)));
}

Result<std::unique_ptr<Leases>> open_leases(const WarehouseSettings& settings) {
  HIRESTREAM_ASSIGN(auto session, open_session(settings, IfMissing::kFail));
  return std::make_unique<Leases>(std::move(session));
}

Result<std::unique_ptr<Staging>> open_staging(const WarehouseSettings& settings,
                                              IfMissing missing) {
  HIRESTREAM_ASSIGN(auto session, open_session(settings, missing));
  return std::unique_ptr<Staging>(std::make_unique<SqlStaging>(std::move(session)));
}

Result<RebuildReport> rebuild_warehouse(const WarehouseSettings& settings, RebuildOptions options,
                                        Clock& clock, Observer& observer) {
  return rebuild_events([&settings] { return open_backend(settings); }, std::move(options), clock,
                        observer);
}

Result<std::string> warehouse_statements(const WarehouseSettings& settings,
                                         const AccountOptions& options) {
  if (settings.uri->scheme == Scheme::kMysql) {
    return joined(mysql_schema_statements()) +
           least_privilege_grants(grants_of(*settings.uri, options));
  }
  return joined(sqlite_schema_statements());
}

Result<std::vector<std::string>> create_accounts(const WarehouseSettings& settings,
                                                 const AccountPasswords& passwords,
                                                 const AccountOptions& options) {
  HIRESTREAM_CHECK(settings.uri->scheme == Scheme::kMysql);
  HIRESTREAM_ASSIGN(auto backend, open_mysql(settings, IfMissing::kFail));
  std::vector<std::string> made;
  for (const auto& [account, password] : {std::pair{MysqlAccount::kEngine, passwords.engine},
                                          std::pair{MysqlAccount::kReader, passwords.reader}}) {
    if (!password.empty()) {
      HIRESTREAM_TRY(backend->create_account(account, password, grants_of(*settings.uri, options)));
      made.emplace_back(mysql_account_name(account));
    }
  }
  return made;
}

Result<void> create_job_tables(const WarehouseSettings& settings) {
  HIRESTREAM_ASSIGN(const auto backend, open_backend(settings));
  return store_job_table(backend->session(), {}, {});
}

Result<Findings> probe_warehouse(const WarehouseSettings& settings) {
  if (settings.uri->scheme == Scheme::kSqlite) {
    HIRESTREAM_ASSIGN(auto backend, open_sqlite(settings, IfMissing::kFail));
    return backend->probe();
  }
  HIRESTREAM_ASSIGN(auto backend, open_mysql(settings, IfMissing::kFail));
  return backend->probe();
}

Result<void> check_events_and_ledger(const WarehouseSettings& settings) {
  HIRESTREAM_ASSIGN(const auto backend, open_backend(settings));
  return sql::check_events_and_ledger(backend->session());
}

Result<std::vector<std::string>> foresee_migration(const WarehouseSettings& settings) {
  HIRESTREAM_ASSIGN(const auto backend, open_backend(settings));
  return backend->foresee_migration();
}

Result<std::vector<std::string>> missing_privileges(const WarehouseSettings& settings) {
  if (settings.uri->scheme == Scheme::kSqlite) {
    return std::vector<std::string>();
  }
  HIRESTREAM_ASSIGN(auto backend, open_mysql(settings, IfMissing::kFail));
  return backend->missing_privileges();
}

}  // namespace hirestream
