// What every sql::Session must do: numbers that fit or an error, transactions that outlive nothing,
// connections that come back.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>
#include <thread>

#include "adapters/mysql/session.h"
#include "adapters/sql/report.h"
#include "warehouse_contract.h"

namespace hirestream {
namespace {

using sql::Row;
using testing::ElementsAre;
using testing::HasSubstr;

class SessionContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    database_ = make_database(GetParam());
    session_ = open();
    ASSERT_NE(session_, nullptr);
    ok(session_->execute("CREATE TABLE numbers (a BIGINT, b BIGINT)"));
  }
  std::unique_ptr<sql::Session> open() { return open_session(*database_, GetParam()); }
  static void ok(const Result<void>& done) { EXPECT_TRUE(done.has_value()) << done.error().text(); }
  int64_t rows() {
    const auto count = session_->number("SELECT COUNT(*) FROM numbers");
    EXPECT_TRUE(count.has_value()) << count.error().text();
    return count.value_or(-1);
  }
  void kill_session() {
    const auto id = session_->number("SELECT CONNECTION_ID()");
    ASSERT_TRUE(id.has_value());
    database_->run(fmt::format("KILL CONNECTION {}", *id));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }

  std::unique_ptr<WarehouseDatabase> database_;
  std::unique_ptr<sql::Session> session_;
};

TEST_P(SessionContract, NumbersComeBackExactly) {
  ok(session_->execute("INSERT INTO numbers VALUES (9223372036854775807, -9223372036854775808)"));
  ok(session_->execute("INSERT INTO numbers VALUES (NULL, 0)"));
  std::vector<int64_t> found;
  ok(session_->each("SELECT a, b FROM numbers ORDER BY b", [&](const Row& row) {
    found.insert(found.end(), {row.integer(0), row.integer(1)});
  }));
  EXPECT_THAT(found, ElementsAre(INT64_MAX, INT64_MIN, 0, 0));
}

TEST_P(SessionContract, SumThatDoesNotFitIsAnErrorAndNeverAnotherNumber) {
  ok(session_->execute("INSERT INTO numbers VALUES (9223372036854775807, -9223372036854775807)"));
  ok(session_->execute("INSERT INTO numbers VALUES (1, -2)"));
  for (const std::string column : {"a", "b"}) {
    for (const std::string& sum :
         {fmt::format("SUM({})", column), session_->dialect().sum(column)}) {
      const auto done = session_->number(fmt::format("SELECT {} FROM numbers", sum));
      ASSERT_FALSE(done.has_value()) << sum << " is " << *done;
      EXPECT_EQ(done.error().kind, ErrorKind::kRejected) << done.error().text();
      EXPECT_THAT(done.error().text(), testing::AnyOf(HasSubstr("SUM"), HasSubstr("a sum")));
    }
  }
}

TEST_P(SessionContract, SmallerSumsAreExact) {
  ok(session_->execute("INSERT INTO numbers VALUES (4000000000000000, -3000000000000000)"));
  ok(session_->execute("INSERT INTO numbers VALUES (1000000000000000, 0)"));
  for (const std::string& sum : {std::string("SUM(a)"), session_->dialect().sum("a")}) {
    EXPECT_EQ(session_->number("SELECT " + sum + " FROM numbers").value_or(-1),
              5'000'000'000'000'000);
  }
  EXPECT_EQ(session_->number("SELECT SUM(b) FROM numbers").value_or(-1), -3'000'000'000'000'000);
  EXPECT_EQ(session_->number("SELECT SUM(b) FROM numbers WHERE a = 5").value_or(-1), 0);
}

TEST_P(SessionContract, TextThatIsNoNumberIsAnError) {
  const auto done = session_->number("SELECT 'ACME' AS company");
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().message, HasSubstr("company is ACME"));
}

TEST_P(SessionContract, TextAndBytesComeBackAsTheyWere) {
  const std::string text = "it's \\ \"%_ \xc3\xa9\n";
  std::string found;
  ok(session_->each("SELECT " + session_->quoted(text),
                    [&](const Row& row) { found = row.text(0); }));
  EXPECT_EQ(found, text);
  const std::string zero("a\0b", 3);
  ok(session_->each("SELECT " + session_->quoted(zero),
                    [&](const Row& row) { found = row.text(0); }));
  EXPECT_EQ(found, zero);
}

TEST_P(SessionContract, VisitorsErrorEndsTheReading) {
  ok(session_->execute("INSERT INTO numbers VALUES (1, 1), (2, 2)"));
  for (const bool stream : {false, true}) {
    int visits = 0;
    const auto visit = [&](const Row&) -> Result<void> {
      ++visits;
      return fail(ErrorKind::kBug, "visit", "x", "enough");
    };
    const std::string query = "SELECT a FROM numbers";
    const auto done = stream ? session_->stream(query, visit) : session_->each(query, visit);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().message, "enough");
    EXPECT_EQ(visits, 1);
    EXPECT_EQ(rows(), 2) << "the session goes on";
  }
}

TEST_P(SessionContract, TransactionRollsBackUnlessCommitted) {
  {
    const auto dropped = session_->begin_write();
    ASSERT_TRUE(dropped.has_value());
    EXPECT_TRUE(session_->in_transaction());
    ok(session_->execute("INSERT INTO numbers VALUES (1, 1)"));
  }
  EXPECT_FALSE(session_->in_transaction());
  EXPECT_EQ(rows(), 0);
  auto kept = session_->begin_write();
  ASSERT_TRUE(kept.has_value());
  ok(session_->execute("INSERT INTO numbers VALUES (1, 1)"));
  ok(kept->commit());
  EXPECT_EQ(rows(), 1);
}

