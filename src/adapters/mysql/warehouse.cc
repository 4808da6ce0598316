#include "adapters/mysql/warehouse.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "adapters/mysql/commit_writer.h"
#include "adapters/mysql/multi_row_insert.h"
#include "adapters/mysql/warehouse_schema.h"
#include "adapters/sql/fingerprint_json.h"
#include "aggregation/contribution_codec.h"
#include "model/decimal.h"
#include "model/text.h"
#include "model/timestamp.h"
#include "ports/source_check.h"

namespace hirestream {

using mysql::Connection;
using mysql::ResultSet;
using mysql::Transaction;

namespace {

constexpr std::chrono::seconds kIdleBeforePing{5};
constexpr size_t kJobsPerStatement = 500;
constexpr size_t kJobNameMax = 1000;

// What was counted is gone from `events`: nobody may add to it, under any name.
Result<void> check_rows_are_there(Connection& connection, const SourceRegistration& given) {
  HIRESTREAM_ASSIGN(
      ResultSet lost,
      connection.query("SELECT NOT EXISTS (SELECT 1 FROM events) AND EXISTS (SELECT 1 "
                       "FROM hirestream_slices WHERE counted > 0)"));
  HIRESTREAM_TRY(lost.next());
  return lost.integer(0) != 0 ? refuse_ledger_without_rows(given) : Result<void>();
}

// Within the transaction that registers it.
Result<void> check_new_name(Connection& connection, const SourceRegistration& given) {
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection.query("SELECT name, kind, fingerprint FROM hirestream_sources ORDER BY id"));
  std::vector<SourceRegistration> known;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      break;
    }
    known.push_back(
        {std::string(rows.text(0)), std::string(rows.text(1)), decode_fingerprint(rows.text(2))});
  }
  HIRESTREAM_TRY(check_new_source(known, given));
  if (!known.empty()) {
    return check_rows_are_there(connection, given);
  }
  HIRESTREAM_ASSIGN(ResultSet unknown,
                    connection.query("SELECT EXISTS (SELECT 1 FROM events) AND NOT EXISTS (SELECT "
                                     "1 FROM hirestream_frozen)"));
  HIRESTREAM_TRY(unknown.next());
  return unknown.integer(0) != 0 ? refuse_rows_without_ledger(given) : Result<void>();
}

constexpr const char* kEntryColumns =
    "shard, bucket, name, tag, revision, state, row_count, row_hash, counted, unattributed, "
    "other_kinds, rejected, too_late, settled_at_us, audited_at_us, "
    "corrected_at_us, held";
constexpr size_t kEntryColumnCount = 17;

LedgerEntry read_entry(const ResultSet& row) {
  LedgerEntry entry;
  entry.key = {static_cast<int32_t>(row.integer(0)), row.integer(1)};
  entry.name = row.text(2);
  entry.tag = row.text(3);
  entry.revision = row.integer(4);
  entry.state = static_cast<SliceState>(row.integer(5));
  entry.digest = {row.integer(6), row.unsigned_integer(7)};
  entry.classes = {row.integer(8), row.integer(9), row.integer(10), row.integer(11),
                   row.integer(12)};
  entry.settled_at_us = row.integer(13);
  entry.audited_at_us = row.integer(14);
  entry.corrected_at_us = row.integer(15);
  entry.held = row.integer(16) != 0;
  return entry;
}

int32_t local_hour(int64_t days, int64_t hours) {
  return static_cast<int32_t>(days * 24 + hours);
}

std::string storable_name(std::string_view name) {
  std::string out;
  for (size_t at = 0, characters = 0; at < name.size() && characters < kJobNameMax; ++characters) {
    const size_t size = utf8_character_size(name.substr(at));
    out += size == 0 ? kReplacementCharacter : name.substr(at, size);
    at += std::max<size_t>(size, 1);
  }
  return out;
}

// The two tables whose rows carry their job's company.
struct CompanyTable {
  const char* name;
  const char* hours;
  std::string (*condition)(std::span<const CellKey> keys);
  bool has_updated_at;
};
constexpr CompanyTable kEventsTable = {"events", "hours", mysql::cell_condition, true};
constexpr CompanyTable kDaysTable = {"hirestream_days", "0", mysql::day_condition, false};

