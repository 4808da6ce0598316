#include "adapters/sql/ledger_upgrade.h"

#include <fmt/format.h>

#include <map>

#include "adapters/sql/fingerprint_json.h"
#include "adapters/sql/frozen_sums.h"

namespace hirestream::sql {
namespace {

// The engines count those slices once more; until then nothing is said of which rows they hold. The
// revisions move, so that no repair of the older version commits what it read before.
Result<void> forget_row_hashes(Session& session) {
  std::map<SourceId, Fingerprint> others;
  HIRESTREAM_TRY(
      session.each("SELECT id, fingerprint FROM hirestream_sources", [&](const Row& row) {
        Fingerprint fingerprint = decode_fingerprint(row.text(1));
        std::string& digest = fingerprint[std::string(kRowDigest)];
        if (digest != kRowDigestNow) {
          digest = kRowDigestNow;
          others.emplace(static_cast<SourceId>(row.integer(0)), std::move(fingerprint));
        }
      }));
  for (const auto& [source, fingerprint] : others) {
    HIRESTREAM_TRY(session.execute(
        fmt::format("UPDATE hirestream_slices SET row_hash = 0, revision = revision + 1 WHERE "
                    "source_id = {}",
                    source)));
    Commit rewritten;
    rewritten.source = source;
    rewritten.fingerprint = fingerprint;
    HIRESTREAM_TRY(write_fingerprint(session, rewritten));
  }
  return {};
}

}  // namespace

Result<void> upgrade_ledger(Session& session) {
  HIRESTREAM_TRY(fold_frozen_slices(session));
  return forget_row_hashes(session);
}

}  // namespace hirestream::sql
