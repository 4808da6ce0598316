// Runs the properties with a fixed seed, so that a failure in one run is a failure in the next.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace {

constexpr const char* kParameters = "seed=20220701 max_success=300";

class PrintSeed : public testing::Environment {
 public:
  void SetUp() override {
    std::printf("property_test: RC_PARAMS=\"%s\"\n", std::getenv("RC_PARAMS"));
    std::fflush(stdout);
  }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  setenv("RC_PARAMS", kParameters, /*overwrite=*/0);
  testing::AddGlobalTestEnvironment(new PrintSeed);
  return RUN_ALL_TESTS();
}