// Keys of rows whose company is not their job's, in key order.
Result<std::vector<CellKey>> rows_of_other_companies(Connection& connection,
                                                     const CompanyTable& table,
                                                     const std::map<int64_t, int64_t>& companies) {
  std::vector<CellKey> keys;
  std::vector<int64_t> jobs;
  for (auto next = companies.begin(); next != companies.end();) {
    jobs.clear();
    for (; next != companies.end() && jobs.size() < kJobsPerStatement; ++next) {
      jobs.push_back(next->first);
    }
    HIRESTREAM_ASSIGN(ResultSet rows, connection.query(fmt::format(
                                          "SELECT DATEDIFF(dates, '1970-01-01'), {}, job_id, "
                                          "publisher_id, campaign_id, group_id, company_id FROM {} "
                                          "WHERE job_id IN ({})",
                                          table.hours, table.name, fmt::join(jobs, ","))));
    while (true) {
      HIRESTREAM_ASSIGN(bool more, rows.next());
      if (!more) {
        break;
      }
      const CellKey key{local_hour(rows.integer(0), rows.integer(1)), rows.integer(2),
                        rows.integer(3), rows.integer(4), rows.integer(5)};
      if (companies.at(key.job_id) != rows.integer(6)) {
        keys.push_back(key);
      }
    }
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

Result<int64_t> rewrite_companies(Connection& connection, const CompanyTable& table,
                                  const std::map<int64_t, int64_t>& companies, int64_t now_us) {
  HIRESTREAM_ASSIGN(const std::vector<CellKey> keys,
                    rows_of_other_companies(connection, table, companies));
  const std::string touch =
      table.has_updated_at ? fmt::format(", updated_at = '{}'", format_timestamp_us(now_us)) : "";
  int64_t rewritten = 0;
  for (size_t begin = 0; begin < keys.size(); begin += mysql::kCellConditionMax) {
    const auto some = std::span<const CellKey>(keys).subspan(
        begin, std::min(mysql::kCellConditionMax, keys.size() - begin));
    std::string cases;
    std::set<int64_t> seen;
    for (const CellKey& key : some) {
      if (seen.insert(key.job_id).second) {
        fmt::format_to(std::back_inserter(cases), " WHEN {} THEN {}", key.job_id,
                       companies.at(key.job_id));
      }
    }
    HIRESTREAM_TRY(connection.execute(fmt::format(
        "UPDATE {} FORCE INDEX (PRIMARY) SET company_id = CASE job_id{} ELSE company_id END{} "
        "WHERE {}",
        table.name, cases, touch, table.condition(some))));
    rewritten += connection.affected_rows();
  }
  return rewritten;
}

}  // namespace

Result<std::unique_ptr<MysqlWarehouse>> MysqlWarehouse::open(const MysqlConfig& config) {
  std::unique_ptr<MysqlWarehouse> warehouse(new MysqlWarehouse(config));
  HIRESTREAM_TRY(warehouse->reconnect());
  return warehouse;
}

Result<void> MysqlWarehouse::reconnect() {
  const bool connected_before = connection_ != nullptr;
  auto connection = Connection::open(config_);
  if (!connection) {
    Error error = std::move(connection).error();
    // A host that was known is not misspelt: its name comes back.
    if (connected_before && error.message.find("(2005)") != std::string::npos) {
      error.kind = ErrorKind::kTransient;
    }
    return forward(std::move(error));
  }
  connection_ = std::move(*connection);
  connection_->set_hook(hook_);
  return {};
}

Result<Connection*> MysqlWarehouse::ready() {
  if (snapshot_ && connection_->lost()) {
    snapshot_.reset();
    return fail(ErrorKind::kTransient, "read", connection_->subject(),
                "the session was lost in the middle of a snapshot");
  }
  if (snapshot_) {
    return connection_.get();
  }
  const bool idle = std::chrono::steady_clock::now() - connection_->last_used() > kIdleBeforePing;
  if (connection_->lost() || (idle && !connection_->alive())) {
    HIRESTREAM_TRY(reconnect());
  }
  return connection_.get();
}

void MysqlWarehouse::set_statement_hook(mysql::StatementHook hook) {
  hook_ = std::move(hook);
  connection_->set_hook(hook_);
}

std::string MysqlWarehouse::server() const {
  return fmt::format("{} {}", connection_->is_mariadb() ? "mariadb" : "mysql",
                     connection_->version());
}

Result<SourceId> MysqlWarehouse::register_source(const SourceRegistration& registration) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  const std::string encoded = encode_fingerprint(registration.fingerprint);
  const SourceRegistration given{registration.name, registration.kind, decode_fingerprint(encoded)};
  const std::string find =
      fmt::format("SELECT id, kind, fingerprint FROM hirestream_sources WHERE name = {}",
                  connection->quoted(given.name));
  HIRESTREAM_ASSIGN(ResultSet row, connection->query(find));
  HIRESTREAM_ASSIGN(bool known, row.next());
  if (!known) {
    HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(*connection));
    // One registers at a time.
    HIRESTREAM_TRY(connection->query(
        "SELECT value FROM hirestream_meta WHERE name = 'schema_version' FOR UPDATE"));
    HIRESTREAM_ASSIGN(row, connection->query(find));
    HIRESTREAM_ASSIGN(known, row.next());
    if (!known) {
      HIRESTREAM_TRY(check_new_name(*connection, given));
      HIRESTREAM_TRY(connection->execute(fmt::format(
          "INSERT INTO hirestream_sources (name, kind, fingerprint) VALUES ({}, {}, {})",
          connection->quoted(given.name), connection->quoted(given.kind),
          connection->quoted(encoded))));
      const auto id = static_cast<SourceId>(connection->last_insert_id());
      HIRESTREAM_TRY(transaction.commit());
      return id;
    }
  }
  HIRESTREAM_TRY(check_known_source(
      {given.name, std::string(row.text(1)), decode_fingerprint(row.text(2))}, given));
  HIRESTREAM_TRY(check_rows_are_there(*connection, given));
  return static_cast<SourceId>(row.integer(0));
}

