// ports/job_directory.h over a table of a SQL database. Only reads.
//
// Errors of load(): "load jobs", of load_publishers(): "load publishers"; kConfig: no such table or
// column. Texts are read as model/job_texts.h says. A row whose id is null is passed over; one
// whose id or another number is no integer is left out and named in the warnings.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "adapters/sql/session.h"
#include "ports/job_directory.h"

namespace hirestream {

// Which table and columns describe the jobs. All but job_id and company_id may be missing in it.
// Where the database has schemas the table may be "schema.table".
struct JobTable {
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

// Opens a session of its own for each reading.
using OpenSession = std::function<Result<std::unique_ptr<sql::Session>>()>;

class SqlJobDirectory final : public JobDirectory {
 public:
  SqlJobDirectory(OpenSession open, JobTable table)
      : open_(std::move(open)), table_(std::move(table)) {}

  Result<Loaded<Job>> load() override;
  Result<Loaded<Publisher>> load_publishers() override;

 private:
  struct Table {
    std::string name;  // quoted
    std::set<std::string> columns;
  };
  Result<Table> find(sql::Session& session, const std::string& name) const;
  Result<std::string> select_jobs(sql::Session& session) const;
  Result<Loaded<Job>> read_jobs() const;
  Result<Loaded<Publisher>> read_publishers() const;

  OpenSession open_;
  JobTable table_;
};

// Tables of jobs and of publishers with the columns above: made when missing, rows of known ids
// replaced. All or none. For trying out and testing; a platform has its own.
Result<void> store_job_table(sql::Session& session, std::span<const Job> jobs,
                             std::span<const Publisher> publishers = {});

}  // namespace hirestream
