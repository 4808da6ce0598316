// Which kind a text of custom_track or ev is, of texts that were met before: each of them is looked
// at closely once. Bounded; what finds no place is just not known. Not thread-safe.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "aggregation/counting_options.h"

namespace hirestream {

class KnownKinds {
 public:
  static constexpr size_t kTextsMax = 64;
  static constexpr size_t kTextSizeMax = 16;
  // Of custom_track and ev, or of nothing if a row has neither.
  enum class From : uint8_t { kTrack, kEv };

  // A text as two numbers, so that comparing costs no call.
  struct Text {
    uint64_t low;
    uint64_t high;
    // Size and column; 0: longer than kTextSizeMax.
    uint64_t size_and_from;

    friend bool operator==(const Text& a, const Text& b) {
      return ((a.low ^ b.low) | (a.high ^ b.high) | (a.size_and_from ^ b.size_and_from)) == 0;
    }
  };
  struct Known {
    Text text{};
    EventKind kind = EventKind::kOther;
    // Below kTextsMax, another one for each text.
    uint8_t number = 0;
  };

  // kTextSizeMax bytes can be read at `text`, whatever its size is.
  static Text text_of(const char* text, size_t size, From from) {
    const size_t shown = size <= kTextSizeMax ? size : 0;
    Text out;
    std::memcpy(&out.low, text, sizeof(out.low));
    std::memcpy(&out.high, text + sizeof(out.low), sizeof(out.high));
    out.low &= kMasks[shown][0];
    out.high &= kMasks[shown][1];
    out.size_and_from =
        size <= kTextSizeMax ? size << 1 | 2U << 8 | static_cast<uint64_t>(from) : 0;
    return out;
  }
  // Null: not known.
  const Known* find(const Text& text) const {
    size_t slot = slot_of(text);
    while (table_[slot].text != text) {
      if (table_[slot].text.size_and_from == 0) {
        return nullptr;
      }
      slot = (slot + 1) % kSlots;
    }
    return text.size_and_from == 0 ? nullptr : &table_[slot];
  }
  // Not known yet. Null: there is no place for it.
  const Known* add(const Text& text, EventKind kind);
  size_t size() const { return size_; }

 private:
  static constexpr size_t kSlots = 4 * kTextsMax;
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
        (text.low ^ std::rotl(text.high, 31) ^ text.size_and_from) * 0x9E3779B97F4A7C15ULL;
    return mixed >> (64 - std::countr_zero(kSlots));
  }

  std::array<Known, kSlots> table_{};
  size_t size_ = 0;
};

}  // namespace hirestream
