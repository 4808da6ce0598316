// The job dimension: who an ad belongs to, and the names of those who show it.
#pragma once

#include <cstdint>
#include <string>

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

}  // namespace hirestream
