// Replays the corpora through the fuzz targets, so that an input which broke something once is
// tested in every build.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/fuzz_target.h"

namespace hirestream {
namespace {

std::vector<std::filesystem::path> files_of(std::string_view target) {
  std::vector<std::filesystem::path> paths;
  const auto folder = std::filesystem::path(HIRESTREAM_FUZZ_CORPUS) / target;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<uint8_t> content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class FuzzCorpus : public testing::TestWithParam<FuzzTarget> {};

TEST_P(FuzzCorpus, HoldsItsProperties) {
  const auto paths = files_of(GetParam().name);
  ASSERT_FALSE(paths.empty());
  for (const auto& path : paths) {
    // The last one printed is the one that broke the target.
    std::printf("%s\n", path.c_str());
    std::fflush(stdout);
    // Exactly as many bytes on the heap as there are: a sanitizer sees the first one read behind
    // them.
    const std::vector<uint8_t> content = content_of(path);
    GetParam().run(content);
  }
}

TEST_P(FuzzCorpus, TakesNoInput) {
  GetParam().run({});
}

INSTANTIATE_TEST_SUITE_P(All, FuzzCorpus, testing::ValuesIn(kFuzzTargets),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(FuzzCorpora, BelongToATargetEach) {
  for (const auto& entry : std::filesystem::directory_iterator(HIRESTREAM_FUZZ_CORPUS)) {
    const std::string name = entry.path().filename();
    EXPECT_TRUE(std::any_of(std::begin(kFuzzTargets), std::end(kFuzzTargets),
                            [&](const FuzzTarget& target) { return target.name == name; }))
        << name;
  }
}

}  // namespace
}  // namespace hirestream
