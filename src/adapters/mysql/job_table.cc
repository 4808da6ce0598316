#include "adapters/mysql/job_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>

namespace hirestream {

Result<void> store_mysql_job_table(const MysqlConfig& config, std::span<const Job> jobs,
                                   std::span<const Publisher> publishers) {
  HIRESTREAM_ASSIGN(const std::unique_ptr<mysql::Connection> connection,
                    mysql::Connection::open(config));
  HIRESTREAM_TRY(connection->execute(R"(CREATE TABLE IF NOT EXISTS jobs (
  id BIGINT PRIMARY KEY,
  company_id BIGINT,
  group_id BIGINT,
  campaign_id BIGINT,
  title VARCHAR(255),
  company_name VARCHAR(255),
  campaign_name VARCHAR(255),
  group_name VARCHAR(255)
) CHARACTER SET utf8mb4)"));
  HIRESTREAM_TRY(connection->execute(
      "CREATE TABLE IF NOT EXISTS publishers (id BIGINT PRIMARY KEY, name VARCHAR(255)) CHARACTER "
      "SET utf8mb4"));
  HIRESTREAM_ASSIGN(mysql::Transaction transaction, mysql::Transaction::begin(*connection));
  constexpr size_t kJobsPerStatement = 500;
  for (size_t begin = 0; begin < jobs.size(); begin += kJobsPerStatement) {
    std::string sql =
        "REPLACE INTO jobs (id, company_id, group_id, campaign_id, title, company_name, "
        "campaign_name, group_name) VALUES ";
    for (size_t i = begin; i < std::min(begin + kJobsPerStatement, jobs.size()); ++i) {
      const Job& job = jobs[i];
      sql += fmt::format("{}({}, {}, {}, {}, {}, {}, {}, {})", i == begin ? "" : ", ", job.job_id,
                         job.company_id, job.group_id, job.campaign_id,
                         connection->quoted(job.title), connection->quoted(job.company_name),
                         connection->quoted(job.campaign_name), connection->quoted(job.group_name));
    }
    HIRESTREAM_TRY(connection->execute(sql));
  }
  std::string rows;
  for (const Publisher& publisher : publishers) {
    rows += fmt::format("{}({}, {})", rows.empty() ? "" : ", ", publisher.publisher_id,
                        connection->quoted(publisher.name));
  }
  if (!rows.empty()) {
    HIRESTREAM_TRY(connection->execute("REPLACE INTO publishers (id, name) VALUES " + rows));
  }
  return transaction.commit();
}

}  // namespace hirestream