TEST_P(SessionContract, SnapshotShowsOneState) {
  {
    const auto snapshot = session_->begin_snapshot();
    ASSERT_TRUE(snapshot.has_value());
    database_->run("INSERT INTO numbers VALUES (1, 1)");
    EXPECT_EQ(rows(), 0);
    const auto inner = session_->begin_read();
    ASSERT_TRUE(inner.has_value());
    EXPECT_FALSE(inner->has_value());
  }
  EXPECT_EQ(rows(), 1);
}

TEST_P(SessionContract, SessionThatEndsWithAnOpenTransactionIsABug) {
  EXPECT_DEATH(
      {
        auto transaction = session_->begin_write();
        session_.reset();
      },
      "in_transaction_");
}

INSTANTIATE_TEST_SUITE_P(Sessions, SessionContract, testing::Values("sqlite", "mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

// A connection can be lost only to a server.
class ServerSession : public SessionContract {
 protected:
  mysql::Session& server() { return dynamic_cast<mysql::Session&>(*session_); }
};

TEST_P(ServerSession, LostOneIsOpenedAnew) {
  kill_session();
  const auto first = session_->number("SELECT 1");
  EXPECT_TRUE(first.has_value() || first.error().kind == ErrorKind::kTransient);
  EXPECT_EQ(session_->number("SELECT 1").value_or(0), 1);
}

// Never on a new connection, where it would be of another state, and where the end of the old
// transaction would reach into the new.
TEST_P(ServerSession, LostInATransactionFailsUntilTheTransactionsEnd) {
  for (const bool snapshot : {false, true}) {
    {
      const auto transaction = snapshot ? session_->begin_snapshot() : session_->begin_write();
      ASSERT_TRUE(transaction.has_value());
      kill_session();
      for (int i = 0; i < 3; ++i) {
        const auto read = session_->number("SELECT 1");
        ASSERT_FALSE(read.has_value());
        EXPECT_EQ(read.error().kind, ErrorKind::kTransient) << read.error().text();
      }
    }
    EXPECT_EQ(session_->number("SELECT 1").value_or(0), 1);
    EXPECT_EQ(rows(), 0);
  }
}

TEST_P(ServerSession, MoneyIsReadInMillionthsOrNotAtAll) {
  const auto micros = [&](const std::string& amount) -> Result<int64_t> {
    int64_t value = 0;
    HIRESTREAM_TRY(session_->each(fmt::format("SELECT CAST({} AS DECIMAL(20,6)) AS spend", amount),
                                  [&](const Row& row) { value = row.micros(0); }));
    return value;
  };
  for (const auto& [amount, expected] : std::initializer_list<std::pair<const char*, int64_t>>{
           {"0", 0},
           {"NULL", 0},
           {"-0.000001", -1},
           {"-12.345678", -12'345'678},
           {"9223372036854.775807", INT64_MAX},
           {"-9223372036854.775808", INT64_MIN}}) {
    EXPECT_EQ(micros(amount).value_or(-77), expected) << amount;
  }
  for (const char* amount :
       {"9223372036854.775808", "-9223372036854.775809", "99999999999999.999999"}) {
    const auto done = micros(amount);
    ASSERT_FALSE(done.has_value()) << amount << " is " << *done;
    EXPECT_EQ(done.error().kind, ErrorKind::kRejected);
    EXPECT_THAT(done.error().message, HasSubstr(fmt::format("spend is {}", amount)));
  }
}

// Whatever statement of a report meets the loss, the report goes on afterwards.
TEST_P(ServerSession, ReportOutlivesALossAtAnyOfItsStatements) {
  const auto warehouse = database_->open();
  ok(warehouse->init());
  const auto source = warehouse->register_source({"raw log", "cassandra", {{"strategy", "tail"}}});
  ASSERT_TRUE(source.has_value());
  mysql::Session& session = server();
  SqlReport report(std::move(session_));
  const std::vector<std::function<Result<void>()>> readings = {[&]() -> Result<void> {
                                                                 HIRESTREAM_TRY(report.slices(3));
                                                                 return {};
                                                               },
                                                               [&]() -> Result<void> {
                                                                 HIRESTREAM_TRY(report.quality());
                                                                 return {};
                                                               },
                                                               [&]() -> Result<void> {
                                                                 HIRESTREAM_TRY(report.rejects());
                                                                 return {};
                                                               },
                                                               [&]() -> Result<void> {
                                                                 HIRESTREAM_TRY(report.minutes(0));
                                                                 return {};
                                                               }};
  for (const auto& reading : readings) {
    for (int lost = 0; lost < 8; ++lost) {
      session.set_hook([left = std::make_shared<int>(lost)](std::string_view, uint64_t) {
        return (*left)-- == 0 ? mysql::StatementFault::kLoseBefore : mysql::StatementFault::kNone;
      });
      const auto done = reading();
      EXPECT_TRUE(done.has_value() || done.error().kind == ErrorKind::kTransient)
          << done.error().text();
      session.set_hook({});
      ok(reading());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sessions, ServerSession, testing::Values("mysql", "mariadb"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hirestream
