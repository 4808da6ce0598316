// ports/job_directory.h over a table of a SQLite database. The file is only read.
#pragma once

#include <string>
#include <utility>

#include "ports/job_directory.h"

namespace hirestream {

// Which table and columns describe the jobs. title … group_name are used when the table has them.
struct SqliteJobTable {
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

class SqliteJobDirectory final : public JobDirectory {
 public:
  SqliteJobDirectory(std::string path, SqliteJobTable table)
      : path_(std::move(path)), table_(std::move(table)) {}

  // kConfig: no such file, table or column. kRejected: an id that is no integer. Rows whose job id is null are passed over.
  Result<std::vector<Job>> load() override;
  Result<std::vector<Publisher>> load_publishers() override;

 private:
  std::string path_;
  SqliteJobTable table_;
};

}  // namespace hirestream
