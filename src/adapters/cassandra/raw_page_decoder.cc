#include "adapters/cassandra/raw_page_decoder.h"

#include <fmt/format.h>

#include <cmath>

#include "adapters/cassandra/tracking_types.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr size_t kLengthBytes = 4;

std::string_view as_text(std::span<const uint8_t> cell) {
  return {reinterpret_cast<const char*>(cell.data()), cell.size()};
}

// The functions below say whether the cell has a size its type can have.

bool decode_id(CqlType type, std::span<const uint8_t> cell, TrackingBatch& batch) {
  if (is_text(type)) {
    batch.set_id_text(as_text(cell));
    return true;
  }
  const auto id = read_uuid(cell);
  if (id) {
    batch.set_id(*id);
  }
  return id.has_value();
}

std::optional<std::string> date_text(CqlType type, std::span<const uint8_t> cell) {
  if (is_text(type)) {
    return std::string(as_text(cell));
  }
  const auto days = read_date(cell);
  return days ? std::optional(shown_date(*days)) : std::nullopt;
}

// `date` has no zone: it is midnight where texts without offset are.
bool decode_date(std::span<const uint8_t> cell, TrackingBatch& batch) {
  const auto text = date_text(CqlType::kDate, cell);
  if (text) {
    batch.set_ts_text(*text);
  }
  return text.has_value();
}

bool decode_time_of_day(CqlType type, std::span<const uint8_t> cell, std::string_view date,
                        TrackingBatch& batch) {
  const auto text =
      is_text(type) ? std::optional(std::string(as_text(cell))) : time_of_day_text(cell);
  if (text) {
    batch.set_ts_texts(date, *text);
  }
  return text.has_value();
}

bool decode_timestamp(std::span<const uint8_t> cell, TrackingBatch& batch) {
  const auto ms = read_int64(cell);
  if (!ms) {
    return false;
  }
  int64_t us = 0;
  if (__builtin_mul_overflow(*ms, 1000, &us)) [[unlikely]] {
    batch.set_ts_text(fmt::format("{} ms", *ms));
  } else {
    batch.set_ts_us(us);
  }
  return true;
}

bool decode_ts_number(CqlType type, std::span<const uint8_t> cell, TrackingBatch& batch) {
  const NumberCell number = read_number(type, cell);
  if (number.integer) {
    batch.set_ts_number(*number.integer);
  } else if (number.well_formed) {
    batch.set_ts_text(number.shown);
  }
  return number.well_formed;
}

bool decode_ts(CqlType type, std::span<const uint8_t> cell, TrackingBatch& batch) {
  switch (type) {
    case CqlType::kText:
    case CqlType::kAscii:
      batch.set_ts_text(as_text(cell));
      return true;
    case CqlType::kTimestamp:
      return decode_timestamp(cell, batch);
    case CqlType::kDate:
      return decode_date(cell, batch);
    default:
      return decode_ts_number(type, cell, batch);
  }
}

void set_unreadable(Column column, std::string_view shown, TrackingBatch& batch) {
  batch.set_bad(column, shown, fmt::format("{}_unreadable", column_name(column)));
}

bool decode_integer(Column column, CqlType type, std::span<const uint8_t> cell,
                    TrackingBatch& batch) {
  if (is_text(type)) {
    batch.set_integer_text(column, as_text(cell));
    return true;
  }
  if (type == CqlType::kInt) {
    const auto value = read_int32(cell);
    if (value) {
      batch.set_integer(column, *value);
    }
    return value.has_value();
  }
  const NumberCell number = read_number(type, cell);
  if (number.integer) {
    batch.set_integer(column, *number.integer);
  } else if (number.well_formed && !number.is_null) {
    set_unreadable(column, number.shown, batch);
  }
  return number.well_formed;
}

bool decode_number_as_text(Column column, CqlType type, std::span<const uint8_t> cell,
                           TrackingBatch& batch) {
  const NumberCell number = read_number(type, cell);
  if (number.integer) {
    const fmt::format_int digits(*number.integer);
    batch.set_text(column, {digits.data(), digits.size()});
  } else if (number.well_formed && !number.is_null) {
    set_unreadable(column, number.shown, batch);
  }
  return number.well_formed;
}

