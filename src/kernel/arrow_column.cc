#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <iterator>
#include <span>

#include "kernel/arrow_column_internal.h"
#include "model/floor_divide.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr int64_t kDayS = 86'400;

struct Number {
  char format;
  ArrowKind kind;
  int32_t width;
};
constexpr Number kNumbers[] = {{'b', ArrowKind::kBool, 0},      {'c', ArrowKind::kSigned, 1},
                               {'C', ArrowKind::kUnsigned, 1},  {'s', ArrowKind::kSigned, 2},
                               {'S', ArrowKind::kUnsigned, 2},  {'i', ArrowKind::kSigned, 4},
                               {'I', ArrowKind::kUnsigned, 4},  {'l', ArrowKind::kSigned, 8},
                               {'L', ArrowKind::kUnsigned, 8},  {'f', ArrowKind::kFloat, 4},
                               {'g', ArrowKind::kDouble, 8},    {'n', ArrowKind::kNull, 0},
                               {'u', ArrowKind::kText, 0},      {'z', ArrowKind::kBytes, 0},
                               {'U', ArrowKind::kLargeText, 0}, {'Z', ArrowKind::kLargeBytes, 0}};

std::optional<int32_t> read_number(std::string_view text) {
  int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

int64_t per_second_of(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 1'000;
    case 'u':
      return 1'000'000;
    case 'n':
      return 1'000'000'000;
    default:
      return 0;
  }
}

// The shortest decimal that reads back as the same number.
template <typename T>
void append_floating(T value, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}

tl::unexpected<Error> unreadable(const ArrowSchema& schema) {
  return fail(
      ErrorKind::kConfig, "read batch", schema.name == nullptr ? "" : schema.name,
      fmt::format("its Arrow type '{}' cannot be read", schema.format),
      "allowed are texts, bytes, numbers, decimals of 128 bits, dates, timestamps, 16 bytes "
      "of a UUID, and dictionaries of these: cast it");
}

}  // namespace

Result<ArrowColumn> ArrowColumn::make(const ArrowSchema& schema, const ArrowArray& array,
                                      int64_t batch_offset) {
  ArrowColumn column;
  column.array_ = &array;
  column.offset_ = array.offset + batch_offset;
  const std::string_view format = schema.format;
  if (schema.dictionary != nullptr && array.dictionary != nullptr) {
    HIRESTREAM_ASSIGN(ArrowColumn values, make(*schema.dictionary, *array.dictionary, 0));
    column.dictionary_ = std::make_shared<const ArrowColumn>(std::move(values));
  }
  if (format.size() == 1) {
    const auto* known = std::ranges::find(kNumbers, format[0], &Number::format);
    if (known != std::end(kNumbers)) {
      column.kind_ = known->kind;
      column.width_ = known->width;
      if (column.dictionary_ != nullptr) {
        HIRESTREAM_TRY(column.check_places(schema.name == nullptr ? "" : schema.name));
      }
      return column;
    }
  }
  if (format == "tdD") {
    column.kind_ = ArrowKind::kDate;
    column.width_ = 4;
    return column;
  }
  if (format.size() == 3 && format.starts_with("tt") && per_second_of(format[2]) != 0) {
    column.kind_ = ArrowKind::kTime;
    column.per_second_ = per_second_of(format[2]);
    column.width_ = column.per_second_ > 1'000 ? 8 : 4;
    return column;
  }
  if (format.starts_with("ts") && format.size() >= 4 && per_second_of(format[2]) != 0) {
    column.kind_ = ArrowKind::kTimestamp;
    column.width_ = 8;
    column.per_second_ = per_second_of(format[2]);
    column.has_zone_ = format.size() > 4;
    return column;
  }
  if (format.starts_with("w:")) {
    if (const auto width = read_number(format.substr(2)); width && *width > 0) {
      column.kind_ = ArrowKind::kFixedBytes;
      column.width_ = *width;
      return column;
    }
  }
  // "d:precision,scale", perhaps with ",bits".
  if (format.starts_with("d:") && std::ranges::count(format, ',') == 1) {
    if (const auto scale = read_number(format.substr(format.find(',') + 1)); scale) {
      column.kind_ = ArrowKind::kDecimal;
      column.width_ = 16;
      column.scale_ = *scale;
      return column;
    }
  }
  return unreadable(schema);
}

std::optional<int64_t> ArrowColumn::local_us(int64_t row) const {
  if (kind_ != ArrowKind::kTimestamp || has_zone_ || dictionary_ != nullptr) {
    return std::nullopt;
  }
  return exact_us(value<int64_t>(row), per_second_);
}

