#include "cli/plain_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hirestream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> places(const std::string& source, const std::string& warehouse) {
  const auto settings =
      load_settings({"", {}, {{"source.uri", source}, {"warehouse.uri", warehouse}}});
  EXPECT_TRUE(settings.has_value()) << source << ", " << warehouse;
  std::vector<std::string> out;
  for (const PlainTextServer& server : plain_text_servers(settings.value_or(Settings()))) {
    out.push_back(server.place.substr(0, server.place.find(' ')));
  }
  return out;
}

TEST(PlainText, CassandraOnAnotherMachineIsToldWithoutCertificates) {
  const std::string here = "sqlite:warehouse.db";
  EXPECT_THAT(places("cassandra://cassandra-1/logs/tracking", here), ElementsAre("source"));
  EXPECT_THAT(places("cassandra://127.0.0.1,10.0.0.7/logs/tracking", here), ElementsAre("source"));
  EXPECT_THAT(places("cassandra://10.0.0.7/logs/tracking?tls_ca=/etc/ca.pem", here), IsEmpty());
  EXPECT_THAT(places("cassandra://10.0.0.7/logs/tracking?tls=on", here), IsEmpty());
  EXPECT_THAT(places("cassandra://10.0.0.7/logs/tracking?tls=off", here), ElementsAre("source"));
  EXPECT_THAT(places("cassandra://127.0.0.2,localhost/logs/tracking", here), IsEmpty());
  EXPECT_THAT(places("cassandra://[::1]/logs/tracking", here), IsEmpty());
}

TEST(PlainText, MysqlOnAnotherMachineIsToldWhereItWasAskedFor) {
  const std::string here = "csv:rows.csv";
  EXPECT_THAT(places(here, "mysql://mysql/etl_data"), IsEmpty());
  EXPECT_THAT(places(here, "mysql://mysql/etl_data?tls=off"), ElementsAre("warehouse"));
  EXPECT_THAT(places(here, "mysql://mysql/etl_data?tls=preferred"), ElementsAre("warehouse"));
  EXPECT_THAT(places(here, "mysql://127.0.0.1/etl_data?tls=off"), IsEmpty());
  EXPECT_THAT(places(here, "mysql://127.0.0.1.example/etl_data?tls=off"), ElementsAre("warehouse"));
}

}  // namespace
}  // namespace hirestream
