#include "adapters/sqlite/job_table.h"

#include <string_view>

#include "adapters/sqlite/database.h"

namespace hirestream {

Result<void> store_sqlite_job_table(const std::string& path, std::span<const Job> jobs,
                                    std::span<const Publisher> publishers) {
  HIRESTREAM_ASSIGN(sqlite::Database database, sqlite::Database::open({.path = path}));
  HIRESTREAM_ASSIGN(sqlite::Transaction transaction,
                    sqlite::Transaction::begin(database, sqlite::TransactionMode::kWrite));
  HIRESTREAM_TRY(database.execute(R"(CREATE TABLE IF NOT EXISTS jobs (
  id INTEGER PRIMARY KEY,
  company_id INTEGER,
  group_id INTEGER,
  campaign_id INTEGER,
  title TEXT,
  company_name TEXT,
  campaign_name TEXT,
  group_name TEXT
))"));
  HIRESTREAM_TRY(database.execute(
      "CREATE TABLE IF NOT EXISTS publishers (id INTEGER PRIMARY KEY, name TEXT)"));
  {
    HIRESTREAM_ASSIGN(sqlite::Statement insert,
                      database.prepare("INSERT OR REPLACE INTO jobs (id, company_id, group_id, "
                                       "campaign_id, title, company_name, campaign_name, "
                                       "group_name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
    for (const Job& job : jobs) {
      insert.bind(1, job.job_id)
          .bind(2, job.company_id)
          .bind(3, job.group_id)
          .bind(4, job.campaign_id)
          .bind(5, std::string_view(job.title))
          .bind(6, std::string_view(job.company_name))
          .bind(7, std::string_view(job.campaign_name))
          .bind(8, std::string_view(job.group_name));
      HIRESTREAM_TRY(insert.run());
    }
    HIRESTREAM_ASSIGN(
        sqlite::Statement name,
        database.prepare("INSERT OR REPLACE INTO publishers (id, name) VALUES (?1, ?2)"));
    for (const Publisher& publisher : publishers) {
      HIRESTREAM_TRY(
          name.bind(1, publisher.publisher_id).bind(2, std::string_view(publisher.name)).run());
    }
  }
  return transaction.commit();
}

}  // namespace hirestream
