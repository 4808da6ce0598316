// Values of the CQL binary protocol, version 4 (section 6): all numbers are big-endian. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/big_endian.h"
#include "model/decimal.h"
#include "model/row_id.h"
#include "model/time_zone.h"

namespace hirestream {

enum class CqlType : uint8_t {
  kAscii,
  kBigint,
  kBoolean,
  kDate,
  kDecimal,
  kDouble,
  kFloat,
  kInt,
  kSmallint,
  kText,
  kTime,
  kTimestamp,
  kTimeuuid,
  kTinyint,
  kUuid,
  kVarint,
  kOther,  // collections, blobs, …: never read or written here
};
CqlType cql_type_from_name(std::string_view name);  // "varchar" is text
std::string_view cql_type_name(CqlType type);       // kOther: "other"

inline bool is_text(CqlType type) {
  return type == CqlType::kText || type == CqlType::kAscii;
}
bool is_integer(CqlType type);  // int, bigint, smallint, tinyint, varint
bool is_number(CqlType type);   // integers, float, double, decimal
bool is_uuid(CqlType type);     // timeuuid, uuid

inline std::span<const uint8_t> bytes_of(std::string_view cell) {
  return {reinterpret_cast<const uint8_t*>(cell.data()), cell.size()};
}

// --- reading a cell. Nothing: its size is not the type's.
inline std::optional<int32_t> read_int32(std::span<const uint8_t> cell) {
  return cell.size() == 4 ? std::optional(static_cast<int32_t>(read_big_endian_32(cell.data())))
                          : std::nullopt;
}
inline std::optional<int64_t> read_int64(std::span<const uint8_t> cell) {
  return cell.size() == 8 ? std::optional(static_cast<int64_t>(read_big_endian_64(cell.data())))
                          : std::nullopt;
}
struct IntegerCell {
  bool well_formed = false;
  std::optional<int64_t> value;  // nothing: a varint beyond 64 bits
};
IntegerCell read_integer(CqlType type, std::span<const uint8_t> cell);
std::optional<float> read_float(std::span<const uint8_t> cell);
std::optional<double> read_double(std::span<const uint8_t> cell);
// Of any type of number.
struct NumberCell {
  bool well_formed = false;
  bool is_null = false;                 // NaN
  std::optional<int64_t> integer = {};  // nothing: a fraction, infinity, beyond what is exact
  std::string shown = {};               // for people, when it is no integer
};
NumberCell read_number(CqlType type, std::span<const uint8_t> cell);
// Days since 1970.
std::optional<int64_t> read_date(std::span<const uint8_t> cell);
// "10:00:00.123456789" of a `time`, with as many digits of the fraction as it needs.
std::optional<std::string> time_of_day_text(std::span<const uint8_t> cell);
std::optional<RowId> read_uuid(std::span<const uint8_t> cell);
// For values that no 64-bit number can show: "0x0100", "15E-1".
std::string shown_integer(std::span<const uint8_t> cell);
std::string shown_decimal(std::span<const uint8_t> unscaled, int32_t scale);

// A value as append_from_text takes it: timestamps in UTC with their offset. Nothing: its size is
// not the type's, or there is no text for the type.
std::optional<std::string> cell_text(CqlType type, std::span<const uint8_t> cell);

// --- making a cell: bytes are appended to `out`.
void append_int32(int32_t value, std::string& out);
void append_int64(int64_t value, std::string& out);
// Days since 1970, as near as a date can be.
void append_date_cell(int64_t days, std::string& out);
void append_uuid(const RowId& id, std::string& out);
// False: the value does not fit the integer type.
bool append_integer(CqlType type, int64_t value, std::string& out);

// Appends text as a value of the type. Otherwise says what is wrong with it ("is no integer"), and
// `out` is as before. A timestamp without offset is in `zone`.
std::optional<std::string> append_from_text(CqlType type, std::string_view text, TimeZone& zone,
                                            std::string& out);

}  // namespace hirestream
