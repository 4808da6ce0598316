#include "adapters/files/csv_job_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/files/temporary_folder_test.h"

namespace hirestream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CsvJobDirectory, LoadsJobsSortedAndTakesTheLastOfEqualIds) {
  const TemporaryFolder folder;
  const std::string path =
      folder.write("jobs.csv",
                   "id,company_id,group_id,campaign_id,title,company_name\n"
                   "188,2,3,4,\"Nurse, night\",Clinic\n7,1,,,,\n188,5,3,4,Nurse,\n");
  const auto jobs = CsvJobDirectory({.path = path}).load();
  ASSERT_TRUE(jobs) << jobs.error().text();
  EXPECT_THAT(jobs->entries,
              ElementsAre(Job{7, 1, 0, 0, "", "", "", ""}, Job{188, 5, 3, 4, "Nurse", "", "", ""}));
}

TEST(CsvJobDirectory, ReadsTheFileAnewAndOtherColumnNames) {
  const TemporaryFolder folder;
  const std::string path = folder.write("jobs.csv", "job,client\n1,2\n");
  CsvJobDirectory directory({.path = path, .id_column = "job", .company_id_column = "client"});
  EXPECT_EQ(directory.load()->entries.size(), 1U);
  folder.write("jobs.csv", "job,client\n1,2\n3,4\n");
  EXPECT_EQ(directory.load()->entries.size(), 2U);
}

TEST(CsvJobDirectory, NamesFileLineColumnAndValueOfABadRow) {
  const TemporaryFolder folder;
  const std::string path = folder.write("jobs.csv", "id,company_id\n1,2\n3,Clinic\n");
  const auto jobs = CsvJobDirectory({.path = path}).load();
  ASSERT_FALSE(jobs);
  EXPECT_EQ(jobs.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(jobs.error().subject, path + ":3");
  EXPECT_THAT(jobs.error().message, HasSubstr("column company_id holds \"Clinic\""));
  folder.write("jobs.csv", "id,company_id\n,2\n");
  EXPECT_THAT(CsvJobDirectory({.path = path}).load().error().message,
              HasSubstr("column id is empty"));
  folder.write("jobs.csv", "id,company_id\n1\n");
  EXPECT_THAT(CsvJobDirectory({.path = path}).load().error().message, HasSubstr("1 fields where"));
}

TEST(CsvJobDirectory, RefusesAFileWithoutTheColumnsOrNoFile) {
  const TemporaryFolder folder;
  const std::string path = folder.write("jobs.csv", "job_id,company_id\n");
  EXPECT_EQ(CsvJobDirectory({.path = path}).load().error().kind, ErrorKind::kConfig);
  EXPECT_EQ(CsvJobDirectory({.path = folder.path("none.csv")}).load().error().kind,
            ErrorKind::kConfig);
}

TEST(CsvJobDirectory, PublishersAreAFileBesideTheJobsWhichMayBeMissing) {
  const TemporaryFolder folder;
  CsvJobDirectory directory({.path = folder.write("jobs.csv", "id,company_id\n")});
  const auto publishers = [&] { return directory.load_publishers(); };
  EXPECT_THAT(publishers().value().entries, ElementsAre());
  folder.write("publishers.csv", "id,title\n1,x\n");
  EXPECT_THAT(publishers().value().entries, ElementsAre());
  folder.write("publishers.csv", "id,name\n10,\"Board, the\"\n,x\n9,Nine\n7,\n");
  EXPECT_THAT(publishers().value().entries,
              ElementsAre(Publisher{9, "Nine"}, Publisher{10, "Board, the"}));
  folder.write("publishers.csv", "id,name\nACME,x\n");
  EXPECT_EQ(publishers().error().kind, ErrorKind::kRejected);
  EXPECT_THAT(publishers().error().subject, HasSubstr("publishers.csv:2"));
  EXPECT_THAT(publishers().error().message, HasSubstr("ACME"));
}

}  // namespace
}  // namespace hirestream
