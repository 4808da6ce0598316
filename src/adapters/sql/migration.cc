#include "adapters/sql/migration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <vector>

#include "adapters/sql/cell_rows.h"
#include "adapters/sql/multi_row_insert.h"
#include "model/mix64.h"

namespace hirestream::sql {
namespace {

constexpr size_t kCellsMax = 200'000;

struct OldCell {
  Measures measures;
  int64_t company_id = 0;
  std::string sources;
  int64_t updated_at_us = 0;
};

// What another part of the rows has added to the same cell.
std::string additions(const Dialect& dialect, std::string_view table) {
  std::string text = added_measures(dialect, table);
  for (const std::string_view column :
       {std::string_view("company_id"), std::string_view("sources"), dialect.updated_at}) {
    text += fmt::format("{0} = {2}({1}.{0}, new.{0}), ", column, table, dialect.greatest);
  }
  return text.substr(0, text.size() - 2);
}

class CellWriter {
 public:
  explicit CellWriter(const OldEventsCopy& copy)
      : copy_(copy),
        insert_(
            copy.to,
            fmt::format("INSERT INTO {} ({}) VALUES", copy.table, cell_columns(copy.to.dialect())),
            copy.to.dialect().upsert(cell_key_columns(copy.to.dialect()),
                                     additions(copy.to.dialect(), copy.table))) {}

  Result<void> add(OldRow&& row) {
    OldCell& cell = cells_[row.key];
    if (!cell.measures.can_add(row.measures)) {
      return fail(ErrorKind::kConfig, "migrate", copy_.to.subject(),
                  fmt::format("the sums of job {} in one hour are beyond 64 bits", row.key.job_id),
                  "correct its rows in `events`, then migrate again; nothing was changed");
    }
    cell.measures += row.measures;
    cell.company_id = std::max(cell.company_id, row.company_id);
    if (cell.sources < row.sources) {
      cell.sources = std::move(row.sources);
    }
    cell.updated_at_us = std::max(cell.updated_at_us, row.updated_at_us.value_or(copy_.now_us));
    return cells_.size() < kCellsMax ? Result<void>() : flush();
  }

  Result<void> flush() {
    for (const auto& [key, cell] : cells_) {
      append_cell(copy_.to, insert_.row(),
                  {key, cell.measures, cell.company_id, cell.sources, cell.updated_at_us});
      HIRESTREAM_TRY(insert_.end_row());
    }
    cells_.clear();
    return insert_.flush();
  }

 private:
  const OldEventsCopy& copy_;
  MultiRowInsert insert_;
  std::map<CellKey, OldCell> cells_;
};

uint64_t hash_of(const Row& row, int columns) {
  uint64_t hash = 0;
  for (int column = 0; column < columns; ++column) {
    const uint64_t null = row.is_null(column) ? 1 : 0;
    hash = mix64(hash + null + std::hash<std::string_view>{}(row.text(column)));
  }
  return hash;
}

// Calls visit(OldRow&&) for each row that can be taken.
template <typename Visit>
Result<RowDigest> read_old_events(Session& session, const OldEvents& old, const Visit& visit) {
  std::vector<std::string> quoted;
  for (const std::string& name : old.columns.names()) {
    quoted.push_back(session.dialect().quoted_identifier(name));
  }
  OldEventsReader reader(old.columns);
  const int columns = static_cast<int>(quoted.size());
  RowDigest rows;
  HIRESTREAM_TRY(
      session.stream(fmt::format("SELECT {} FROM {}", fmt::join(quoted, ", "), old.table),
                     [&](const Row& row) -> Result<void> {
                       rows += {1, hash_of(row, columns)};
                       auto taken = reader.read(row);
                       return taken ? visit(std::move(*taken)) : Result<void>();
                     }));
  HIRESTREAM_TRY(reader.verdict(session));
  return rows;
}

}  // namespace

Result<RowDigest> check_old_events(Session& session, const OldEvents& old) {
  return read_old_events(session, old, [](OldRow&&) -> Result<void> { return {}; });
}

Result<RowDigest> copy_old_events(const OldEvents& old, const OldEventsCopy& copy) {
  CellWriter writer(copy);
  HIRESTREAM_ASSIGN(const RowDigest rows,
                    read_old_events(copy.from, old, [&](OldRow&& row) -> Result<void> {
                      return copy.until_hour && row.key.local_hour >= *copy.until_hour
                                 ? Result<void>()
                                 : writer.add(std::move(row));
                    }));
  HIRESTREAM_TRY(writer.flush());
  return rows;
}

}  // namespace hirestream::sql
