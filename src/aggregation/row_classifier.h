// What raw rows count as. Every row ends in exactly one class, tried in this order: rejected when
// create_time is missing, or it or what tells the kind is unreadable; other when its kind is not
// counted; rejected when any value the kernel uses is unreadable, or ts is missing or out of its
// bounds; unattributed when it has no job; counted. Not thread-safe (time zone cache, JSON parser,
// known kinds). Allocates nothing.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "aggregation/classified_rows.h"
#include "aggregation/counting_options.h"
#include "aggregation/known_kinds.h"
#include "aggregation/payload.h"
#include "model/contribution.h"
#include "model/tracking_batch.h"

namespace hirestream {

// Why a row is rejected.
struct Rejection {
  std::string_view reason;  // lives as long as the batch
  Column column = Column::kCreateTime;
};

class RowClassifier {
 public:
  explicit RowClassifier(CountingOptions options);

  // These rows of the batch, at most kBlockRows, but for those that arrived before the start.
  // `out`: empty.
  void classify(const TrackingBatch& batch, std::span<const uint32_t> rows, ClassifiedRows& out);
  // Of a row that is rejected.
  Rejection rejection(const TrackingBatch& batch, size_t row) const;
  // Hash of everything of the row that can change the numbers, and of its id: equal rows, equal
  // hashes, in any process. XXH3 (64 bits) of nine words: the id, event time, job, publisher,
  // campaign, group and bid (0 where there is no value), and one of the kind and of what each of
  // these columns holds; then, as seeds of one another, of `ed` where it attributes, and of the
  // texts of unreadable values. Ledgers keep sums of it: another definition is another
  // kRowDigestNow.
  uint64_t row_hash(const TrackingBatch& batch, size_t row);
  const CountingOptions& options() const { return options_; }
  // What a source that is known already was started with.
  void start_at(int64_t us) { options_.start_at_us = us; }
  bool is_before_start(const RowId& id) const {
    return options_.start_at_us && is_version_1(id) && arrival_time_us(id) < *options_.start_at_us;
  }

 private:
  struct KindOfRow {
    EventKind kind = EventKind::kOther;
    // Of the text that tells it; KnownKinds::kTextsMax: none.
    uint8_t number = KnownKinds::kTextsMax;
  };
  struct Kinds {
    std::array<EventKind, kBlockRows> kind;
    std::array<uint8_t, kBlockRows> number;
  };
  struct Ids {
    int64_t job = 0;
    int64_t publisher = 0;
    bool has_job = false;
  };

  EventKind look_at_kind(const TrackingBatch& batch, const TrackingRow& row) const;
  KindOfRow kind_of(const TrackingBatch& batch, const TrackingRow& row);
  KindOfRow learn_kind(const TrackingBatch& batch, const TrackingRow& row,
                       const KnownKinds::Text& text);
  bool is_page_view(std::string_view ev) const;
  uint64_t hash_of(const TrackingBatch& batch, size_t row, EventKind kind) const;
  uint64_t hash_texts(const TrackingBatch& batch, size_t row, uint64_t hash) const;
  // As the columns say.
  static Ids ids_of(const TrackingRow& row);
  // What the columns do not say, the payload does. False: it is needed and cannot be read.
  bool read_payload(const TrackingBatch& batch, const TrackingRow& row, Ids& ids);
  bool has_usable_values(const TrackingRow& row) const;
  bool is_in_time(int64_t ts_us, const RowId& id) const;
  int64_t ts_max_us(const RowId& id) const;
  void sort_by_class(const TrackingBatch& batch, std::span<const uint32_t> rows, const Kinds& kinds,
                     ClassifiedRows& out);
  void fill_counted(const TrackingBatch& batch, std::span<const uint32_t> rows, CountedRows& out);

  CountingOptions options_;
  bool by_payload_ = false;
  // Bits of TrackingRow::statuses that the digest knows.
  uint32_t digest_statuses_ = 0;
  std::optional<int64_t> page_view_number_;
  KnownKinds known_kinds_;
  PayloadParser payload_;
};

}  // namespace hirestream
