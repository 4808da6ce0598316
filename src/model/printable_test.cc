#include "model/printable.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

TEST(Printable, EscapesWhatMovesATerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(printable("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(printable("one\rtwo\nthree\x7f"), "one\\x0dtwo\\x0athree\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\x9b2J")
      << "the same as ESC [";
}

TEST(Printable, LeavesTextsAndWhatIsKept) {
  EXPECT_EQ(printable("Gr\xc3\xbc\xc3\x9f"
                      "e \xf0\x9f\x8e\x89 \xc2\xa0"),
            "Gr\xc3\xbc\xc3\x9f"
            "e \xf0\x9f\x8e\x89 \xc2\xa0");
  EXPECT_EQ(printable("a\n  b\tc", "\n\t"), "a\n  b\tc");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(Printable, EscapesBytesThatAreNoCharacters) {
  EXPECT_EQ(printable("a\xd4z \xc3"), "a\\xd4z \\xc3");
  EXPECT_EQ(printable("\x9b"
                      "2J\xc2"),
            "\\x9b2J\\xc2");
}

}  // namespace
}  // namespace hirestream