std::optional<int64_t> ArrowColumn::micros(int64_t row) const {
  constexpr std::array<int64_t, 7> kFactors = {1'000'000, 100'000, 10'000, 1'000, 100, 10, 1};
  if (kind_ != ArrowKind::kDecimal || dictionary_ != nullptr || scale_ < 0 || scale_ > 6) {
    return std::nullopt;
  }
  // The lowest first.
  std::array<int64_t, 2> halves{};
  std::memcpy(halves.data(),
              static_cast<const char*>(array_->buffers[1]) + place(row) * int64_t{sizeof halves},
              sizeof halves);
  int64_t micros = 0;
  const bool is_small =
      halves[1] == 0 && halves[0] >= 0 &&
      !__builtin_mul_overflow(halves[0], kFactors[static_cast<size_t>(scale_)], &micros);
  return is_small ? std::optional(micros) : std::nullopt;
}

// Once, so that nobody who looks there has to ask.
Result<void> ArrowColumn::check_places(std::string_view name) const {
  const auto size = static_cast<uint64_t>(dictionary_size());
  std::optional<int64_t> beyond;
  const bool is_integer = with_dictionary_places([&](const auto* places) {
    const auto* first = places + (array_->offset - offset_);
    // Nulls, too, which may have any place there: mostly that answers it, and without a branch.
    uint64_t greatest = 0;
    for (const auto place : std::span(first, static_cast<size_t>(array_->length))) {
      greatest = std::max(greatest, static_cast<uint64_t>(int64_t{place}));
    }
    if (greatest < size) {
      return;
    }
    for (int64_t at = array_->offset; at < array_->offset + array_->length; ++at) {
      if (is_valid(at) && static_cast<uint64_t>(int64_t{places[at - offset_]}) >= size) {
        beyond = at - array_->offset;
      }
    }
  });
  if (!is_integer || beyond) {
    return fail(ErrorKind::kRejected, "read batch", std::string(name),
                fmt::format("row {} names a value that its dictionary of {} does not have",
                            beyond.value_or(0), size));
  }
  return {};
}

int64_t ArrowColumn::text_bytes_max(int64_t begin, int64_t end) const {
  if (begin == end) {
    return 0;  // an empty dictionary may have no buffers
  }
  if (dictionary_ != nullptr) {
    // Mostly so few that the rows need not be looked at.
    constexpr int64_t kFew = int64_t{16} << 20;
    const int64_t at_most = dictionary_->text_bytes_max(0, dictionary_size()) * (end - begin);
    if (at_most <= kFew) {
      return at_most;
    }
    int64_t bytes = 0;
    for_each_value(begin, end, [&](int64_t row) {
      const int64_t at = raw_integer(row);
      bytes += dictionary_->text_bytes_max(at, at + 1);
    });
    return bytes;
  }
  switch (kind_) {
    case ArrowKind::kText:
    case ArrowKind::kBytes:
      return bytes_between<int32_t>(begin, end);
    case ArrowKind::kLargeText:
    case ArrowKind::kLargeBytes:
      return bytes_between<int64_t>(begin, end);
    case ArrowKind::kFixedBytes:
      return int64_t{width_} * (end - begin);
    default:
      return 0;
  }
}

void ArrowColumn::append_time(int64_t number, std::string& out) const {
  const int64_t second = floor_divide(number, per_second_);
  fmt::format_to(std::back_inserter(out), "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60,
                 second % 60);
  if (const int64_t fraction = number - second * per_second_; fraction != 0) {
    const int digits = per_second_ == 1'000 ? 3 : per_second_ == 1'000'000 ? 6 : 9;
    fmt::format_to(std::back_inserter(out), ".{:0{}}", fraction, digits);
  }
}

void ArrowColumn::append_timestamp(int64_t row, std::string& out) const {
  const int64_t number = value<int64_t>(row);
  const int64_t day = floor_divide(number, kDayS * per_second_);
  out += shown_date(day);
  out += ' ';
  append_time(number - day * kDayS * per_second_, out);
  if (has_zone_) {
    out += 'Z';
  }
}

// 128 bits, the lowest first, as digits with a point `scale_` places from the end.
void ArrowColumn::append_decimal(int64_t row, std::string& out) const {
  __extension__ using Wide = __int128;
  Wide number = 0;
  std::memcpy(&number, static_cast<const char*>(array_->buffers[1]) + place(row) * width_,
              static_cast<size_t>(width_));
  const bool negative = number < 0;
  std::string digits;
  do {
    const int digit = static_cast<int>(number % 10);
    digits += static_cast<char>('0' + (negative ? -digit : digit));
    number /= 10;
  } while (number != 0);
  for (int32_t places = scale_; places < 0; ++places) {
    digits.insert(0, "0");
  }
  const size_t behind = static_cast<size_t>(std::max(scale_, 0));
  if (digits.size() <= behind) {
    digits.resize(behind + 1, '0');
  }
  if (behind > 0) {
    digits.insert(behind, ".");
  }
  out += negative ? "-" : "";
  out.append(digits.rbegin(), digits.rend());
}

std::string_view ArrowColumn::text(int64_t row, std::string& scratch) const {
  if (dictionary_ != nullptr) {
    return dictionary_->text(raw_integer(row), scratch);
  }
  scratch.clear();
  switch (kind_) {
    case ArrowKind::kText:
    case ArrowKind::kLargeText:
    case ArrowKind::kBytes:
    case ArrowKind::kLargeBytes:
    case ArrowKind::kFixedBytes:
      return bytes(row);
    case ArrowKind::kBool: {
      const auto* bits = static_cast<const uint8_t*>(array_->buffers[1]);
      const int64_t at = place(row);
      return (bits[at >> 3] >> (at & 7) & 1) != 0 ? "true" : "false";
    }
    case ArrowKind::kSigned:
      fmt::format_to(std::back_inserter(scratch), "{}", raw_integer(row));
      break;
    case ArrowKind::kUnsigned:
      fmt::format_to(std::back_inserter(scratch), "{}", static_cast<uint64_t>(raw_integer(row)));
      break;
    case ArrowKind::kFloat:
      append_floating(value<float>(row), scratch);
      break;
    case ArrowKind::kDouble:
      append_floating(value<double>(row), scratch);
      break;
    case ArrowKind::kDecimal:
      append_decimal(row, scratch);
      break;
    case ArrowKind::kDate:
      scratch += shown_date(value<int32_t>(row));
      break;
    case ArrowKind::kTimestamp:
      append_timestamp(row, scratch);
      break;
    case ArrowKind::kTime:
      append_time(raw_integer(row), scratch);
      break;
    case ArrowKind::kNull:
      break;
  }
  return scratch;
}

}  // namespace hirestream
