// One column of an Arrow record batch, value by value. What it was made of must stay. Throws
// nothing and never reads beyond the rows that the batch has.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/arrow_abi_internal.h"
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
  kText,       // 32-bit offsets; bytes, too
  kLargeText,  // 64-bit offsets
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
  // Whole numbers. Nothing: another kind, or beyond 64 bits.
  std::optional<int64_t> integer(int64_t row) const;
  double floating(int64_t row) const;
  // A timestamp with a zone, in microseconds since 1970, rounded down; nothing: another kind, or
  // beyond 64 bits.
  std::optional<int64_t> instant_us(int64_t row) const;
  // A timestamp without a zone, of 1900 to 2099 and in whole microseconds; nothing: another one, or
  // another kind.
  std::optional<int64_t> local_us(int64_t row) const;
  // A decimal in millionths; nothing: another kind, negative, or not exact in 64 bits.
  std::optional<int64_t> micros(int64_t row) const;
  // Bytes of a text, or fixed ones.
  std::string_view bytes(int64_t row) const;
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

}  // namespace hirestream
