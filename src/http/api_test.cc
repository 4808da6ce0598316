#include "http/api.h"

#include <gmock/gmock.h>

#include "http/change_feed.h"
#include "http/told_events_test.h"

namespace hirestream {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(ETag, ComparesWeaklyWithEachOfAList) {
  EXPECT_TRUE(matches_etag("W/\"a\"", "W/\"a\""));
  EXPECT_TRUE(matches_etag("\"a\"", "W/\"a\""));
  EXPECT_TRUE(matches_etag("\"x\", W/\"a\"", "W/\"a\""));
  EXPECT_TRUE(matches_etag("*", "W/\"a\""));
  EXPECT_FALSE(matches_etag("", "W/\"a\""));
  EXPECT_FALSE(matches_etag("\"b\"", "W/\"a\""));
  EXPECT_FALSE(matches_etag("*", ""));
}

TEST(Problem, IsProblemJsonWithWhatIsAllowed) {
  const ApiResponse response = problem_response({400, "bad \"x\"", "last", "1h"});
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(
      response.body,
      R"({"type":"about:blank","title":"Bad Request","status":400,"detail":"bad \"x\"","parameter":"last","allowed":"1h"})");
}

TEST(Problem, WarehouseThatDoesNotAnswerIsUnavailableAndEverythingElseAnError) {
  EXPECT_EQ(problem_of(Error{ErrorKind::kTransient, "read", "db", "lost", ""}).status, 503);
  EXPECT_EQ(problem_of(Error{ErrorKind::kConfig, "read", "db", "no column", ""}).status, 500);
}

TEST(Problem, SumBeyond64BitsIsOfTheQuestion) {
  const Problem problem = problem_of(
      Error{ErrorKind::kRejected, "read", "db", "SUM(spend) is 1e19, which is no integer", ""});
  EXPECT_EQ(problem.status, 400);
  EXPECT_THAT(problem.detail, HasSubstr("beyond 64 bits"));
}

TEST(Problem, NamesAccountHostAndTheServersWordsInTheLogAlone) {
  for (const ErrorKind kind : {ErrorKind::kTransient, ErrorKind::kConfig, ErrorKind::kBug}) {
    const Problem problem = problem_of(
        Error{kind, "connect", "counter@db.internal:3306/etl", "denied (1045)", "grant"});
    EXPECT_THAT(problem.cause, HasSubstr("counter@db.internal"));
    const std::string body = problem_response(problem).body;
    for (const char* secret : {"counter", "db.internal", "1045", "grant"}) {
      EXPECT_THAT(body, testing::Not(HasSubstr(secret)));
    }
  }
}

TEST(Problem, WarehouseWithoutTablesIsUnavailableAndHasATypeOfItsOwn) {
  const Problem problem =
      problem_of(Error{ErrorKind::kConfig, "read", "db", "no such table", "run `hirestream init`"});
  EXPECT_EQ(problem.status, 503);
  EXPECT_EQ(problem.type, kNoTablesProblem);
  EXPECT_EQ(problem.detail, "the warehouse has no tables yet; `hirestream run` creates them");
  EXPECT_EQ(problem_of(Error{ErrorKind::kConfig, "read", "db", "denied", "grant"}).type,
            "about:blank");
}

TEST(EventStream, EventsEndWithAnEmptyLine) {
  EXPECT_EQ(event_text("pulse", "{}"), "event: pulse\ndata: {}\n\n");
}

class SteadyClock : public Clock {
 public:
  int64_t now_us() override { return 5'000'000; }
};

Result<std::unique_ptr<Report>> no_report() {
  return fail(ErrorKind::kTransient, "open", "warehouse", "down");
}

TEST(ChangeFeed, PulsesWhileTheWarehouseDoesNotAnswer) {
  SteadyClock clock;
  Events events;
  ChangeFeed feed(no_report, clock, 4, events.tell());
  EXPECT_EQ(feed.join(), "");
  EXPECT_EQ(events.next(),
            "event: pulse\ndata: {\"at\":\"1970-01-01T00:00:05.000000Z\",\"behind_ms\":null,"
            "\"freshness_ms\":null,\"unread_ms\":null,\"unread_source\":null}\n\n");
}

TEST(ChangeFeed, LetsInOnlySoMany) {
  SteadyClock clock;
  Events events;
  ChangeFeed feed(no_report, clock, 2, events.tell());
  EXPECT_TRUE(feed.join().has_value());
  EXPECT_TRUE(feed.join().has_value());
  EXPECT_FALSE(feed.join().has_value());
  feed.leave();
  EXPECT_TRUE(feed.join().has_value());
}

TEST(ChangeFeed, TellsNothingAndLetsNobodyInAfterItsEnd) {
  SteadyClock clock;
  Events events;
  ChangeFeed feed(no_report, clock, 2, events.tell());
  EXPECT_TRUE(feed.join().has_value());
  events.next();
  feed.stop();
  const size_t told = events.count();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_EQ(events.count(), told);
  EXPECT_FALSE(feed.join().has_value());
}

}  // namespace
}  // namespace hirestream
