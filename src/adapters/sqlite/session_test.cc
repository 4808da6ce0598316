#include "adapters/sqlite/session.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hirestream::sqlite {
namespace {

TEST(SqliteSession, ReadsTextOfFilesInUtf16AndBytesAsTheyAre) {
  for (const std::string encoding : {"UTF-8", "UTF-16le", "UTF-16be"}) {
    auto session = Session::open({.path = ":memory:", .mode = OpenMode::kCreate}).value();
    ASSERT_TRUE(session->execute("PRAGMA encoding = '" + encoding + "'"));
    ASSERT_TRUE(session->execute("CREATE TABLE jobs (id, company, title, note)"));
    ASSERT_TRUE(session->execute("INSERT INTO jobs VALUES (12, '34', 'K\u00e4ufer', x'6100FF')"));
    std::vector<std::string> texts;
    ASSERT_TRUE(session->each("SELECT * FROM jobs", [&](const sql::Row& row) {
      for (int column = 0; column < 4; ++column) texts.emplace_back(row.text(column));
    }));
    EXPECT_EQ(texts,
              (std::vector<std::string>{"12", "34", "K\xC3\xA4ufer", std::string("a\0\xFF", 3)}))
        << encoding;
  }
}

}  // namespace
}  // namespace hirestream::sqlite
