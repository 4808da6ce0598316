// adapters/sql/dialect.h for MySQL and MariaDB.
#pragma once

#include <string>

#include "adapters/sql/dialect.h"

namespace hirestream::mysql {

class Dialect final : public sql::Dialect {
 public:
  explicit Dialect(bool is_mariadb);
  std::string day_value(int32_t days) const override;
  std::string day_number(std::string_view column) const override;
  std::string moment_value(int64_t us) const override;
  std::string moment_micros(std::string_view moment) const override;
  std::string money_value(int64_t micros) const override;
  std::string sum(std::string_view column) const override;
  std::string hours_condition(int32_t from_hour, int32_t to_hour) const override;
  std::string after_condition(const CellKey& key) const override;
  std::string upsert(std::string_view key, std::string_view assignments) const override;
  std::string merged_sources(std::string_view table) const override;
  std::string delete_first(std::string_view table, std::string_view order,
                           int64_t rows) const override;
  std::string delete_by_key(std::string_view table, std::string_view condition) const override;
  std::string columns_query(std::string_view schema, std::string_view table) const override;
  std::string quoted_identifier(std::string_view name) const override;

 private:
  bool is_mariadb_;
};

}  // namespace hirestream::mysql
