#include "aggregation/packed_cells.h"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

#include "model/result.h"

namespace hirestream {
namespace {

// Entries of the index are fetched into the cache so many rows before their turn.
constexpr size_t kFetchAhead = 24;
constexpr size_t kIndexSizeMin = 16;
constexpr size_t kGrowFasterBelow = 1 << 16;

constexpr int64_t kClicksMax = (int64_t{1} << 31) - 1;
constexpr int64_t kApplicationsMax = (int64_t{1} << 20) - 1;
constexpr uint64_t kSpareOfClicks = uint64_t{1} << 31 | uint64_t{1} << 63;
constexpr uint64_t kSpareOfApplications = uint64_t{1} << 20 | uint64_t{1} << 41 | uint64_t{1} << 62;

constexpr PackedCounts pack_counts(const Measures& measures) {
  return {static_cast<uint64_t>(measures.clicks) | static_cast<uint64_t>(measures.impressions)
                                                       << 32,
          static_cast<uint64_t>(measures.conversions) |
              static_cast<uint64_t>(measures.qualified) << 21 |
              static_cast<uint64_t>(measures.unqualified) << 42};
}

Measures unpack_counts(const PackedCounts& counts) {
  constexpr uint64_t kClicksMask = 0xFFFFFFFF;
  constexpr uint64_t kApplicationsMask = 0x1FFFFF;
  return {.impressions = static_cast<int64_t>(counts.clicks_impressions >> 32),
          .clicks = static_cast<int64_t>(counts.clicks_impressions & kClicksMask),
          .conversions = static_cast<int64_t>(counts.applications & kApplicationsMask),
          .qualified = static_cast<int64_t>(counts.applications >> 21 & kApplicationsMask),
          .unqualified = static_cast<int64_t>(counts.applications >> 42)};
}

bool can_pack(const Measures& measures) {
  const auto fits = [](int64_t count, int64_t max) { return count >= 0 && count <= max; };
  return fits(measures.clicks, kClicksMax) && fits(measures.impressions, kClicksMax) &&
         fits(measures.conversions, kApplicationsMax) &&
         fits(measures.qualified, kApplicationsMax) && fits(measures.unqualified, kApplicationsMax);
}

Measures measures_of(const PackedCell& cell) {
  Measures measures = unpack_counts(cell.counts);
  measures.bid_micros = cell.bid_micros;
  return measures;
}

bool must_spill(const PackedCounts& counts) {
  return ((counts.clicks_impressions & kSpareOfClicks) |
          (counts.applications & kSpareOfApplications)) != 0;
}

// What one row of a kind adds.
constexpr std::array<PackedCounts, kEventKindCount> kCountsOfKind = [] {
  std::array<PackedCounts, kEventKindCount> counts;
  counts[static_cast<size_t>(EventKind::kImpression)] = pack_counts({.impressions = 1});
  counts[static_cast<size_t>(EventKind::kClick)] = pack_counts({.clicks = 1});
  counts[static_cast<size_t>(EventKind::kConversion)] = pack_counts({.conversions = 1});
  counts[static_cast<size_t>(EventKind::kQualified)] = pack_counts({.qualified = 1});
  counts[static_cast<size_t>(EventKind::kUnqualified)] = pack_counts({.unqualified = 1});
  return counts;
}();

__extension__ using Product = unsigned __int128;

// Both halves of a 128-bit product, xor'ed: every bit of the key reaches the highest ones.
uint64_t hash_of_packed(uint64_t key) {
  const Product product = Product{key ^ 0x9E3779B97F4A7C15ULL} * 0xD6E8FEB86659FD93ULL;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint32_t tag_of(uint64_t hash_or_entry) {
  return static_cast<uint32_t>(hash_or_entry >> 32);
}

uint32_t position_of(uint64_t entry) {
  return static_cast<uint32_t>(entry) - 1;
}

uint64_t entry_of(uint32_t tag, uint32_t position) {
  return uint64_t{tag} << 32 | (uint64_t{position} + 1);
}

struct SortEntry {
  uint64_t key;
  uint32_t position;
};

using SortEntries = std::vector<SortEntry, HugePageAllocator<SortEntry>>;

// Least significant digit first; digits that are the same in all keys are passed over.
void sort_by_key(SortEntries& entries) {
  constexpr uint32_t kDigitBits = 11;
  constexpr uint64_t kDigitMask = (uint64_t{1} << kDigitBits) - 1;
  constexpr size_t kRadixMin = 1000;
  if (entries.size() < kRadixMin) {
    std::ranges::sort(entries, {}, &SortEntry::key);
    return;
  }
  uint64_t differing = 0;
  for (const SortEntry& entry : entries) {
    differing |= entry.key ^ entries.front().key;
  }
  SortEntries sorted(entries.size());
  for (uint32_t at = 0; at < 64; at += kDigitBits) {
    if ((differing >> at & kDigitMask) == 0) {
      continue;
    }
    std::array<uint32_t, kDigitMask + 1> begin{};
    for (const SortEntry& entry : entries) {
      ++begin[entry.key >> at & kDigitMask];
    }
    uint32_t sum = 0;
    for (uint32_t& count : begin) {
      sum += std::exchange(count, sum);
    }
    for (const SortEntry& entry : entries) {
      sorted[begin[entry.key >> at & kDigitMask]++] = entry;
    }
    entries.swap(sorted);
  }
}

}  // namespace

bool PackedCells::pack(const CountedRows& rows, BlockKeys& packed) const {
  const KeyLayout layout = layout_;
  uint64_t excess = 0;
  for (size_t i = 0; i < rows.size; ++i) {
    const KeyLayout::Parts parts = layout.parts(rows.key(i));
    excess |= layout.excess(parts);
    packed.keys[i] = layout.pack(parts);
    packed.hashes[i] = hash_of_packed(packed.keys[i]);
  }
  return excess == 0;
}

void PackedCells::add(const CountedRows& rows, WideCells& wide) {
  BlockKeys packed;
  if (pack(rows, packed)) [[likely]] {
    add_packed(rows, packed, wide);
  } else {
    add_with_wider_keys(rows, wide);
  }
}

void PackedCells::add_packed(const CountedRows& rows, const BlockKeys& packed, WideCells& wide) {
  Positions positions;
  find_by_tags(packed, rows.size, positions);
  for (size_t i = 0; i < rows.size; ++i) {
    PackedCell* cell = &cells_[positions[i]];
    if (cell->key != packed.keys[i]) [[unlikely]] {
      cell = &cells_[find_or_make(packed.keys[i], packed.hashes[i])];
    }
    add_to(*cell, kCountsOfKind[static_cast<size_t>(rows.kind[i])], rows.bid_micros[i], wide);
  }
}

// Looks at the index alone, so that the cells it names are fetched from memory meanwhile.
void PackedCells::find_by_tags(const BlockKeys& packed, size_t size, Positions& positions) {
  const auto& hashes = packed.hashes;
  for (size_t i = 0; i < std::min(size, kFetchAhead); ++i) {
    __builtin_prefetch(&index_[hashes[i] >> shift_], 1);
  }
  for (size_t i = 0; i < size; ++i) {
    const std::span<const uint64_t> index = index_;
    if (i + kFetchAhead < size) {
      __builtin_prefetch(&index[hashes[i + kFetchAhead] >> shift_], 1);
    }
    const uint32_t tag = tag_of(hashes[i]);
    size_t slot = hashes[i] >> shift_;
    while (index[slot] != 0 && tag_of(index[slot]) != tag) {
      slot = (slot + 1) & (index.size() - 1);
    }
    if (index[slot] != 0) {
      positions[i] = position_of(index[slot]);
      __builtin_prefetch(&cells_[positions[i]], 1);
    } else {
      positions[i] = make(packed.keys[i], hashes[i], slot);
    }
  }
}

void PackedCells::add(const Cell& cell, WideCells& wide) {
  if (!can_pack(cell.measures)) {
    return wide.add(cell.key, cell.measures);
  }
  if (layout_.excess(layout_.parts(cell.key)) != 0) {
    KeyRange keys = range();
    if (!keys.add(cell.key)) {
      return wide.add(cell.key, cell.measures);
    }
    widen(keys, 1);
  }
  const uint64_t key = layout_.pack(layout_.parts(cell.key));
  add_to(cells_[find_or_make(key, hash_of_packed(key))], pack_counts(cell.measures),
         cell.measures.bid_micros, wide);
}

void PackedCells::add_to(PackedCell& cell, const PackedCounts& counts, int64_t bid_micros,
                         WideCells& wide) {
  cell.counts.clicks_impressions += counts.clicks_impressions;
  cell.counts.applications += counts.applications;
  if (must_spill(cell.counts)) [[unlikely]] {
    wide.add(layout_.unpack(cell.key), unpack_counts(cell.counts));
    cell.counts = {};
  }
  if (__builtin_add_overflow(cell.bid_micros, bid_micros, &cell.bid_micros)) [[unlikely]] {
    beyond_ = layout_.unpack(cell.key);
  }
}

// Rows that still have no place then are few, or all there are: ids that are hashes, for instance.
void PackedCells::add_with_wider_keys(const CountedRows& rows, WideCells& wide) {
  KeyRange keys = range();
  BlockKeys packed;
  if (keys.add(rows)) {
    widen(keys, rows.size);
    HIRESTREAM_CHECK(pack(rows, packed));
    return add_packed(rows, packed, wide);
  }
  CountedRows fitting;
  for (size_t i = 0; i < rows.size; ++i) {
    if (keys.add(rows.key(i))) {
      fitting.append(rows.key(i), rows.kind[i], rows.bid_micros[i]);
    } else {
      wide.add(rows.key(i), rows.measures(i));
    }
  }
  if (fitting.size == 0) {
    return;
  }
  if (!pack(fitting, packed)) {
    widen(keys, fitting.size);
    HIRESTREAM_CHECK(pack(fitting, packed));
  }
  add_packed(fitting, packed, wide);
}

const KeyRange& PackedCells::range() {
  for (; ranged_ < cells_.size(); ++ranged_) {
    HIRESTREAM_CHECK(range_.add(layout_.unpack(cells_[ranged_].key)));
  }
  return range_;
}

void PackedCells::widen(const KeyRange& range, size_t more) {
  const KeyLayout before = std::exchange(layout_, range.layout());
  if (cells_.empty()) {
    cells_.reserve(more);
  }
  set_index_size(std::max({index_.size(), std::bit_ceil(more * 2), kIndexSizeMin}));
  for (uint32_t position = 0; position < cells_.size(); ++position) {
    uint64_t& key = cells_[position].key;
    key = layout_.pack(layout_.parts(before.unpack(key)));
    put(tag_of(hash_of_packed(key)), position);
  }
}

size_t PackedCells::slot_of(uint64_t key, uint64_t hash) const {
  const size_t mask = index_.size() - 1;
  const uint32_t tag = tag_of(hash);
  size_t at = hash >> shift_;
  while (index_[at] != 0 &&
         (tag_of(index_[at]) != tag || cells_[position_of(index_[at])].key != key)) {
    at = (at + 1) & mask;
  }
  return at;
}

uint32_t PackedCells::find_or_make(uint64_t key, uint64_t hash) {
  const size_t slot = slot_of(key, hash);
  return index_[slot] != 0 ? position_of(index_[slot]) : make(key, hash, slot);
}

uint32_t PackedCells::make(uint64_t key, uint64_t hash, size_t slot) {
  if (cells_.size() >= index_.size() / 4 * 3) [[unlikely]] {
    grow();
    slot = slot_of(key, hash);
  }
  const size_t position = cells_.size();
  HIRESTREAM_CHECK(position < UINT32_MAX);
  cells_.push_back({key, 0, {}});
  index_[slot] = entry_of(tag_of(hash), static_cast<uint32_t>(position));
  return static_cast<uint32_t>(position);
}

void PackedCells::put(uint32_t tag, uint32_t position) {
  size_t at = uint64_t{tag} << 32 >> shift_;
  while (index_[at] != 0) {
    at = (at + 1) & (index_.size() - 1);
  }
  index_[at] = entry_of(tag, position);
}

// Both indexes are walked from front to back, since entries stand in the order of their tags; no
// cell is looked at.
void PackedCells::grow() {
  const Table<uint64_t> before = std::move(index_);
  set_index_size(before.size() * (before.size() < kGrowFasterBelow ? 4 : 2));
  for (const uint64_t entry : before) {
    if (entry != 0) {
      put(tag_of(entry), position_of(entry));
    }
  }
}

void PackedCells::set_index_size(size_t size) {
  index_.assign(size, 0);
  shift_ = 64 - std::countr_zero(size);
}

std::optional<Measures> PackedCells::find(const CellKey& key) const {
  const KeyLayout::Parts parts = layout_.parts(key);
  if (layout_.excess(parts) != 0) {
    return std::nullopt;
  }
  const uint64_t packed = layout_.pack(parts);
  const uint64_t entry = index_[slot_of(packed, hash_of_packed(packed))];
  return entry == 0 ? std::nullopt : std::optional(measures_of(cells_[position_of(entry)]));
}

std::vector<Contribution> PackedCells::sorted(size_t cells_per_piece) const {
  SortEntries order;
  order.reserve(cells_.size());
  for (const PackedCell& cell : cells_) {
    order.push_back({cell.key, static_cast<uint32_t>(order.size())});
  }
  sort_by_key(order);
  std::vector<Contribution> out;
  for (size_t i = 0; i < order.size();) {
    Contribution& piece = out.emplace_back();
    piece.reserve(std::min(cells_per_piece, order.size() - i));
    for (; i < order.size() && piece.size() < cells_per_piece; ++i) {
      if (i + kFetchAhead < order.size()) {
        __builtin_prefetch(&cells_[order[i + kFetchAhead].position]);
      }
      const PackedCell& cell = cells_[order[i].position];
      if (const Measures measures = measures_of(cell); !measures.is_zero()) {
        piece.push_back({layout_.unpack(cell.key), measures});
      }
    }
  }
  if (!out.empty() && out.back().empty()) {
    out.pop_back();
  }
  return out;
}

void PackedCells::clear() {
  // After one large slice many small ones would clear its whole index.
  const size_t needed = std::bit_ceil(std::max(cells_.size() * 2, kIndexSizeMin));
  if (!index_.empty()) {
    set_index_size(std::min(index_.size(), needed));
  }
  cells_.clear();
  layout_ = {};
  range_ = {};
  ranged_ = 0;
  beyond_.reset();
}

}  // namespace hirestream
