// The ledger as it is to be after a rebuild that replaces slices (rebuild.h): a copy of its tables
// in which they are replaced, while engines go on with the ledger itself. What they change
// meanwhile is taken over at the end; a slice that they have changed is not replaced.
//
// Threading: one thread; blocking. Errors: as the warehouse says; kConfig: damaged slices, or a
// database that has one ledger alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "adapters/sql/rebuild.h"
#include "adapters/sql/shadow_tables.h"
#include "adapters/sql/warehouse.h"

namespace hirestream::sql {

// How a slice stood: equal ones have the same contribution.
struct SliceVersion {
  SliceKey key;
  int64_t revision = 0;
  RowDigest digest;
  friend bool operator==(const SliceVersion&, const SliceVersion&) = default;
};

// Of a source, sorted by key.
Result<std::vector<SliceVersion>> slice_versions(Warehouse& warehouse, SourceId source);
// Slices that are not the same in both. Sorted; so are `some` and `others`.
std::vector<SliceKey> moved_slices(std::span<const SliceVersion> some,
                                   std::span<const SliceVersion> others);
// What slices have given, as that warehouse sees it. kConfig: one of them is damaged.
Result<std::vector<StoredContribution>> whole_contributions(Warehouse& warehouse, SourceId source,
                                                            std::span<const SliceKey> keys);

class LedgerCopy {
 public:
  // Copies the ledger and lets `replace` do its work. `warehouse` becomes one of the copy; `tables`
  // outlives it.
  static Result<std::unique_ptr<LedgerCopy>> make(std::unique_ptr<SqlWarehouse> warehouse,
                                                  ShadowTables& tables,
                                                  const ReplaceSlices& replace);

  // Whose slices are replaced, and its kind.
  SourceId source() const { return source_; }
  const std::string& kind() const { return kind_; }
  const std::set<SliceKey>& replaced() const { return replaced_; }
  // Of the source, those which the ledger did not have.
  std::vector<SliceKey> new_slices(std::span<const SliceVersion> known) const;

  // What replaced ones among these give more than they did before. One that would change an hour of
  // which `is_taken` says so stays as it was.
  Result<Contribution> change(Warehouse& before, std::span<const SliceKey> keys,
                              const std::function<bool(int32_t local_hour)>& is_taken);
  // These are not replaced any more.
  void give_back(std::span<const SliceKey> keys);
  // While nobody can commit: all slices but the replaced ones are as the ledger has them now.
  Result<void> bring_up(SourceId source, std::span<const SliceVersion> now);
  // The sources of the copy.
  std::vector<SourceId> sources() const;

 private:
  LedgerCopy(std::unique_ptr<SqlWarehouse> warehouse, ShadowTables& tables)
      : warehouse_(std::move(warehouse)), tables_(tables) {}
  Result<void> copy();
  Result<void> find_source(const std::string& name);

  std::unique_ptr<SqlWarehouse> warehouse_;
  ShadowTables& tables_;
  // As they were copied.
  std::map<SourceId, std::vector<SliceVersion>> copied_;
  SourceId source_ = 0;
  std::string kind_;
  std::set<SliceKey> replaced_;
  std::set<SliceKey> given_back_;
};

}  // namespace hirestream::sql
