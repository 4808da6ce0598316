#include "adapters/mysql/events_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace hirestream::mysql {
namespace {

constexpr std::array<std::string_view, 5> kIds = {"job_id", "publisher_id", "campaign_id",
                                                  "group_id", "company_id"};
// A commit writes differences, which may be negative.
constexpr std::array<std::string_view, 5> kCounters = {
    "impressions", "clicks", "conversion", "qualified_application", "disqualified_application"};
// The names of all kinds of sources, with commas.
constexpr int kSourcesLengthMin = 32;

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool holds_int64(std::string_view type) {
  return type.starts_with("bigint") && type.find("unsigned") == std::string_view::npos;
}

bool holds_sources(std::string_view type) {
  const size_t open = type.find("char(");
  if (open == std::string_view::npos) {
    return type.find("text") != std::string_view::npos;
  }
  const std::string_view digits = type.substr(open + 5);
  int length = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), length);
  return length >= kSourcesLengthMin;
}

}  // namespace

void EventsColumns::add(std::string_view name, std::string_view type) {
  const bool id = is_one_of(kIds, name);
  if ((id || is_one_of(kCounters, name)) && !holds_int64(type)) {
    narrow_.push_back({std::string(name), std::string(type),
                       id ? "BIGINT NOT NULL" : "BIGINT NOT NULL DEFAULT 0"});
  } else if (name == "sources" && !holds_sources(type)) {
    narrow_.push_back({std::string(name), std::string(type), "VARCHAR(255) NOT NULL DEFAULT ''"});
  }
}

std::string EventsColumns::fault() const {
  std::string text;
  for (const NarrowColumn& column : narrow_) {
    text += fmt::format("{}{} is {}, which has no room for every value", text.empty() ? "" : ", ",
                        column.name, column.type);
  }
  return text;
}

std::string EventsColumns::alter() const {
  std::string text = "ALTER TABLE events";
  for (const NarrowColumn& column : narrow_) {
    text += fmt::format("{} MODIFY {} {}", text.ends_with("events") ? "" : ",", column.name,
                        column.wanted);
  }
  return text;
}

}  // namespace hirestream::mysql