bool decode_text(Column column, CqlType type, std::span<const uint8_t> cell, TrackingBatch& batch) {
  if (is_text(type)) {
    batch.set_text(column, as_text(cell));
    return true;
  }
  return decode_number_as_text(column, type, cell, batch);
}

// The text is only needed of bids that are refused.
template <typename Show>
void set_bid(const BidResult& bid, TrackingBatch& batch, Show show) {
  batch.set_bid(bid, bid.error ? show() : std::string());
}

bool decode_decimal_bid(std::span<const uint8_t> unscaled, int32_t scale, TrackingBatch& batch) {
  set_bid(bid_from_decimal(unscaled, scale), batch, [&] { return shown_decimal(unscaled, scale); });
  return true;
}

bool decode_bid(CqlType type, std::span<const uint8_t> cell, TrackingBatch& batch) {
  switch (type) {
    case CqlType::kText:
    case CqlType::kAscii:
      batch.set_bid_text(as_text(cell));
      return true;
    case CqlType::kDecimal:
      return cell.size() > 4 &&
             decode_decimal_bid(cell.subspan(4), *read_int32(cell.first(4)), batch);
    case CqlType::kVarint:
      return decode_decimal_bid(cell, 0, batch);
    case CqlType::kFloat: {
      const auto value = read_float(cell);
      if (value && !std::isnan(*value)) {
        set_bid(bid_from_float(*value), batch, [&] { return fmt::format("{}", *value); });
      }
      return value.has_value();
    }
    case CqlType::kDouble: {
      const auto value = read_double(cell);
      if (value && !std::isnan(*value)) {
        set_bid(bid_from_double(*value), batch, [&] { return fmt::format("{}", *value); });
      }
      return value.has_value();
    }
    default: {
      const IntegerCell integer = read_integer(type, cell);
      if (integer.value) {
        set_bid(bid_from_int(*integer.value), batch,
                [&] { return fmt::format("{}", *integer.value); });
      }
      return integer.well_formed;
    }
  }
}

bool decode_cell(Column column, CqlType type, std::span<const uint8_t> cell, TrackingBatch& batch) {
  switch (column) {
    case Column::kCreateTime:
      return decode_id(type, cell, batch);
    case Column::kTs:
      return decode_ts(type, cell, batch);
    case Column::kJobId:
    case Column::kPublisherId:
    case Column::kCampaignId:
    case Column::kGroupId:
      return decode_integer(column, type, cell, batch);
    case Column::kBid:
      return decode_bid(type, cell, batch);
    case Column::kCustomTrack:
    case Column::kEv:
    case Column::kEd:
      return decode_text(column, type, cell, batch);
  }
  return false;
}

template <Column kColumn>
bool decode_column(CqlType type, std::span<const uint8_t> cell, TrackingBatch& batch) {
  return decode_cell(kColumn, type, cell, batch);
}

template <Column kColumn, CqlType kType>
bool decode_column_of(CqlType /*type*/, std::span<const uint8_t> cell, TrackingBatch& batch) {
  return decode_cell(kColumn, kType, cell, batch);
}

// The types that most tables have are decoded by functions that need not ask for them.
template <Column kColumn>
RawPageDecoder::DecodeCell decoder_of(CqlType type) {
  switch (type) {
    case CqlType::kText:
      return decode_column_of<kColumn, CqlType::kText>;
    case CqlType::kTimeuuid:
      return decode_column_of<kColumn, CqlType::kTimeuuid>;
    case CqlType::kTimestamp:
      return decode_column_of<kColumn, CqlType::kTimestamp>;
    case CqlType::kInt:
      return decode_column_of<kColumn, CqlType::kInt>;
    case CqlType::kDouble:
      return decode_column_of<kColumn, CqlType::kDouble>;
    default:
      return decode_column<kColumn>;
  }
}

RawPageDecoder::DecodeCell decoder_of(Column column, CqlType type) {
  switch (column) {
    case Column::kCreateTime:
      return decoder_of<Column::kCreateTime>(type);
    case Column::kTs:
      return decoder_of<Column::kTs>(type);
    case Column::kJobId:
      return decoder_of<Column::kJobId>(type);
    case Column::kPublisherId:
      return decoder_of<Column::kPublisherId>(type);
    case Column::kCampaignId:
      return decoder_of<Column::kCampaignId>(type);
    case Column::kGroupId:
      return decoder_of<Column::kGroupId>(type);
    case Column::kBid:
      return decoder_of<Column::kBid>(type);
    case Column::kCustomTrack:
      return decoder_of<Column::kCustomTrack>(type);
    case Column::kEv:
      return decoder_of<Column::kEv>(type);
    case Column::kEd:
      return decoder_of<Column::kEd>(type);
  }
  return nullptr;
}

}  // namespace

