#include "cli/mysql_config.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

MysqlTls tls_of(const std::string& text) {
  const auto uri = parse_uri(text, UriRole::kWarehouse);
  EXPECT_TRUE(uri.has_value()) << text;
  return uri ? mysql_config(*uri, {}).tls : MysqlTls::kOff;
}

TEST(MysqlConfig, ToAnotherMachineTlsIsRequiredUnlessToldOtherwise) {
  EXPECT_EQ(tls_of("mysql://db.internal/etl"), MysqlTls::kRequired);
  EXPECT_EQ(tls_of("mysql://10.0.0.7:3307/etl"), MysqlTls::kRequired);
  EXPECT_EQ(tls_of("mysql://127.0.0.1.internal/etl?tls=off"), MysqlTls::kOff);
  EXPECT_EQ(tls_of("mysql://db/etl?tls=preferred"), MysqlTls::kPreferred);
  EXPECT_EQ(tls_of("mysql://db/etl?tls_ca=/etc/ca.pem"), MysqlTls::kVerify);
}

TEST(MysqlConfig, ToThisMachineItselfPlainTextWillDo) {
  for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3:3307", "[::1]"}) {
    EXPECT_EQ(tls_of(std::string("mysql://") + host + "/etl"), MysqlTls::kPreferred) << host;
  }
  EXPECT_EQ(tls_of("mysql://127.internal/etl"), MysqlTls::kRequired);
}

}  // namespace
}  // namespace hirestream
