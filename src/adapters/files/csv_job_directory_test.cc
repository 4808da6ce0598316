#include "adapters/files/csv_job_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <stop_token>
#include <thread>

#include "adapters/files/temporary_folder_test.h"

namespace hirestream {
namespace {

using ::testing::AllOf;
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

TEST(CsvJobDirectory, TakesWordsForNullForNoNumber) {
  const TemporaryFolder folder;
  const std::string path =
      folder.write("jobs.csv", "id,company_id,group_id,campaign_id\n1,2,\\N,NULL\n3,4,null,5\n");
  const auto jobs = CsvJobDirectory({.path = path}).load();
  ASSERT_TRUE(jobs);
  EXPECT_THAT(jobs->warnings, ElementsAre());
  EXPECT_THAT(jobs->entries,
              ElementsAre(Job{1, 2, 0, 0, "", "", "", ""}, Job{3, 4, 0, 5, "", "", "", ""}));
}

// A last line that is cut off may name another company.
TEST(CsvJobDirectory, DoesNotBelieveAFileThatChangesWhileItIsRead) {
  const TemporaryFolder folder;
  std::string text = "id,company_id\n";
  for (int job = 0; job < 200'000; ++job) text += std::to_string(job) + ",12\n";
  const std::string path = folder.write("jobs.csv", text);
  EXPECT_TRUE(CsvJobDirectory({.path = path}).load());
  std::jthread writer([&](const std::stop_token& stop) {
    std::ofstream file(path, std::ios::app);
    while (!stop.stop_requested()) file << "7,1" << std::flush;
  });
  bool noticed = false;
  for (int turn = 0; turn < 100 && !noticed; ++turn) {
    const auto jobs = CsvJobDirectory({.path = path}).load();
    noticed = !jobs && jobs.error().kind == ErrorKind::kTransient;
  }
  EXPECT_TRUE(noticed);
}

// One bad row is named, the others hold.
TEST(CsvJobDirectory, NamesFileLineColumnAndValueOfABadRow) {
  const TemporaryFolder folder;
  const std::string path = folder.write("jobs.csv", "id,company_id\n1,2\n3,Clinic\n,2\n1\n4,5\n");
  const auto jobs = CsvJobDirectory({.path = path}).load();
  ASSERT_TRUE(jobs);
  ASSERT_EQ(jobs->entries.size(), 2U);
  EXPECT_EQ(jobs->entries[0].job_id, 1);
  EXPECT_EQ(jobs->entries[1].job_id, 4);
  EXPECT_THAT(jobs->warnings,
              ElementsAre(HasSubstr(path + ":3: column company_id holds \"Clinic\""),
                          HasSubstr(path + ":4: column id is empty"), HasSubstr("1 fields where")));
}

TEST(CsvJobDirectory, NamesTheFirstOfManyBadRows) {
  const TemporaryFolder folder;
  std::string text = "id,company_id\n";
  for (int row = 0; row < 1000; ++row) text += "x,1\n";
  const auto jobs = CsvJobDirectory({.path = folder.write("jobs.csv", text)}).load();
  ASSERT_TRUE(jobs);
  ASSERT_EQ(jobs->warnings.size(), 21U);
  EXPECT_EQ(jobs->warnings.back(), "980 more rows like these");
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
  EXPECT_THAT(publishers()->warnings,
              ElementsAre(AllOf(HasSubstr("publishers.csv:2"), HasSubstr("ACME"))));
}

}  // namespace
}  // namespace hirestream
