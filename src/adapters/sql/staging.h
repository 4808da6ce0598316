// ports/staging.h on every SQL database. The tables must exist.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/sql/session.h"
#include "ports/staging.h"

namespace hirestream {

class SqlStaging final : public Staging {
 public:
  explicit SqlStaging(std::unique_ptr<sql::Session> session) : session_(std::move(session)) {}

  Result<void> begin(const StagedRun& run) override;
  Result<StagedRun> find(const std::string& run) override;
  Result<void> stage(const std::string& run, int64_t attempt,
                     std::span<const SlicePart> parts) override;
  Result<void> accept(const std::string& run, std::span<const int64_t> attempts) override;
  Result<StagedCounts> counts(const std::string& run) override;
  Result<std::vector<SliceKey>> slices(const std::string& run, const std::optional<SliceKey>& after,
                                       size_t limit) override;
  Result<std::vector<StagedSlice>> load(const std::string& run,
                                        std::span<const SliceKey> keys) override;
  Result<void> drop(const std::string& run, std::span<const SliceKey> keys) override;
  Result<void> finish(const std::string& run, int64_t published_us) override;
  Result<void> forget(const std::string& run) override;
  Result<void> expire(int64_t before_us) override;

 private:
  // "run_id = '…'"
  std::string is(const std::string& run) const;
  Result<void> note_revisions(const StagedRun& run);
  Result<void> note_attempt(const std::string& run, int64_t attempt);
  Result<void> empty(const std::string& run);

  std::unique_ptr<sql::Session> session_;
};

}  // namespace hirestream
