#include "http/listen_address.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

TEST(ListenAddress, ReadsHostAndPort) {
  EXPECT_EQ(parse_listen_address("0.0.0.0:80")->text(), "0.0.0.0:80");
  EXPECT_EQ(parse_listen_address("[::1]:8080")->text(), "[::1]:8080");
  EXPECT_EQ(parse_listen_address("[::1]:8080")->host, "::1");
  EXPECT_EQ(parse_listen_address("9000")->text(), "127.0.0.1:9000");
  EXPECT_EQ(parse_listen_address(":0")->text(), "127.0.0.1:0");
}

TEST(ListenAddress, RefusesWhatIsNone) {
  for (const char* text : {"", "host", "host:", "host:65536", "host:-1", "host:8x", "::1:80",
                           "http://x:80", "a b:80", "[x]:80"}) {
    const auto address = parse_listen_address(text);
    ASSERT_FALSE(address.has_value()) << text;
    EXPECT_EQ(address.error().kind, ErrorKind::kConfig);
    EXPECT_FALSE(address.error().hint.empty());
  }
}

TEST(ListenAddress, KnowsTheLoopback) {
  for (const char* text :
       {"127.0.0.1:1", "127.3.2.1:1", "localhost:1", "LOCALHOST:1", "[::1]:1", ":1"}) {
    EXPECT_TRUE(parse_listen_address(text)->is_loopback()) << text;
  }
  for (const char* text : {"0.0.0.0:1", "[::]:1", "192.168.0.1:1", "127.0.0.1.example.org:1",
                           "localhost.example.org:1", "127.1:1"}) {
    EXPECT_FALSE(parse_listen_address(text)->is_loopback()) << text;
  }
}

TEST(HostHeader, MustNameTheLoopback) {
  for (const char* header :
       {"localhost", "localhost:8080", "127.0.0.1:80", "[::1]:8080", "[::1]", "localhost:"}) {
    EXPECT_TRUE(is_loopback_host_header(header)) << header;
  }
  for (const char* header :
       {"", "evil.example", "evil.example:8080", "127.0.0.1.evil.example",
        "localhost.evil.example:80", "[::2]:80", "[::1", "[::1]evil.example", "[::1]:x",
        "localhost:80@evil.example", "localhost:8080:80", "localhost:123456", "localhost:-1"}) {
    EXPECT_FALSE(is_loopback_host_header(header)) << header;
  }
}

TEST(Token, MustBeEqual) {
  EXPECT_TRUE(carries_token("Bearer secret-1", "secret-1"));
  EXPECT_TRUE(carries_token("bearer secret-1", "secret-1"));
  for (const char* header : {"", "Bearer ", "Bearer secret-", "Bearer secret-2",
                             "Bearer secret-1secret-1", "Basic secret-1", "secret-1"}) {
    EXPECT_FALSE(carries_token(header, "secret-1")) << header;
  }
  EXPECT_FALSE(carries_token("Bearer ", "")) << "no token lets nobody in";
}

}  // namespace
}  // namespace hirestream
