#include "warehouse_contract.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>

#include "adapters/mysql/backend.h"
#include "adapters/mysql/session.h"
#include "adapters/sqlite/backend.h"
#include "adapters/sqlite/database.h"
#include "adapters/sqlite/session.h"
#include "model/timestamp.h"
#include "ports/day_changes.h"
#include "simulation/fake_warehouse.h"

namespace hirestream {
namespace {

std::string unique_name() {
  static std::atomic<int> count = 0;
  return fmt::format("hirestream_test_{}_{}", getpid(), ++count);
}

class SqliteWarehouseDatabase final : public WarehouseDatabase {
 public:
  SqliteWarehouseDatabase()
      : path_((std::filesystem::temp_directory_path() / (unique_name() + ".db")).string()) {
    remove();
  }
  ~SqliteWarehouseDatabase() override { remove(); }

  std::unique_ptr<Warehouse> open() override {
    auto opened = open_sqlite_warehouse({.path = path_, .synchronous_full = false});
    EXPECT_TRUE(opened.has_value()) << opened.error().text();
    return opened ? std::move(*opened) : nullptr;
  }
  std::string value(const std::string& sql) override {
    auto database = sqlite::Database::open({.path = path_});
    auto row = database->prepare(sql);
    EXPECT_TRUE(row.has_value()) << row.error().text();
    auto found = row->step();
    EXPECT_TRUE(found.has_value()) << found.error().text();
    return !*found ? "" : row->is_null(0) ? "NULL" : std::string(row->text(0));
  }
  void run(const std::string& sql) override {
    auto database = sqlite::Database::open({.path = path_});
    auto done = database->execute(sql);
    EXPECT_TRUE(done.has_value()) << done.error().text();
  }
  bool is_sqlite() const override { return true; }

 private:
  void remove() const {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(path_ + suffix);
    }
  }
  std::string path_;
};

class MysqlWarehouseDatabase final : public WarehouseDatabase {
 public:
  explicit MysqlWarehouseDatabase(const std::string& kind) : config_(server_config(kind)) {
    config_.database = unique_name();
    config_.create_database = true;
    auto opened = mysql::Connection::open(config_);
    if (!opened) {
      ADD_FAILURE() << kind
                    << " is needed, start it with `make services`: " << opened.error().text();
      return;
    }
    side_ = std::move(*opened);
    EXPECT_EQ(side_->is_mariadb(), kind == "mariadb") << "another server than expected";
  }
  ~MysqlWarehouseDatabase() override {
    if (side_ != nullptr) {
      (void)side_->execute("DROP DATABASE " + config_.database);
    }
  }

  std::unique_ptr<Warehouse> open() override {
    if (side_ == nullptr) {
      return nullptr;
    }
    auto opened = open_mysql_warehouse(config_);
    EXPECT_TRUE(opened.has_value()) << opened.error().text();
    return opened ? std::move(*opened) : nullptr;
  }
  std::string value(const std::string& sql) override {
    auto rows = side_->query(sql);
    if (!rows) {
      ADD_FAILURE() << rows.error().text();
      return "";
    }
    auto found = rows->next();
    return !*found ? "" : rows->is_null(0) ? "NULL" : std::string(rows->text(0));
  }
  void run(const std::string& sql) override {
    auto done = side_->execute(sql);
    EXPECT_TRUE(done.has_value()) << done.error().text();
  }
  bool is_sqlite() const override { return false; }

 private:
  MysqlConfig config_;
  std::unique_ptr<mysql::Connection> side_;
};

class SimulatedWarehouseDatabase final : public WarehouseDatabase {
 public:
  std::unique_ptr<Warehouse> open() override {
    return std::make_unique<simulation::FakeWarehouse>(world_, database_, "client");
  }
  bool has_sql() const override { return false; }
  std::string value(const std::string& sql) override {
    ADD_FAILURE() << sql << ": the simulated database has no SQL";
    return "0";
  }
  void run(const std::string& sql) override { (void)value(sql); }
  bool is_sqlite() const override { return false; }
  void damage_contributions() override { database_.damage_all_blobs(); }
  void empty_events() override { database_.empty_events(); }
  void forget_ledger() override { database_.forget_ledger(); }
  void forget_writers() override { database_.forget_writers(); }
  void spoil_days() override { database_.spoil_days(); }
  void take_over(const MigratedHours& hours) override { database_.take_over(hours); }

