#include "adapters/cassandra/commit_log/cell_layout.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

TEST(CellLayout, FollowsTheType) {
  for (const auto& [type, size] :
       {std::pair("int", 4U), std::pair("boolean", 1U), std::pair("timeuuid", 16U),
        std::pair("timestamp", 8U), std::pair("double", 8U), std::pair("vector<float, 3>", 12U)}) {
    EXPECT_EQ(cell_layout(type), (CellLayout{.fixed_size = size})) << type;
  }
  for (const char* type : {"text", "smallint", "tinyint", "date", "time", "counter", "varint",
                           "decimal", "frozen<list<int>>", "frozen<address>", "tuple<int, text>",
                           "vector<text, 3>", "'org.example.OwnType'"}) {
    EXPECT_EQ(cell_layout(type), CellLayout()) << type;
  }
  for (const char* type : {"list<int>", "set<uuid>", "map<text, frozen<list<int>>>", "address"}) {
    EXPECT_EQ(cell_layout(type), (CellLayout{.fixed_size = std::nullopt, .is_complex = true}))
        << type;
  }
}

TEST(CellLayout, OfImpossibleVectorsHasNoSize) {
  for (const char* type : {"vector<float>", "vector<float, x>", "vector<float, 99999999999>",
                           "vector<float, 999999999>", "vector<"}) {
    EXPECT_FALSE(cell_layout(type).fixed_size) << type;
  }
}

}  // namespace
}  // namespace hirestream
