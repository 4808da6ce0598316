#include "adapters/files/csv_dialect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "model/text.h"

namespace hirestream {
namespace {

struct EscapeName {
  CsvEscape escape;
  std::string_view name;
  std::string_view words;
};

constexpr std::array<EscapeName, 4> kEscapes = {{
    {CsvEscape::kDoubledQuote, "double", "doubled quotes"},
    {CsvEscape::kBackslash, "backslash-doubled", "a backslash before quotes and backslashes"},
    {CsvEscape::kPlainBackslash, "backslash-plain",
     "a backslash before quotes, backslashes not doubled"},
    {CsvEscape::kTwiceBackslash, "backslash-twice",
     "a backslash before quotes, backslashes doubled twice"},
}};

const EscapeName& name_of(CsvEscape escape) {
  return *std::find_if(kEscapes.begin(), kEscapes.end(),
                       [escape](const EscapeName& known) { return known.escape == escape; });
}

Result<std::vector<CsvEscape>> read_escapes(std::string_view text) {
  if (text.empty() || text == "auto") return std::vector<CsvEscape>();
  if (text == "backslash") {
    return std::vector<CsvEscape>{CsvEscape::kBackslash, CsvEscape::kPlainBackslash,
                                  CsvEscape::kTwiceBackslash};
  }
  for (const EscapeName& known : kEscapes) {
    if (known.name == text) return std::vector<CsvEscape>{known.escape};
  }
  return fail(ErrorKind::kConfig, "read setting", "--csv-escape",
              fmt::format("\"{}\" is none", text),
              "auto, double, backslash, backslash-doubled, backslash-plain or backslash-twice");
}

Result<std::optional<char>> read_delimiter(std::string_view text) {
  if (text.empty() || text == "auto") return std::optional<char>();
  for (const char delimiter : kCsvDelimiters) {
    if (csv_delimiter_name(delimiter) == text) return std::optional<char>(delimiter);
  }
  return fail(ErrorKind::kConfig, "read setting", "--csv-delimiter",
              fmt::format("\"{}\" is none", text), "auto, or one of , ; tab |");
}

Result<std::vector<std::string>> read_header(std::string_view text) {
  std::vector<std::string> names;
  if (trim(text).empty()) return names;
  for (;;) {
    const size_t comma = text.find(',');
    const std::string_view name = trim(text.substr(0, comma));
    if (name.empty()) {
      return fail(ErrorKind::kConfig, "read setting", "--csv-header",
                  fmt::format("column {} has no name", names.size() + 1),
                  "name all columns of the file, in their order, separated by commas");
    }
    names.emplace_back(name);
    if (comma == text.npos) return names;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string CsvDialect::text() const {
  std::vector<std::string> differs;
  if (delimiter != ',')
    differs.push_back(fmt::format("delimiter {}", csv_delimiter_name(delimiter)));
  if (escape != CsvEscape::kDoubledQuote) differs.emplace_back(name_of(escape).words);
  if (line_end == '\r') differs.emplace_back("lines that end with CR");
  if (!header.empty()) differs.emplace_back("columns named by --csv-header");
  return fmt::format("{}", fmt::join(differs, ", "));
}

std::string csv_delimiter_name(char delimiter) {
  return delimiter == '\t' ? "tab" : std::string(1, delimiter);
}

std::string_view csv_escape_name(CsvEscape escape) {
  return name_of(escape).name;
}

Result<CsvSettings> read_csv_settings(std::string_view escape, std::string_view delimiter,
                                      std::string_view header) {
  CsvSettings settings;
  HIRESTREAM_ASSIGN(settings.escapes, read_escapes(escape));
  HIRESTREAM_ASSIGN(settings.delimiter, read_delimiter(delimiter));
  HIRESTREAM_ASSIGN(settings.header, read_header(header));
  return settings;
}

}  // namespace hirestream
