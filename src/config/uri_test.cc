#include "config/uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hirestream {
namespace {

using ::testing::HasSubstr;

Error error_of(std::string_view text, UriRole role = UriRole::kSource) {
  auto uri = parse_uri(text, role);
  EXPECT_FALSE(uri.has_value()) << text;
  return uri ? Error{} : uri.error();
}

TEST(Uri, ReadsCassandraWithSeveralHostsAndParameters) {
  const auto uri = parse_uri(
      "cassandra://etl@node-1,node-2:19042,[::1]:9043/logs/"
      "tracking?consistency=QUORUM&local_dc=dc%201",
      UriRole::kSource);
  ASSERT_TRUE(uri.has_value()) << uri.error().text();
  EXPECT_EQ(uri->scheme, Scheme::kCassandra);
  EXPECT_EQ(uri->user, "etl");
  const std::vector<HostPort> hosts = {{"node-1", 9042}, {"node-2", 19042}, {"::1", 9043}};
  EXPECT_EQ(uri->hosts, hosts);
  EXPECT_EQ(uri->database, "logs");
  EXPECT_EQ(uri->table, "tracking");
  EXPECT_EQ(uri->parameter("consistency"), "QUORUM");
  EXPECT_EQ(uri->parameter("local_dc"), "dc 1");
  EXPECT_EQ(uri->parameter("tls_ca", "none"), "none");
}

TEST(Uri, TextReadsBackAndNameHasNeitherUserNorParameters) {
  const auto uri =
      parse_uri("mysql://e%40tl@db/etl_data?tls=verify&tls_ca=/etc/ca.pem", UriRole::kWarehouse);
  ASSERT_TRUE(uri.has_value()) << uri.error().text();
  EXPECT_EQ(uri->user, "e@tl");
  EXPECT_EQ(uri->name(), "mysql://db:3306/etl_data");
  EXPECT_EQ(uri->text(), "mysql://e%40tl@db:3306/etl_data?tls=verify&tls_ca=/etc/ca.pem");
  EXPECT_EQ(parse_uri(uri->text(), UriRole::kWarehouse)->text(), uri->text());
}

TEST(Uri, TakesPathsLiterally) {
  EXPECT_EQ(parse_uri("sqlite:a b?c.db", UriRole::kWarehouse)->path, "a b?c.db");
  EXPECT_EQ(parse_uri("csv:/var/log/x.csv.gz", UriRole::kSource)->path, "/var/log/x.csv.gz");
  EXPECT_EQ(parse_uri("sqlite:///var/x.db", UriRole::kSource)->path, "/var/x.db");
  EXPECT_EQ(error_of("ndjson:").message, "the path is empty");
  EXPECT_EQ(error_of("parquet:").message, "the path is empty");
}

TEST(Uri, RefusesPasswordAndNeverRepeatsIt) {
  for (const char* text : {"mysql://root:s3cret@host/db", "mysql://root:s3c?et@host/db",
                           "mysql://root:s3c/e@t@host/db", "cassandra://u:s3cret@h/k/t",
                           "mysql://host/db?password=s3cret"}) {
    const UriRole role = text[0] == 'm' ? UriRole::kWarehouse : UriRole::kSource;
    const Error error = error_of(text, role);
    EXPECT_EQ(error.kind, ErrorKind::kConfig);
    EXPECT_EQ(error.text().find("s3c"), std::string::npos) << error.text();
    EXPECT_NE(error.text().find("environment"), std::string::npos) << error.text();
  }
}

TEST(Uri, SaysWhatWasMeant) {
  EXPECT_EQ(error_of("events.parquet").hint, "did you mean 'parquet:events.parquet'?");
  EXPECT_EQ(error_of("casandra://h/k/t").hint, "did you mean 'cassandra:'?");
  EXPECT_EQ(error_of("events.csv").hint, "did you mean 'csv:events.csv'?");
  EXPECT_EQ(error_of("cassandra://h/k/t?consistancy=ONE").hint, "did you mean 'consistency'?");
  EXPECT_EQ(error_of("out.db", UriRole::kWarehouse).hint, "did you mean 'sqlite:out.db'?");
}

TEST(Uri, RefusesSchemeThatCannotPlayTheRole) {
  EXPECT_EQ(error_of("csv:a.csv", UriRole::kWarehouse).message, "csv cannot be a warehouse");
  EXPECT_EQ(error_of("parquet:a", UriRole::kRawLog).message, "parquet cannot be a raw log");
  EXPECT_EQ(error_of("mysql://h/d", UriRole::kSource).message, "mysql cannot be a source");
}

TEST(Uri, NamesWhatIsMissingOrWrong) {
  EXPECT_EQ(error_of("cassandra://h/k").message, "the table is missing");
  EXPECT_EQ(error_of("cassandra://h").message, "the keyspace is missing");
  EXPECT_EQ(error_of("cassandra:h/k/t").message, "'//' is missing after the scheme");
  EXPECT_EQ(error_of("cassandra://h:99999/k/t").message,
            "port '99999' is not a number from 1 to 65535");
  EXPECT_EQ(error_of("cassandra://a,,b/k/t").message, "a host is empty");
  for (const char* text : {"cassandra://a b/k/t", "cassandra://a#b/k/t", "cassandra://[::1#]/k/t",
                           "cassandra://a%2Fb/k/t", "cassandra://me@#password=h/k/t"}) {
    EXPECT_THAT(error_of(text).message, HasSubstr("is not a host")) << text;
  }
  EXPECT_TRUE(parse_uri("cassandra://a_1.b-2,[fe80::1%eth0]:9043/k/t", UriRole::kSource));
  EXPECT_EQ(error_of("cassandra://h/k/t;drop").message,
            "'t;drop' is not a name: letters, digits, _, - and $ are allowed");
  EXPECT_EQ(error_of("mysql://a,b/d", UriRole::kWarehouse).message, "only one host can be given");
  EXPECT_EQ(error_of("cassandra://h/k/t?consistency=SOME").message,
            "parameter consistency: 'SOME' is not allowed");
  EXPECT_EQ(error_of("", UriRole::kJobs).message, "no job directory given");
}

TEST(Uri, MistypedOnesShowNoPassword) {
  constexpr const char* kPassword = "hunter2";
  for (const char* text :
       {"mysql://u:hunter2@h/d", "mysql:/u:hunter2@h/d", "mysql:u:hunter2@h/d", "u:hunter2@h/d",
        "mysql:///u:hunter2@h/d", "mysq://u:hunter2@h/d", "mysql://u:a@hunter2@h/d",
        "mysql://h/d?passwd=hunter2", "mysql://h/d?tls=on&PASSWORD=hunter2",
        "mysql://h/d?pwd=hunter2&x=1", "mysql://h/d&pass=hunter2", "mysql://h/d?api_token=hunter2",
        "mysql://h/d;secret=hunter2"}) {
    EXPECT_THAT(redact(text), testing::Not(HasSubstr(kPassword))) << text;
    const auto uri = parse_uri(text, UriRole::kWarehouse);
    EXPECT_FALSE(uri.has_value()) << text;
    EXPECT_THAT(uri ? uri->text() : uri.error().text(), testing::Not(HasSubstr(kPassword))) << text;
  }
  for (const char* text : {"mysql://u@h:3306/d?tls=required", "csv:/data/a@b:c.csv", "nothing"}) {
    EXPECT_EQ(redact(text), text);
  }
}

}  // namespace
}  // namespace hirestream
