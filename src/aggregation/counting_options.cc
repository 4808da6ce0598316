#include "aggregation/counting_options.h"

#include <array>
#include <string_view>

namespace hirestream {
namespace {

constexpr std::array<std::string_view, kEventKindCount> kKindNames = {
    "impression", "click", "conversion", "qualified", "unqualified", "other"};

}  // namespace

std::string KindMapping::text() const {
  std::string out;
  for (const auto& [value, kind] : kinds) {
    out += value;
    out += '=';
    out += kKindNames[static_cast<size_t>(kind)];
    out += ',';
  }
  return out + "ev:" + page_view_ev + "=impression";
}

std::string attribution_name(Attribution attribution) {
  return attribution == Attribution::kPayload ? "payload" : "columns";
}

}  // namespace hirestream