 private:
  simulation::World world_{1, 1'700'000'000'000'000, false};
  simulation::WarehouseDatabase database_{world_};
};

}  // namespace

void WarehouseDatabase::damage_contributions() {
  for (const char* table : {"hirestream_slices", "hirestream_deltas"}) {
    run(std::string("UPDATE ") + table +
        " SET contribution = x'485343310000000000000000' WHERE contribution IS NOT NULL");
  }
}

void WarehouseDatabase::empty_events() {
  run(is_sqlite() ? "DELETE FROM events_micros" : "DELETE FROM events");
  run("DELETE FROM hirestream_days");
}

void WarehouseDatabase::forget_ledger() {
  for (const char* table : {"hirestream_slices", "hirestream_writers", "hirestream_sources"}) {
    run(std::string("DELETE FROM ") + table);
  }
}

void WarehouseDatabase::forget_writers() {
  run("DELETE FROM hirestream_writers");
}

void WarehouseDatabase::spoil_days() {
  run("UPDATE hirestream_days SET clicks = clicks + 1 WHERE job_id = 1");
  run("DELETE FROM hirestream_days WHERE job_id = 2");
}

void WarehouseDatabase::take_over(const MigratedHours& hours) {
  for (const int32_t hour : {hours.first, hours.last}) {
    const std::string day =
        is_sqlite() ? std::to_string(hour / 24) : "'" + format_date(hour / 24) + "'";
    run("INSERT INTO hirestream_frozen VALUES (0, " + day + ", " + std::to_string(hour % 24) +
        ", 0, 0, 0, 0, 0, 0)");
  }
}

std::unique_ptr<WarehouseDatabase> make_database(const std::string& kind) {
  if (kind == "simulated") {
    return std::make_unique<SimulatedWarehouseDatabase>();
  }
  if (kind == "sqlite") {
    return std::make_unique<SqliteWarehouseDatabase>();
  }
  return std::make_unique<MysqlWarehouseDatabase>(kind);
}

std::unique_ptr<sql::Session> open_session(WarehouseDatabase& database, const std::string& kind) {
  const auto opened = [](auto session) -> std::unique_ptr<sql::Session> {
    EXPECT_TRUE(session.has_value()) << session.error().text();
    return std::move(session).value();
  };
  if (database.is_sqlite()) {
    return opened(
        sqlite::Session::open({.path = database.value("SELECT file FROM pragma_database_list")}));
  }
  MysqlConfig config = server_config(kind);
  config.database = database.value("SELECT DATABASE()");
  return opened(mysql::Session::open(config));
}

Result<std::unique_ptr<sql::Backend>> open_backend(WarehouseDatabase& database,
                                                   const std::string& kind) {
  if (database.is_sqlite()) {
    return SqliteBackend::open({.path = database.value("SELECT file FROM pragma_database_list"),
                                .synchronous_full = false});
  }
  MysqlConfig config = server_config(kind);
  config.database = database.value("SELECT DATABASE()");
  return MysqlBackend::open(config);
}

MysqlConfig server_config(const std::string& kind) {
  const bool mysql = kind == "mysql";
  const char* given = std::getenv(mysql ? "HIRESTREAM_TEST_MYSQL" : "HIRESTREAM_TEST_MARIADB");
  const std::string uri = given != nullptr ? given
                          : mysql          ? "mysql://root@127.0.0.1:3306"
                                           : "mysql://root@127.0.0.1:3307";
  std::smatch part;
  if (!std::regex_match(uri, part, std::regex("mysql://([^:@]*)@([^:/]+):([0-9]+)/?"))) {
    ADD_FAILURE() << uri << ": expected mysql://user@host:port";
    return {};
  }
  MysqlConfig config;
  const char* password = std::getenv("HIRESTREAM_TEST_SQL_PASSWORD");
  config.user = part[1];
  config.password = password != nullptr ? password : "secret";
  config.host = part[2];
  config.port = static_cast<uint16_t>(std::stoi(part[3]));
  return config;
}

void WarehouseContract::SetUp() {
  database_ = make_database(GetParam());
  warehouse_ = database_->open();
  ASSERT_NE(warehouse_, nullptr);
}

void WarehouseContract::TearDown() {
  if (warehouse_ != nullptr && !HasFailure() && source_ != 0) {
    warehouse_ = database_->open();  // hooks of the other may be of no use any more
    ASSERT_NE(warehouse_, nullptr);
    EXPECT_EQ(days(), events_by_day());
  }
}

void WarehouseContract::start(int32_t shard_count) {
  expect_ok(warehouse_->init());
  source_ = take(warehouse_->register_source({"raw log", "cassandra", fingerprint_}));
  std::vector<int32_t> shards;
  for (int32_t shard = 0; shard < shard_count; ++shard) {
    shards.push_back(shard);
  }
  writers_ = take(warehouse_->take_epochs(source_, shards, "test:1"));
}

Commit WarehouseContract::commit_of(std::vector<SliceChange> slices) {
  Commit commit;
  commit.source = source_;
  commit.writers = writers_;
  commit.token = ++next_token_;
  commit.now_us = now_us_;
  commit.slices = std::move(slices);
  return commit;
}

CommitVerdict WarehouseContract::verdict(const Commit& commit) {
  auto outcome = warehouse_->commit(commit);
  EXPECT_TRUE(outcome.has_value()) << outcome.error().text();
  return outcome ? outcome->verdict : CommitVerdict::kUnknown;
}

Commit WarehouseContract::first_commit_of(const SliceKey& key, const Contribution& given,
                                          int64_t counted) {
  SliceChange slice = change(key, 0, ChangeMode::kReplace, given);
  slice.entry.classes.counted = counted;
  Commit commit = commit_of({slice});
  add_cells(commit, {}, given);
  return commit;
}

void WarehouseContract::add_cells(Commit& commit, const Contribution& before,
                                  const Contribution& after) {
  Contribution all;
  for (const CellChange& cell : commit.cells) {
    all.push_back({cell.key, cell.delta});
  }
  all = merge(all, difference(after, before));
  commit.cells.clear();
  for (const Cell& cell : all) {
    commit.cells.push_back({cell.key, cell.measures, 0});
  }
}

Contribution WarehouseContract::events() {
  Contribution all;
  expect_ok(warehouse_->read_events([&](const EventsRow& row) -> Result<void> {
    all.push_back({row.key, row.measures});
    return {};
  }));
  return all;
}

Contribution WarehouseContract::days() {
  Contribution all;
  expect_ok(warehouse_->read_days([&](const EventsRow& row) -> Result<void> {
    all.push_back({row.key, row.measures});
    return {};
  }));
  EXPECT_TRUE(is_canonical(all)) << "not in key order, or rows of zeros";
  return all;
}

Contribution WarehouseContract::events_by_day() {
  Contribution all = events();
  for (Cell& cell : all) {
    cell.key = day_of(cell.key);
  }
  canonicalize(all);
  return all;
}

int64_t WarehouseContract::company_in_events(int64_t job_id) {
  std::set<int64_t> found;
  expect_ok(warehouse_->read_events([&](const EventsRow& row) -> Result<void> {
    if (row.key.job_id == job_id) {
      found.insert(row.company_id);
    }
    return {};
  }));
  return found.size() == 1 ? *found.begin() : -1;
}

int64_t WarehouseContract::company_in_days(int64_t job_id) {
  std::set<int64_t> found;
  expect_ok(warehouse_->read_days([&](const EventsRow& row) -> Result<void> {
    if (row.key.job_id == job_id) {
      found.insert(row.company_id);
    }
    return {};
  }));
  return found.size() == 1 ? *found.begin() : -1;
}

void WarehouseContract::expect_number(const std::string& sql, int64_t number) {
  if (database_->has_sql()) {
    EXPECT_EQ(database_->number(sql), number) << sql;
  }
}

Contribution WarehouseContract::stored(const SliceKey& key) {
  auto found = take(warehouse_->load_contributions(source_, std::vector{key}));
  EXPECT_EQ(found.size(), 1u);
  EXPECT_FALSE(found.at(0).damaged);
  return found.at(0).contribution;
}

FrozenMark WarehouseContract::mark_of(int32_t shard) {
  return take(warehouse_->load_frozen_marks(source_, std::vector{shard})).front();
}

std::vector<NotCounted> WarehouseContract::kinds() {
  return take(warehouse_->load_not_counted(source_, 20));
}

LedgerEntry WarehouseContract::entry(const SliceKey& key) {
  return take(warehouse_->load_contributions(source_, std::vector{key})).at(0).entry;
}

Cell cell(int32_t local_hour, int64_t job_id, Measures measures) {
  return {{local_hour, job_id, 11, 12, 13}, measures};
}

SliceChange change(SliceKey key, int64_t revision, ChangeMode mode, Contribution contribution) {
  SliceChange change;
  change.entry.key = key;
  change.entry.revision = revision;
  change.mode = mode;
  change.contribution = std::move(contribution);
  return change;
}

NotCounted other_kind(const std::string& kind, int64_t rows, int64_t newest_us) {
  return {WhyNotCounted::kOtherKind, kind, rows, make_version_1(newest_us * 10, 0, 0), ""};
}

NotCounted no_job(const std::string& kind, int64_t rows, int64_t newest_us) {
  NotCounted made = other_kind(kind, rows, newest_us);
  made.why = WhyNotCounted::kNoJob;
  return made;
}

RejectedRow reject(uint64_t id, const std::string& reason) {
  return {{id, 7}, reason, "ts", "it's \xff\\ bad", R"({"job":"1"})"};
}

}  // namespace hirestream
