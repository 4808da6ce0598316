// What raw rows count as. Every row ends in exactly one class, tried in this order: rejected when
// create_time is missing, or it or what tells the kind is unreadable; other when its kind is not
// counted; rejected when any value the kernel uses is unreadable, or ts is missing or out of its
// bounds; unattributed when it has no job; counted. Not thread-safe (time zone cache, JSON parser,
// kinds of known texts). Allocates nothing.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "aggregation/classified_rows.h"
#include "aggregation/counting_options.h"
#include "aggregation/payload.h"
#include "model/contribution.h"
#include "model/known_texts.h"
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
  struct Kinds {
    std::array<EventKind, kBlockRows> kind;
    std::array<KindText, kBlockRows> text;
  };
  // Numbers in the batch of rows that count.
  struct CountedPlaces {
    size_t size = 0;
    std::array<uint32_t, kBlockRows> row;
  };
  // Kinds of the texts that a batch knows, each looked at once. A batch may know others than the
  // one before, so the texts are compared.
  struct KnownKinds {
    size_t size = 0;
    std::array<KnownTexts::Text, KnownTexts::kMax> texts;
    // An EventKind by KindText.
    static constexpr uint8_t kUnknown = kEventKindCount;
    std::array<uint8_t, 2 * (KnownTexts::kMax + 1)> kinds;
  };
  struct Ids {
    int64_t job = 0;
    int64_t publisher = 0;
    bool has_job = false;
  };

  EventKind kind_of_track(std::string_view track) const;
  EventKind kind_of_ev(std::string_view ev) const;
  void learn_kinds(const TrackingBatch& batch);
  // After learn_kinds().
  EventKind kind_of(const TrackingBatch& batch, const TrackingRow& row, KindText text) const;
  EventKind kind_of_unknown(const TrackingBatch& batch, const TrackingRow& row) const;
  // The digest of a row by columns that has nothing unreadable; the first step of others.
  uint64_t hash_of_values(const TrackingRow& row, size_t kind_number) const;
  uint64_t hash_with_texts(const TrackingBatch& batch, size_t row, EventKind kind) const;
  // As the columns say.
  static Ids ids_of(const TrackingRow& row);
  // What the columns do not say, the payload does. False: it is needed and cannot be read.
  bool read_payload(const TrackingBatch& batch, const TrackingRow& row, Ids& ids);
  bool has_usable_values(const TrackingRow& row) const;
  bool is_in_time(int64_t ts_us, const RowId& id) const;
  int64_t ts_max_us(const RowId& id) const;
  // The sum of the rows' digests.
  uint64_t look_at_kinds(const TrackingBatch& batch, std::span<const uint32_t> rows, Kinds& kinds);
  // All of `out` but its digest and what fill_counted() adds.
  template <bool kByPayload>
  CountedPlaces sort_by_class(const TrackingBatch& batch, std::span<const uint32_t> rows,
                              const Kinds& kinds, ClassifiedRows& out);
  void fill_counted(const TrackingBatch& batch, const CountedPlaces& rows, CountedRows& out);

  CountingOptions options_;
  bool by_payload_ = false;
  // Bits of TrackingRow::statuses that the digest knows.
  uint32_t digest_statuses_ = 0;
  std::optional<int64_t> page_view_number_;
  KnownKinds known_kinds_;
  PayloadParser payload_;
};

}  // namespace hirestream
