#include "adapters/cassandra/cql_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "model/floor_divide.h"
#include "model/text.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr std::array<std::pair<std::string_view, CqlType>, 17> kTypeNames = {{
    {"ascii", CqlType::kAscii},
    {"bigint", CqlType::kBigint},
    {"boolean", CqlType::kBoolean},
    {"date", CqlType::kDate},
    {"decimal", CqlType::kDecimal},
    {"double", CqlType::kDouble},
    {"float", CqlType::kFloat},
    {"int", CqlType::kInt},
    {"smallint", CqlType::kSmallint},
    {"text", CqlType::kText},
    {"varchar", CqlType::kText},
    {"time", CqlType::kTime},
    {"timestamp", CqlType::kTimestamp},
    {"timeuuid", CqlType::kTimeuuid},
    {"tinyint", CqlType::kTinyint},
    {"uuid", CqlType::kUuid},
    {"varint", CqlType::kVarint},
}};

constexpr int64_t kMicrosOfDay = 86'400'000'000;
constexpr int64_t kNanosOfSecond = 1'000'000'000;
// A date is the number of days since 1970-01-01, plus this.
constexpr int64_t kDateOffset = int64_t{1} << 31;
// From 1970 on or back: beyond it a year has more than four digits.
constexpr int64_t kDaysShown = 719'000;

uint64_t read_unsigned(std::span<const uint8_t> cell) {
  uint64_t value = 0;
  for (const uint8_t byte : cell) {
    value = value << 8 | byte;
  }
  return value;
}

// Two's complement of 1 to 8 bytes.
int64_t read_signed(std::span<const uint8_t> cell) {
  const uint64_t value = read_unsigned(cell);
  const size_t unused_bits = 64 - 8 * cell.size();
  return static_cast<int64_t>(value << unused_bits) >> unused_bits;
}

// Bytes that only repeat the sign carry nothing.
std::span<const uint8_t> without_sign_bytes(std::span<const uint8_t> cell) {
  while (cell.size() > 1 &&
         ((cell[0] == 0x00 && cell[1] < 0x80) || (cell[0] == 0xFF && cell[1] >= 0x80))) {
    cell = cell.subspan(1);
  }
  return cell;
}

void append_bytes(uint64_t value, size_t size, std::string& out) {
  for (size_t i = size; i-- > 0;) {
    out += static_cast<char>(value >> (8 * i));
  }
}

void append_varint(int64_t value, std::string& out) {
  size_t size = 1;
  while (size < 8 && (value >> (8 * size - 1)) != 0 && (value >> (8 * size - 1)) != -1) {
    ++size;
  }
  append_bytes(static_cast<uint64_t>(value), size, out);
}

