#include "ports/source_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hirestream {
namespace {

using ::testing::HasSubstr;

SourceRegistration plain_table() {
  return {"tracking",
          "cassandra",
          {{"strategy", "scan"},
           {std::string(kRowDigest), std::string(kRowDigestNow)},
           {std::string(kArrivalWidth), "86400"}}};
}

TEST(SourceCheck, TellsWhatOnlyAnOlderVersionLacks) {
  const SourceRegistration given = plain_table();
  SourceRegistration stored = given;
  EXPECT_FALSE(is_of_older_version(stored, given));
  stored.fingerprint.erase(std::string(kArrivalWidth));
  EXPECT_TRUE(is_of_older_version(stored, given));
  stored.fingerprint.erase(std::string(kRowDigest));
  EXPECT_TRUE(is_of_older_version(stored, given));
  const auto refused = check_known_source(stored, given);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "an older version counted it");
  EXPECT_THAT(refused.error().hint, HasSubstr("hirestream run --once"));
}

TEST(SourceCheck, OtherSettingsAreNoMatterOfVersions) {
  const SourceRegistration given = plain_table();
  SourceRegistration stored = given;
  stored.fingerprint.erase(std::string(kArrivalWidth));
  stored.fingerprint["kinds"] = "click=click";
  EXPECT_FALSE(is_of_older_version(stored, given));
  stored = given;
  stored.fingerprint[std::string(kArrivalWidth)] = "3600";
  EXPECT_FALSE(is_of_older_version(stored, given));
  EXPECT_THAT(check_known_source(stored, given).error().message,
              HasSubstr(R"(arrival_width_s: stored "3600", given "86400")"));
}

// Rows of files, of the strategy "files" or "scan", under the name that they have by themselves.
SourceRegistration rows_of(const std::string& path, const std::string& strategy,
                           const std::string& name) {
  return {name, "parquet", {{std::string(kRawLog), path}, {"strategy", strategy}}};
}

bool are_counted_twice(const SourceRegistration& stored, const SourceRegistration& given) {
  return !check_new_source(std::span(&stored, 1), given).has_value();
}

TEST(SourceCheck, AFrameOfFilesIsTheseFiles) {
  const SourceRegistration folder = rows_of("/logs", "scan", "/logs");
  EXPECT_TRUE(are_counted_twice(folder, rows_of("/logs/a", "scan", "/logs/a")));
  EXPECT_TRUE(are_counted_twice(rows_of("/logs/a", "scan", "/logs/a"), folder));
  EXPECT_TRUE(are_counted_twice(rows_of("/logs", "files", "parquet:/logs"), folder));
  EXPECT_TRUE(are_counted_twice(rows_of("file:///logs/./", "scan", "file:///logs/./"), folder));
  EXPECT_FALSE(are_counted_twice(folder, rows_of("/logs2", "scan", "/logs2")));
  EXPECT_FALSE(are_counted_twice(folder, rows_of("/logs", "scan", "of another host")));
  EXPECT_TRUE(are_counted_twice(rows_of("s3a://bucket/logs", "scan", "one"),
                                rows_of("s3a://bucket/logs", "scan", "other")));
}

}  // namespace
}  // namespace hirestream
