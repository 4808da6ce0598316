#include "adapters/files/file_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/files/no_descriptors_test.h"
#include "adapters/files/temporary_folder_test.h"

namespace hirestream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const FileSet& set) {
  const auto versions = set.list();
  EXPECT_TRUE(versions);
  std::vector<std::string> names;
  for (const FileVersion& version : *versions) {
    names.push_back(std::filesystem::path(version.path).filename().string());
  }
  return names;
}

TEST(FileSet, TakesFilesOfItsFormatFromADirectory) {
  const TemporaryFolder folder;
  for (const char* name : {"b.csv", "a.csv.gz", "c.csv.zst", "d.ndjson", "e.jsonl.gz", "f.CSV",
                           "g.txt", ".h.csv", "i.csv.tmp", "j.csv.part", "csv", "n.tsv", "o.json",
                           "p.json.zst", "_SUCCESS", ".n.tsv.crc", "q.Csv.GZ"}) {
    folder.write(name, "x");
  }
  std::filesystem::create_directory(folder.path("k.csv"));
  std::filesystem::create_symlink(folder.path("g.txt"), folder.path("l.csv"));
  std::filesystem::create_symlink(folder.path("nothing"), folder.path("m.csv"));
  EXPECT_THAT(names(FileSet::open(FileFormat::kCsv, folder.path()).value()),
              ElementsAre("a.csv.gz", "b.csv", "c.csv.zst", "f.CSV", "l.csv", "n.tsv", "q.Csv.GZ"));
  EXPECT_THAT(names(FileSet::open(FileFormat::kNdjson, folder.path() + "/").value()),
              ElementsAre("d.ndjson", "e.jsonl.gz", "o.json", "p.json.zst"));
}

TEST(FileSet, FollowsLinksOfWhoeverOwnsTheirTargets) {
  EXPECT_TRUE(link_is_trusted(0, 1000, 999));
  EXPECT_TRUE(link_is_trusted(999, 1000, 999));
  EXPECT_TRUE(link_is_trusted(1000, 1000, 999));
  EXPECT_FALSE(link_is_trusted(1000, 999, 999)) << "the program's own secrets";
  EXPECT_FALSE(link_is_trusted(1000, 0, 999));
  EXPECT_FALSE(link_is_trusted(1000, 0, 0));
}

TEST(FileSet, LeavesOutAndTellsLinksThatAreNotTrusted) {
  const TemporaryFolder folder;
  folder.write("secret.txt", "x");
  std::filesystem::create_symlink(folder.path("secret.txt"), folder.path("a.csv"));
  constexpr uid_t kNobody = 65'534;
  if (lchown(folder.path("a.csv").c_str(), kNobody, kNobody) != 0) {
    return;  // only root can make a link somebody else's
  }
  for (const std::string& path : {folder.path(), folder.path("*.csv")}) {
    std::vector<std::string> left_out;
    const auto listed = FileSet::open(FileFormat::kCsv, path)
                            .value()
                            .list([&](const std::string& link, const std::string& why) {
                              if (why.find("a link to") != why.npos) left_out.push_back(link);
                            });
    EXPECT_THAT(listed.value(), testing::IsEmpty());
    EXPECT_THAT(left_out, ElementsAre(folder.path("a.csv")));
  }
  // Named by the administrator.
  EXPECT_THAT(names(FileSet::open(FileFormat::kCsv, folder.path("a.csv")).value()),
              ElementsAre("a.csv"));
}

TEST(FileSet, TakesPartsOfASparkFolderButNotWhatStandsBesideThem) {
  const TemporaryFolder folder;
  for (const char* name : {"part-0.snappy.parquet", "part-1.parq", "_SUCCESS", "_metadata.parquet",
                           ".part-0.snappy.parquet.crc", "part-2.csv"}) {
    folder.write(name, "x");
  }
  EXPECT_THAT(names(FileSet::open(FileFormat::kParquet, folder.path()).value()),
              ElementsAre("part-0.snappy.parquet", "part-1.parq"));
  EXPECT_THAT(names(FileSet::open(FileFormat::kParquet, folder.path("*")).value()),
              ElementsAre("part-0.snappy.parquet", "part-1.parq", "part-2.csv"));
}

