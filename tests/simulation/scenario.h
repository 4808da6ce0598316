// A small world for scenarios that are told step by step: a raw log with rows given one by one, a
// warehouse, a job directory and one engine, without any chance. Times are seconds since the
// scenario's start, 10 s after the begin of a bucket.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "pipeline/adoption.h"
#include "pipeline/engine.h"
#include "pipeline/verify.h"
#include "simulation/fake_raw_log.h"
#include "simulation/fake_warehouse.h"
#include "simulation/process_ports.h"
#include "simulation/world.h"

namespace hirestream::simulation {

struct RowTimes {
  double arrival_s = 0;  // by the writer's clock
  double visible_s = 0;
  double lagging_s = 0;  // on the other replica; 0: at the same time
  double expires_s = 1'000'000;
  double gone_from_s = 0;  // missing for a while, everywhere; 0: never
  double gone_until_s = 0;
  bool rejected = false;  // its event time lies too far ahead
  double late_s = 0;      // scan: its event happened so long before its arrival
};

class Scenario {
 public:
  explicit Scenario(Strategy strategy = Strategy::kTail);
  ~Scenario();

  // Set-up, before the first run().
  EngineOptions options;
  SourceDescription source;
  // Whether each commit is checked against the raw log.
  bool checked = true;
  // A click of one job with a bid of 1.
  void add_click(const RowTimes& times, int64_t job_id = 1, int32_t shard = 0);
  // The row given last once more, in another shard.
  void copy_last_row(int32_t shard);
  // Before the first run, after all rows are given: in all of them the column is null from then on.
  // On the replica that lags later.
  void drop_column(double from_s, Column column, double lagging_s = 0);
  // Then it is another table, without the rows that were there.
  void make_table_anew(double from_s);
  void set_job(double from_s, int64_t job_id, int64_t company_id);
  // The engine's clock is never set otherwise, so that Settled is checked of what it marks.
  void trust_clock() { clock_is_right_ = true; }
  // Discoveries take a step for each slice that there is.
  void discover_in_parts() { discovery_part_ = 1; }
  // Slices lie where parts of the ring begin.
  void round_places() { round_places_ = true; }

  // Writers note what they write late.
  void note_late_rows(bool anywhere = false) {
    note_late_rows_ = true;
    note_anywhere_ = anywhere;
  }

  // While a fault is on, every call it concerns is hit.
  void set_fault(double FaultRates::* rate, bool on);
  // A connection that is lost in a commit may be the server's end: nobody says for some seconds
  // whether it was applied.
  void let_server_go(bool on) { world_->rates.server_goes = on; }
  // Reads are answered by the replica that lags.
  void set_stale(bool on);
  // As SIGTERM does.
  void request_stop() { stop_.request_stop(); }
  // Reads at the strongest level fail: not every replica answers.
  void set_strongest_fails(bool fails) { failures_.strongest = fails; }
  void set_late_notes_fail(bool fails) { failures_.late_notes = fails; }
  void set_discovery_fails(bool fails) { failures_.discovery = fails; }
  void set_full_scan_fails(bool fails) { failures_.full_scan = fails; }
  // The engine's clock minus the true time.
  void set_clock_error(double seconds);

  // Scan: counts what is visible now as a version did that cut its slices by event times alone;
  // before the first run(). To be used unchecked.
  void count_as_older_version();
  // As an upgrade of the warehouse does from a version that made row hashes of other things: the
  // engine ends.
  void upgrade_row_hashes();
  bool knows_all_row_hashes() const;
  // As its `verify --repair` does, of all its slices: revisions move.
  void replace_as_older_version();
  // Lets the engine work until that time; starts it if there is none.
  void run_until(double seconds);
  // Ends the engine as kill -9 does; the next one opens the raw log anew.
  void kill();
  // A second engine takes the epochs (and does nothing more).
  void take_over();
  // Another engine, which has a job directory, stores a job.
  void store_job_elsewhere(int64_t job_id, int64_t company_id);
  // Somebody else writes it into its rows.
  void spoil_company(int64_t job_id, int64_t company_id) {
    database_->set_company(job_id, company_id);
  }
  // As `hirestream adopt --yes`, with the options as they are now.
  Result<Adoption> adopt();
  VerifyReport verify(bool repair, bool allow_shrink = false);
  // Only of what arrived in that time, with repair.
  VerifyReport verify_part(double from_s, double to_s);
  VerifyReport find_duplicates(DuplicateSearchOptions duplicates = {});
  // Slices replaced.
  int64_t retry_rejects();
  // Runs once inside the next read of the engine or of a verification, after its rows were
  // delivered: what others do meanwhile.
  void during_next_read(std::function<void()> action);
  void sleep(double seconds);

