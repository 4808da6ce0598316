#include "aggregation/row_classifier.h"

// 18 % of the whole for few cells: the digest of a row without a call.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <concepts>

#include "model/decimal.h"
#include "model/text.h"

namespace hirestream {
namespace {

// All are evaluated, and none is a branch: what rows are is mixed.
template <std::same_as<bool>... Conditions>
constexpr bool all_of(Conditions... conditions) {
  return (static_cast<unsigned>(conditions) & ...) != 0;
}

std::string_view reason_of(const TrackingBatch& batch, size_t row, Column column) {
  for (const auto& cell : batch.bad_cells(row)) {
    if (cell.column == column) {
      return cell.reason;
    }
  }
  return "unreadable";
}

// Bits of TrackingRow::statuses.
constexpr uint32_t status_bits(Column column, CellStatus status) {
  return static_cast<uint32_t>(status) << TrackingRow::status_shift(column);
}

// The lowest bit of what tells the kind; nothing lies above.
constexpr uint32_t kKindStatus = status_bits(Column::kCustomTrack, CellStatus::kValue);

constexpr uint32_t kBadValues = [] {
  uint32_t bits = 0;
  for (const Column column : kValueColumns) {
    bits |= status_bits(column, CellStatus::kBad);
  }
  return bits;
}();

// `ev` tells the kind only where custom_track does not. A table by the statuses of both, which lie
// side by side.
constexpr uint32_t kUnreadableKinds = [] {
  uint32_t table = 0;
  for (const CellStatus ev : {CellStatus::kNull, CellStatus::kValue, CellStatus::kBad}) {
    table |=
        1U << (status_bits(Column::kCustomTrack, CellStatus::kBad) | status_bits(Column::kEv, ev)) /
                  kKindStatus;
  }
  return table | 1U << status_bits(Column::kEv, CellStatus::kBad) / kKindStatus;
}();

bool has_unreadable_kind(const TrackingRow& row) {
  return (kUnreadableKinds >> (row.statuses / kKindStatus) & 1) != 0;
}

bool has_id_and_kind(const TrackingRow& row) {
  return all_of(row.status(Column::kCreateTime) == CellStatus::kValue, !has_unreadable_kind(row));
}

// As sums, since a branch could not be foretold: real rows change all the time.
KindText kind_text_of(const TrackingRow& row) {
  static_assert(static_cast<int>(Column::kEv) == static_cast<int>(Column::kCustomTrack) + 1);
  const auto is_ev = static_cast<int>(row.status(Column::kCustomTrack) != CellStatus::kValue);
  const auto column = static_cast<Column>(static_cast<int>(Column::kCustomTrack) + is_ev);
  return static_cast<KindText>(2 * static_cast<int>(TrackingBatch::known_number(row.text(column))) +
                               is_ev);
}

// Rows that lie in memory and not in a cache are asked for so many rows before their turn.
constexpr size_t kRowsAhead = 32;

void fetch(const TrackingRow& row) {
  __builtin_prefetch(&row.id);
  __builtin_prefetch(&row.statuses);
}

constexpr uint32_t kBadAnywhere = 0xAAAAAAAA;
constexpr int64_t kYear2200Us = 7'258'118'400'000'000;

}  // namespace

RowClassifier::RowClassifier(CountingOptions options)
    : options_(std::move(options)),
      by_payload_(options_.attribution == Attribution::kPayload),
      digest_statuses_(by_payload_ ? 0xFFFF : 0xFFFC),
      page_view_number_(parse_integer(options_.kinds.page_view_ev)) {}

EventKind RowClassifier::kind_of_track(std::string_view track) const {
  for (const auto& [value, kind] : options_.kinds.kinds) {
    if (equal_without_case(value, track)) {
      return kind;
    }
  }
  return EventKind::kOther;
}

EventKind RowClassifier::kind_of_ev(std::string_view ev) const {
  const bool is_page_view = ev == options_.kinds.page_view_ev ||
                            (page_view_number_ && parse_integer(ev) == page_view_number_);
  return is_page_view ? EventKind::kImpression : EventKind::kOther;
}

void RowClassifier::learn_kinds(const TrackingBatch& batch) {
  const std::span<const KnownTexts::Text> texts = batch.known_texts().all();
  if (texts.size() <= known_kinds_.size &&
      std::equal(texts.begin(), texts.end(), known_kinds_.texts.begin())) [[likely]] {
    return;
  }
  known_kinds_.size = texts.size();
  std::ranges::copy(texts, known_kinds_.texts.begin());
  known_kinds_.kinds.fill(KnownKinds::kUnknown);
  // No value, no kind.
  known_kinds_.kinds[0] = static_cast<uint8_t>(EventKind::kOther);
  known_kinds_.kinds[1] = static_cast<uint8_t>(EventKind::kOther);
  for (size_t number = 1; number < texts.size(); ++number) {
    const std::string_view text = batch.known_text(number);
    known_kinds_.kinds[2 * number] = static_cast<uint8_t>(kind_of_track(text));
    known_kinds_.kinds[2 * number + 1] = static_cast<uint8_t>(kind_of_ev(text));
  }
}

inline EventKind RowClassifier::kind_of(const TrackingBatch& batch, const TrackingRow& row,
                                        KindText text) const {
  const uint8_t known = known_kinds_.kinds[text];
  return known != KnownKinds::kUnknown ? static_cast<EventKind>(known)
                                       : kind_of_unknown(batch, row);
}

EventKind RowClassifier::kind_of_unknown(const TrackingBatch& batch, const TrackingRow& row) const {
  return row.status(Column::kCustomTrack) == CellStatus::kValue
             ? kind_of_track(batch.text(row.text(Column::kCustomTrack)))
             : kind_of_ev(batch.text(row.text(Column::kEv)));
}

void RowClassifier::classify(const TrackingBatch& batch, std::span<const uint32_t> rows,
                             ClassifiedRows& out) {
  HIRESTREAM_CHECK(rows.size() <= kBlockRows);
  std::array<uint32_t, kBlockRows> arrived;
  if (options_.start_at_us) {
    const auto end = std::ranges::copy_if(rows, arrived.begin(), [&](uint32_t row) {
                       return !is_before_start(batch.id(row));
                     }).out;
    rows = {arrived.begin(), end};
  }
  Kinds kinds;
  out.digest = {static_cast<int64_t>(rows.size()), look_at_kinds(batch, rows, kinds)};
  const CountedPlaces counted = by_payload_ ? sort_by_class<true>(batch, rows, kinds, out)
                                            : sort_by_class<false>(batch, rows, kinds, out);
  fill_counted(batch, counted, out.counted);
}

// Two loops: all that is done with a row does not fit into the registers.
uint64_t RowClassifier::look_at_kinds(const TrackingBatch& batch, std::span<const uint32_t> rows,
                                      Kinds& kinds) {
  learn_kinds(batch);
  const std::span<const TrackingRow> all = batch.all_rows();
  uint64_t hash = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i + kRowsAhead < rows.size()) {
      fetch(all[rows[i + kRowsAhead]]);
    }
    const TrackingRow& row = all[rows[i]];
    kinds.text[i] = kind_text_of(row);
    kinds.kind[i] = kind_of(batch, row, kinds.text[i]);
    hash += by_payload_ || (row.statuses & kBadAnywhere) != 0
                ? hash_with_texts(batch, rows[i], kinds.kind[i])
                : hash_of_values(row, static_cast<size_t>(kinds.kind[i]));
  }
  return hash;
}

