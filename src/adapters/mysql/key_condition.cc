#include "adapters/mysql/key_condition.h"

#include <fmt/format.h>

#include <iterator>

#include "model/timestamp.h"

namespace hirestream::mysql {
namespace {

std::string key_condition(std::span<const CellKey> keys, bool hours) {
  std::string condition;
  for (const CellKey& key : keys) {
    fmt::format_to(
        std::back_inserter(condition),
        "{}(dates = '{}'{} AND job_id = {} AND publisher_id = {} AND campaign_id = {} AND group_id "
        "= {})",
        condition.empty() ? "" : " OR ", format_date(key.days()),
        hours ? fmt::format(" AND hours = {}", key.hour()) : std::string(), key.job_id,
        key.publisher_id, key.campaign_id, key.group_id);
  }
  return condition;
}

}  // namespace

std::string cell_condition(std::span<const CellKey> keys) {
  return key_condition(keys, true);
}

std::string day_condition(std::span<const CellKey> keys) {
  return key_condition(keys, false);
}

}  // namespace hirestream::mysql
