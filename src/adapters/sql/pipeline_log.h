// ports/report.h: PipelineLog in every SQL warehouse.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "adapters/sql/session.h"
#include "ports/report.h"

namespace hirestream {

class SqlPipelineLog final : public PipelineLog {
 public:
  explicit SqlPipelineLog(std::unique_ptr<sql::Session> session) : session_(std::move(session)) {}
  Result<void> record(std::span<const PipelineMinute> minutes, int64_t expire_before_us) override;
  Result<void> record_mirrors(const std::string& source,
                              std::span<const MirrorProgress> mirrors) override;
  Result<void> record_verification(const Verification& verification) override;

 private:
  Result<std::map<std::string, int64_t, std::less<>>> source_ids();

  std::unique_ptr<sql::Session> session_;
};

}  // namespace hirestream
