// Short texts that were met before, by number: few texts tell the kinds of all rows, so that each
// is kept once and looked at closely once. Bounded; what finds no place is just not known. Not
// thread-safe.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hirestream {

class KnownTexts {
 public:
  // Numbers are below it; the empty text, which is known from the beginning, has 0.
  static constexpr size_t kMax = 64;
  static constexpr size_t kTextSizeMax = 16;

  // A text as two numbers, so that comparing costs no call.
  struct Text {
    uint64_t low = 0;
    uint64_t high = 0;
    uint64_t size = 0;

    friend bool operator==(const Text& a, const Text& b) {
      return ((a.low ^ b.low) | (a.high ^ b.high) | (a.size ^ b.size)) == 0;
    }
  };

  // kTextSizeMax bytes can be read at `text`; it has at most that many.
  static Text text_of(const char* text, size_t size) {
    Text out;
    std::memcpy(&out.low, text, sizeof(out.low));
    std::memcpy(&out.high, text + sizeof(out.low), sizeof(out.high));
    out.low &= kMasks[size][0];
    out.high &= kMasks[size][1];
    out.size = size;
    return out;
  }
  // 0: not known, unless it is empty.
  size_t find(const Text& text) const {
    size_t slot = slot_of(text);
    while (numbers_[slot] != 0 && texts_[numbers_[slot]] != text) {
      slot = (slot + 1) % kSlots;
    }
    return numbers_[slot];
  }
  // Not known yet. Its number; 0: there is no place for it.
  size_t add(const Text& text);
  // By number.
  std::span<const Text> all() const { return std::span(texts_).first(size_); }

 private:
  static constexpr size_t kSlots = 4 * kMax;
  static constexpr std::array<std::array<uint64_t, 2>, kTextSizeMax + 1> kMasks = [] {
    std::array<std::array<uint64_t, 2>, kTextSizeMax + 1> masks{};
    for (size_t size = 0; size <= kTextSizeMax; ++size) {
      const size_t high = size > 8 ? size - 8 : 0;
      masks[size][0] = size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
      masks[size][1] = high == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * high)) - 1;
    }
    return masks;
  }();
  static_assert(std::endian::native == std::endian::little);

  static size_t slot_of(const Text& text) {
    const uint64_t mixed =
        (text.low ^ std::rotl(text.high, 31) ^ text.size) * 0x9E3779B97F4A7C15ULL;
    return mixed >> (64 - std::countr_zero(kSlots));
  }

  std::array<Text, kMax> texts_{};
  size_t size_ = 1;
  // Open addressing; 0: empty.
  std::array<uint8_t, kSlots> numbers_{};
};

}  // namespace hirestream