Result<std::vector<SourceStatus>> MysqlWarehouse::sources() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection->query(
          "SELECT a.source_id, a.name, a.kind, s.fingerprint, a.counted, a.unattributed, "
          "a.other_kinds, a.rejected, a.too_late, a.slices_open, a.slices_settled, "
          "a.slices_frozen, a.slices_held FROM hirestream_accounting a JOIN hirestream_sources s "
          "ON s.id = a.source_id ORDER BY a.source_id"));
  std::map<SourceId, SourceStatus> all;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      break;
    }
    SourceStatus status;
    status.id = static_cast<SourceId>(rows.integer(0));
    status.name = rows.text(1);
    status.kind = rows.text(2);
    status.fingerprint = decode_fingerprint(rows.text(3));
    status.classes = {rows.integer(4), rows.integer(5), rows.integer(6), rows.integer(7),
                      rows.integer(8)};
    status.slices_open = rows.integer(9);
    status.slices_settled = rows.integer(10);
    status.slices_frozen = rows.integer(11);
    status.slices_held = rows.integer(12);
    all.emplace(status.id, std::move(status));
  }
  HIRESTREAM_ASSIGN(ResultSet settled,
                    connection->query("SELECT source_id, shard, settled_until FROM "
                                      "hirestream_writers WHERE settled_until IS NOT NULL"));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, settled.next());
    if (!more) {
      break;
    }
    const auto source = all.find(static_cast<SourceId>(settled.integer(0)));
    if (source != all.end()) {
      source->second.settled_until[static_cast<int32_t>(settled.integer(1))] = settled.integer(2);
    }
  }
  std::vector<SourceStatus> sorted;
  for (auto& [id, status] : all) {
    sorted.push_back(std::move(status));
  }
  return sorted;
}

Result<std::vector<WriterEpoch>> MysqlWarehouse::take_epochs(SourceId source,
                                                             std::span<const int32_t> shards,
                                                             const std::string& owner) {
  if (shards.empty()) {
    return std::vector<WriterEpoch>();
  }
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  const std::set<int32_t> sorted(shards.begin(), shards.end());
  HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(*connection));
  mysql::MultiRowInsert take(
      *connection,
      "INSERT INTO hirestream_writers (source_id, shard, epoch, owner, token, updated_at) VALUES",
      mysql::upsert_tail(*connection,
                         "epoch = hirestream_writers.epoch + 1, owner = new.owner, updated_at = "
                         "new.updated_at"));
  for (const int32_t shard : sorted) {
    std::string& row = take.row();
    fmt::format_to(std::back_inserter(row), "{},{},1,", source, shard);
    connection->append_text(row, storable_name(owner.substr(0, 255)));
    row += ",0,UTC_TIMESTAMP(6)";
    HIRESTREAM_TRY(take.end_row());
  }
  HIRESTREAM_TRY(take.flush());
  HIRESTREAM_ASSIGN(ResultSet rows, connection->query(fmt::format(
                                        "SELECT shard, epoch FROM hirestream_writers WHERE "
                                        "source_id = {} AND shard IN ({})",
                                        source, fmt::join(sorted, ","))));
  std::map<int32_t, int64_t> epochs;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      break;
    }
    epochs[static_cast<int32_t>(rows.integer(0))] = rows.integer(1);
  }
  HIRESTREAM_TRY(transaction.commit());
  std::vector<WriterEpoch> taken;
  for (const int32_t shard : shards) {
    taken.push_back({shard, epochs.at(shard)});
  }
  return taken;
}

