// ports/job_directory.h over a table of a MySQL or MariaDB database. Only reads.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "adapters/mysql/connection.h"
#include "ports/job_directory.h"

namespace hirestream {

// Which table ("table" or "database.table") and columns describe the jobs. title … group_name are used when the table has them.
struct MysqlJobTable {
  std::string table = "jobs";
  std::string job_id = "id";
  std::string company_id = "company_id";
  std::string group_id = "group_id";
  std::string campaign_id = "campaign_id";
  std::string title = "title";
  std::string company_name = "company_name";
  std::string campaign_name = "campaign_name";
  std::string group_name = "group_name";
  std::string publishers_table = "publishers";  // may be missing
  std::string publisher_id = "id";
  std::string publisher_name = "name";
};

class MysqlJobDirectory final : public JobDirectory {
 public:
  // Connects when the jobs are asked for.
  MysqlJobDirectory(MysqlConfig config, MysqlJobTable table)
      : config_(std::move(config)), table_(std::move(table)) {}

  // kConfig: no such table or column. kRejected: an id that is no integer. Rows whose job id is null are passed over.
  Result<std::vector<Job>> load() override;
  Result<std::vector<Publisher>> load_publishers() override;

 private:
  struct Table {
    std::string database;
    std::string name;
    std::set<std::string> columns;
  };
  Result<void> connect();
  Result<Table> table_of(const std::string& name);
  Result<std::string> select_statement();

  MysqlConfig config_;
  MysqlJobTable table_;
  std::unique_ptr<mysql::Connection> connection_;
};

}  // namespace hirestream
