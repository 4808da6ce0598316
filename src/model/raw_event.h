// One raw row as text, all columns of the tracking table: what `generate` makes and `import` moves.
// Adapters convert the text to their column types. Not for hot paths.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hirestream {

// In the order of kRawColumnNames.
enum class RawColumn : size_t {
  kCreateTime,
  kBid,
  kBn,
  kCampaignId,
  kCd,
  kCustomTrack,
  kDe,
  kDl,
  kDt,
  kEd,
  kEv,
  kGroupId,
  kId,
  kJobId,
  kMd,
  kPublisherId,
  kRl,
  kSr,
  kTs,
  kTz,
  kUa,
  kUid,
  kUtmCampaign,
  kUtmContent,
  kUtmMedium,
  kUtmSource,
  kUtmTerm,
  kV,
  kVp,
};

inline constexpr std::array<std::string_view, 29> kRawColumnNames = {
    "create_time", "bid",          "bn",           "campaign_id",
    "cd",          "custom_track", "de",           "dl",
    "dt",          "ed",           "ev",           "group_id",
    "id",          "job_id",       "md",           "publisher_id",
    "rl",          "sr",           "ts",           "tz",
    "ua",          "uid",          "utm_campaign", "utm_content",
    "utm_medium",  "utm_source",   "utm_term",     "v",
    "vp",
};

struct RawEvent {
  std::array<std::optional<std::string>, kRawColumnNames.size()> values;  // nothing: null

  std::optional<std::string>& operator[](RawColumn column) {
    return values[static_cast<size_t>(column)];
  }
  const std::optional<std::string>& operator[](RawColumn column) const {
    return values[static_cast<size_t>(column)];
  }
};

}  // namespace hirestream
