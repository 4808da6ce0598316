// A source's fingerprint as warehouses store it: a JSON object of strings.
#pragma once

#include <string>
#include <string_view>

#include "adapters/sql/session.h"
#include "ports/warehouse.h"

namespace hirestream {

// Bytes that are not UTF-8 become U+FFFD.
std::string encode_fingerprint(const Fingerprint& fingerprint);

// Nothing in it if the text is no JSON object; values that are no strings as JSON.
Fingerprint decode_fingerprint(std::string_view text);

namespace sql {

// Within the commit's transaction: stores what it says of its source, if it says anything.
Result<void> write_fingerprint(Session& session, SourceId source, const Fingerprint& fingerprint);
Result<void> write_fingerprint(Session& session, const Commit& commit);

}  // namespace sql
}  // namespace hirestream