Result<std::vector<LedgerEntry>> MysqlWarehouse::load_ledger(SourceId source,
                                                             std::span<const int32_t> shards,
                                                             int64_t from_bucket) {
  std::vector<LedgerEntry> entries;
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  const std::string some_shards =
      shards.empty() ? "" : fmt::format("shard IN ({}) AND ", fmt::join(shards, ","));
  HIRESTREAM_ASSIGN(ResultSet rows, connection->query(fmt::format(
                                        "SELECT {} FROM hirestream_slices WHERE source_id = {} AND "
                                        "{}bucket >= {} ORDER BY shard, bucket",
                                        kEntryColumns, source, some_shards, from_bucket)));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return entries;
    }
    entries.push_back(read_entry(rows));
  }
}

Result<std::vector<StoredContribution>> MysqlWarehouse::load_contributions(
    SourceId source, std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  if (snapshot_) {
    return load_in_snapshot(*connection, source, keys);
  }
  HIRESTREAM_ASSIGN(Transaction snapshot, Transaction::begin_snapshot(*connection));
  return load_in_snapshot(*connection, source, keys);
}

Result<void> MysqlWarehouse::begin_snapshot() {
  HIRESTREAM_CHECK(!snapshot_);
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(Transaction snapshot, Transaction::begin_snapshot(*connection));
  snapshot_.emplace(std::move(snapshot));
  return {};
}

void MysqlWarehouse::end_snapshot() {
  snapshot_.reset();
}

Result<int64_t> MysqlWarehouse::changes() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  return mysql::count_of_changes(*connection);
}

Result<std::vector<StoredContribution>> MysqlWarehouse::load_in_snapshot(
    Connection& connection, SourceId source, std::span<const SliceKey> keys) {
  std::map<SliceKey, StoredContribution> found;
  for (const std::string& condition : mysql::slice_conditions(source, keys)) {
    HIRESTREAM_ASSIGN(ResultSet rows, connection.query(fmt::format(
                                          "SELECT {}, contribution FROM hirestream_slices WHERE {}",
                                          kEntryColumns, condition)));
    while (true) {
      HIRESTREAM_ASSIGN(bool more, rows.next());
      if (!more) {
        break;
      }
      StoredContribution stored;
      stored.entry = read_entry(rows);
      if (!rows.is_null(kEntryColumnCount)) {
        auto base = decode_contribution(rows.text(kEntryColumnCount));
        stored.damaged = !base;
        if (base) {
          stored.contribution = std::move(*base);
        }
      }
      found[stored.entry.key] = std::move(stored);
    }
    HIRESTREAM_ASSIGN(
        ResultSet deltas,
        connection.query(fmt::format(
            "SELECT shard, bucket, contribution FROM hirestream_deltas WHERE {}", condition)));
    while (true) {
      HIRESTREAM_ASSIGN(bool more, deltas.next());
      if (!more) {
        break;
      }
      StoredContribution& stored =
          found[{static_cast<int32_t>(deltas.integer(0)), deltas.integer(1)}];
      auto delta = decode_contribution(deltas.text(2));
      stored.damaged = stored.damaged || !delta;
      if (delta) {
        stored.contribution.insert(stored.contribution.end(), delta->begin(), delta->end());
      }
    }
  }
  std::vector<StoredContribution> all;
  all.reserve(keys.size());
  for (const SliceKey& key : keys) {
    StoredContribution& stored = all.emplace_back(found[key]);
    stored.entry.key = key;
    if (stored.damaged) {
      stored.contribution.clear();
    }
    canonicalize(stored.contribution);
  }
  return all;
}

