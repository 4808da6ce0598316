#include "adapters/sqlite/raw_log_writer.h"

#include <fmt/format.h>

#include <random>

#include "adapters/sqlite/raw_log_schema.h"
#include "model/decimal.h"

namespace hirestream {
namespace {

std::string upsert_sql() {
  std::string names;
  std::string parameters;
  std::string assignments;
  for (size_t index = 0; index < kRawColumnNames.size(); ++index) {
    const std::string_view name = kRawColumnNames[index];
    names += fmt::format("{}{}", index == 0 ? "" : ", ", name);
    parameters += index == 0 ? "?" : ", ?";
    if (index > 0)
      assignments += fmt::format("{}{} = excluded.{}", index == 1 ? "" : ", ", name, name);
  }
  return fmt::format(
      "INSERT INTO tracking ({}) VALUES ({}) ON CONFLICT (create_time) DO UPDATE SET {}", names,
      parameters, assignments);
}

std::string random_id() {
  std::random_device random;
  std::string id;
  for (int word = 0; word < 4; ++word) id += fmt::format("{:08x}", random());
  return id;
}

// Text that SQLite's INTEGER columns would turn into another text when it is read back: 1e3, 1.50.
bool looks_numeric(const std::string& text) {
  return text.find_first_not_of("0123456789+-.eE \t\n\r\f\v") == std::string::npos;
}

void bind_value(sqlite::Statement& statement, RawColumn column,
                const std::optional<std::string>& value) {
  const int place = 1 + static_cast<int>(column);
  if (!value || value->empty()) {
    statement.bind_null(place);
    return;
  }
  if (sqlite::is_integer_column(column)) {
    if (const auto number = parse_integer(*value)) {
      statement.bind(place, *number);
      return;
    }
    if (looks_numeric(*value)) {
      statement.bind_blob(place, *value);  // kept as it is
      return;
    }
  }
  statement.bind(place, std::string_view(*value));
}

}  // namespace

Result<std::unique_ptr<SqliteRawLogWriter>> SqliteRawLogWriter::open(const std::string& path) {
  HIRESTREAM_ASSIGN(sqlite::Database database,
                    sqlite::Database::open({.path = path, .mode = sqlite::OpenMode::kCreate}));
  std::unique_ptr<SqliteRawLogWriter> writer(new SqliteRawLogWriter(std::move(database)));
  HIRESTREAM_TRY(writer->create_tables());
  // Fails here, naming the column, when somebody else's `tracking` has other columns.
  HIRESTREAM_TRY(writer->database_.cached(upsert_sql()));
  return writer;
}

Result<void> SqliteRawLogWriter::create_tables() {
  HIRESTREAM_ASSIGN(sqlite::Transaction transaction,
                    sqlite::Transaction::begin(database_, sqlite::TransactionMode::kWrite));
  HIRESTREAM_ASSIGN(
      sqlite::Statement * table,
      database_.cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'tracking'"));
  HIRESTREAM_ASSIGN(const bool exists, table->step());
  table->reset();
  if (exists) return {};
  HIRESTREAM_TRY(database_.execute(sqlite::create_tracking_sql()));
  HIRESTREAM_TRY(database_.execute(sqlite::kCreateMetaSql));
  HIRESTREAM_ASSIGN(
      sqlite::Statement * insert,
      database_.cached("INSERT INTO raw_log_meta (key, value) VALUES ('raw_log_id', ?)"));
  insert->bind(1, std::string_view(random_id()));
  HIRESTREAM_TRY(insert->run());
  return transaction.commit();
}

Result<void> SqliteRawLogWriter::write(std::span<const RawEvent> events) {
  static const std::string kUpsertSql = upsert_sql();
  HIRESTREAM_ASSIGN(sqlite::Statement * upsert, database_.cached(kUpsertSql));
  HIRESTREAM_ASSIGN(sqlite::Transaction transaction,
                    sqlite::Transaction::begin(database_, sqlite::TransactionMode::kWrite));
  for (const RawEvent& event : events) HIRESTREAM_TRY(write_event(event, *upsert));
  return transaction.commit();
}

Result<void> SqliteRawLogWriter::write_event(const RawEvent& event, sqlite::Statement& upsert) {
  const auto& create_time = event[RawColumn::kCreateTime];
  if (!create_time || create_time->empty()) {
    return fail(ErrorKind::kRejected, "write row", database_.path(), "create_time is null",
                "each row needs its own create_time");
  }
  for (size_t index = 0; index < event.values.size(); ++index) {
    bind_value(upsert, static_cast<RawColumn>(index), event.values[index]);
  }
  return upsert.run();
}

Result<void> SqliteRawLogWriter::finish() {
  return {};
}

}  // namespace hirestream
