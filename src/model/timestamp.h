// Event times as text. Format: YYYY-MM-DD, then a space or T, HH:MM:SS, optionally . or , and 1 to
// 9 digits, optionally Z or an offset ±HH, ±HHMM or ±HH:MM (RFC 3339, and what Cassandra and pandas
// print). A date alone is midnight. Blanks around it (text.h) do not matter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hirestream {

struct ParsedTimestamp {
  // Microseconds since 1970; UTC when has_offset, else the civil time as if it were UTC.
  int64_t us = 0;
  bool has_offset = false;
};

// Nothing when the text is not a timestamp or a field is out of its range (month 13, 30 February,
// hour 24, second 60).
std::optional<ParsedTimestamp> parse_timestamp(std::string_view text);
// A number as microseconds since 1970: it counts seconds, milliseconds, microseconds or nanoseconds
// since then, whichever gives a time from 2001 to 2100, and no two of them do. Nothing: none does.
std::optional<int64_t> epoch_us(int64_t number);
// Of `number` ticks since 1970, `per_second` of them a second: microseconds, if they are of 1900 to
// 2099 and whole ones. Its text says the same; that of other times is to be asked.
std::optional<int64_t> exact_us(int64_t number, int64_t per_second);
// What epoch_us() says of a decimal number as text, as 1709633700.12.
std::optional<int64_t> parse_epoch(std::string_view text);
// "YYYY-MM-DD HH:MM:SS.mmm", UTC, for 0001-01-01 … 9999-12-31.
std::string format_timestamp_ms(int64_t us);
// "YYYY-MM-DD HH:MM:SS.uuuuuu", UTC.
std::string format_timestamp_us(int64_t us);
// "YYYY-MM-DD" of a day count since 1970.
std::string format_date(int32_t days);
// The same of years with four digits, 1 to 9999; of others "4000000 days", which nothing reads.
std::string shown_date(int64_t days);
// Days since 1970 of a date (proleptic Gregorian) of the years -32767 to 32767.
int32_t days_from_civil(int year, unsigned month, unsigned day);

}  // namespace hirestream
