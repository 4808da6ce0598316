// A raw log in memory with two replicas, and the port through which a simulated process reads it.
// Which row is visible where and when is fixed when the run is set up; time alone uncovers it.
//
// Faults: late visibility, stale replicas, errors after part of a read was delivered, rows and
// batches delivered twice, more rows than asked for, rows in any order, outages; a table that loses
// a column or is made anew.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ports/event_source.h"
#include "simulation/raw_rows.h"
#include "simulation/world.h"

namespace hirestream::simulation {

// The operation of the error that an engine ends with which does not know a shard yet.
inline constexpr std::string_view kUnknownShard = "discover slices";

// The operation of the error of a raw log that is gone.
inline constexpr std::string_view kTableGone = "open table";

// The tracking table's columns but that one, as a source describes them.
std::string columns_but(std::optional<Column> dropped);

// What a source of this strategy can be asked for.
void describe_reads(SourceDescription& source);

class RawLog {
 public:
  RawLog(SourceDescription description, bool text_columns)
      : description_(std::move(description)), text_columns_(text_columns) {}

  void add(RawRow row);
  // From then on readers that open the log are told of so many shards (rows are laid out before,
  // see RawRow::slice).
  void announce_shards(int64_t from_us, int32_t shard_count);
  // From then on those that open the log are told that it is another table, or has other columns.
  void change_table(int64_t us, std::string identity, std::string columns);
  // It cannot be read for these times, [from, to).
  void set_outages(std::vector<std::pair<int64_t, int64_t>> outages) {
    outages_ = std::move(outages);
  }
  bool is_down(int64_t now_us) const;
  // Somebody drops it then.
  void remove_at(int64_t us) { removed_us_ = us; }
  bool is_removed(int64_t now_us) const { return now_us >= removed_us_; }
  // What a reader is told that opens the log now.
  SourceDescription description_at(int64_t now_us) const;
  // From now on slices lie where parts of the ring begin.
  void round_places() { round_places_ = true; }
  // Writers note the slices that they put rows into after their time, as a mirror does.
  // `anywhere`: without saying which slices they are.
  void note_late_rows(bool anywhere) {
    notes_late_rows_ = true;
    notes_anywhere_ = anywhere;
  }
  bool notes_late_rows() const { return notes_late_rows_; }
  bool notes_anywhere() const { return notes_anywhere_; }
  // From now on discoveries come in parts of so many slices.
  void set_discovery_part(size_t slices) { discovery_part_ = slices; }
  size_t discovery_part() const { return discovery_part_; }
  // Of a slice on the ring.
  uint64_t place_of(const SliceKey& key) const;
  // A new version of a row.
  void overwrite(size_t row, RowVersion version);
  // Rows that have expired leave the log for good. While nobody reads; the others move up.
  void drop_expired(int64_t now_us);
  // It is missing everywhere for that time.
  void hide(size_t row, int64_t from_us, int64_t until_us);

  const SourceDescription& description() const { return description_; }
  bool text_columns() const { return text_columns_; }
  const std::vector<RawRow>& rows() const { return rows_; }
  const std::map<SliceKey, std::vector<size_t>>& slices() const { return slices_; }
  const std::vector<size_t>& rows_of(const SliceKey& key) const;
  int64_t newest_sequence(int64_t now_us) const;

 private:
  SourceDescription description_;
  bool text_columns_;
  std::vector<RawRow> rows_;
  std::map<SliceKey, std::vector<size_t>> slices_;
  std::vector<std::pair<int64_t, int64_t>> sequences_;  // (visible, highest sequence), rising
  int64_t more_shards_from_us_ = INT64_MAX;
  int32_t more_shards_ = 0;
  bool round_places_ = false;
  bool notes_late_rows_ = false;
  bool notes_anywhere_ = false;
  size_t discovery_part_ = SIZE_MAX;
  std::vector<std::pair<int64_t, int64_t>> outages_;
  int64_t removed_us_ = INT64_MAX;
  int64_t changed_us_ = INT64_MAX;
  std::string changed_identity_;
  std::string changed_columns_;
};

class FakeEventSource : public EventSource {
 public:
  // The layout is read here and never again.
  FakeEventSource(World& world, const RawLog& log, std::string process)
      : world_(world),
        log_(log),
        description_(log.description_at(world.now_us())),
        process_(std::move(process)) {}

  const SourceDescription& description() const override { return description_; }
  Result<std::unique_ptr<Discovery>> begin_discovery(std::span<const int32_t> shards) override;
  Result<int64_t> newest_bucket(int64_t now_us) override;
  Result<std::unique_ptr<Sweep>> sweep(SweepRequest request) override;
  Result<std::vector<LateNote>> late_notes(int64_t now_us) override;
  ReadStatistics statistics() const override { return statistics_; }

 private:
  class FakeSweep;
  class FakeDiscovery;
  // A row as some replica shows it.
  using Seen = std::pair<const RawRow*, const RowVersion*>;
  // What one slice, or one range of a scan, answers.
  struct Answer {
    std::optional<SliceKey> slice;
    std::vector<Seen> rows;
  };

  Result<void> check_reachable(std::string_view call);
  Seen look(const RawRow& row, ReadLevel level, int replica) const;
  // Of the rows of one slice.
  Answer answer(const SliceRead& request, ReadLevel level);
  Result<std::vector<SliceRead>> slices_on(const RingPart& part) const;
  // Of one range of a scan.
  Answer scan_range(size_t range, const RingPart& part, ReadLevel level);
  void fill(TrackingBatch& batch, const Seen& seen) const;

  World& world_;
  const RawLog& log_;
  SourceDescription description_;
  std::string process_;
  std::set<size_t> told_late_;  // rows
  ReadStatistics statistics_;
};

}  // namespace hirestream::simulation
