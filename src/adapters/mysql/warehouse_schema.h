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
  kEngine,  // `hirestream`: rows of our tables, no change of tables, nothing else in the database
  kReader,  // `hirestream_reader`: reads what dashboards show
};
std::string_view mysql_account_name(MysqlAccount account);

struct MysqlGrants {
  std::string database = "etl_data";
  std::string jobs_table = "jobs";
  std::string publishers_table = "publishers";
  std::string host = "%";
  // REQUIRE SSL of accounts that are made: no login in plain text.
  bool engine_tls = false;
  bool reader_tls = false;
};
// CREATE USER IF NOT EXISTS: an account that is there keeps its password and what it requires.
// `password` is a quoted text.
std::string account_statement(MysqlAccount account, const MysqlGrants& grants,
                              std::string_view password);
// The least that the account needs on our tables, one statement each; they must exist.
std::vector<std::string> account_grants(MysqlAccount account, const MysqlGrants& grants);
// What an administrator runs to create the accounts: the engine's, one that only reads
// (dashboards), one that reads the jobs. Passwords are placeholders.
std::string least_privilege_grants(const MysqlGrants& grants);

}  // namespace hirestream
