#include "adapters/sqlite/backend.h"

#include <fmt/format.h>

#include <filesystem>

#include "adapters/sql/warehouse.h"
#include "adapters/sqlite/shadow_tables.h"

namespace hirestream {

using sqlite::Statement;

Result<std::unique_ptr<SqliteBackend>> SqliteBackend::open(const SqliteWarehouseConfig& config) {
  std::error_code ignored;
  if (!config.create && !std::filesystem::exists(config.path, ignored) && !ignored) {
    return fail(ErrorKind::kConfig, "open", config.path, "there is no such file",
                "check the path; `hirestream run` and `hirestream init` make the file");
  }
  HIRESTREAM_ASSIGN(auto session,
                    sqlite::Session::open({.path = config.path,
                                           .mode = config.create ? sqlite::OpenMode::kCreate
                                                                 : sqlite::OpenMode::kReadWrite,
                                           .busy_timeout = config.busy_timeout,
                                           .synchronous_full = config.synchronous_full}));
  return std::unique_ptr<SqliteBackend>(new SqliteBackend(std::move(session)));
}

Result<std::unique_ptr<Warehouse>> open_sqlite_warehouse(const SqliteWarehouseConfig& config) {
  HIRESTREAM_ASSIGN(auto backend, SqliteBackend::open(config));
  return std::unique_ptr<Warehouse>(std::make_unique<SqlWarehouse>(std::move(backend)));
}

Result<void> SqliteBackend::use_ledger(const sql::LedgerTables&) {
  return sqlite::one_ledger(*session_);
}

Result<std::unique_ptr<sql::ShadowTables>> SqliteBackend::shadow_tables(const std::string& run) {
  return std::make_unique<sqlite::ShadowTables>(run, *session_);
}

std::string sqlite_rewrite_companies(const char* table, const char* touch, const char* comparison) {
  return fmt::format("UPDATE {} SET company_id = ?2{} WHERE job_id = ?1 AND company_id {} ?2",
                     table, touch, comparison);
}

Result<int64_t> SqliteBackend::rewrite_companies(const std::map<int64_t, int64_t>& companies,
                                                 int64_t now_us) {
  int64_t rewritten = 0;
  for (const char* comparison : {"<", ">"}) {
    HIRESTREAM_ASSIGN(Statement rewrite, database().prepare(sqlite_rewrite_companies(
                                             "events_micros", ", updated_at_us = ?3", comparison)));
    HIRESTREAM_ASSIGN(Statement rewrite_days, database().prepare(sqlite_rewrite_companies(
                                                  "hirestream_days", "", comparison)));
    for (const auto& [job, company] : companies) {
      HIRESTREAM_TRY(rewrite.bind(1, job).bind(2, company).bind(3, now_us).run());
      rewritten += database().changes();
      HIRESTREAM_TRY(rewrite_days.bind(1, job).bind(2, company).run());
    }
  }
  return rewritten;
}

Result<std::vector<std::pair<std::string, std::string>>> SqliteBackend::probe() {
  std::vector<std::pair<std::string, std::string>> findings = {{"server", session_->server()},
                                                               {"file", session_->subject()}};
  for (const char* pragma : {"journal_mode", "synchronous", "page_size", "page_count",
                             "freelist_count", "quick_check(1)"}) {
    std::string finding = "-";
    HIRESTREAM_TRY(session_->first(fmt::format("PRAGMA {}", pragma),
                                   [&](const sql::Row& row) { finding = row.text(0); }));
    findings.emplace_back(pragma, finding);
  }
  HIRESTREAM_TRY(session_->begin_write());
  findings.emplace_back("write lock", "ok");
  return findings;
}

}  // namespace hirestream