template <typename T>
bool fits(int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

template <typename T>
std::optional<T> parse_floating(std::string_view text) {
  text = trim(text);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// [sign] digits [. digits] [e exponent], at most 18 significant digits.
bool append_decimal(std::string_view text, std::string& out) {
  text = trim(text);
  int64_t scale = 0;
  if (const size_t e = text.find_first_of("eE"); e != text.npos) {
    std::string_view exponent = text.substr(e + 1);
    if (exponent.starts_with('+')) {
      exponent.remove_prefix(1);
    }
    const auto [end, error] =
        std::from_chars(exponent.data(), exponent.data() + exponent.size(), scale);
    if (error != std::errc{} || end != exponent.data() + exponent.size() || scale > 1000 ||
        scale < -1000) {
      return false;
    }
    scale = -scale;
    text = text.substr(0, e);
  }
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  int64_t unscaled = 0;
  bool digit_seen = false;
  bool point_seen = false;
  for (const char c : text) {
    if (c == '.' && !point_seen) {
      point_seen = true;
    } else if (c >= '0' && c <= '9' && unscaled < 100'000'000'000'000'000) {
      unscaled = unscaled * 10 + (c - '0');
      digit_seen = true;
      scale += point_seen ? 1 : 0;
    } else {
      return false;
    }
  }
  if (!digit_seen) {
    return false;
  }
  append_int32(static_cast<int32_t>(scale), out);
  append_varint(negative ? -unscaled : unscaled, out);
  return true;
}

bool append_boolean(std::string_view text, std::string& out) {
  text = trim(text);
  const bool yes = text == "true" || text == "True" || text == "1";
  if (!yes && text != "false" && text != "False" && text != "0") {
    return false;
  }
  out += yes ? '\1' : '\0';
  return true;
}

std::optional<std::string> append_timestamp(std::string_view text, TimeZone& zone,
                                            std::string& out) {
  const auto parsed = parse_timestamp(text);
  if (!parsed) {
    return "is no timestamp (YYYY-MM-DD HH:MM:SS[.fff])";
  }
  const int64_t us = parsed->has_offset ? parsed->us : zone.to_utc(parsed->us);
  append_int64(us >= 0 ? us / 1000 : (us - 999) / 1000, out);
  return std::nullopt;
}

// In any zone: only the civil date counts.
std::optional<std::string> append_date(std::string_view text, std::string& out) {
  const auto parsed = parse_timestamp(text);
  if (!parsed) {
    return "is no date (YYYY-MM-DD)";
  }
  append_date_cell(floor_divide(parsed->us, kMicrosOfDay), out);
  return std::nullopt;
}

// Doubles beyond it leave out whole numbers: nobody knows which one was meant.
constexpr double kExactMax = 9'007'199'254'740'992.0;

NumberCell number_of(double value, std::string shown) {
  if (std::isnan(value)) {
    return {.well_formed = true, .is_null = true};
  }
  if (std::abs(value) <= kExactMax && std::trunc(value) == value) {
    return {.well_formed = true, .integer = static_cast<int64_t>(value)};
  }
  return {.well_formed = true, .shown = std::move(shown)};
}

std::optional<int64_t> exact_integer(int64_t unscaled, int32_t scale) {
  for (; scale > 0 && unscaled != 0; --scale) {
    if (unscaled % 10 != 0) {
      return std::nullopt;
    }
    unscaled /= 10;
  }
  for (; scale < 0 && unscaled != 0; ++scale) {
    if (__builtin_mul_overflow(unscaled, 10, &unscaled)) {
      return std::nullopt;
    }
  }
  return unscaled;
}

NumberCell read_decimal(std::span<const uint8_t> cell) {
  if (cell.size() <= 4) {
    return {};
  }
  const int32_t scale = *read_int32(cell.first(4));
  const std::span<const uint8_t> unscaled = cell.subspan(4);
  const IntegerCell digits = read_integer(CqlType::kVarint, unscaled);
  const auto integer = digits.value ? exact_integer(*digits.value, scale) : std::nullopt;
  return {.well_formed = true,
          .integer = integer,
          .shown = integer ? std::string() : shown_decimal(unscaled, scale)};
}

}  // namespace

CqlType cql_type_from_name(std::string_view name) {
  for (const auto& [known, type] : kTypeNames) {
    if (known == name) {
      return type;
    }
  }
  return CqlType::kOther;
}

std::string_view cql_type_name(CqlType type) {
  for (const auto& [name, known] : kTypeNames) {
    if (known == type) {
      return name;
    }
  }
  return "other";
}

bool is_integer(CqlType type) {
  return type == CqlType::kInt || type == CqlType::kBigint || type == CqlType::kSmallint ||
         type == CqlType::kTinyint || type == CqlType::kVarint;
}

bool is_number(CqlType type) {
  return is_integer(type) || type == CqlType::kFloat || type == CqlType::kDouble ||
         type == CqlType::kDecimal;
}

bool is_uuid(CqlType type) {
  return type == CqlType::kTimeuuid || type == CqlType::kUuid;
}

IntegerCell read_integer(CqlType type, std::span<const uint8_t> cell) {
  size_t size = 0;
  switch (type) {
    case CqlType::kTinyint:
      size = 1;
      break;
    case CqlType::kSmallint:
      size = 2;
      break;
    case CqlType::kInt:
      size = 4;
      break;
    case CqlType::kBigint:
      size = 8;
      break;
    case CqlType::kVarint:
      if (cell.empty()) {
        return {};
      }
      cell = without_sign_bytes(cell);
      if (cell.size() > 8) {
        return {true, std::nullopt};
      }
      size = cell.size();
      break;
    default:
      return {};
  }
  if (cell.size() != size) {
    return {};
  }
  return {true, read_signed(cell)};
}

std::optional<float> read_float(std::span<const uint8_t> cell) {
  if (cell.size() != 4) {
    return std::nullopt;
  }
  return std::bit_cast<float>(static_cast<uint32_t>(read_unsigned(cell)));
}

std::optional<double> read_double(std::span<const uint8_t> cell) {
  if (cell.size() != 8) {
    return std::nullopt;
  }
  return std::bit_cast<double>(read_unsigned(cell));
}

std::string shown_integer(std::span<const uint8_t> cell) {
  return fmt::format("0x{:02x}", fmt::join(cell, ""));
}

std::string shown_decimal(std::span<const uint8_t> unscaled, int32_t scale) {
  const IntegerCell integer = read_integer(CqlType::kVarint, unscaled);
  return integer.value ? fmt::format("{}E{}", *integer.value, -int64_t{scale})
                       : fmt::format("{}E{}", shown_integer(unscaled), -int64_t{scale});
}

NumberCell read_number(CqlType type, std::span<const uint8_t> cell) {
  if (type == CqlType::kFloat) {
    const auto value = read_float(cell);
    return value ? number_of(*value, fmt::format("{}", *value)) : NumberCell();
  }
  if (type == CqlType::kDouble) {
    const auto value = read_double(cell);
    return value ? number_of(*value, fmt::format("{}", *value)) : NumberCell();
  }
  if (type == CqlType::kDecimal) {
    return read_decimal(cell);
  }
  const IntegerCell integer = read_integer(type, cell);
  return {.well_formed = integer.well_formed,
          .integer = integer.value,
          .shown = integer.well_formed && !integer.value ? shown_integer(cell) : std::string()};
}

std::optional<int64_t> read_date(std::span<const uint8_t> cell) {
  if (cell.size() != 4) {
    return std::nullopt;
  }
  return static_cast<int64_t>(read_unsigned(cell)) - kDateOffset;
}

std::optional<std::string> time_of_day_text(std::span<const uint8_t> cell) {
  const auto ns = read_int64(cell);
  if (!ns || *ns < 0 || *ns >= kMicrosOfDay * 1000) {
    return std::nullopt;
  }
  const int64_t seconds = *ns / kNanosOfSecond;
  std::string text =
      fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (int64_t fraction = *ns % kNanosOfSecond; fraction != 0) {
    int digits = 9;
    for (; fraction % 10 == 0; fraction /= 10) {
      --digits;
    }
    text += fmt::format(".{:0{}}", fraction, digits);
  }
  return text;
}

std::optional<RowId> read_uuid(std::span<const uint8_t> cell) {
  if (cell.size() != 16) {
    return std::nullopt;
  }
  return row_id_from_bytes(cell.first<16>());
}

namespace {

std::optional<std::string> number_text(CqlType type, std::span<const uint8_t> cell) {
  NumberCell number = read_number(type, cell);
  if (number.integer) {
    return fmt::format("{}", *number.integer);
  }
  return number.is_null ? std::optional<std::string>("NaN")
         : number.well_formed && !number.shown.starts_with("0x")
             ? std::optional(std::move(number.shown))
             : std::nullopt;
}

std::optional<std::string> time_text(CqlType type, std::span<const uint8_t> cell) {
  if (type == CqlType::kDate) {
    const auto days = read_date(cell);
    return days && std::abs(*days) < kDaysShown
               ? std::optional(format_date(static_cast<int32_t>(*days)))
               : std::nullopt;
  }
  const auto ms = read_int64(cell);
  return ms && std::abs(floor_divide(*ms, kMicrosOfDay / 1000)) < kDaysShown
             ? std::optional(format_timestamp_ms(*ms * 1000) + "+0000")
             : std::nullopt;
}

}  // namespace

std::optional<std::string> cell_text(CqlType type, std::span<const uint8_t> cell) {
  switch (type) {
    case CqlType::kText:
    case CqlType::kAscii:
      return std::string(reinterpret_cast<const char*>(cell.data()), cell.size());
    case CqlType::kTimeuuid:
    case CqlType::kUuid: {
      const auto id = read_uuid(cell);
      return id ? std::optional(format_uuid(*id)) : std::nullopt;
    }
    case CqlType::kTimestamp:
    case CqlType::kDate:
      return time_text(type, cell);
    case CqlType::kTime:
      return time_of_day_text(cell);
    case CqlType::kBoolean:
      return cell.size() == 1 ? std::optional<std::string>(cell[0] != 0 ? "true" : "false")
                              : std::nullopt;
    case CqlType::kOther:
      return std::nullopt;
    default:
      return number_text(type, cell);
  }
}

void append_int32(int32_t value, std::string& out) {
  append_bytes(static_cast<uint32_t>(value), 4, out);
}

void append_int64(int64_t value, std::string& out) {
  append_bytes(static_cast<uint64_t>(value), 8, out);
}

void append_date_cell(int64_t days, std::string& out) {
  append_bytes(static_cast<uint64_t>(std::clamp<int64_t>(days + kDateOffset, 0, UINT32_MAX)), 4,
               out);
}

void append_uuid(const RowId& id, std::string& out) {
  append_bytes(id.high, 8, out);
  append_bytes(id.low, 8, out);
}

bool append_integer(CqlType type, int64_t value, std::string& out) {
  const auto bits = static_cast<uint64_t>(value);
  switch (type) {
    case CqlType::kTinyint:
      return fits<int8_t>(value) && (append_bytes(bits, 1, out), true);
    case CqlType::kSmallint:
      return fits<int16_t>(value) && (append_bytes(bits, 2, out), true);
    case CqlType::kInt:
      return fits<int32_t>(value) && (append_bytes(bits, 4, out), true);
    case CqlType::kBigint:
      append_bytes(bits, 8, out);
      return true;
    case CqlType::kVarint:
      append_varint(value, out);
      return true;
    default:
      return false;
  }
}

std::optional<std::string> append_from_text(CqlType type, std::string_view text, TimeZone& zone,
                                            std::string& out) {
  switch (type) {
    case CqlType::kAscii:
      for (const char c : text) {
        if (static_cast<unsigned char>(c) > 127) {
          return "is not ASCII";
        }
      }
      out += text;
      return std::nullopt;
    case CqlType::kText:
      out += text;
      return std::nullopt;
    case CqlType::kTimestamp:
      return append_timestamp(text, zone, out);
    case CqlType::kDate:
      return append_date(text, out);
    case CqlType::kTimeuuid:
    case CqlType::kUuid: {
      const auto id = parse_uuid(text);
      if (!id || (type == CqlType::kTimeuuid && !is_version_1(*id))) {
        return type == CqlType::kUuid ? "is no UUID" : "is no version-1 UUID";
      }
      append_uuid(*id, out);
      return std::nullopt;
    }
    case CqlType::kFloat:
      if (const auto value = parse_floating<float>(text)) {
        append_int32(std::bit_cast<int32_t>(*value), out);
        return std::nullopt;
      }
      return "is no number";
    case CqlType::kDouble:
      if (const auto value = parse_floating<double>(text)) {
        append_int64(std::bit_cast<int64_t>(*value), out);
        return std::nullopt;
      }
      return "is no number";
    case CqlType::kDecimal:
      return append_decimal(text, out)
                 ? std::nullopt
                 : std::optional<std::string>("is no decimal of at most 18 digits");
    case CqlType::kBoolean:
      return append_boolean(text, out) ? std::nullopt
                                       : std::optional<std::string>("is neither true nor false");
    case CqlType::kOther:
      return "cannot be written to a column of this type";
    default:
      break;
  }
  const auto value = parse_integer(text);
  if (!value) {
    return "is no integer";
  }
  if (!append_integer(type, *value, out)) {
    return fmt::format("does not fit {}", cql_type_name(type));
  }
  return std::nullopt;
}

}  // namespace hirestream
