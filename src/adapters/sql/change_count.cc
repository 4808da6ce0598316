#include "adapters/sql/change_count.h"

namespace hirestream::sql {

Result<void> note_change(Session& session) {
  return session.execute(
      "INSERT INTO hirestream_meta (name, value) VALUES ('changes', '1')" +
      session.dialect().upsert("name",
                               "value = CAST(CAST(hirestream_meta.value AS SIGNED) + 1 AS CHAR)"));
}

Result<int64_t> count_of_changes(Session& session) {
  return session.number("SELECT CAST(value AS SIGNED) FROM hirestream_meta WHERE name = 'changes'");
}

}  // namespace hirestream::sql
