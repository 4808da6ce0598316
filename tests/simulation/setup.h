// What one seed stands for: the options of the engines, the rows that arrive, the faults that
// strike. Every probability is drawn anew for each seed (swarm testing: Groce et al., ISSTA 2012),
// so that some seeds are calm and some are wild, each in its own way.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/job.h"
#include "pipeline/engine.h"
#include "simulation/checks.h"
#include "simulation/fake_raw_log.h"
#include "simulation/raw_rows.h"
#include "simulation/world.h"

namespace hirestream::simulation {

struct JobChange {
  int64_t at_us = 0;
  Job job;
};

struct Setup {
  Strategy strategy = Strategy::kTail;
  SourceDescription source;
  bool text_columns = false;
  EngineOptions options;
  Reading reading;
  bool zone_drawn = false;  // from a chance of its own
  FaultRates rates;
  std::vector<std::pair<int64_t, int64_t>> fault_windows;
  std::vector<std::pair<int64_t, int64_t>> warehouse_outages;
  std::vector<std::pair<int64_t, int64_t>> warehouse_full;  // nothing can be written
  int64_t jobs = 0;         // how many there are; of many, few rows fall into one cell
  double early_expiry = 0;  // share of rows that expire while engines work
  std::vector<std::pair<int64_t, int64_t>> source_outages;
  int64_t long_outage_us = 0;  // one of these, in which nothing is discovered
  std::vector<std::pair<int64_t, int64_t>> replica_outages;  // the strongest read fails
  Promptness promptness;

  int64_t start_us = 0;
  int64_t writing_end_us = 0;
  int64_t faults_end_us = 0;
  int64_t end_us = 0;

  std::vector<std::vector<int32_t>> groups;  // of shards: one engine each
  int64_t lease_us = 0;                      // not 0: engines have shards by leases
  bool standby = false;                      // one of them has all of the shards
  std::vector<int64_t> stops_us;             // one of them is stopped for a while
  std::vector<int64_t> takeovers_us;         // a second engine starts while the first goes on
  std::vector<int64_t> verifications_us;
  std::vector<int64_t> repairs_within_us;  // a repair while an engine waits for an answer
  std::vector<int64_t> clock_steps_us;
  std::vector<int64_t> damages_us;
  int64_t clock_error_max_us = 0;
  int64_t clock_step_us = 0;           // not 0: for a while clocks are ahead or behind by that
  std::vector<JobChange> job_changes;  // by time
  int64_t expiry_end_us = 0;  // not 0: after end_us all rows expire, one by one, until then
  double gone_share = 0;  // of the rows, missing for a while: a snapshot restored, a wrong cluster
  int64_t gone_from_us = 0;
  int64_t gone_until_us = 0;
  // Not 0: so many shards hold for what arrives from more_shards_from_us on.
  int32_t more_shards = 0;
  int64_t more_shards_from_us = 0;
  int64_t announced_us = 0;  // the layout says so from here on, to those that start
  size_t discovery_part = SIZE_MAX;
  bool round_places = false;    // slices lie where parts of the ring begin
  bool notes_late = false;      // writers note the slices that they write late into
  bool notes_anywhere = false;  // without naming them
  // Not 0: somebody drops the raw log then.
  int64_t gone_for_good_us = 0;
  // Not 0: the table is another one then. A column is dropped, so that all rows are without it, or
  // the table is made anew and filled again, but for a share of its rows.
  int64_t changed_us = 0;
  std::optional<Column> dropped_column;
  double lost_share = 0;
  int64_t filled_us = 0;  // when all others are back
  // Not 0: when somebody accepts it; engines that start before then are refused.
  int64_t adopted_us = 0;
  // Engines are started again in between, as the operator should.
  std::optional<int64_t> restart_us;
  std::optional<int64_t> upgrade_us;  // of the warehouse: row hashes are not known then

  RawLog make_log(Random& random) const;

  // How rows arrive.
  double rows_per_s = 2;
  double skewed_writers = 0;
  double late_prompt = 0;  // late by no more than is tolerated
  double late_audit = 0;   // late by more, still met by an audit
  double replayed = 0;     // create_time hours ago
  double overwritten = 0;
  double odd_values = 0;  // null and bad values
  // Some ids of these columns, which ones by `id_spread`, are wide, negative or 0.
  std::vector<Column> odd_ids;
  uint64_t id_spread = 0;
  int64_t history_us = 0;  // rows that were there before the first start
  int64_t late_max_us = 0;

 private:
  void hide_rows(RawLog& log) const;
  void change_row(RawRow& row, Random& random) const;
};

Setup make_setup(uint64_t seed, Strategy strategy, std::optional<int64_t> seconds);
// Engines at a time of a source whose shards are leased.
constexpr size_t kLeasersMax = 3;
// Of a tail whose engines have shards by leases: with several shards, none of which is anybody's
// from the start.
void lease_shards(Setup& setup, uint64_t seed, bool standby);
// Another source, with the jobs and the reporting zone of the first one. Both end together.
Setup make_companion(Setup& first, uint64_t seed, Strategy strategy);

}  // namespace hirestream::simulation