  double now_s() const;
  int64_t clicks() const;                                     // in events
  int64_t epoch() const { return database_->first_epoch(); }  // how often engines have started
  int64_t company_of(int64_t job_id) const;
  // Of the slice in which the scenario starts, plus `offset` buckets. Fails when the ledger does
  // not have it.
  LedgerEntry slice(int64_t offset = 0) const;
  bool has_slice(int64_t offset = 0) const;
  bool is_frozen(int64_t offset = 0) const;
  FrozenDay frozen_sum() const { return database_->frozen_sum(); }
  // Of a scan: whether dashboards show the minute as settled.
  bool is_shown_as_settled(int64_t offset = 0) const;
  // In the ledger.
  int64_t slices() const { return static_cast<int64_t>(database_->ledger().size()); }
  // What the engine noted for people, line by line.
  const std::vector<std::string>& notes() const { return observer_.notes; }
  const std::string& last_error() const { return last_error_; }  // of the engine, not transient
  int64_t commits() const { return database_->commits(); }
  // Errors after which something was tried once more.
  int64_t retries() const { return observer_.retries; }
  int64_t steps() const { return steps_; }
  // How often the engine told that it has read something, and how many rows in all.
  int64_t reads_told() const { return observer_.reads; }
  int64_t rows_told() const { return observer_.rows; }
  // Scan: how many complete ones began, at the configured level.
  int64_t full_scans() const { return full_scans_; }
  // Newly rejected rows that commits told of.
  int64_t rejected_told() const { return observer_.rejected; }
  // Of the last commit that told one; and the size of the largest sample of a commit.
  double freshness_s() const { return static_cast<double>(observer_.freshness_us) / 1e6; }
  size_t freshness_sample() const { return observer_.freshness_sample; }
  const StepReport& last_report() const {
    return last_report_;
  }  // of the last step without an error
  // When an engine had caught up for the first time.
  int64_t clicks_when_caught_up() const { return clicks_when_caught_up_.value_or(-1); }
  // How often it said that it cannot go on.
  int64_t blocked_reports() const { return blocked_reports_; }
  // Of shard 0; INT64_MIN: it has none.
  int64_t settled_until() const;
  void damage_a_blob() { database_->damage_a_blob(); }
  void lose_blobs(int64_t offset = 0) { database_->lose_blobs(slice(offset).key); }

 private:
  class Jobs;
  class HookedSource;
  struct ReadObserver : NullObserver {
    void on_read(int64_t read, int64_t, int64_t) override {
      ++reads;
      rows += read;
    }
    void on_commit(const CommitReport& report) override {
      rejected += report.rejected;
      freshness_us = report.freshness_us >= 0 ? report.freshness_us : freshness_us;
      freshness_sample = std::max(freshness_sample, report.freshness_sample_us.size());
    }
    void on_retry(const Error&, int, int64_t) override { ++retries; }
    void on_note(const std::string& level, const std::string& text) override {
      notes.push_back(level + ": " + text);
    }
    std::vector<std::string> notes;
    int64_t reads = 0;
    int64_t rows = 0;
    int64_t rejected = 0;
    int64_t retries = 0;
    int64_t freshness_us = -1;
    size_t freshness_sample = 0;
  };

  int64_t at(double seconds) const;
  std::vector<SliceChange> slices_of_older_version();
  SliceKey key_of(int64_t offset) const;
  SliceKey key_at(int64_t arrival_us, int64_t event_us) const;
  void build();
  void open_source();
  void start_engine();
  EnginePorts ports();
  Reading reading() const;
  template <typename Work>
  auto as_publisher(bool repair, const Work& work);

  std::vector<RawRow> rows_;
  std::map<int64_t, std::map<int64_t, int64_t>> jobs_;  // time → job → company
  std::unique_ptr<World> world_;
  std::unique_ptr<RawLog> log_;
  std::unique_ptr<Checks> checks_;
  std::unique_ptr<WarehouseDatabase> database_;
  std::function<void()> during_read_;
  // Reads of such a kind fail, all of them.
  struct SourceFailures {
    bool strongest = false;
    bool late_notes = false;
    bool discovery = false;
    bool full_scan = false;
  };
  SourceFailures failures_;
  std::stop_source stop_;
  bool round_places_ = false;
  size_t discovery_part_ = SIZE_MAX;
  bool clock_is_right_ = false;
  bool note_late_rows_ = false;
  bool note_anywhere_ = false;
  struct TableChange {
    int64_t us = 0;
    std::string identity;
    std::string columns;
  };
  std::optional<TableChange> table_change_;
  std::unique_ptr<HookedSource> event_source_;
  std::unique_ptr<FakeWarehouse> warehouse_;
  std::unique_ptr<ProcessClock> clock_;
  std::unique_ptr<Jobs> job_directory_;
  ReadObserver observer_;
  std::unique_ptr<Engine> engine_;
  std::string last_error_;
  int64_t wake_us_ = 0;
  int64_t steps_ = 0;
  int64_t spins_ = 0;  // steps in a row after which it wanted to go on at once
  int64_t full_scans_ = 0;
  StepReport last_report_;
  std::optional<int64_t> clicks_when_caught_up_;
  int64_t blocked_reports_ = 0;
};

}  // namespace hirestream::simulation
