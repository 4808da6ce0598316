#include "kernel/kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace hirestream {
namespace {

using ::testing::HasSubstr;
using Options = std::vector<std::pair<std::string, std::string>>;

class KernelTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() /
                 ("hirestream_kernel_test." +
                  std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // Rows of a frame, into a warehouse that all kernels of a test share.
  std::unique_ptr<Kernel> open(Options options = {}, const std::string& identity = "/logs") {
    options.emplace_back("warehouse.uri", "sqlite:" + (directory_ / "events.db").string());
    auto kernel = Kernel::open(
        {.config_file = {}, .options = std::move(options), .frame = {{"parquet", identity}}});
    EXPECT_TRUE(kernel.has_value()) << kernel.error().text();
    return std::move(*kernel);
  }
  static Error refusal(const Result<void>& result) {
    EXPECT_FALSE(result.has_value());
    return result ? Error() : result.error();
  }
  static Error refusal_to_begin(Kernel& kernel, const std::string& run) {
    const auto begun = kernel.begin_run(run, false);
    EXPECT_FALSE(begun.has_value());
    return begun ? Error() : begun.error();
  }
  // Makes the source known to the warehouse.
  void count_nothing(Options options) {
    const auto kernel = open(std::move(options));
    ASSERT_TRUE(kernel->begin_run("the first", false).has_value());
    ASSERT_TRUE(kernel->publish_run("the first", false, false).has_value());
  }

  std::filesystem::path directory_;
};

TEST_F(KernelTest, APartThatWasCountedByOtherRulesIsNotStaged) {
  const auto driver = open();
  ASSERT_TRUE(driver->begin_run("run", false).has_value());
  const std::vector<SlicePart> parts = {{.key = {0, 1}}};
  EXPECT_TRUE(open()->stage("run", 1, parts).has_value());
  const Error error = refusal(open({{"source.attribution", "payload"}})->stage("run", 2, parts));
  EXPECT_EQ(error.kind, ErrorKind::kConfig);
  EXPECT_THAT(error.message, HasSubstr(R"(attribution: stored "columns", given "payload")"));
}

TEST_F(KernelTest, AKnownSourceKeepsItsStart) {
  count_nothing({{"source.start_at", "2026-05-01T00:00:00Z"}});
  const auto kernel = open();
  ASSERT_TRUE(kernel->begin_run("run", false).has_value());
  EXPECT_EQ(kernel->start_at_us(), 1'777'593'600'000'000);
  const std::vector<SlicePart> parts = {{.key = {0, 1}}};
  EXPECT_TRUE(kernel->stage("run", 1, parts).has_value());
  EXPECT_THAT(refusal(open()->stage("run", 2, parts)).message, HasSubstr("start_at"));
  const auto other = open({{"source.start_at", "2026-05-02T00:00:00Z"}});
  EXPECT_THAT(refusal_to_begin(*other, "another run").message, HasSubstr("start_at"));
}

TEST_F(KernelTest, ARunThatCouldNotBePublishedIsNotBegun) {
  count_nothing({});
  const auto other_zone = open({{"source.timezone", "Europe/Berlin"}});
  EXPECT_THAT(refusal_to_begin(*other_zone, "run").message, HasSubstr("timezone"));
  const auto within = open({}, "/logs/may");
  EXPECT_THAT(refusal_to_begin(*within, "run").message, HasSubstr("counted already"));
  const auto kernel = open();
  EXPECT_EQ(refusal_to_begin(*kernel, std::string(kRunIdMax + 1, 'x')).kind, ErrorKind::kConfig);
  EXPECT_TRUE(kernel->begin_run("run", false).has_value());
}

TEST_F(KernelTest, ASettingThatThereIsNotIsRefused) {
  const auto kernel =
      Kernel::open({.config_file = {}, .options = {{"source.urri", "x"}}, .frame = {{"csv", "x"}}});
  ASSERT_FALSE(kernel.has_value());
  EXPECT_EQ(kernel.error().subject, "source.urri");
}

}  // namespace
}  // namespace hirestream
