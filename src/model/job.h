// The job dimension: who an ad belongs to, and the names of those who show it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hirestream {

struct Job {
  int64_t job_id = 0;
  int64_t company_id = 0;  // 0: unknown
  int64_t group_id = 0;
  int64_t campaign_id = 0;
  std::string title;  // names are optional: empty where the directory has none
  std::string company_name;
  std::string campaign_name;
  std::string group_name;
  friend bool operator==(const Job&, const Job&) = default;
};

// Where an ad is shown. A name for people; nothing is counted by it.
struct Publisher {
  int64_t publisher_id = 0;
  std::string name;
  friend bool operator==(const Publisher&, const Publisher&) = default;
};

// A name as every warehouse can store it: UTF-8, bytes that are none replaced by U+FFFD, and cut
// after so many characters.
inline constexpr size_t kNameCharactersMax = 1000;
std::string storable_name(std::string_view name, size_t characters_max = kNameCharactersMax);
// The same with all names of it. Whoever compares what a directory has with what a warehouse holds
// compares these.
Job storable(Job job);
Publisher storable(Publisher publisher);

}  // namespace hirestream
