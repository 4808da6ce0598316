// A recruitment site's tracking traffic, made up: for trying out, measuring and testing. Its shape
// is that of a real site's export (shares of the kinds, nulls, payload variants, bids, skew,
// lateness); its companies, campaigns and publishers do not exist.
//
// Deterministic: a row depends on the options and its index alone, so rows may be made in any order
// and by several threads (all methods are const). No clock, no I/O.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/job.h"
#include "model/raw_event.h"
#include "model/result.h"

namespace hirestream {

struct TrafficOptions {
  uint64_t seed = 1;
  int32_t jobs = 120;
  int32_t companies = 20;
  int32_t campaigns = 40;
  int32_t publishers = 12;
  int32_t groups = 15;
  // Conversions, qualified and unqualified applications name their job in the payload (`ed`); this
  // share of them does so in the columns as well.
  double attributed_share = 0.6;
  double viewed_share = 0.27;   // of page views that are one of a job, in the columns
  double grouped_share = 0.28;  // of rows whose columns name a job: their group, too
  // Rows that cannot be counted: bad bids, missing or impossible event times.
  double dirty_share = 0;
  double untimed_share = 0;  // Rows without an event time, besides those.
  // Among the dirty rows also values that only text columns can hold: job_id "n/a", ts "yesterday".
  bool text_dirt = false;
  // Rows that repeat an earlier row to the byte, create_time included.
  double duplicate_share = 0;
  // Event times written in other ways: with T, Z or an offset.
  double mixed_timestamp_share = 0;
};

// Arrival times of a stretch of history, microseconds UTC, half open; busy by day, quiet by night
// (UTC).
class ArrivalRhythm {
 public:
  // Requires from_us < to_us.
  ArrivalRhythm(int64_t from_us, int64_t to_us);
  // When the row arrives that has this fraction (0 … 1) of the rows before it.
  int64_t time_us(double fraction) const;

 private:
  struct Hour {
    int64_t begin_us = 0;
    double weight_before = 0;
    double weight_per_us = 0;
  };
  int64_t to_us_ = 0;
  double total_ = 0;
  std::vector<Hour> hours_;
};

class TrafficModel {
 public:
  // kConfig, naming the option, when a count is below 1 or a share outside 0 … 1.
  static Result<TrafficModel> make(const TrafficOptions& options);

  const std::vector<Job>& jobs() const { return jobs_; }
  std::vector<Publisher> publishers() const;
  // "Publisher 99" for ids that are not its own.
  std::string publisher_name(int64_t publisher_id) const;

  // Row `index` of `total` rows, in order of arrival. create_time is unique within (seed, rhythm,
  // total), duplicates apart. Requires 0 <= index < total and at least 100 ns for each 10,000 rows.
  void make_historic(int64_t index, int64_t total, const ArrivalRhythm& rhythm,
                     RawEvent& event) const;
  // Row `index` of live traffic, arriving now. The caller passes strictly increasing ticks (100 ns
  // since 1970).
  void make_live(uint64_t index, int64_t arrival_ticks, RawEvent& event) const;

 private:
  explicit TrafficModel(const TrafficOptions& options);

  // Draws an index with probability falling as 1/(rank + 1)^exponent.
  class Skew {
   public:
    Skew() = default;
    Skew(int32_t size, double exponent);
    int32_t draw(double uniform) const;

   private:
    std::vector<double> cumulative_;
  };
  struct Placement;
  class Random;

  void make_dimensions();
  int64_t historic_source(int64_t index) const;
  void fill(Random& random, int64_t arrival_ticks, RawEvent& event) const;
  Placement place(Random& random) const;
  void set_kind_and_placement(Random& random, RawEvent& event) const;
  void set_columns(Random& random, const Placement& placement, RawEvent& event) const;
  void set_payload(Random& random, std::string_view kind, const Placement& placement,
                   RawEvent& event) const;
  void set_event_time(Random& random, int64_t arrival_us, RawEvent& event) const;
  void set_surroundings(Random& random, RawEvent& event) const;
  void spoil(Random& random, int64_t arrival_us, RawEvent& event) const;
  std::string bid_text(Random& random, int32_t job) const;

  TrafficOptions options_;
  std::vector<Job> jobs_;
  std::vector<std::string> bids_;                        // usual bid by campaign
  std::vector<std::vector<int64_t>> company_campaigns_;  // ids by company
  Skew job_skew_;
  Skew publisher_skew_;
  uint64_t node_;  // of the version-1 UUIDs
};

}  // namespace hirestream
