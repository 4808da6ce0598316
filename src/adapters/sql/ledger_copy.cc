#include "adapters/sql/ledger_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "ports/stored_contribution.h"

namespace hirestream::sql {
namespace {

constexpr size_t kSlicesPerCopy = 1024;

}  // namespace

Result<std::vector<SliceVersion>> slice_versions(Warehouse& warehouse, SourceId source) {
  HIRESTREAM_ASSIGN(const std::vector<LedgerEntry> entries,
                    warehouse.load_ledger(source, {}, INT64_MIN));
  std::vector<SliceVersion> versions;
  versions.reserve(entries.size());
  for (const LedgerEntry& entry : entries) {
    versions.push_back({entry.key, entry.revision, entry.digest});
  }
  return versions;
}

std::vector<SliceKey> moved_slices(std::span<const SliceVersion> some,
                                   std::span<const SliceVersion> others) {
  const auto by_key = [](const SliceVersion& a, const SliceVersion& b) {
    return a.key != b.key ? a.key < b.key
                          : std::tuple(a.revision, a.digest.rows, a.digest.hash) <
                                std::tuple(b.revision, b.digest.rows, b.digest.hash);
  };
  std::vector<SliceVersion> moved;
  std::set_symmetric_difference(some.begin(), some.end(), others.begin(), others.end(),
                                std::back_inserter(moved), by_key);
  std::vector<SliceKey> keys;
  for (const SliceVersion& version : moved) {
    if (keys.empty() || keys.back() != version.key) {
      keys.push_back(version.key);
    }
  }
  return keys;
}

Result<std::vector<StoredContribution>> whole_contributions(Warehouse& warehouse, SourceId source,
                                                            std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(std::vector<StoredContribution> stored,
                    load_checked_contributions(warehouse, source, keys));
  for (const StoredContribution& slice : stored) {
    if (slice.damaged) {
      return fail(ErrorKind::kConfig, "rebuild", "ledger",
                  fmt::format("slice {}/{} of source {} is damaged: what it gave is not known",
                              slice.entry.key.shard, slice.entry.key.bucket, source),
                  "run `hirestream verify --repair` for that source first");
    }
  }
  return stored;
}

Result<std::unique_ptr<LedgerCopy>> LedgerCopy::make(std::unique_ptr<SqlWarehouse> warehouse,
                                                     ShadowTables& tables,
                                                     const ReplaceSlices& replace) {
  std::unique_ptr<LedgerCopy> made(new LedgerCopy(std::move(warehouse), tables));
  HIRESTREAM_TRY(made->copy());
  HIRESTREAM_ASSIGN(const ReplacedSlices replaced, replace(*made->warehouse_));
  made->replaced_.insert(replaced.slices.begin(), replaced.slices.end());
  HIRESTREAM_TRY(made->find_source(replaced.source));
  return made;
}

Result<void> LedgerCopy::copy() {
  HIRESTREAM_TRY(tables_.copy_ledger());
  HIRESTREAM_TRY(warehouse_->backend().use_ledger(tables_.ledger()));
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> sources, warehouse_->sources());
  for (const SourceStatus& source : sources) {
    HIRESTREAM_ASSIGN(copied_[source.id], slice_versions(*warehouse_, source.id));
  }
  return {};
}

Result<void> LedgerCopy::find_source(const std::string& name) {
  HIRESTREAM_ASSIGN(const std::vector<SourceStatus> sources, warehouse_->sources());
  const auto found =
      std::find_if(sources.begin(), sources.end(),
                   [&name](const SourceStatus& source) { return source.name == name; });
  HIRESTREAM_CHECK(found != sources.end());
  source_ = found->id;
  kind_ = found->kind;
  return {};
}

std::vector<SliceKey> LedgerCopy::new_slices(std::span<const SliceVersion> known) const {
  std::vector<SliceKey> keys;
  for (const SliceKey& key : replaced_) {
    const auto at =
        std::lower_bound(known.begin(), known.end(), key,
                         [](const SliceVersion& a, const SliceKey& b) { return a.key < b; });
    if (at == known.end() || at->key != key) {
      keys.push_back(key);
    }
  }
  return keys;
}

Result<Contribution> LedgerCopy::change(Warehouse& before, std::span<const SliceKey> keys,
                                        const std::function<bool(int32_t)>& is_taken) {
  std::vector<SliceKey> mine;
  std::copy_if(keys.begin(), keys.end(), std::back_inserter(mine),
               [this](const SliceKey& key) { return replaced_.contains(key); });
  Contribution all;
  if (mine.empty()) {
    return all;
  }
  HIRESTREAM_ASSIGN(const auto was, whole_contributions(before, source_, mine));
  HIRESTREAM_ASSIGN(const auto is, whole_contributions(*warehouse_, source_, mine));
  for (size_t i = 0; i < mine.size(); ++i) {
    const Contribution more = difference(is[i].contribution, was[i].contribution);
    const bool taken = std::any_of(more.begin(), more.end(), [&is_taken](const Cell& cell) {
      return is_taken(cell.key.local_hour);
    });
    if (taken) {
      give_back({&mine[i], 1});
    } else {
      all.insert(all.end(), more.begin(), more.end());
    }
  }
  canonicalize(all);
  return all;
}

void LedgerCopy::give_back(std::span<const SliceKey> keys) {
  for (const SliceKey& key : keys) {
    if (replaced_.erase(key) > 0) {
      given_back_.insert(key);
    }
  }
}

Result<void> LedgerCopy::bring_up(SourceId source, std::span<const SliceVersion> now) {
  const std::vector<SliceKey> moved = moved_slices(copied_[source], now);
  std::set<SliceKey> keys(moved.begin(), moved.end());
  if (source == source_) {
    keys.insert(given_back_.begin(), given_back_.end());
  }
  const std::vector<SliceKey> list(keys.begin(), keys.end());
  for (size_t at = 0; at < list.size(); at += kSlicesPerCopy) {
    HIRESTREAM_TRY(tables_.copy_slices(
        source, std::span(list).subspan(at, std::min(kSlicesPerCopy, list.size() - at))));
  }
  return {};
}

std::vector<SourceId> LedgerCopy::sources() const {
  std::vector<SourceId> ids;
  for (const auto& [id, slices] : copied_) {
    ids.push_back(id);
  }
  return ids;
}

}  // namespace hirestream::sql