Result<CommitOutcome> MysqlWarehouse::commit(const Commit& commit) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  CommitOutcome outcome;
  {
    HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(*connection));
    mysql::CommitWriter writer(*connection, commit);
    HIRESTREAM_ASSIGN(outcome, writer.write());
    if (outcome.verdict == CommitVerdict::kCommitted && !transaction.commit()) {
      return CommitOutcome{CommitVerdict::kUnknown, {}};
    }
  }
  if (outcome.verdict == CommitVerdict::kConflict && outcome.conflicts.empty() &&
      !commit.based_on_changes) {
    HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(*connection));
    HIRESTREAM_ASSIGN(outcome.conflicts, mysql::CommitWriter(*connection, commit).moved_slices());
    if (outcome.conflicts.empty()) {
      // Whoever was in the way has gone again.
      return fail(ErrorKind::kTransient, "commit", connection->subject(),
                  "a slice was created and removed by somebody else meanwhile");
    }
  }
  return outcome;
}

Result<bool> MysqlWarehouse::resolve(const Commit& commit) {
  connection_->give_up();
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(*connection));
  return mysql::CommitWriter(*connection, commit).carries_token();
}

Result<std::vector<Job>> MysqlWarehouse::load_jobs() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection->query("SELECT job_id, company_id, group_id, campaign_id, title, company_name, "
                        "campaign_name, group_name FROM hirestream_jobs ORDER BY job_id"));
  std::vector<Job> jobs;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return jobs;
    }
    jobs.push_back({rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3),
                    std::string(rows.text(4)), std::string(rows.text(5)), std::string(rows.text(6)),
                    std::string(rows.text(7))});
  }
}

Result<int64_t> MysqlWarehouse::store_jobs(std::span<const Job> changed, int64_t now_us) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  std::map<int64_t, const Job*> sorted;
  std::map<int64_t, int64_t> companies;
  for (const Job& job : changed) {
    sorted[job.job_id] = &job;
    companies[job.job_id] = job.company_id;
  }
  HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(*connection));
  // First: a publisher's commit, which holds this row, was based on the jobs of before or waits for these.
  HIRESTREAM_TRY(mysql::note_change(*connection));
  mysql::MultiRowInsert store(
      *connection,
      "INSERT INTO hirestream_jobs (job_id, company_id, group_id, campaign_id, title, "
      "company_name, campaign_name, group_name, updated_at) VALUES",
      mysql::upsert_tail(*connection,
                         "company_id = new.company_id, group_id = new.group_id, campaign_id = "
                         "new.campaign_id, title = new.title, company_name = new.company_name, "
                         "campaign_name = new.campaign_name, group_name = new.group_name, "
                         "updated_at = new.updated_at"));
  for (const auto& [id, job] : sorted) {
    std::string& row = store.row();
    fmt::format_to(std::back_inserter(row), "{},{},{},{}", id, job->company_id, job->group_id,
                   job->campaign_id);
    for (const std::string* name :
         {&job->title, &job->company_name, &job->campaign_name, &job->group_name}) {
      row += ',';
      connection->append_text(row, storable_name(*name));
    }
    fmt::format_to(std::back_inserter(row), ",'{}'", format_timestamp_us(now_us));
    HIRESTREAM_TRY(store.end_row());
  }
  HIRESTREAM_TRY(store.flush());
  HIRESTREAM_ASSIGN(int64_t rewritten,
                    rewrite_companies(*connection, kEventsTable, companies, now_us));
  HIRESTREAM_TRY(rewrite_companies(*connection, kDaysTable, companies, now_us));
  HIRESTREAM_TRY(transaction.commit());
  return rewritten;
}

Result<void> MysqlWarehouse::store_publishers(std::span<const Publisher> changed) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(*connection));
  HIRESTREAM_TRY(mysql::note_change(*connection));
  mysql::MultiRowInsert store(*connection,
                              "INSERT INTO hirestream_publishers (publisher_id, name) VALUES",
                              mysql::upsert_tail(*connection, "name = new.name"));
  for (const Publisher& publisher : changed) {
    std::string& row = store.row();
    fmt::format_to(std::back_inserter(row), "{},", publisher.publisher_id);
    connection->append_text(row, storable_name(publisher.name));
    HIRESTREAM_TRY(store.end_row());
  }
  HIRESTREAM_TRY(store.flush());
  return transaction.commit();
}

Result<void> MysqlWarehouse::read_events(
    const std::function<Result<void>(const EventsRow&)>& visit) {
  return walk(
      "SELECT DATEDIFF(dates, '1970-01-01'), hours, job_id, publisher_id, campaign_id, group_id, "
      "company_id, impressions, clicks, conversion, qualified_application, "
      "disqualified_application, CAST(spend_hour * 1000000 AS SIGNED) FROM events ORDER BY dates, "
      "hours, job_id, publisher_id, campaign_id, group_id",
      visit);
}