// Every row is written to the lists of counted and of not counted ones and stays in one at most: a
// branch on a row's class could not be foretold. What is unreadable or rejected is rare.
template <bool kByPayload>
RowClassifier::CountedPlaces RowClassifier::sort_by_class(const TrackingBatch& batch,
                                                          std::span<const uint32_t> rows,
                                                          const Kinds& kinds, ClassifiedRows& out) {
  const std::span<const TrackingRow> all = batch.all_rows();
  CountedPlaces counted;
  size_t other_size = 0;
  size_t not_counted_size = 0;
  size_t rejected_size = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const TrackingRow& row = all[rows[i]];
    const bool has_kind = has_id_and_kind(row);
    const bool is_other = all_of(has_kind, kinds.kind[i] == EventKind::kOther);
    bool is_usable = all_of(has_kind, !is_other, has_usable_values(row));
    bool has_job = row.status(Column::kJobId) == CellStatus::kValue;
    if constexpr (kByPayload) {
      Ids ids = ids_of(row);
      is_usable = is_usable && read_payload(batch, row, ids);
      has_job = ids.has_job;
      out.counted.job_id[counted.size] = ids.job;
      out.counted.publisher_id[counted.size] = ids.publisher;
    }
    counted.row[counted.size] = rows[i];
    out.counted.kind[counted.size] = kinds.kind[i];
    counted.size += all_of(is_usable, has_job);

    out.not_counted.row[not_counted_size] = rows[i];
    out.not_counted.group[not_counted_size] = NotCountedRows::group_of(kinds.text[i], is_other);
    not_counted_size += is_other | (is_usable & !has_job);
    other_size += is_other;

    if (!is_usable && !is_other) [[unlikely]] {
      out.rejected.row[rejected_size++] = rows[i];
    }
  }
  out.not_counted.size = not_counted_size;
  out.rejected.size = rejected_size;
  out.classes.counted = static_cast<int64_t>(counted.size);
  out.classes.rejected = static_cast<int64_t>(rejected_size);
  out.classes.other = static_cast<int64_t>(other_size);
  out.classes.unattributed = static_cast<int64_t>(not_counted_size - other_size);
  return counted;
}

