#include "aggregation/row_classifier.h"

#include <xxhash.h>

#include <algorithm>
#include <array>

#include "model/decimal.h"
#include "model/text.h"

namespace hirestream {
namespace {

constexpr std::array<Column, 6> kValueColumns = {Column::kTs,          Column::kJobId,
                                                 Column::kPublisherId, Column::kCampaignId,
                                                 Column::kGroupId,     Column::kBid};

std::string_view reason_of(const TrackingBatch& batch, size_t row, Column column) {
  for (const auto& cell : batch.bad_cells(row)) {
    if (cell.column == column) {
      return cell.reason;
    }
  }
  return "unreadable";
}

RowVerdict rejected(std::string_view reason, Column column) {
  RowVerdict verdict;
  verdict.row_class = RowClass::kRejected;
  verdict.reason = reason;
  verdict.column = column;
  return verdict;
}

RowVerdict unreadable(const TrackingBatch& batch, size_t row, Column column) {
  return rejected(reason_of(batch, row, column), column);
}

int64_t value_or_zero(const TrackingBatch& batch, Column column, size_t row) {
  return batch.status(column, row) == CellStatus::kValue ? batch.integer(column, row) : 0;
}

// `ev` tells the kind only where custom_track does not.
bool has_unreadable_kind(const TrackingBatch& batch, size_t row) {
  const CellStatus track = batch.status(Column::kCustomTrack, row);
  return track == CellStatus::kBad ||
         (track == CellStatus::kNull && batch.status(Column::kEv, row) == CellStatus::kBad);
}

Measures measures_of(EventKind kind, int64_t bid_micros) {
  Measures measures;
  switch (kind) {
    case EventKind::kImpression:
      measures.impressions = 1;
      break;
    case EventKind::kClick:
      measures.clicks = 1;
      measures.bid_micros = bid_micros;
      break;
    case EventKind::kConversion:
      measures.conversions = 1;
      break;
    case EventKind::kQualified:
      measures.qualified = 1;
      break;
    case EventKind::kUnqualified:
      measures.unqualified = 1;
      break;
    case EventKind::kOther:
      break;
  }
  return measures;
}

}  // namespace

RowClassifier::RowClassifier(CountingOptions options)
    : options_(std::move(options)), page_view_number_(parse_integer(options_.kinds.page_view_ev)) {}

EventKind RowClassifier::kind_of(const TrackingBatch& batch, size_t row) const {
  if (batch.status(Column::kCustomTrack, row) == CellStatus::kValue) {
    const std::string_view track = batch.text(Column::kCustomTrack, row);
    for (const auto& [value, kind] : options_.kinds.kinds) {
      if (equal_without_case(value, track)) {
        return kind;
      }
    }
    return EventKind::kOther;
  }
  return batch.status(Column::kEv, row) == CellStatus::kValue &&
                 is_page_view(batch.text(Column::kEv, row))
             ? EventKind::kImpression
             : EventKind::kOther;
}

bool RowClassifier::is_page_view(std::string_view ev) const {
  return ev == options_.kinds.page_view_ev ||
         (page_view_number_ && parse_integer(ev) == page_view_number_);
}

RowVerdict RowClassifier::classify(const TrackingBatch& batch, size_t row) {
  const CellStatus id_status = batch.status(Column::kCreateTime, row);
  if (id_status != CellStatus::kValue) [[unlikely]] {
    return rejected(id_status == CellStatus::kNull ? "create_time_missing"
                                                   : reason_of(batch, row, Column::kCreateTime),
                    Column::kCreateTime);
  }
  if (has_unreadable_kind(batch, row)) [[unlikely]] {
    return unreadable(batch, row,
                      batch.status(Column::kCustomTrack, row) == CellStatus::kBad
                          ? Column::kCustomTrack
                          : Column::kEv);
  }
  RowVerdict verdict;
  verdict.kind = kind_of(batch, row);
  if (verdict.kind == EventKind::kOther) {
    return verdict;
  }
  for (const Column column : kValueColumns) {
    if (batch.status(column, row) == CellStatus::kBad) [[unlikely]] {
      return unreadable(batch, row, column);
    }
  }
  if (batch.status(Column::kTs, row) == CellStatus::kNull) [[unlikely]] {
    return rejected("ts_missing", Column::kTs);
  }
  const int64_t ts_us = batch.ts_us(row);
  if (ts_us < options_.ts_min_us) [[unlikely]] {
    return rejected("ts_too_old", Column::kTs);
  }
  constexpr int64_t kYear2200Us = 7'258'118'400'000'000;
  const RowId& id = batch.id(row);
  const int64_t ts_max_us =
      is_version_1(id) ? arrival_time_us(id) + options_.future_max_us : kYear2200Us;
  if (ts_us > std::min(ts_max_us, kYear2200Us)) [[unlikely]] {
    return rejected("ts_in_future", Column::kTs);
  }
  bool has_job = batch.status(Column::kJobId, row) == CellStatus::kValue;
  verdict.cell.job_id = value_or_zero(batch, Column::kJobId, row);
  verdict.cell.publisher_id = value_or_zero(batch, Column::kPublisherId, row);
  if (options_.attribution == Attribution::kPayload &&
      (!has_job || batch.status(Column::kPublisherId, row) != CellStatus::kValue) &&
      batch.status(Column::kEd, row) != CellStatus::kNull) {
    if (batch.status(Column::kEd, row) == CellStatus::kBad) [[unlikely]] {
      return unreadable(batch, row, Column::kEd);
    }
    const PayloadIds ids = payload_.parse(batch.text(Column::kEd, row));
    if (!has_job && ids.job_id) {
      verdict.cell.job_id = *ids.job_id;
      has_job = true;
    }
    if (batch.status(Column::kPublisherId, row) != CellStatus::kValue) {
      verdict.cell.publisher_id = ids.publisher_id.value_or(0);
    }
  }
  if (!has_job) {
    verdict.row_class = RowClass::kUnattributed;
    return verdict;
  }
  verdict.row_class = RowClass::kCounted;
  verdict.cell.campaign_id = value_or_zero(batch, Column::kCampaignId, row);
  verdict.cell.group_id = value_or_zero(batch, Column::kGroupId, row);
  verdict.cell.local_hour = options_.reporting_zone.local_hour(ts_us);
  verdict.measures = measures_of(verdict.kind, value_or_zero(batch, Column::kBid, row));
  return verdict;
}

uint64_t RowClassifier::row_hash(const TrackingBatch& batch, size_t row) const {
  struct Fixed {
    uint64_t id_high;
    uint64_t id_low;
    std::array<int64_t, 6> values;
    uint64_t kind_and_statuses;
  };
  static_assert(sizeof(Fixed) == 72, "no padding: its bytes are hashed");
  const bool payload = options_.attribution == Attribution::kPayload;
  Fixed fixed{};
  fixed.id_high = batch.id(row).high;
  fixed.id_low = batch.id(row).low;
  bool any_bad = false;
  uint64_t statuses = 0;
  const auto note = [&](CellStatus status) {
    statuses = statuses << 2 | static_cast<uint64_t>(status);
    any_bad = any_bad || status == CellStatus::kBad;
  };
  note(batch.status(Column::kCreateTime, row));
  for (size_t i = 0; i < kValueColumns.size(); ++i) {
    note(batch.status(kValueColumns[i], row));
    fixed.values[i] = value_or_zero(batch, kValueColumns[i], row);
  }
  note(payload ? batch.status(Column::kEd, row) : CellStatus::kNull);
  const bool unreadable = has_unreadable_kind(batch, row);
  any_bad = any_bad || unreadable;
  const auto kind = unreadable ? kEventKindCount : static_cast<size_t>(kind_of(batch, row));
  fixed.kind_and_statuses = statuses << 8 | kind;
  uint64_t hash = XXH3_64bits(&fixed, sizeof(fixed));
  const auto mix = [&hash](std::string_view text) {
    hash = XXH3_64bits_withSeed(text.data(), text.size(), hash);
  };
  if (payload) {
    mix(batch.text(Column::kEd, row));
  }
  if (any_bad) [[unlikely]] {
    for (const auto& cell : batch.bad_cells(row)) {
      if (cell.column != Column::kEd || payload) {
        mix(cell.text);
      }
    }
  }
  return hash;
}

}  // namespace hirestream
