// Where slices wait that were counted somewhere else (Apache Spark), beside the ledger, until they
// are published. A run counts a source; its tasks are tried several times, and each attempt stages
// under its own number. Only attempts that were accepted count, for only of those somebody has
// heard that they are whole. The ledger's revisions are noted when the run begins, before anything
// is read: a slice that was replaced since is not overwritten. What nobody publishes expires.
// Implementation: adapters/sql.
//
// Threading: one thread at a time per object; several objects may work on one run. Blocking.
// Errors: kTransient = nothing was done, try again; kConfig = somebody must act.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/result.h"
#include "model/slice_part.h"
#include "ports/warehouse.h"

namespace hirestream {

struct StagedRun {
  // Unique in the warehouse: at most kRunIdMax characters.
  std::string id;
  SourceRegistration source = {};
  int32_t shard_count = 1;
  // SourceDescription::lifetime_us.
  std::optional<int64_t> lifetime_us = {};
  // Read at the strongest level, or of a source without replicas.
  bool strongest = false;
  // What lay behind this time was over when the run began.
  int64_t begun_us = 0;
  // 0: not yet.
  int64_t published_us = 0;
};
inline constexpr size_t kRunIdMax = 128;

struct StagedSlice {
  SliceKey key;
  // When the run began; 0: the ledger did not have it.
  int64_t revision = 0;
  // Of accepted attempts.
  std::vector<SlicePart> parts = {};
};

struct StagedCounts {
  // Distinct ones of accepted attempts.
  int64_t slices = 0;
  int64_t attempts_accepted = 0;
  // Whose task was tried again, or that nobody has heard of.
  int64_t attempts_discarded = 0;
};

class Staging {
 public:
  virtual ~Staging() = default;

  // Notes the revisions of the ledger's slices of that source, in the same transaction. kConfig: a
  // run of that id is there.
  virtual Result<void> begin(const StagedRun& run) = 0;
  // kConfig: there is none.
  virtual Result<StagedRun> find(const std::string& run) = 0;
  // One transaction, instead of what the attempt has staged before.
  virtual Result<void> stage(const std::string& run, int64_t attempt,
                             std::span<const SlicePart> parts) = 0;
  virtual Result<void> accept(const std::string& run, std::span<const int64_t> attempts) = 0;
  virtual Result<StagedCounts> counts(const std::string& run) = 0;
  // Accepted slices behind `after` in the order of keys; nothing: from the first one on.
  virtual Result<std::vector<SliceKey>> slices(const std::string& run,
                                               const std::optional<SliceKey>& after,
                                               size_t limit) = 0;
  // In the order of the keys. kRejected: a blob is damaged.
  virtual Result<std::vector<StagedSlice>> load(const std::string& run,
                                                std::span<const SliceKey> keys) = 0;
  // These slices have been dealt with.
  virtual Result<void> drop(const std::string& run, std::span<const SliceKey> keys) = 0;
  // Everything but the run itself goes.
  virtual Result<void> finish(const std::string& run, int64_t published_us) = 0;
  virtual Result<void> forget(const std::string& run) = 0;
  // Forgets runs that began before that time.
  virtual Result<void> expire(int64_t before_us) = 0;
};

}  // namespace hirestream
