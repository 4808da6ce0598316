// The warehouse's tables on MySQL and MariaDB: the same statements for both.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hirestream {

struct MysqlSchemaObject {
  std::string name;
  std::string statement;
  bool is_view = false;
};
// In the order in which they must be created. Tables: IF NOT EXISTS; the view: OR REPLACE, since
// MySQL 8 knows no IF NOT EXISTS for views.
std::vector<MysqlSchemaObject> mysql_schema();
// Notes the version in hirestream_meta.
std::string mysql_schema_version_statement();
// The same, one statement each: what an administrator runs instead of `hirestream init`.
std::vector<std::string> mysql_schema_statements();
// The table `events` under another name.
// Of `events`: upper and lower case are alike, as in the tables of before.
inline constexpr std::string_view kMysqlSourcesColumn =
    "sources VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL DEFAULT ''";
std::string mysql_events_table(std::string_view name);

// Whoever uses the warehouse without administering it.
enum class MysqlAccount {
  kEngine,  // `hirestream`: data only, no change of tables
  kReader,  // `hirestream_reader`: reads what dashboards show
};
std::string_view mysql_account_name(MysqlAccount account);

struct MysqlGrants {
  std::string database = "etl_data";
  std::string jobs_table = "jobs";
  std::string host = "%";
};
// The least that the account needs on our tables, one statement each; they must exist.
std::vector<std::string> account_grants(MysqlAccount account, const MysqlGrants& grants);
// What an administrator runs to create the accounts: the engine's, one that only reads
// (dashboards), one that reads the jobs. Passwords are placeholders.
std::string least_privilege_grants(const MysqlGrants& grants);

}  // namespace hirestream
