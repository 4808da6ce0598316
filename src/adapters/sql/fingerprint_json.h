// A source's fingerprint as warehouses store it: a JSON object of strings.
#pragma once

#include <string>
#include <string_view>

#include "ports/warehouse.h"

namespace hirestream {

// Bytes that are not UTF-8 become U+FFFD.
std::string encode_fingerprint(const Fingerprint& fingerprint);

// Nothing in it if the text is no JSON object; values that are no strings as JSON.
Fingerprint decode_fingerprint(std::string_view text);

}  // namespace hirestream
