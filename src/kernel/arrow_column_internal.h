// One column of an Arrow record batch, value by value. What it was made of must stay. Throws
// nothing and never reads beyond the rows that the batch has.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/arrow_abi_internal.h"
#include "model/floor_divide.h"
#include "model/result.h"

namespace hirestream {

enum class ArrowKind : uint8_t {
  kNull,
  kBool,
  kSigned,
  kUnsigned,
  kFloat,
  kDouble,
  kDecimal,
  kText,       // 32-bit offsets
  kLargeText,  // 64-bit offsets
  kBytes,      // as kText
  kLargeBytes,
  kFixedBytes,
  kDate,
  kTimestamp,
  kTime,  // of the day
};

class ArrowColumn {
 public:
  // kConfig: the type cannot be read.
  static Result<ArrowColumn> make(const ArrowSchema& schema, const ArrowArray& array,
                                  int64_t batch_offset);

  ArrowKind kind() const { return kind_; }
  bool is_null(int64_t row) const;
  // Calls visit(row) for each row of begin … end that is not null.
  template <typename Visit>
  void for_each_value(int64_t begin, int64_t end, const Visit& visit) const;
  // Calls visit(numbers), where numbers[row] is the whole number of a row that is not null. False:
  // they are of another kind, or may be beyond 64 bits.
  template <typename Visit>
  bool with_integers(const Visit& visit) const;
  // The same for timestamps with a zone that are kept in microseconds.
  template <typename Visit>
  bool with_instants_us(const Visit& visit) const;
  // The same for places in a dictionary.
  template <typename Visit>
  bool with_dictionary_places(const Visit& visit) const;
  // Values of its dictionary; 0: it has none.
  int64_t dictionary_size() const { return dictionary_ ? dictionary_->array_->length : 0; }
  // Whole numbers. Nothing: another kind, or beyond 64 bits.
  std::optional<int64_t> integer(int64_t row) const;
  double floating(int64_t row) const;
  // Every value has so many bytes.
  bool has_bytes_of(size_t size) const {
    return kind_ == ArrowKind::kFixedBytes && dictionary_ == nullptr &&
           static_cast<size_t>(width_) == size;
  }
  // A timestamp with a zone, in microseconds since 1970, rounded down; nothing: another kind, or
  // beyond 64 bits.
  std::optional<int64_t> instant_us(int64_t row) const;
  // A timestamp without a zone, of 1900 to 2099 and in whole microseconds; nothing: another one, or
  // another kind.
  std::optional<int64_t> local_us(int64_t row) const;
  // A decimal in millionths; nothing: another kind, negative, or not exact in 64 bits.
  std::optional<int64_t> micros(int64_t row) const;
  // Bytes of a text, or those that need be none.
  std::string_view bytes(int64_t row) const;
  // Values are bytes, which need be no text; those of its dictionary, if it has one.
  bool has_bytes() const {
    return dictionary_ ? dictionary_->has_bytes()
                       : kind_ == ArrowKind::kFixedBytes || kind_ == ArrowKind::kBytes ||
                             kind_ == ArrowKind::kLargeBytes;
  }
  // That the texts of these rows have, or their bytes that need be no text; sometimes more than
  // that. Values of other kinds are small: 0.
  int64_t text_bytes_max(int64_t begin, int64_t end) const;
  // The value as the text that means it; may use `scratch`.
  std::string_view text(int64_t row, std::string& scratch) const;

 private:
  ArrowColumn() = default;
  // Of a column of a dictionary: the place there.
  int64_t place(int64_t row) const { return row + offset_; }
  template <typename T>
  T value(int64_t row) const {
    return static_cast<const T*>(array_->buffers[1])[place(row)];
  }
  int64_t raw_integer(int64_t row) const;
  template <typename T>
  const T* values() const {
    return static_cast<const T*>(array_->buffers[1]) + offset_;
  }
  // What the validity buffer says. `at`: as place().
  bool is_valid(int64_t at) const {
    const auto* bits = static_cast<const uint8_t*>(array_->buffers[0]);
    return bits == nullptr || (bits[at >> 3] >> (at & 7) & 1) != 0;
  }
  // Where a bit of the validity buffer does not say all.
  bool has_other_nulls() const {
    return kind_ == ArrowKind::kNull || kind_ == ArrowKind::kFloat || kind_ == ArrowKind::kDouble ||
           (dictionary_ != nullptr &&
            (dictionary_->has_other_nulls() || dictionary_->array_->buffers[0] != nullptr));
  }
  // Of kText and kBytes: int32_t; of kLargeText and kLargeBytes: int64_t.
  template <typename Offset>
  int64_t bytes_between(int64_t begin, int64_t end) const {
    const auto* ends = values<Offset>();
    return int64_t{ends[end]} - ends[begin];
  }
  template <typename Visit>
  bool with_numbers(const Visit& visit) const;
  // kRejected: a value lies beyond the dictionary.
  Result<void> check_places(std::string_view name) const;
  void append_time(int64_t number, std::string& out) const;
  void append_timestamp(int64_t row, std::string& out) const;
  void append_decimal(int64_t row, std::string& out) const;

