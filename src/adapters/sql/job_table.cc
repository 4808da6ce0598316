#include <fmt/format.h>

#include <iterator>

#include "adapters/sql/job_directory.h"
#include "adapters/sql/multi_row_insert.h"

namespace hirestream {

Result<void> store_job_table(sql::Session& session, std::span<const Job> jobs,
                             std::span<const Publisher> publishers) {
  const std::string_view options = session.dialect().table_options;
  HIRESTREAM_TRY(session.execute(
      fmt::format("CREATE TABLE IF NOT EXISTS jobs (id BIGINT PRIMARY KEY, company_id BIGINT, "
                  "group_id BIGINT, campaign_id BIGINT, title VARCHAR(255), company_name "
                  "VARCHAR(255), campaign_name VARCHAR(255), group_name VARCHAR(255)){}",
                  options)));
  HIRESTREAM_TRY(session.execute(fmt::format(
      "CREATE TABLE IF NOT EXISTS publishers (id BIGINT PRIMARY KEY, name VARCHAR(255)){}",
      options)));
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session.begin_write());
  sql::MultiRowInsert add_job(session,
                              "REPLACE INTO jobs (id, company_id, group_id, campaign_id, title, "
                              "company_name, campaign_name, group_name) VALUES",
                              "");
  for (const Job& job : jobs) {
    std::string& row = add_job.row();
    fmt::format_to(std::back_inserter(row), "{},{},{},{}", job.job_id, job.company_id, job.group_id,
                   job.campaign_id);
    for (const std::string* name :
         {&job.title, &job.company_name, &job.campaign_name, &job.group_name}) {
      row += ',';
      session.append_text(row, *name);
    }
    HIRESTREAM_TRY(add_job.end_row());
  }
  HIRESTREAM_TRY(add_job.flush());
  sql::MultiRowInsert add_publisher(session, "REPLACE INTO publishers (id, name) VALUES", "");
  for (const Publisher& publisher : publishers) {
    std::string& row = add_publisher.row();
    fmt::format_to(std::back_inserter(row), "{},", publisher.publisher_id);
    session.append_text(row, publisher.name);
    HIRESTREAM_TRY(add_publisher.end_row());
  }
  HIRESTREAM_TRY(add_publisher.flush());
  return transaction.commit();
}

}  // namespace hirestream
