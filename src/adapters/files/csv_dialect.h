// How a CSV file is written: what separates its fields and records, and how a quote inside a quoted
// field is told from the one that ends it. Settings say it, or the beginning of the file does (see
// csv_sample.h).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"

namespace hirestream {

enum class CsvEscape {
  // A quote is doubled (RFC 4180).
  kDoubledQuote,
  // A backslash stands before a quote and before a backslash: dsbulk, Spark, Python's csv since
  // 3.10.
  kBackslash,
  // A backslash stands before a quote only, other backslashes are as they were: older Python's csv.
  kPlainBackslash,
  // kBackslash over texts whose backslashes had been doubled before: cqlsh COPY TO on newer Python.
  kTwiceBackslash,
};

// What a person asked for; what is left open is found from the file.
struct CsvSettings {
  std::optional<char> delimiter;
  std::vector<CsvEscape> escapes;   // one of these; empty: any
  std::vector<std::string> header;  // of a file without one; empty: its first record
};

struct CsvDialect {
  char delimiter = ',';
  CsvEscape escape = CsvEscape::kDoubledQuote;
  // A carriage return: lines end with it alone.
  char line_end = '\n';
  std::vector<std::string> header;
  // What else a file might be, where that was found and not set: a record that fits only so shows
  // that the file is not of one dialect.
  std::vector<CsvEscape> other_escapes;
  std::string other_delimiters;
  bool other_line_ends = false;
  // Only tried: a first record that looks like a row is no reason to refuse the file.
  bool tried_only = false;

  // What differs from RFC 4180, in words; empty: nothing.
  std::string text() const;
};

inline constexpr std::string_view kCsvDelimiters = ",;\t|";

// As settings name them: ",", ";", "tab", "|".
std::string csv_delimiter_name(char delimiter);
// As --csv-escape names it.
std::string_view csv_escape_name(CsvEscape escape);
// The texts of --csv-escape, --csv-delimiter ("auto": to be found) and --csv-header (names
// separated by commas). kConfig: naming the option, what it holds and what is allowed.
Result<CsvSettings> read_csv_settings(std::string_view escape, std::string_view delimiter,
                                      std::string_view header);

}  // namespace hirestream