Result<void> MysqlWarehouse::read_days(const std::function<Result<void>(const EventsRow&)>& visit) {
  return walk(
      "SELECT DATEDIFF(dates, '1970-01-01'), 0, job_id, publisher_id, campaign_id, group_id, "
      "company_id, impressions, clicks, conversion, qualified_application, "
      "disqualified_application, CAST(spend * 1000000 AS SIGNED) FROM hirestream_days ORDER BY "
      "dates, job_id, publisher_id, campaign_id, group_id",
      visit);
}

Result<void> MysqlWarehouse::walk(const std::string& sql,
                                  const std::function<Result<void>(const EventsRow&)>& visit) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(ResultSet rows, connection->stream(sql));
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return {};
    }
    EventsRow row;
    row.key = {local_hour(rows.integer(0), rows.integer(1)), rows.integer(2), rows.integer(3),
               rows.integer(4), rows.integer(5)};
    row.company_id = rows.integer(6);
    row.measures = {rows.integer(7),  rows.integer(8),  rows.integer(9),
                    rows.integer(10), rows.integer(11), rows.integer(12)};
    if (auto visited = visit(row); !visited) {
      connection->give_up();  // rows not read yet are on their way
      return visited;
    }
  }
}

Result<Contribution> MysqlWarehouse::frozen_totals() {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection->query("SELECT DATEDIFF(dates, '1970-01-01'), hours, SUM(impressions), "
                        "SUM(clicks), SUM(conversions), SUM(qualified), SUM(unqualified), "
                        "SUM(bid_micros) FROM hirestream_frozen GROUP BY dates, hours"));
  Contribution totals;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      canonicalize(totals);
      return totals;
    }
    Cell cell;
    cell.key.local_hour = local_hour(rows.integer(0), rows.integer(1));
    cell.measures = {rows.integer(2), rows.integer(3), rows.integer(4),
                     rows.integer(5), rows.integer(6), rows.integer(7)};
    totals.push_back(cell);
  }
}

Result<std::vector<StoredReject>> MysqlWarehouse::load_rejects(SourceId source, size_t limit) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(
      ResultSet rows,
      connection->query(fmt::format("SELECT shard, bucket, row_id, reason, column_name, value, "
                                    "row_json, first_seen_us FROM hirestream_rejects WHERE "
                                    "source_id = {} ORDER BY first_seen_us DESC, shard, bucket, "
                                    "row_id LIMIT {}",
                                    source, limit)));
  std::vector<StoredReject> rejects;
  while (true) {
    HIRESTREAM_ASSIGN(bool more, rows.next());
    if (!more) {
      return rejects;
    }
    StoredReject reject;
    reject.slice = {static_cast<int32_t>(rows.integer(0)), rows.integer(1)};
    const std::string_view id = rows.text(2);
    HIRESTREAM_CHECK(id.size() == 16);
    reject.row.id = row_id_from_bytes(
        std::span<const uint8_t, 16>(reinterpret_cast<const uint8_t*>(id.data()), 16));
    reject.row.reason = rows.text(3);
    reject.row.column = rows.text(4);
    reject.row.value = rows.text(5);
    reject.row.row = rows.text(6);
    reject.first_seen_us = rows.integer(7);
    rejects.push_back(std::move(reject));
  }
}

Result<void> MysqlWarehouse::expire_rejects(int64_t before_us, int64_t cap) {
  HIRESTREAM_ASSIGN(Connection * connection, ready());
  HIRESTREAM_ASSIGN(Transaction transaction, Transaction::begin(*connection));
  HIRESTREAM_TRY(connection->execute(
      fmt::format("DELETE FROM hirestream_rejects WHERE first_seen_us < {}", before_us)));
  const bool dropped = connection->affected_rows() > 0;
  HIRESTREAM_ASSIGN(ResultSet count, connection->query("SELECT COUNT(*) FROM hirestream_rejects"));
  HIRESTREAM_TRY(count.next());
  const int64_t beyond = count.integer(0) - std::max<int64_t>(cap, 0);
  if (beyond > 0) {
    HIRESTREAM_TRY(connection->execute(fmt::format(
        "DELETE FROM hirestream_rejects ORDER BY first_seen_us, shard DESC, bucket DESC, row_id "
        "DESC LIMIT {}",
        beyond)));
  }
  if (dropped || beyond > 0) {
    HIRESTREAM_TRY(mysql::note_change(*connection));
  }
  return transaction.commit();
}

}  // namespace hirestream
