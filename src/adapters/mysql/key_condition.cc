#include "adapters/mysql/key_condition.h"

#include <fmt/format.h>

#include <algorithm>
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

size_t keys_per_statement(size_t statement_bytes_max) {
  constexpr size_t kKeysMax = 256;
  constexpr size_t kKeyBytesMax = 192;  // with four ids of 20 digits
  constexpr size_t kOtherBytesMax = 1024;
  const size_t room = statement_bytes_max / 2 - std::min(statement_bytes_max / 2, kOtherBytesMax);
  return std::clamp(room / kKeyBytesMax, size_t{1}, kKeysMax);
}

std::string cell_condition(std::span<const CellKey> keys) {
  return key_condition(keys, true);
}

std::string day_condition(std::span<const CellKey> keys) {
  return key_condition(keys, false);
}

}  // namespace hirestream::mysql
