// ports/report.h on MySQL and MariaDB: one session, opened anew when it was lost; reads only, without locks. A database user that
// may SELECT what `init --print` grants to hirestream_reader is enough.
//
// Threading, errors: as the port says; a missing table or privilege is kConfig.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "adapters/mysql/connection.h"
#include "ports/report.h"

namespace hirestream {

class MysqlReport final : public Report {
 public:
  static Result<std::unique_ptr<MysqlReport>> open(const MysqlConfig& config);

  std::string server() const override;
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
  Result<std::vector<Verification>> verifications() override;
  Result<std::vector<SliceLine>> slices(size_t limit_per_source) override;
  Result<std::vector<PipelineMinute>> minutes(int64_t from_us) override;

 private:
  explicit MysqlReport(MysqlConfig config) : config_(std::move(config)) {}

  Result<mysql::Connection*> ready();
  Result<bool> has_days(mysql::Connection& connection);
  Result<bool> has_names(Dimension dimension);
  Result<bool> has_column(const char* table, const char* column);
  struct Source {
    int64_t id = 0;
    std::string name;
    std::string strategy;
    int64_t bucket_width_s = 0;
  };
  Result<std::vector<Source>> slice_sources();
  // `accounting`: a table or subquery with the columns of hirestream_accounting.
  Result<std::vector<SourceQuality>> read_sources(const std::string& accounting);
  Result<void> read_slices(const Source& source, const std::string& condition, size_t limit,
                           std::vector<SliceLine>& out);

  MysqlConfig config_;
  std::unique_ptr<mysql::Connection> connection_;
  bool has_days_ = false;
  bool has_publishers_ = false;
  std::set<std::string> columns_;  // that are there
};

class MysqlPipelineLog final : public PipelineLog {
 public:
  static Result<std::unique_ptr<MysqlPipelineLog>> open(const MysqlConfig& config);
  Result<void> record(std::span<const PipelineMinute> minutes, int64_t expire_before_us) override;
  Result<void> record_verification(const Verification& verification) override;

 private:
  explicit MysqlPipelineLog(MysqlConfig config) : config_(std::move(config)) {}
  MysqlConfig config_;
  std::unique_ptr<mysql::Connection> connection_;
};

}  // namespace hirestream