void RowClassifier::fill_counted(const TrackingBatch& batch, const CountedPlaces& rows,
                                 CountedRows& out) {
  for (size_t i = 0; i < rows.size; ++i) {
    const TrackingRow& row = batch.row(rows.row[i]);
    if (!by_payload_) {
      out.job_id[i] = row.value(Column::kJobId);
      out.publisher_id[i] = row.value(Column::kPublisherId);
    }
    out.local_hour[i] = options_.reporting_zone.local_hour(row.value(Column::kTs));
    out.campaign_id[i] = row.value(Column::kCampaignId);
    out.group_id[i] = row.value(Column::kGroupId);
    out.bid_micros[i] = out.kind[i] == EventKind::kClick ? row.value(Column::kBid) : 0;
  }
  out.size = rows.size;
}

bool RowClassifier::has_usable_values(const TrackingRow& row) const {
  constexpr uint32_t kLookedAt = kBadValues | status_bits(Column::kTs, CellStatus::kValue);
  const int64_t ts_us = row.value(Column::kTs);
  return all_of((row.statuses & kLookedAt) == status_bits(Column::kTs, CellStatus::kValue),
                ts_us >= options_.ts_min_us, ts_us <= kYear2200Us, is_in_time(ts_us, row.id));
}

// Of ids that tell their arrival: as `ts_us <= arrival_time_us(id) + future_max_us`, but without a
// division. Right for a ts_us within the bounds that do not depend on the id, any bool for others.
bool RowClassifier::is_in_time(int64_t ts_us, const RowId& id) const {
  const auto beyond = static_cast<uint64_t>(ts_us) - static_cast<uint64_t>(options_.future_max_us);
  const bool in_time = static_cast<int64_t>(beyond * 10) <= arrival_ticks(id);
  return (static_cast<unsigned>(in_time) | static_cast<unsigned>(!is_version_1(id))) != 0;
}

int64_t RowClassifier::ts_max_us(const RowId& id) const {
  const int64_t max = arrival_time_us(id) + options_.future_max_us;
  return is_version_1(id) ? std::min(max, kYear2200Us) : kYear2200Us;
}

