#include "adapters/mysql/unreadable_values.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hirestream::mysql {
namespace {

constexpr const char* kInteger = "{0} NOT REGEXP '^[[:space:]]*[-+]?[0-9]+[[:space:]]*$'";
constexpr const char* kNumber =
    "{0} NOT REGEXP '^[[:space:]]*[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?"
    "[[:space:]]*$'";
constexpr const char* kDate =
    "CAST({0} AS DATE) IS NULL OR {0} NOT REGEXP "
    "'^[0-9]+[^0-9]?[0-9]+[^0-9]?[0-9]+([ T].*)?$'";

// What migrate reads and the rows that it cannot read; null is read as 0.
constexpr std::pair<const char*, const char*> kUnreadable[] = {
    {"dates", kDate},
    {"hours", kInteger},
    {"job_id", kInteger},
    {"publisher_id", kInteger},
    {"campaign_id", kInteger},
    {"group_id", kInteger},
    {"company_id", kInteger},
    {"impressions", kNumber},
    {"clicks", kNumber},
    {"conversion", kNumber},
    {"qualified_application", kNumber},
    {"disqualified_application", kNumber},
    {"spend_hour", kNumber}};

struct Culprit {
  std::string column;
  std::string condition;
  std::string value;
  int64_t rows = 0;
};

Result<bool> is_text(Session& session, const char* column) {
  HIRESTREAM_ASSIGN(
      const int64_t found,
      session.number(fmt::format(
          "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND "
          "table_name = 'events' AND column_name = '{}' AND (data_type LIKE '%char' OR data_type "
          "LIKE '%text')",
          column)));
  return found > 0;
}

Result<std::optional<Culprit>> find_culprit(Session& session) {
  for (const auto& [column, condition] : kUnreadable) {
    HIRESTREAM_ASSIGN(const bool text, is_text(session, column));
    if (!text) {
      continue;
    }
    Culprit culprit{
        .column = column, .condition = fmt::format(fmt::runtime(condition), column), .value = {}};
    HIRESTREAM_TRY(
        session.each(fmt::format("SELECT COUNT(*), LEFT(MIN({}), 60) FROM events WHERE {}", column,
                                 culprit.condition),
                     [&](const sql::Row& row) {
                       culprit.rows = row.integer(0);
                       culprit.value = row.text(1);
                     }));
    if (culprit.rows > 0) {
      return culprit;
    }
  }
  return std::nullopt;
}

}  // namespace

Error explain_unreadable_values(Session& session, Error error) {
  error.operation = "migrate";
  error.hint = "correct that value, then migrate again; `events` is as it was";
  const auto culprit = find_culprit(session);
  if (culprit && *culprit) {
    error.message = fmt::format("{} rows of `events` have text in `{}` that cannot be read: '{}'",
                                (*culprit)->rows, (*culprit)->column, (*culprit)->value);
    error.hint =
        fmt::format("correct or delete them, then migrate again; SELECT * FROM events WHERE {}",
                    (*culprit)->condition);
  }
  return error;
}

}  // namespace hirestream::mysql
