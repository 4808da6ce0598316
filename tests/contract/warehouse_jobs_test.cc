// What every JobDirectory over a table must do.
#include <gmock/gmock.h>

#include "adapters/mysql/session.h"
#include "adapters/sql/job_directory.h"
#include "adapters/sqlite/session.h"
#include "ports/report.h"
#include "warehouse_contract.h"

namespace hirestream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class JobDirectoryContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { database_ = make_database(GetParam()); }

  Result<std::unique_ptr<sql::Session>> open_session() {
    if (database_->is_sqlite()) {
      HIRESTREAM_ASSIGN(auto session,
                        sqlite::Session::open(
                            {.path = database_->value("SELECT file FROM pragma_database_list")}));
      return std::unique_ptr<sql::Session>(std::move(session));
    }
    MysqlConfig config = server_config(GetParam());
    config.database = database_->value("SELECT DATABASE()");
    HIRESTREAM_ASSIGN(auto session, mysql::Session::open(config));
    return std::unique_ptr<sql::Session>(std::move(session));
  }
  std::unique_ptr<JobDirectory> open(const JobTable& table = {}) {
    return std::make_unique<SqlJobDirectory>([this] { return open_session(); }, table);
  }
  Loaded<Job> load_all(const JobTable& table = {}) {
    auto loaded = open(table)->load();
    EXPECT_TRUE(loaded.has_value()) << loaded.error().text();
    return loaded ? *loaded : Loaded<Job>();
  }
  // Without a warning.
  std::vector<Job> load(const JobTable& table = {}) {
    Loaded<Job> loaded = load_all(table);
    EXPECT_THAT(loaded.warnings, IsEmpty());
    return loaded.entries;
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
  EXPECT_THAT(load({.table = "advert_jobs",
                    .job_id = "job_number",
                    .company_id = "company",
                    .group_id = "team",
                    .title = "name"}),
              ElementsAre(Job{188, 2, 3, 4, "a", "b", "c", "d"}));
}

TEST_P(JobDirectoryContract, MissingTableOrColumnIsNamed) {
  const auto no_table = open()->load();
  ASSERT_FALSE(no_table.has_value());
  EXPECT_EQ(no_table.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(no_table.error().message, HasSubstr("jobs"));
  EXPECT_EQ(no_table.error().operation, "load jobs");
  EXPECT_FALSE(lacks_tables(no_table.error())) << "`init` makes no table of jobs";
  database_->run("CREATE TABLE jobs (id BIGINT, group_id INT, campaign_id INT)");
  const auto no_column = open()->load();
  ASSERT_FALSE(no_column.has_value());
  EXPECT_EQ(no_column.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(no_column.error().operation, "load jobs");
  EXPECT_THAT(no_column.error().message, HasSubstr("no column company_id"));
  EXPECT_THAT(no_column.error().message, HasSubstr("campaign_id, group_id, id"));
}

TEST_P(JobDirectoryContract, DatabaseThatCannotBeReachedIsAnErrorOfLoading) {
  SqlJobDirectory directory(
      []() -> Result<std::unique_ptr<sql::Session>> {
        return fail(ErrorKind::kTransient, "connect", "somewhere", "it is not there");
      },
      {});
  const auto loaded = directory.load();
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().kind, ErrorKind::kTransient);
  EXPECT_EQ(loaded.error().operation, "load jobs");
  EXPECT_EQ(directory.load_publishers().error().operation, "load publishers");
}

TEST_P(JobDirectoryContract, ColumnsButThoseOfJobAndCompanyMayBeMissing) {
  database_->run("CREATE TABLE jobs (id BIGINT, company_id INT)");
  database_->run("INSERT INTO jobs VALUES (5, 6)");
  EXPECT_THAT(load(), ElementsAre(Job{5, 6, 0, 0, "", "", "", ""}));
}

TEST_P(JobDirectoryContract, EmptyTextAndWordsForNullAreNull) {
  database_->run("CREATE TABLE jobs (id VARCHAR(9), company_id VARCHAR(9), group_id VARCHAR(9))");
  database_->run("INSERT INTO jobs VALUES ('', '1', '1'), ('5', '', ''), ('6', '7', NULL)");
  database_->run(
      "INSERT INTO jobs VALUES ('NaN', '1', '1'), ('7', 'None', ' '), ('8.0', '9', 'NULL')");
  EXPECT_THAT(load(),
              ElementsAre(Job{5, 0, 0, 0, "", "", "", ""}, Job{6, 7, 0, 0, "", "", "", ""},
                          Job{7, 0, 0, 0, "", "", "", ""}, Job{8, 9, 0, 0, "", "", "", ""}));
}

TEST_P(JobDirectoryContract, RowWithABadNumberIsNamedAndAllOtherJobsHold) {
  database_->run("CREATE TABLE jobs (id VARCHAR(30), company_id VARCHAR(20), group_id INT)");
  database_->run("INSERT INTO jobs VALUES ('4', '40', 1), ('5', 'ACME', 1), ('x', '1', 1)");
  database_->run("INSERT INTO jobs VALUES ('99999999999999999999', '1', 1), ('6', '60', 2)");
  const Loaded<Job> loaded = load_all();
  EXPECT_THAT(loaded.entries,
              ElementsAre(Job{4, 40, 1, 0, "", "", "", ""}, Job{6, 60, 2, 0, "", "", "", ""}));
  EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr("job 5: company_id is \"ACME\""),
                                           HasSubstr("row 3: id is \"x\""),
                                           HasSubstr("row 4: id is \"99999999999999999999\"")));
}

TEST_P(JobDirectoryContract, OfManyBadRowsTheFirstAreNamedAndTheOthersCounted) {
  database_->run("CREATE TABLE jobs (id VARCHAR(30), company_id INT)");
  for (int i = 0; i < 30; ++i) {
    database_->run("INSERT INTO jobs VALUES ('bad', 1)");
  }
  const Loaded<Job> loaded = load_all();
  ASSERT_EQ(loaded.warnings.size(), 21u);
  EXPECT_EQ(loaded.warnings.back(), "10 more rows like these");
}

TEST_P(JobDirectoryContract, TablesMadeForTryingOutAreReadBackAndTheirRowsReplaced) {
  std::vector<Job> jobs = {{1, 2, 3, 4, "Driver", "Northwind \"Logistics\"", "it's", "G"}};
  std::vector<Publisher> publishers = {{7, "Board"}};
  const auto session = open_session();
  ASSERT_TRUE(session.has_value()) << session.error().text();
  ASSERT_TRUE(store_job_table(**session, jobs, publishers).has_value());
  jobs[0].company_id = 9;
  publishers[0].name = "Other";
  ASSERT_TRUE(store_job_table(**session, jobs, publishers).has_value());
  EXPECT_EQ(load(), jobs);
  EXPECT_EQ(open()->load_publishers()->entries, publishers);
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
    return loaded ? loaded->entries : std::vector<Publisher>();
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
  ASSERT_TRUE(bad.has_value()) << bad.error().text();
  EXPECT_THAT(bad->entries, ElementsAre(Publisher{9, "Ninth"}, Publisher{10, "it's"}));
  EXPECT_THAT(bad->warnings, ElementsAre(HasSubstr("row 7: id is \"ACME\"")));
}

INSTANTIATE_TEST_SUITE_P(Directories, JobDirectoryContract,
                         testing::Values("sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hirestream