TEST(FileSet, TellsOfADirectoryTheFirstFileOfAnotherEnding) {
  const TemporaryFolder folder;
  for (const char* name : {"c.txt", "b.log", "a.csv", ".a.txt", "a.csv.part", "a.csv.tmp"}) {
    folder.write(name, "x");
  }
  std::filesystem::create_directory(folder.path("a.d"));
  const auto left_out = [&](const std::string& path) {
    std::vector<std::string> told;
    const auto listed = FileSet::open(FileFormat::kCsv, path)
                            .value()
                            .list([&](const std::string& file, const std::string& why) {
                              told.push_back(file + ": " + why);
                            });
    EXPECT_TRUE(listed);
    return told;
  };
  EXPECT_THAT(left_out(folder.path()),
              ElementsAre(folder.path("b.log") +
                          ": left out for its ending: of a folder are read *.csv and *.tsv, also "
                          "with .gz or .zst behind it"));
  EXPECT_THAT(left_out(folder.path("*")), ElementsAre());
}

std::vector<std::string> told_of(const TemporaryFolder& folder) {
  std::vector<std::string> told;
  const auto note = [&](const std::string& path, const std::string& why) {
    told.push_back(std::filesystem::path(path).filename().string() + ": " + why);
  };
  EXPECT_TRUE(FileSet::open(FileFormat::kCsv, folder.path()).value().list(note));
  return told;
}

TEST(FileSet, TellsOfADirectoryThatALogIsRotatedToAnotherEnding) {
  for (const char* name : {"a.csv.1", "a.csv-20260701", "a.csv.2.gz", "a.tsv.2026-07-01.gz"}) {
    const TemporaryFolder folder;
    folder.write("a.csv", "x");
    folder.write(name, "x");
    EXPECT_THAT(told_of(folder), ElementsAre(HasSubstr(std::string(name) + ": left out for its")));
    EXPECT_THAT(told_of(folder), ElementsAre(HasSubstr("a log that is rotated")));
  }
  const TemporaryFolder folder;
  folder.write("a.csv", "x");
  for (const char* name : {"a.json.1", "a.log.1", "1", "20260701"}) folder.write(name, "x");
  EXPECT_THAT(told_of(folder), ElementsAre(HasSubstr("1: left out for its ending: of a folder")));
}

TEST(FileSet, TellsThatADirectoryHasOnlyFolders) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path("date=2026-07-01"));
  std::filesystem::create_directories(folder.path("date=2026-07-02.csv"));
  std::filesystem::create_directories(folder.path(".hidden"));
  EXPECT_THAT(told_of(folder),
              ElementsAre("date=2026-07-01: left out: folders within a folder are not read; a glob "
                          "reads their files: '" +
                          folder.path("*/*") + "'"));
  folder.write("a.csv", "x");
  EXPECT_THAT(told_of(folder), ElementsAre());
}

// As root every file may be looked at: here none can be, for its name leads to itself.
TEST(FileSet, ListsFilesThatItMayNotLookAtButNotWhatIsGone) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(folder.path("a.csv"), folder.path("a.csv"));
  std::filesystem::create_symlink(folder.path("nothing"), folder.path("b.csv"));
  folder.write("c.csv", "x");
  for (const std::string& path : {folder.path(), folder.path("*.csv")}) {
    EXPECT_THAT(names(FileSet::open(FileFormat::kCsv, path).value()),
                ElementsAre("a.csv", "c.csv"));
  }
  const auto hidden = FileSet::open(FileFormat::kCsv, folder.path("a.csv"));
  ASSERT_FALSE(hidden);
  EXPECT_THAT(hidden.error().message, HasSubstr("symbolic links"));
}

TEST(FileSet, SeesFilesThatComeAndGo) {
  const TemporaryFolder folder;
  const FileSet set = FileSet::open(FileFormat::kCsv, folder.path()).value();
  EXPECT_THAT(names(set), ElementsAre());
  folder.write("a.csv", "x");
  EXPECT_THAT(names(set), ElementsAre("a.csv"));
  std::filesystem::remove(folder.path("a.csv"));
  EXPECT_THAT(names(set), ElementsAre());
}

