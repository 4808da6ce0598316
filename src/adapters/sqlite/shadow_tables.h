// adapters/sql/shadow_tables.h on SQLite: the tables take their places, and get their indexes, in
// one transaction, while nobody else can write to the file.
#pragma once

#include <optional>
#include <string>

#include "adapters/sql/shadow_tables.h"
#include "adapters/sqlite/session.h"

namespace hirestream::sqlite {

// Why there is no other ledger in a SQLite warehouse.
tl::unexpected<Error> one_ledger(const sql::Session& session);

class ShadowTables final : public sql::ShadowTables {
 public:
  // `session` outlives it.
  ShadowTables(const std::string& run, Session& session)
      : sql::ShadowTables(run), session_(session) {}

  sql::Session& writer() override;
  Result<void> create() override;
  Result<void> copy_ledger() override;
  Result<void> copy_slices(int32_t, std::span<const SliceKey>) override;
  Result<void> copy_frozen() override;
  Result<void> add_events_keys() override { return {}; }
  Result<void> add_days_keys() override { return {}; }
  Result<void> lock() override;
  Result<void> swap() override;
  Result<void> drop() override;

 private:
  Result<void> check_form();

  Session& session_;
  std::optional<sql::Transaction> locked_;
};

}  // namespace hirestream::sqlite