Result<RawPageDecoder> RawPageDecoder::make(
    const std::string& table, std::span<const std::pair<std::string, CqlType>> columns,
    const ReadingRules& rules, bool id_is_key) {
  std::vector<Step> steps;
  for (const auto& [name, type] : columns) {
    if (!rules.time_of_day.empty() && rules.time_of_day == name) {
      HIRESTREAM_CHECK(!steps.empty() && steps.back().column == Column::kTs);
      Step& date = steps.back();
      HIRESTREAM_TRY(check_time_types(table, cql_type_name(date.type), cql_type_name(type)));
      date.part = Part::kDate;
      steps.push_back({Column::kTs, type, nullptr, Part::kTimeOfDay});
      continue;
    }
    bool known = false;
    for (const Column column : kAllColumns) {
      if (rules.name(column) == name) {
        if (column != Column::kTs || rules.time_of_day.empty()) {
          HIRESTREAM_TRY(check_tracking_type(table, column, cql_type_name(type)));
        }
        steps.push_back({column, type, decoder_of(column, type)});
        known = true;
      }
    }
    if (!known) {
      return fail(ErrorKind::kBug, "decode pages", table,
                  fmt::format("column {} is not one of the tracking columns", name));
    }
  }
  return RawPageDecoder(table, std::move(steps), id_is_key);
}

bool RawPageDecoder::decode_part(const Step& step, std::span<const uint8_t> cell, std::string& date,
                                 TrackingBatch& batch) {
  if (step.part == Part::kTimeOfDay) {
    return decode_time_of_day(step.type, cell, date, batch);
  }
  const auto text = date_text(step.type, cell);
  date = text.value_or("");
  return text.has_value();
}

Result<void> RawPageDecoder::decode(std::span<const uint8_t> rows, size_t row_count,
                                    TrackingBatch& batch) const {
  const auto malformed = [&](size_t row, const Step& step, std::string_view what) {
    return fail(
        ErrorKind::kTransient, "decode page", table_,
        fmt::format("row {} of {}, column {}: {}", row, row_count, column_name(step.column), what));
  };
  if (rows.empty()) {
    for (size_t row = 0; row < row_count && !id_is_key_; ++row) {
      batch.add_row();
    }
    return {};
  }
  // What is not checked below is not read.
  const uint8_t* at = rows.data();
  const uint8_t* const end = at + rows.size();
  const auto left = [&] { return static_cast<size_t>(end - at); };
  const auto length_here = [&] { return static_cast<int32_t>(read_big_endian_32(at)); };
  const bool may_skip = id_is_key_ && steps_.front().column == Column::kCreateTime;
  std::string date;
  for (size_t row = 0; row < row_count; ++row) {
    const bool skipped = may_skip && left() >= kLengthBytes && length_here() < 0;
    if (!skipped) {
      batch.add_row();
    }
    date.clear();
    for (const Step& step : steps_) {
      if (left() < kLengthBytes) {
        return malformed(row, step, "the page ends within a length");
      }
      const int32_t length = length_here();
      at += kLengthBytes;
      if (length <= 0) {
        continue;
      }
      const auto size = static_cast<size_t>(length);
      if (size > left()) {
        return malformed(row, step, "the page ends within a value");
      }
      const std::span<const uint8_t> cell(at, size);
      at += size;
      if (!skipped && !(step.part == Part::kWhole ? step.decode(step.type, cell, batch)
                                                  : decode_part(step, cell, date, batch))) {
        return malformed(row, step,
                         fmt::format("{} bytes are no {}", size, cql_type_name(step.type)));
      }
    }
  }
  if (at != end) {
    return fail(ErrorKind::kTransient, "decode page", table_,
                fmt::format("{} bytes are left after {} rows", left(), row_count));
  }
  return {};
}

}  // namespace hirestream