RowClassifier::Ids RowClassifier::ids_of(const TrackingRow& row) {
  return {row.value(Column::kJobId), row.value(Column::kPublisherId),
          row.status(Column::kJobId) == CellStatus::kValue};
}

bool RowClassifier::read_payload(const TrackingBatch& batch, const TrackingRow& row, Ids& ids) {
  const CellStatus payload = row.status(Column::kEd);
  const bool has_publisher = row.status(Column::kPublisherId) == CellStatus::kValue;
  if ((ids.has_job && has_publisher) || payload == CellStatus::kNull) {
    return true;
  }
  if (payload == CellStatus::kBad) {
    return false;
  }
  const PayloadIds found = payload_.parse(batch.text(row.text(Column::kEd)));
  if (!ids.has_job && found.job_id) {
    ids.job = *found.job_id;
    ids.has_job = true;
  }
  if (!has_publisher) {
    ids.publisher = found.publisher_id.value_or(0);
  }
  return true;
}

Rejection RowClassifier::rejection(const TrackingBatch& batch, size_t row) const {
  const auto unreadable = [&](Column column) {
    return Rejection{reason_of(batch, row, column), column};
  };
  const TrackingRow& values = batch.row(row);
  if (values.status(Column::kCreateTime) != CellStatus::kValue) {
    return values.status(Column::kCreateTime) == CellStatus::kNull
               ? Rejection{"create_time_missing", Column::kCreateTime}
               : unreadable(Column::kCreateTime);
  }
  if (has_unreadable_kind(values)) {
    return unreadable(values.status(Column::kCustomTrack) == CellStatus::kBad ? Column::kCustomTrack
                                                                              : Column::kEv);
  }
  for (const Column column : kValueColumns) {
    if (values.status(column) == CellStatus::kBad) {
      return unreadable(column);
    }
  }
  if (values.status(Column::kTs) == CellStatus::kNull) {
    return {"ts_missing", Column::kTs};
  }
  if (values.value(Column::kTs) < options_.ts_min_us) {
    return {"ts_too_old", Column::kTs};
  }
  if (values.value(Column::kTs) > ts_max_us(values.id)) {
    return {"ts_in_future", Column::kTs};
  }
  return unreadable(Column::kEd);
}

uint64_t RowClassifier::row_hash(const TrackingBatch& batch, size_t row) {
  learn_kinds(batch);
  const TrackingRow& values = batch.row(row);
  return hash_with_texts(batch, row, kind_of(batch, values, kind_text_of(values)));
}

[[gnu::always_inline]] inline uint64_t RowClassifier::hash_of_values(const TrackingRow& row,
                                                                     size_t kind_number) const {
  struct Fixed {
    RowId id;
    std::array<int64_t, kValueColumns.size()> values;
    uint64_t kind_and_statuses;
  };
  static_assert(sizeof(Fixed) == 72, "no padding: its bytes are hashed");
  const Fixed fixed = {row.id, row.values,
                       uint64_t{row.statuses & digest_statuses_} << 8 | kind_number};
  return XXH3_64bits(&fixed, sizeof(fixed));
}

uint64_t RowClassifier::hash_with_texts(const TrackingBatch& batch, size_t row,
                                        EventKind kind) const {
  const TrackingRow& values = batch.row(row);
  const bool has_kind = !has_unreadable_kind(values);
  uint64_t hash = hash_of_values(values, has_kind ? static_cast<size_t>(kind) : kEventKindCount);
  const auto mix = [&hash](std::string_view text) {
    hash = XXH3_64bits_withSeed(text.data(), text.size(), hash);
  };
  if (by_payload_) {
    mix(batch.text(Column::kEd, row));
  }
  if ((values.statuses & digest_statuses_ & kBadAnywhere) != 0 || !has_kind) {
    for (const auto& cell : batch.bad_cells(row)) {
      if (cell.column != Column::kEd || by_payload_) {
        mix(cell.text);
      }
    }
  }
  return hash;
}

}  // namespace hirestream
