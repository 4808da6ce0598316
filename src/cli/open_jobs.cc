#include "cli/open_jobs.h"

#include "adapters/files/csv_job_directory.h"
#include "adapters/mysql/session.h"
#include "adapters/sql/job_directory.h"
#include "adapters/sqlite/session.h"
#include "cli/as_port.h"
#include "cli/mysql_config.h"

namespace hirestream {
namespace {

Result<std::unique_ptr<sql::Session>> open_session(const JobsSettings& settings) {
  if (settings.uri->scheme == Scheme::kSqlite) {
    return as_port<sql::Session>(
        sqlite::Session::open({.path = settings.uri->path, .mode = sqlite::OpenMode::kReadOnly}));
  }
  return as_port<sql::Session>(
      mysql::Session::open(mysql_config(*settings.uri, settings.password)));
}

}  // namespace

Result<std::unique_ptr<JobDirectory>> open_jobs(const JobsSettings& settings) {
  if (!settings.uri) {
    return std::unique_ptr<JobDirectory>();
  }
  switch (settings.uri->scheme) {
    case Scheme::kCsv:
      return std::unique_ptr<JobDirectory>(std::make_unique<CsvJobDirectory>(
          CsvJobDirectoryOptions{.path = settings.uri->path,
                                 .id_column = settings.id_column,
                                 .company_id_column = settings.company_column,
                                 .group_id_column = settings.group_column,
                                 .campaign_id_column = settings.campaign_column,
                                 .title_column = settings.title_column,
                                 .company_name_column = settings.company_name_column,
                                 .campaign_name_column = settings.campaign_name_column,
                                 .group_name_column = settings.group_name_column,
                                 .publishers_file = settings.publishers_table + ".csv",
                                 .publisher_id_column = settings.publisher_id_column,
                                 .publisher_name_column = settings.publisher_name_column}));
    case Scheme::kSqlite:
    case Scheme::kMysql:
      return std::unique_ptr<JobDirectory>(std::make_unique<SqlJobDirectory>(
          [settings] { return open_session(settings); },
          JobTable{.table = settings.table,
                   .job_id = settings.id_column,
                   .company_id = settings.company_column,
                   .group_id = settings.group_column,
                   .campaign_id = settings.campaign_column,
                   .title = settings.title_column,
                   .company_name = settings.company_name_column,
                   .campaign_name = settings.campaign_name_column,
                   .group_name = settings.group_name_column,
                   .publishers_table = settings.publishers_table,
                   .publisher_id = settings.publisher_id_column,
                   .publisher_name = settings.publisher_name_column}));
    default:  // parse_uri has refused it already
      return fail(ErrorKind::kBug, "open", settings.uri->text(), "its scheme cannot hold jobs");
  }
}

}  // namespace hirestream