TEST(FileSet, TakesWhatAGlobMatchesButNothingUnfinished) {
  const TemporaryFolder folder;
  for (const char* name :
       {"2022-07-02.log", "2022-07-01.log", "2022-08-01.log", "2022-07-03.log.part"}) {
    folder.write(name, "x");
  }
  EXPECT_THAT(names(FileSet::open(FileFormat::kCsv, folder.path("2022-07-*")).value()),
              ElementsAre("2022-07-01.log", "2022-07-02.log"));
  EXPECT_THAT(names(FileSet::open(FileFormat::kCsv, folder.path("none-*")).value()), ElementsAre());
}

TEST(FileSet, LeavesOutWhereSparkKeepsAccount) {
  const TemporaryFolder folder;
  for (const char* name : {"_SUCCESS", "_started_1", "_committed_1", "part-0", ".part-0.crc"}) {
    folder.write(name, "");
  }
  EXPECT_THAT(names(FileSet::open(FileFormat::kCsv, folder.path("*")).value()),
              ElementsAre("part-0"));
}

TEST(FileSet, TakesOneFileWhateverItsName) {
  const TemporaryFolder folder;
  folder.write("export[1]", "x");
  EXPECT_THAT(names(FileSet::open(FileFormat::kCsv, folder.path("export[1]")).value()),
              ElementsAre("export[1]"));
}

TEST(FileSet, RefusesWhatIsNotThereAndWhatCannotBeReadTwice) {
  const TemporaryFolder folder;
  const auto nothing = FileSet::open(FileFormat::kCsv, folder.path("nothing.csv"));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind, ErrorKind::kConfig);
  EXPECT_FALSE(FileSet::open(FileFormat::kCsv, ""));
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(FileSet::open(FileFormat::kCsv, folder.path("pipe")));
}

TEST(FileSet, DoesNotTakeFilesForGoneThatItCannotListForNow) {
  const TemporaryFolder folder;
  folder.write("a.csv", "x");
  const auto directory = FileSet::open(FileFormat::kCsv, folder.path()).value();
  const auto pattern = FileSet::open(FileFormat::kCsv, folder.path("*.csv")).value();
  ASSERT_EQ(pattern.list().value().size(), 1U);
  const NoDescriptors none;
  for (const FileSet* set : {&directory, &pattern}) {
    const auto listed = set->list();
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().kind, ErrorKind::kTransient);
  }
}

TEST(FileSet, GivesAnotherTagWhenAFileIsChangedOrReplaced) {
  const TemporaryFolder folder;
  folder.write("a.csv", "x");
  const std::string first = current_version(folder.path("a.csv"))->tag;
  EXPECT_EQ(current_version(folder.path("a.csv"))->tag, first);
  folder.write("b.csv", "y");
  std::filesystem::last_write_time(folder.path("b.csv"),
                                   std::filesystem::last_write_time(folder.path("a.csv")));
  std::filesystem::rename(folder.path("b.csv"), folder.path("a.csv"));
  const std::string replaced = current_version(folder.path("a.csv"))->tag;
  EXPECT_NE(replaced, first);
  folder.write("a.csv", "xy");
  EXPECT_NE(current_version(folder.path("a.csv"))->tag, replaced);
  std::filesystem::remove(folder.path("a.csv"));
  EXPECT_FALSE(current_version(folder.path("a.csv")));
}

TEST(FileSet, NoticesThatAFileChangesWhileItIsRead) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a.csv", "x");
  const auto before = current_version(path);
  EXPECT_TRUE(check_unchanged(path, before));
  folder.write("a.csv", "xy");
  EXPECT_EQ(check_unchanged(path, before).error().kind, ErrorKind::kTransient);
  std::filesystem::remove(path);
  EXPECT_FALSE(check_unchanged(path, before));
  EXPECT_FALSE(check_unchanged(path, std::nullopt));
}

}  // namespace
}  // namespace hirestream
