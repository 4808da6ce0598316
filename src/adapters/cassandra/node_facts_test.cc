#include "adapters/cassandra/node_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace hirestream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const NodeSettings kUsual = {{"commitlog_directory", "/var/lib/cassandra/commitlog"},
                             {"cdc_enabled", "false"},
                             {"cdc_raw_directory", "/var/lib/cassandra/cdc_raw"},
                             {"transparent_data_encryption_options_enabled", "false"},
                             {"commitlog_compression", "null"},
                             {"commitlog_disk_access_mode", "mmap"},
                             {"commitlog_sync_period", "10000ms"}};

NodeSettings usual_but(const std::string& name, const std::string& value) {
  NodeSettings settings = kUsual;
  settings[name] = value;
  return settings;
}

TEST(NodeFacts, AUsualNodeCanBeFollowed) {
  const NodeFacts facts = judge_settings(kUsual);
  EXPECT_EQ(facts.commit_log_folder, "/var/lib/cassandra/commitlog");
  EXPECT_EQ(facts.cdc_raw_folder, "") << "CDC is off";
  EXPECT_EQ(facts.problem, "");
  EXPECT_THAT(facts.notes, IsEmpty());
}

TEST(NodeFacts, EncryptionIsAProblem) {
  const NodeFacts facts =
      judge_settings(usual_but("transparent_data_encryption_options_enabled", "true"));
  EXPECT_THAT(facts.problem, HasSubstr("encrypted"));
  EXPECT_THAT(facts.remedy, HasSubstr("--commit-log none"));
}

TEST(NodeFacts, CompressionAndDirectWritesAreLate) {
  EXPECT_THAT(judge_settings(usual_but("commitlog_compression", "LZ4Compressor")).notes,
              ElementsAre(HasSubstr("each 10000ms")));
  EXPECT_THAT(judge_settings(usual_but("commitlog_disk_access_mode", "direct")).notes,
              ElementsAre(HasSubstr("past the page cache")));
}

TEST(NodeFacts, CdcNamesItsFolder) {
  EXPECT_EQ(judge_settings(usual_but("cdc_enabled", "true")).cdc_raw_folder,
            "/var/lib/cassandra/cdc_raw");
}

class MirrorProspects : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::vector<TableAdvice> prospects() const {
    NodeFacts facts = judge_settings(usual_but("commitlog_compression", "LZ4Compressor"));
    facts.commit_log_folder = folder_;
    return mirror_prospects(facts);
  }
  std::string folder_ = std::filesystem::temp_directory_path() /
                        ("hirestream_node_facts_" + std::to_string(getpid()));
};

TEST_F(MirrorProspects, AFolderThatCanBeReadIsGoodNewsThenWhatMakesItSlower) {
  std::ofstream(folder_ + "/CommitLog-7-1.log") << "x";
  const auto advice = prospects();
  ASSERT_EQ(advice.size(), 2U);
  EXPECT_THAT(advice[0].finding, HasSubstr("can be followed"));
  EXPECT_EQ(advice[0].remedy, "");
  EXPECT_THAT(advice[1].finding, HasSubstr("compressed"));
}

TEST_F(MirrorProspects, AFolderOfAnotherMachineIsTold) {
  std::filesystem::remove_all(folder_);
  const auto advice = prospects();
  ASSERT_EQ(advice.size(), 1U);
  EXPECT_THAT(advice[0].finding, HasSubstr("is not on this machine"));
  EXPECT_THAT(advice[0].remedy, HasSubstr("on the node itself"));
}

TEST_F(MirrorProspects, ASegmentThatMayNotBeReadIsNamed) {
  const std::string segment = folder_ + "/CommitLog-7-1.log";
  std::filesystem::create_symlink(segment, segment);  // root may read all others
  const auto advice = prospects();
  ASSERT_EQ(advice.size(), 1U);
  EXPECT_THAT(advice[0].finding, HasSubstr(segment));
  EXPECT_THAT(advice[0].remedy, HasSubstr("group"));
}

TEST(NodeFacts, WhatCannotBeFollowedIsToldFirst) {
  NodeFacts facts;
  facts.problem = "no log";
  facts.remedy = "none";
  const auto advice = mirror_prospects(facts);
  ASSERT_EQ(advice.size(), 1U);
  EXPECT_EQ(advice[0].finding, "no log");
}

}  // namespace
}  // namespace hirestream
