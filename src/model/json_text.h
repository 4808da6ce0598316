// Values as JSON text (RFC 8259), and numbers in it. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hirestream {

// The text as a JSON string with its quotes; each byte that is not UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);
void append_json_string(std::string_view text, std::string& out);

// Bytes of the number that `text` begins with (section 6); 0: it begins with none.
size_t json_number_size(std::string_view text);
bool is_json_number(std::string_view text);

}  // namespace hirestream
