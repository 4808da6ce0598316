#include "telemetry/warehouse_metrics.h"

#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <utility>

namespace hirestream {
namespace {

using prometheus::BuildGauge;
using prometheus::Registry;

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

double seconds_since(int64_t then_us, int64_t now_us) {
  return static_cast<double>(std::max<int64_t>(now_us - then_us, 0)) / 1e6;
}

}  // namespace

std::string warehouse_metrics(std::span<const SourceQuality> sources,
                              std::span<const Verification> verifications, int64_t now_us,
                              const std::string& product_version) {
  Registry registry;
  BuildGauge()
      .Name("hirestream_build_info")
      .Help("Always 1; the version is a label")
      .Register(registry)
      .Add({{"version", product_version}})
      .Set(1);
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
                     .Help("Since the source's last commit")
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
    if (source.last_commit_us > 0) {
      behind.Add({{"source", source.name}}).Set(seconds_since(source.last_commit_us, now_us));
    }
    if (!source.settled_until_us.empty()) {
      const auto least =
          std::min_element(source.settled_until_us.begin(), source.settled_until_us.end(),
                           [](const auto& a, const auto& b) { return a.second < b.second; });
      unsettled.Add({{"source", source.name}}).Set(seconds_since(least->second, now_us));
    }
  }
  add_verifications(registry, verifications);
  return prometheus::TextSerializer().Serialize(registry.Collect());
}

}  // namespace hirestream
