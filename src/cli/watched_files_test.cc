#include "cli/watched_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace hirestream {
namespace {

class WatchedFilesTest : public testing::Test {
 protected:
  WatchedFilesTest() { std::filesystem::create_directories(folder_); }
  ~WatchedFilesTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("hs_watched_" + std::to_string(getpid()));
};

TEST_F(WatchedFilesTest, NoticesAFileWrittenAnew) {
  const std::string path = write("password", "one");
  const WatchedFiles files({"", path});
  EXPECT_FALSE(files.changed());
  write("password", "other");
  EXPECT_TRUE(files.changed());
  EXPECT_FALSE(WatchedFiles({path}).changed());
}

TEST_F(WatchedFilesTest, NoticesAFileRenamedOverIt) {
  const std::string path = write("ca.pem", "one");
  const WatchedFiles files({path});
  std::filesystem::rename(write("ca.pem.new", "two"), path);
  EXPECT_TRUE(files.changed());
}

// As an orchestrator replaces a mounted secret.
TEST_F(WatchedFilesTest, NoticesALinkThatLeadsElsewhere) {
  write("first", "one");
  write("second", "two");
  const auto link = folder_ / "secret";
  std::filesystem::create_symlink("first", link);
  const WatchedFiles files({link.string()});
  EXPECT_FALSE(files.changed());
  std::filesystem::create_symlink("second", folder_ / "next");
  std::filesystem::rename(folder_ / "next", link);
  EXPECT_TRUE(files.changed());
}

TEST_F(WatchedFilesTest, NoticesAFileThatComesOrGoes) {
  const auto path = folder_ / "late";
  const WatchedFiles without({path.string()});
  EXPECT_FALSE(without.changed());
  write("late", "here");
  EXPECT_TRUE(without.changed());
  const WatchedFiles with({path.string()});
  std::filesystem::remove(path);
  EXPECT_TRUE(with.changed());
  EXPECT_FALSE(WatchedFiles().changed());
}

}  // namespace
}  // namespace hirestream
