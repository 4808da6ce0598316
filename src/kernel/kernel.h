// What the C ABI hands out as hs_kernel: settings, the source that they name, and what is opened of
// the warehouse when it is needed. One thread at a time; blocking.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "adapters/system/system_clock.h"
#include "config/settings.h"
#include "pipeline/engine.h"
#include "pipeline/table_counter.h"
#include "ports/staging.h"

namespace hirestream {

struct KernelSettings {
  std::string config_file;
  // By full name, above file and environment.
  std::vector<std::pair<std::string, std::string>> options;
  // Rows come in batches, of a source of this kind and identity.
  struct Frame {
    std::string kind;
    std::string identity;
  };
  std::optional<Frame> frame = {};
};

// Keeps warnings, at most kWarningsMax of them.
class WarningsKeeper final : public NullObserver {
 public:
  static constexpr size_t kWarningsMax = 100;
  void on_note(const std::string& level, const std::string& text) override {
    if (level == "warning" && warnings_.size() < kWarningsMax) {
      warnings_.push_back(text);
    }
  }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::vector<std::string> warnings_;
};

class Kernel {
 public:
  static Result<std::unique_ptr<Kernel>> open(const KernelSettings& settings);

  const SourceDescription& description() const { return source_->description(); }
  const ReadingRules& rules() const { return engine_.reading; }
  bool with_payload() const { return engine_.counting.attribution == Attribution::kPayload; }
  // What arrived before is not counted; nothing: everything is.
  std::optional<int64_t> start_at_us() const { return engine_.counting.start_at_us; }
  const std::vector<std::string>& warnings() const { return observer_.warnings(); }
  const std::string& name() const { return engine_.source_name; }
  // Of the source; empty: none was given.
  const std::string& uri() const { return settings_.sources.front().uri_text; }

  TableCounter& counter() { return *counter_; }

  // Returns the moment after which the run may read. From here on the kernel counts from where the
  // source started that is known to the warehouse.
  Result<int64_t> begin_run(const std::string& run, bool strongest);
  // kConfig: parts of this kernel were counted by other rules than the run's.
  Result<void> stage(const std::string& run, int64_t attempt, std::span<const SlicePart> parts);
  Result<void> accept(const std::string& run, std::span<const int64_t> attempts);
  Result<void> forget(const std::string& run);
  // As JSON (cli/publish_report.h).
  Result<std::string> publish_run(const std::string& run, bool compare, bool whole);
  // As JSON (cli/rebuild_report.h).
  Result<std::string> rebuild_run(const std::string& run);

 private:
  Kernel(Settings settings, EngineOptions engine)
      : settings_(std::move(settings)), engine_(std::move(engine)) {}
  Result<Staging*> staging();

  Settings settings_;
  EngineOptions engine_;
  std::unique_ptr<EventSource> source_;
  std::optional<TableCounter> counter_;
  std::unique_ptr<Staging> staging_;
  SystemClock clock_;
  WarningsKeeper observer_;
};

}  // namespace hirestream
