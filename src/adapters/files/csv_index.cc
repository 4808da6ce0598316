#include "adapters/files/csv_index.h"

#include <algorithm>
#include <bit>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hirestream {
namespace {

constexpr size_t kBlock = 64;

#if defined(__SSE2__)
class Block {
 public:
  explicit Block(const char* begin) {
    for (size_t part = 0; part < 4; ++part) {
      bytes_[part] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin + 16 * part));
    }
  }
  uint64_t equal_to(char byte) const {
    const __m128i wanted = _mm_set1_epi8(byte);
    uint64_t mask = 0;
    for (size_t part = 0; part < 4; ++part) {
      const int hits = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes_[part], wanted));
      mask |= static_cast<uint64_t>(static_cast<uint32_t>(hits)) << (16 * part);
    }
    return mask;
  }

 private:
  __m128i bytes_[4];
};
#else
class Block {
 public:
  explicit Block(const char* begin) : begin_(begin) {}
  uint64_t equal_to(char byte) const {
    uint64_t mask = 0;
    for (size_t place = 0; place < kBlock; ++place) {
      mask |= static_cast<uint64_t>(begin_[place] == byte) << place;
    }
    return mask;
  }

 private:
  const char* begin_;
};
#endif

// std::popcount is a call into a table where no newer processor may be relied on.
uint32_t count_bits(uint64_t bits) {
  constexpr uint64_t kPairs = 0x5555555555555555;
  constexpr uint64_t kNibbles = 0x3333333333333333;
  constexpr uint64_t kBytes = 0x0F0F0F0F0F0F0F0F;
  bits -= bits >> 1 & kPairs;
  bits = (bits & kNibbles) + (bits >> 2 & kNibbles);
  bits = (bits + (bits >> 4)) & kBytes;
  return static_cast<uint32_t>(bits * 0x0101010101010101 >> 56);
}

// Bit i: the number of bits up to and including i is odd.
uint64_t parities(uint64_t bits) {
  for (int distance = 1; distance < 64; distance *= 2) bits ^= bits << distance;
  return bits;
}

}  // namespace

// What one block leaves to the next one.
struct CsvIndex::Quoting {
  uint64_t inside = 0;  // all bits, or none
  uint64_t may_open = 1;
  uint64_t closed = 0;
  uint64_t returned = 0;
};

// Bits of a block: where fields end, where records do.
struct CsvIndex::Found {
  Found(const Block& block, char delimiter, Quoting& before) {
    const uint64_t quotes = block.equal_to('"');
    const uint64_t all_feeds = block.equal_to('\n');
    // A quote inside quotes closes them. One right behind it opens them again: the two are one
    // quote of the text.
    const uint64_t inside = parities(quotes) ^ before.inside;
    feeds = all_feeds & ~inside;
    feeds_in_quotes = all_feeds & inside;
    ends = (block.equal_to(delimiter) & ~inside) | feeds;
    const uint64_t closing = quotes & ~inside;
    const uint64_t ends_or_quotes = ends | quotes;
    const uint64_t other_behind = (closing << 1 | before.closed) & ~ends_or_quotes;
    irregular = quotes & inside & ~(ends_or_quotes << 1 | before.may_open);
    uint64_t returned = 0;
    if ((other_behind | before.returned) != 0) {
      returned = other_behind & block.equal_to('\r');
      irregular |= (other_behind & ~returned) | ((returned << 1 | before.returned) & ~feeds);
    }
    before = {0 - (inside >> 63), ends_or_quotes >> 63, closing >> 63, returned >> 63};
  }

  void forget_from(size_t place) {
    const uint64_t known = (uint64_t{1} << place) - 1;
    ends &= known;
    feeds &= known;
    feeds_in_quotes &= known;
    irregular &= known;
  }

  uint64_t ends;
  uint64_t feeds;
  uint64_t feeds_in_quotes;
  uint64_t irregular;
};

void CsvIndex::build(const char* begin, size_t size, char delimiter) {
  if (behind_ == nullptr) {
    behind_ = std::make_unique<uint32_t[]>(kBytesMax + kBlock);
    feeds_ = std::make_unique<uint32_t[]>(kBytesMax + 1);
  }
  size_ = std::min(size, kBytesMax);
  is_regular_ = true;
  Quoting quoting;
  uint64_t feeds_in_quotes = 0;
  uint32_t fields = 0;
  uint32_t* behind = behind_.get() + 1;
  uint32_t* feed = feeds_.get() + 1;
  const char* const end = begin + size_;
  uint32_t offset = 1;
  for (const char* block = begin; block < end; block += kBlock, offset += kBlock) {
    Found found(Block(block), delimiter, quoting);
    if (end - block < static_cast<std::ptrdiff_t>(kBlock)) {
      found.forget_from(static_cast<size_t>(end - block));
    }
    feeds_in_quotes |= found.feeds_in_quotes;
    for (uint64_t feeds = found.feeds; feeds != 0; feeds &= feeds - 1) {
      *feed++ = fields + count_bits(found.ends & (feeds ^ (feeds - 1)));
    }
    // Eight at once, whether there are so many or not: most blocks have fewer, and a branch on
    // their number could not be foretold.
    fields += count_bits(found.ends);
    for (uint32_t* next = behind; found.ends != 0; next += 8) {
      for (size_t place = 0; place < 8; ++place) {
        next[place] = offset + static_cast<uint32_t>(std::countr_zero(found.ends));
        found.ends &= found.ends - 1;
      }
    }
    behind = behind_.get() + 1 + fields;
    if (found.irregular != 0) {
      is_regular_ = false;
      size_ = std::min(size_, static_cast<size_t>(block - begin) + kBlock);
      offset += static_cast<uint32_t>(std::countr_zero(found.irregular)) - 1;
      break;
    }
  }
  records_ = static_cast<size_t>(feed - feeds_.get()) - 1;
  any_feed_in_quotes_ = feeds_in_quotes != 0;
  while (!is_regular_ && records_ > 0 && records_size() > offset) --records_;
}

}  // namespace hirestream
