// What every JobDirectory over a table must do.
#include <gmock/gmock.h>

#include "adapters/mysql/job_directory.h"
#include "adapters/sqlite/job_directory.h"
#include "warehouse_contract.h"

namespace hirestream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct JobTable {
  std::string table = "jobs";
  std::string job_id = "id";
  std::string company_id = "company_id";
  std::string group_id = "group_id";
  std::string title = "title";
};

class JobDirectoryContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { database_ = make_database(GetParam()); }

  std::unique_ptr<JobDirectory> open(const JobTable& given = {}) {
    const auto fill = [&](auto table) {
      table.table = given.table;
      table.job_id = given.job_id;
      table.company_id = given.company_id;
      table.group_id = given.group_id;
      table.title = given.title;
      return table;
    };
    if (database_->is_sqlite()) {
      return std::make_unique<SqliteJobDirectory>(
          database_->value("SELECT file FROM pragma_database_list"), fill(SqliteJobTable()));
    }
    MysqlConfig config = server_config(GetParam());
    config.database = database_->value("SELECT DATABASE()");
    return std::make_unique<MysqlJobDirectory>(config, fill(MysqlJobTable()));
  }
  std::vector<Job> load(const JobTable& table = {}) {
    auto loaded = open(table)->load();
    EXPECT_TRUE(loaded.has_value()) << loaded.error().text();
    return loaded ? *loaded : std::vector<Job>();
  }

  std::unique_ptr<WarehouseDatabase> database_;
};

TEST_P(JobDirectoryContract, LoadsJobsSortedWithNullsAsZeroAndWithoutRowsThatHaveNoId) {
  database_->run(
      "CREATE TABLE jobs (id BIGINT, company_id INT, group_id INT, campaign_id INT, title "
      "VARCHAR(99))");
  EXPECT_THAT(load(), IsEmpty());
  database_->run(
      "INSERT INTO jobs VALUES (9000000000, 2, 3, 4, 'it''s'), (-7, NULL, NULL, NULL, NULL), "
      "(NULL, 1, 1, 1, 'x'), (5, 6, 7, 8, '')");
  EXPECT_THAT(load(), ElementsAre(Job{-7, 0, 0, 0, "", "", "", ""}, Job{5, 6, 7, 8, "", "", "", ""},
                                  Job{9000000000, 2, 3, 4, "it's", "", "", ""}));
}

TEST_P(JobDirectoryContract, NamesOfTableAndColumnsAreConfigurable) {
  database_->run(
      "CREATE TABLE advert_jobs (job_number VARCHAR(20), company INT, team INT, campaign_id INT, "
      "name VARCHAR(99), company_name VARCHAR(99), campaign_name VARCHAR(99), group_name "
      "VARCHAR(99))");
  database_->run("INSERT INTO advert_jobs VALUES ('188', 2, 3, 4, 'a', 'b', 'c', 'd')");
  EXPECT_THAT(load({"advert_jobs", "job_number", "company", "team", "name"}),
              ElementsAre(Job{188, 2, 3, 4, "a", "b", "c", "d"}));
}

TEST_P(JobDirectoryContract, MissingTableOrColumnIsNamed) {
  const auto no_table = open()->load();
  ASSERT_FALSE(no_table.has_value());
  EXPECT_EQ(no_table.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(no_table.error().message, HasSubstr("jobs"));
  database_->run("CREATE TABLE jobs (id BIGINT, company_id INT, campaign_id INT)");
  const auto no_column = open()->load();
  ASSERT_FALSE(no_column.has_value());
  EXPECT_EQ(no_column.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(no_column.error().message, HasSubstr("no column group_id"));
  EXPECT_THAT(no_column.error().message, HasSubstr("campaign_id, company_id, id"));
}

TEST_P(JobDirectoryContract, IdThatIsNoIntegerIsRejectedWithItsRow) {
  database_->run(
      "CREATE TABLE jobs (id BIGINT, company_id VARCHAR(20), group_id INT, campaign_id INT)");
  database_->run("INSERT INTO jobs VALUES (5, 'ACME', 1, 1)");
  const auto loaded = open()->load();
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().kind, ErrorKind::kRejected);
  EXPECT_THAT(loaded.error().message, HasSubstr("job 5: ACME"));
}

TEST_P(JobDirectoryContract, LastOfDuplicateRowsWins) {
  database_->run("CREATE TABLE jobs (id BIGINT, company_id INT, group_id INT, campaign_id INT)");
  database_->run("INSERT INTO jobs VALUES (5, 1, 0, 0)");
  database_->run("INSERT INTO jobs VALUES (5, 2, 0, 0)");
  EXPECT_THAT(load(), ElementsAre(Job{5, 2, 0, 0, "", "", "", ""}));
}

TEST_P(JobDirectoryContract, PublishersAreOptional) {
  const auto publishers = [&] {
    auto loaded = open()->load_publishers();
    EXPECT_TRUE(loaded.has_value()) << loaded.error().text();
    return loaded ? *loaded : std::vector<Publisher>();
  };
  EXPECT_THAT(publishers(), IsEmpty()) << "no table";
  database_->run("CREATE TABLE publishers (id BIGINT, title VARCHAR(99))");
  EXPECT_THAT(publishers(), IsEmpty()) << "a table of something else";
  database_->run("DROP TABLE publishers");
  database_->run("CREATE TABLE publishers (id VARCHAR(20), name VARCHAR(99))");
  database_->run(
      "INSERT INTO publishers VALUES ('10', 'it''s'), ('9', 'Nine'), (NULL, 'x'), ('7', NULL), "
      "('6', "
      "''), ('9', 'Ninth')");
  EXPECT_THAT(publishers(), ElementsAre(Publisher{9, "Ninth"}, Publisher{10, "it's"}));
  database_->run("INSERT INTO publishers VALUES ('ACME', 'x')");
  const auto bad = open()->load_publishers();
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().kind, ErrorKind::kRejected);
  EXPECT_THAT(bad.error().message, HasSubstr("ACME"));
}

INSTANTIATE_TEST_SUITE_P(Directories, JobDirectoryContract,
                         testing::Values("sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hirestream
