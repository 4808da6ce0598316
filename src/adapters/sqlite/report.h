// ports/report.h on SQLite: one read-only connection to the warehouse's file; commits never wait for it, nor it for them.
//
// Threading, errors: as the port says; a missing file or table is kConfig.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/sqlite/database.h"
#include "ports/report.h"

namespace hirestream {

class SqliteReport final : public Report {
 public:
  static Result<std::unique_ptr<SqliteReport>> open(const std::string& path);

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
  explicit SqliteReport(sqlite::Database database) : database_(std::move(database)) {}

  Result<bool> has_days();
  Result<bool> has_names(Dimension dimension);
  struct Source {
    int64_t id = 0;
    std::string name;
    std::string strategy;
    int64_t bucket_width_s = 0;
  };
  Result<bool> has_table(std::string_view name);
  Result<bool> has_column(std::string_view table, std::string_view column);
  Result<std::vector<Source>> slice_sources();
  // `accounting`: a table or subquery with the columns of hirestream_accounting.
  Result<std::vector<SourceQuality>> read_sources(const std::string& accounting);
  Result<void> read_slices(const Source& source, const std::string& condition, size_t limit,
                           std::vector<SliceLine>& out);

  sqlite::Database database_;
  bool has_days_ = false;
};

class SqlitePipelineLog final : public PipelineLog {
 public:
  static Result<std::unique_ptr<SqlitePipelineLog>> open(const std::string& path);
  Result<void> record(std::span<const PipelineMinute> minutes, int64_t expire_before_us) override;
  Result<void> record_verification(const Verification& verification) override;

 private:
  explicit SqlitePipelineLog(sqlite::Database database) : database_(std::move(database)) {}
  sqlite::Database database_;
};

}  // namespace hirestream
