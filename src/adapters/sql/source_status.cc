#include "adapters/sql/source_status.h"

#include <fmt/format.h>

#include "adapters/sql/fingerprint_json.h"

namespace hirestream::sql {

Result<std::vector<SourceStatus>> read_source_status(Session& session,
                                                     std::string_view accounting) {
  std::vector<SourceStatus> all;
  HIRESTREAM_TRY(session.each(
      fmt::format("SELECT a.source_id, a.name, a.kind, s.fingerprint, a.counted, a.unattributed, "
                  "a.other_kinds, a.rejected, a.too_late, a.slices_open, a.slices_settled, "
                  "a.slices_frozen, a.slices_held FROM {} a JOIN hirestream_sources s ON s.id = "
                  "a.source_id ORDER BY a.source_id",
                  accounting),
      [&](const Row& row) {
        SourceStatus& status = all.emplace_back();
        status.id = static_cast<SourceId>(row.integer(0));
        status.name = row.text(1);
        status.kind = row.text(2);
        status.fingerprint = decode_fingerprint(row.text(3));
        status.classes = {row.integer(4), row.integer(5), row.integer(6), row.integer(7),
                          row.integer(8)};
        status.slices_open = row.integer(9);
        status.slices_settled = row.integer(10);
        status.slices_frozen = row.integer(11);
        status.slices_held = row.integer(12);
      }));
  return all;
}

}  // namespace hirestream::sql
