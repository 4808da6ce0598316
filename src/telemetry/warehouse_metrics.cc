#include "telemetry/warehouse_metrics.h"

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "ports/event_source.h"
#include "telemetry/metrics_text_internal.h"

namespace hirestream {
namespace {

using prometheus::BuildGauge;
using prometheus::Registry;

constexpr int64_t kReportedUs = 60'000'000;
constexpr int64_t kFreshUs = 3 * kReportedUs;  // quantiles are told when their minute is over

using Values = std::initializer_list<std::pair<const char*, int64_t>>;

void add(prometheus::Family<prometheus::Gauge>& family, const std::string& source,
         const char* label, Values values) {
  for (const auto& [name, value] : values) {
    family.Add({{"source", source}, {label, name}}).Set(static_cast<double>(value));
  }
}

void add_verifications(Registry& registry, std::span<const Verification> verifications) {
  auto& at = BuildGauge()
                 .Name("hirestream_verify_last_timestamp_seconds")
                 .Help("When the last verify of the source ended, seconds since 1970")
                 .Register(registry);
  auto& differences = BuildGauge()
                          .Name("hirestream_verify_differences")
                          .Help("Slices and cells that differed after the last verify")
                          .Register(registry);
  for (const Verification& verification : verifications) {
    at.Add({{"source", verification.source}}).Set(static_cast<double>(verification.at_us) / 1e6);
    differences.Add({{"source", verification.source}})
        .Set(static_cast<double>(verification.differences()));
  }
}

// kKindsReported and "(others)" of each source: as many labels, whatever its rows say.
void add_kinds(Registry& registry, std::span<const KindLine> not_counted) {
  auto& rows = BuildGauge()
                   .Name("hirestream_rows_not_counted")
                   .Help("Raw rows of the classes other and unattributed, by kind")
                   .Register(registry);
  for (const KindLine& line : not_counted) {
    rows.Add({{"source", line.source},
              {"class", std::string(class_name(line.kind.why))},
              {"kind", line.kind.kind}})
        .Set(static_cast<double>(line.kind.rows));
  }
}

double seconds_since(int64_t then_us, int64_t now_us) {
  return static_cast<double>(std::max<int64_t>(now_us - then_us, 0)) / 1e6;
}

// Nothing: no engine has read it lately, and it is files, which do not change by themselves.
std::optional<double> behind_seconds(const SourceQuality& source,
                                     std::span<const PipelineMinute> minutes, int64_t now_us) {
  int64_t known_us = source.last_commit_us;
  int64_t newest_us = now_us - kFreshUs;
  int64_t freshness_us = 0;
  bool is_read = false;
  for (const PipelineMinute& minute : minutes) {
    if (minute.source != source.name) {
      continue;
    }
    if (minute.requests > 0) {
      is_read = true;
      known_us = std::max(known_us, minute.minute_us + kReportedUs);
    }
    if (minute.freshness_us_p50 >= 0 && minute.minute_us >= newest_us) {
      newest_us = minute.minute_us;
      freshness_us = minute.freshness_us_p50;
    }
  }
  if (known_us == 0 || (!is_read && is_kind_of_files(source.kind))) {
    return std::nullopt;
  }
  return std::max(seconds_since(known_us, now_us), static_cast<double>(freshness_us) / 1e6);
}

std::string yes_or_no(const char* name, const char* help, bool yes) {
  Registry registry;
  BuildGauge().Name(name).Help(help).Register(registry).Add({}).Set(yes ? 1 : 0);
  return metrics_text(registry);
}

}  // namespace

std::string warehouse_metrics(std::span<const SourceQuality> sources,
                              std::span<const KindLine> not_counted,
                              std::span<const Verification> verifications,
                              std::span<const PipelineMinute> minutes, int64_t now_us) {
  Registry registry;
  auto& slices =
      BuildGauge().Name("hirestream_slices").Help("Slices in the ledger").Register(registry);
  auto& held = BuildGauge()
                   .Name("hirestream_slices_held")
                   .Help("Slices whose recount misses rows counted before")
                   .Register(registry);
  auto& rows = BuildGauge()
                   .Name("hirestream_rows")
                   .Help("Raw rows in the ledger, by where they ended up")
                   .Register(registry);
  auto& behind = BuildGauge()
                     .Name("hirestream_behind_seconds")
                     .Help(
                         "How far what is counted lies behind what could be: since the source was "
                         "last read, or how long its rows took lately; near 0 when idle")
                     .Register(registry);
  auto& unsettled = BuildGauge()
                        .Name("hirestream_unsettled_seconds")
                        .Help("Length of the time that is not settled yet, of the slowest shard")
                        .Register(registry);
  for (const SourceQuality& source : sources) {
    add(slices, source.name, "state",
        {{"open", source.slices_open},
         {"settled", source.slices_settled},
         {"frozen", source.slices_frozen}});
    held.Add({{"source", source.name}}).Set(static_cast<double>(source.slices_held));
    add(rows, source.name, "class",
        {{"counted", source.classes.counted},
         {"unattributed", source.classes.unattributed},
         {"other", source.classes.other},
         {"rejected", source.classes.rejected},
         {"too_late", source.classes.too_late}});
    if (const auto seconds = behind_seconds(source, minutes, now_us)) {
      behind.Add({{"source", source.name}}).Set(*seconds);
    }
    if (!source.settled_until_us.empty()) {
      const auto least =
          std::min_element(source.settled_until_us.begin(), source.settled_until_us.end(),
                           [](const auto& a, const auto& b) { return a.second < b.second; });
      unsettled.Add({{"source", source.name}}).Set(seconds_since(least->second, now_us));
    }
  }
  add_kinds(registry, not_counted);
  add_verifications(registry, verifications);
  return metrics_text(registry);
}

std::string warehouse_up_metric(bool up) {
  return yes_or_no("hirestream_warehouse_up", "1 when the warehouse answers", up);
}

std::string ready_metric(bool ready) {
  return yes_or_no("hirestream_ready", "1 when every engine keeps its numbers up to date", ready);
}

}  // namespace hirestream
