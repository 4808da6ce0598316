#include "adapters/files/deduplicator.h"

#include <xxhash.h>

#include <span>
#include <string_view>

namespace hirestream {
namespace {

// More of them would take more time than anybody waits.
constexpr uint64_t kPartsMax = 4096;

uint64_t hash_of_row(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

// By the upper half of the hash: the lower one places ids in the table of a part.
uint64_t part_of(const RowId& id, uint64_t parts) {
  return (RowIdHash()(id) >> 32) * parts >> 32;
}

}  // namespace

bool has_create_time(const Record& record, const ReadingRules& rules) {
  return record.malformed.empty() && record.values[0] && !rules.is_null(*record.values[0]);
}

std::optional<RowId> id_of(const Record& record, const ReadingRules& rules) {
  if (!record.malformed.empty() || !record.values[0]) return std::nullopt;
  const auto read = rules.read_id(*record.values[0]);
  return read ? std::optional(read->id) : std::nullopt;
}

template <typename Visit>
Result<void> Deduplicator::pass(ReadStatistics& statistics, const Visit& visit) {
  HIRESTREAM_ASSIGN(auto reader, open_record_reader(format_, path_, columns_, stop_, csv_));
  for (Record record;;) {
    HIRESTREAM_ASSIGN(const bool some, reader->next(record));
    if (!some) break;
    if (const auto id = id_of(record, rules_)) visit(*id, record.bytes);
  }
  statistics.bytes += reader->file_bytes();
  ++statistics.requests;
  return {};
}

Deduplicator::First Deduplicator::take_first(const Record& record) {
  const auto id = id_of(record, rules_);
  return id ? take_first(*id, hash_of_row(record.bytes)) : First::kDeliver;
}

Deduplicator::First Deduplicator::take_first(const RowId& id, uint64_t hash) {
  const auto [first, is_new] = hashes_.emplace(id, hash);
  if (hashes_.size() <= limits_.ids_max && is_new) return First::kDeliver;
  if (hashes_.size() <= limits_.ids_max && first->second == hash) return First::kLeaveOut;
  forget();
  return First::kBeginAnew;
}

Result<void> Deduplicator::learn(ReadStatistics& statistics) {
  uint64_t rows = 0;
  bool too_many = false;
  HIRESTREAM_TRY(pass(statistics, [&](const RowId& id, std::string_view bytes) {
    ++rows;
    if (too_many) return;
    note(id, hash_of_row(bytes));
    too_many = hashes_.size() > limits_.ids_max;
    if (too_many) forget();
  }));
  hashes_ = {};
  if (too_many) {
    const uint64_t parts = rows / limits_.ids_max + 1;
    for (uint64_t part = 0; part < parts; ++part) {
      HIRESTREAM_TRY(learn_part(part, parts, statistics));
    }
  }
  return any_contested_ ? settle_contests(statistics) : Result<void>{};
}

Result<void> Deduplicator::learn_part(uint64_t part, uint64_t parts, ReadStatistics& statistics) {
  HIRESTREAM_TRY(pass(statistics, [&](const RowId& id, std::string_view bytes) {
    if (part_of(id, parts) == part) note(id, hash_of_row(bytes));
  }));
  hashes_ = {};
  return {};
}

bool Deduplicator::take(const Record& record) {
  if (winners_.empty()) return true;
  const auto id = id_of(record, rules_);
  if (!id) return true;
  const auto winner = winners_.find(*id);
  if (winner == winners_.end()) return true;
  if (winner->second.delivered || winner->second.hash != hash_of_row(record.bytes)) return false;
  winner->second.delivered = true;
  return true;
}

void Deduplicator::note(const RowId& id, uint64_t hash) {
  const auto [first, is_new] = hashes_.emplace(id, hash);
  if (is_new) return;
  Winner& winner = winners_[id];
  winner.hash = hash;
  if (first->second != hash) winner.contested = any_contested_ = true;
}

void Deduplicator::forget() {
  hashes_ = {};
  any_contested_ = false;
  winners_.clear();
}

Result<void> Deduplicator::settle_contests(ReadStatistics& statistics) {
  uint64_t parts = 1;
  for (uint64_t part = 0; part < parts;) {
    HIRESTREAM_ASSIGN(const bool settled, settle_part(part, parts, statistics));
    // Halves of the same.
    part = settled ? part + 1 : 2 * part;
    parts = settled ? parts : 2 * parts;
  }
  return {};
}

Result<bool> Deduplicator::settle_part(uint64_t part, uint64_t parts, ReadStatistics& statistics) {
  std::unordered_map<RowId, std::string, RowIdHash> greatest;
  size_t bytes_kept = 0;
  bool fits = true;
  HIRESTREAM_TRY(pass(statistics, [&](const RowId& id, std::string_view bytes) {
    const auto winner = winners_.find(id);
    if (!fits || part_of(id, parts) != part || winner == winners_.end() ||
        !winner->second.contested) {
      return;
    }
    std::string& known = greatest[id];
    if (bytes > known) {
      bytes_kept += bytes.size() - known.size();
      known = bytes;
      winner->second.hash = hash_of_row(bytes);
    }
    // One id cannot be halved.
    fits = bytes_kept <= limits_.contested_bytes_max || greatest.size() == 1 || parts >= kPartsMax;
    if (!fits) greatest.clear();
  }));
  return fits;
}

}  // namespace hirestream
