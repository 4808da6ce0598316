// ports/report.h on every SQL warehouse: reads only, without locks.
//
// Threading, errors: as the port says; a missing table or privilege is kConfig.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "adapters/sql/session.h"
#include "ports/report.h"

namespace hirestream {

class SqlReport final : public Report {
 public:
  explicit SqlReport(std::unique_ptr<sql::Session> session) : session_(std::move(session)) {}

  std::string server() const override { return session_->server(); }
  Result<std::string> version() override;
  Result<std::optional<std::pair<int32_t, int32_t>>> hours() override;
  Result<Measures> totals(const ReportFilter& filter) override;
  Result<std::vector<SeriesPoint>> series(const ReportFilter& filter, TimeStep step) override;
  Result<ReportPage> top(const ReportFilter& filter, Dimension dimension, Figure order,
                         size_t limit, size_t offset) override;
  Result<std::vector<NamedId>> names(Dimension dimension, const std::string& text,
                                     size_t limit) override;
  Result<std::vector<NamedId>> names_of(Dimension dimension, std::span<const int64_t> ids) override;
  Result<std::vector<EventsLine>> lines(const ReportFilter& filter,
                                        const std::optional<CellKey>& after, size_t limit) override;
  Result<std::vector<SourceQuality>> quality() override;
  Result<std::vector<SourceQuality>> sources() override;
  Result<std::vector<RejectGroup>> rejects() override;
  Result<std::vector<KindLine>> not_counted() override;
  Result<std::vector<Verification>> verifications() override;
  Result<std::vector<SliceLine>> slices(size_t limit_per_source) override;
  Result<std::vector<PipelineMinute>> minutes(int64_t from_us) override;
  Result<std::vector<MirrorLine>> mirrors() override;

 private:
  struct Source {
    int64_t id = 0;
    std::string name;
    std::string strategy;
    int64_t bucket_width_s = 0;
  };

  Result<bool> has_days();
  Result<bool> has_names(Dimension dimension);
  // A SELECT of something that tables got later. What was there once is not asked for again.
  Result<bool> has(const std::string& query);
  std::string sums_by(const std::string& key, const ReportFilter& filter, bool has_days) const;
  Result<std::vector<Source>> known_sources();
  // `accounting`: a table or subquery with the columns of hirestream_accounting.
  Result<std::vector<SourceQuality>> read_sources(const std::string& accounting);
  Result<void> read_slices(const Source& source, const std::string& condition, size_t limit,
                           std::vector<SliceLine>& out);

  std::unique_ptr<sql::Session> session_;
  bool has_days_ = false;
  std::set<std::string> there_;
};

}  // namespace hirestream
