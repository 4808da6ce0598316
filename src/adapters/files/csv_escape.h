// Fields of CSV whose quotes are escaped by backslashes: which quotes are, and the text that was
// meant. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "adapters/files/csv_dialect.h"

namespace hirestream {

// Of the quote at `quote`, in a quoted field that begins at `begin`; any escape but kDoubledQuote.
bool is_escaped_quote(CsvEscape escape, const char* begin, const char* quote);
// An unquoted field: it has quotes, and a backslash before each.
bool has_only_escaped_quotes(std::string_view field);

// Appends the text that the field, without its quotes, stands for; never more bytes than it has.
// `quoted`: it stood in quotes; if not, and it has a quote without a backslash, it is no escaped
// text.
void append_unescaped(CsvEscape escape, bool quoted, std::string_view field, std::string& text);
// A backslash stands before something else than a quote or a backslash.
bool has_lone_backslash(std::string_view field);
// Two backslashes stand side by side: the escapes that begin with a backslash differ.
bool has_backslash_pair(std::string_view field);

// A JSON object.
bool is_json_object(std::string_view text);

}  // namespace hirestream