  const ArrowArray* array_ = nullptr;
  int64_t offset_ = 0;
  ArrowKind kind_ = ArrowKind::kNull;
  // Bytes of a value: numbers, fixed bytes.
  int32_t width_ = 0;
  int32_t scale_ = 0;
  int64_t per_second_ = 0;
  bool has_zone_ = false;
  // Values are places in it.
  std::shared_ptr<const ArrowColumn> dictionary_;
};

template <typename Visit>
void ArrowColumn::for_each_value(int64_t begin, int64_t end, const Visit& visit) const {
  if (has_other_nulls()) {
    for (int64_t row = begin; row < end; ++row) {
      if (!is_null(row)) {
        visit(row);
      }
    }
    return;
  }
  // What visit() writes could lie anywhere, for all that the compiler knows.
  const auto* const bits = static_cast<const uint8_t*>(array_->buffers[0]);
  const int64_t offset = offset_;
  if (bits == nullptr) {
    for (int64_t row = begin; row < end; ++row) {
      visit(row);
    }
    return;
  }
  for (int64_t row = begin; row < end; ++row) {
    if (const int64_t at = row + offset; (bits[at >> 3] >> (at & 7) & 1) != 0) {
      visit(row);
    }
  }
}

template <typename Visit>
bool ArrowColumn::with_numbers(const Visit& visit) const {
  const bool is_signed = kind_ == ArrowKind::kSigned;
  switch (width_) {
    case 1:
      is_signed ? visit(values<int8_t>()) : visit(values<uint8_t>());
      return true;
    case 2:
      is_signed ? visit(values<int16_t>()) : visit(values<uint16_t>());
      return true;
    case 4:
      is_signed ? visit(values<int32_t>()) : visit(values<uint32_t>());
      return true;
    default:
      visit(values<int64_t>());
      return true;
  }
}

template <typename Visit>
bool ArrowColumn::with_integers(const Visit& visit) const {
  const bool fits = kind_ == ArrowKind::kSigned || (kind_ == ArrowKind::kUnsigned && width_ < 8);
  return dictionary_ == nullptr && fits && with_numbers(visit);
}

template <typename Visit>
bool ArrowColumn::with_instants_us(const Visit& visit) const {
  if (dictionary_ != nullptr || kind_ != ArrowKind::kTimestamp || !has_zone_ ||
      per_second_ != 1'000'000) {
    return false;
  }
  visit(values<int64_t>());
  return true;
}

template <typename Visit>
bool ArrowColumn::with_dictionary_places(const Visit& visit) const {
  return dictionary_ != nullptr && with_numbers(visit);
}

// Inline: asked once for every value.

inline bool ArrowColumn::is_null(int64_t row) const {
  if (kind_ == ArrowKind::kNull) {
    return true;
  }
  if (!is_valid(place(row))) {
    return true;
  }
  // NaN stands for null where numbers know no other.
  if (kind_ == ArrowKind::kFloat || kind_ == ArrowKind::kDouble) {
    return std::isnan(floating(row));
  }
  return dictionary_ != nullptr && dictionary_->is_null(raw_integer(row));
}

inline int64_t ArrowColumn::raw_integer(int64_t row) const {
  const bool is_signed = kind_ != ArrowKind::kUnsigned;
  switch (width_) {
    case 1:
      return is_signed ? value<int8_t>(row) : value<uint8_t>(row);
    case 2:
      return is_signed ? value<int16_t>(row) : value<uint16_t>(row);
    case 4:
      return is_signed ? value<int32_t>(row) : int64_t{value<uint32_t>(row)};
    default:
      return value<int64_t>(row);
  }
}

inline std::optional<int64_t> ArrowColumn::integer(int64_t row) const {
  if (dictionary_ != nullptr) {
    return dictionary_->integer(raw_integer(row));
  }
  if (kind_ != ArrowKind::kSigned && kind_ != ArrowKind::kUnsigned) {
    return std::nullopt;
  }
  const int64_t number = raw_integer(row);
  const bool beyond = kind_ == ArrowKind::kUnsigned && width_ == 8 && number < 0;
  return beyond ? std::nullopt : std::optional(number);
}

inline double ArrowColumn::floating(int64_t row) const {
  if (dictionary_ != nullptr) {
    return dictionary_->floating(raw_integer(row));
  }
  return kind_ == ArrowKind::kFloat ? value<float>(row) : value<double>(row);
}

inline std::optional<int64_t> ArrowColumn::instant_us(int64_t row) const {
  if (dictionary_ != nullptr) {
    return dictionary_->instant_us(raw_integer(row));
  }
  if (kind_ != ArrowKind::kTimestamp || !has_zone_) {
    return std::nullopt;
  }
  const int64_t number = value<int64_t>(row);
  if (per_second_ > 1'000'000) {
    return floor_divide(number, per_second_ / 1'000'000);
  }
  int64_t us = 0;
  return __builtin_mul_overflow(number, 1'000'000 / per_second_, &us) ? std::nullopt
                                                                      : std::optional(us);
}

inline std::string_view ArrowColumn::bytes(int64_t row) const {
  if (dictionary_ != nullptr) {
    return dictionary_->bytes(raw_integer(row));
  }
  const int64_t at = place(row);
  if (kind_ == ArrowKind::kFixedBytes) {
    return {static_cast<const char*>(array_->buffers[1]) + at * width_,
            static_cast<size_t>(width_)};
  }
  const char* data = static_cast<const char*>(array_->buffers[2]);
  if (kind_ == ArrowKind::kText || kind_ == ArrowKind::kBytes) {
    const auto* ends = static_cast<const int32_t*>(array_->buffers[1]) + at;
    return {data + ends[0], static_cast<size_t>(ends[1] - ends[0])};
  }
  const auto* ends = static_cast<const int64_t*>(array_->buffers[1]) + at;
  return {data + ends[0], static_cast<size_t>(ends[1] - ends[0])};
}

}  // namespace hirestream
