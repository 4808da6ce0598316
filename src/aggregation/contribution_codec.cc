#include "aggregation/contribution_codec.h"

#include <array>
#include <cstdint>

#include "aggregation/sealed_bytes.h"

namespace hirestream {
namespace {

constexpr std::string_view kMagic = "HSC1";
constexpr const char* kContribution = "contribution";
constexpr size_t kCellSizeMin = 6;  // hour, four ids, mask: a byte each at least

using MeasureArray = std::array<int64_t, 6>;

MeasureArray to_array(const Measures& m) {
  return {m.impressions, m.clicks, m.conversions, m.qualified, m.unqualified, m.bid_micros};
}
Measures from_array(const MeasureArray& a) {
  return {a[0], a[1], a[2], a[3], a[4], a[5]};
}

Result<Contribution> decode_cells(std::string_view plain) {
  ByteReader reader(plain);
  const uint64_t count = reader.varint();
  if (reader.failed() || count > reader.left() / kCellSizeMin) {
    return damaged_blob(kContribution, "impossible cell count");
  }
  Contribution out;
  out.reserve(count);
  int64_t hour = 0;
  for (uint64_t i = 0; i < count; ++i) {
    Cell cell;
    const uint64_t hour_next =
        static_cast<uint64_t>(hour) + static_cast<uint64_t>(reader.signed_varint());
    hour = static_cast<int64_t>(hour_next);
    if (hour < INT32_MIN || hour > INT32_MAX) {
      return damaged_blob(kContribution, "hour out of range");
    }
    cell.key.local_hour = static_cast<int32_t>(hour);
    cell.key.job_id = reader.signed_varint();
    cell.key.publisher_id = reader.signed_varint();
    cell.key.campaign_id = reader.signed_varint();
    cell.key.group_id = reader.signed_varint();
    const uint8_t mask = reader.byte();
    MeasureArray measures{};
    bool as_encoded = mask >> measures.size() == 0;
    for (size_t m = 0; m < measures.size(); ++m) {
      if ((mask >> m & 1) != 0) {
        measures[m] = reader.signed_varint();
        as_encoded = as_encoded && measures[m] != 0;
      }
    }
    if (!as_encoded) {
      return damaged_blob(kContribution, "measures are not as they are encoded");
    }
    cell.measures = from_array(measures);
    out.push_back(cell);
  }
  if (reader.failed() || !reader.done() || !is_canonical(out)) {
    return damaged_blob(kContribution, "cells are truncated or out of order");
  }
  return out;
}

}  // namespace

std::string encode_contribution(const Contribution& contribution) {
  HIRESTREAM_CHECK(is_canonical(contribution));
  std::string plain;
  put_varint(plain, contribution.size());
  int64_t hour = 0;
  for (const Cell& cell : contribution) {
    put_signed_varint(plain, cell.key.local_hour - hour);
    hour = cell.key.local_hour;
    put_signed_varint(plain, cell.key.job_id);
    put_signed_varint(plain, cell.key.publisher_id);
    put_signed_varint(plain, cell.key.campaign_id);
    put_signed_varint(plain, cell.key.group_id);
    const MeasureArray measures = to_array(cell.measures);
    unsigned mask = 0;
    for (size_t m = 0; m < measures.size(); ++m) {
      mask |= measures[m] != 0 ? 1U << m : 0U;
    }
    plain += static_cast<char>(mask);
    for (const int64_t measure : measures) {
      if (measure != 0) {
        put_signed_varint(plain, measure);
      }
    }
  }
  return seal(kMagic, plain);
}

Result<Contribution> decode_contribution(std::string_view blob) {
  HIRESTREAM_ASSIGN(const std::string plain, unseal(kMagic, blob, kContribution));
  return decode_cells(plain);
}

}  // namespace hirestream
