// For tests: one table written in every dialect that programs write CSV in.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace hirestream {

using Table = std::vector<std::vector<std::string>>;

struct WrittenDialect {
  std::string name;
  char delimiter = ',';
  std::string line_end = "\n";
  // "double", "doubled backslashes", "plain backslashes", "twice doubled backslashes".
  std::string escape = "double";
  bool quotes_all = false;

  std::string field(const std::string& value) const {
    const bool doubles = escape == "double";
    const int copies = escape == "twice doubled backslashes" ? 4
                       : escape == "doubled backslashes"     ? 2
                                                             : 1;
    bool quoted = quotes_all;
    std::string text;
    for (const char byte : value) {
      quoted = quoted || byte == delimiter || byte == '\n' || byte == '\r' || byte == '"';
      if (byte == '"') text += doubles ? "\"" : "\\";
      text.append(byte == '\\' ? static_cast<size_t>(copies) : 1, byte);
    }
    return quoted ? '"' + text + '"' : text;
  }

  std::string write(const std::vector<std::string>& header, const Table& rows) const {
    std::string text;
    const auto add = [&](const std::vector<std::string>& values) {
      for (size_t place = 0; place < values.size(); ++place) {
        if (place > 0) text += delimiter;
        text += field(values[place]);
      }
      text += line_end;
    };
    add(header);
    for (const auto& row : rows) add(row);
    return text;
  }
};

inline std::vector<WrittenDialect> written_dialects() {
  std::vector<WrittenDialect> dialects;
  for (const std::string escape :
       {"double", "doubled backslashes", "plain backslashes", "twice doubled backslashes"}) {
    for (const char delimiter : std::string(",;\t|")) {
      for (const std::string line_end : {"\n", "\r\n", "\r"}) {
        for (const bool quotes_all : {false, true}) {
          dialects.push_back({escape + " " + delimiter + " " +
                                  (line_end == "\n"   ? "LF"
                                   : line_end == "\r" ? "CR"
                                                      : "CRLF"),
                              delimiter, line_end, escape, quotes_all});
        }
      }
    }
  }
  return dialects;
}

// Rows whose last value is JSON text or nothing. No value ends with a backslash, which some of the
// dialects cannot say; each table has a row that tells them apart.
inline Table random_table(std::mt19937& random, size_t columns) {
  const std::vector<std::string> pieces = {
      ",", "\"",   "\n", ";", "\t", "|", "x", "\xC3\xA4", "\\x", "\\\"", "\r\n", "\xF0\x9F\x98\x80",
      " ", "\\\\y"};
  const std::vector<std::string> json = {"\\\"",    "\\\\", "x", ",",
                                         "\\u00e4", "\\n",  ";", "\xC3\xA4"};
  const auto some = [&](const std::vector<std::string>& from, size_t most) {
    std::string text;
    for (auto count = random() % (most + 1); count > 0; --count)
      text += from[random() % from.size()];
    return text;
  };
  Table rows;
  for (int row = 0; row < 12; ++row) {
    auto& values = rows.emplace_back();
    values.push_back("id " + std::to_string(row));
    while (values.size() + 1 < columns) values.push_back(some(pieces, 4));
    values.push_back(random() % 3 == 0 ? "" : "{\"k\":\"" + some(json, 5) + "\"}");
  }
  rows.back().back() = "{\"k\":\"say \\\"x\\\", C:\\\\dir\",\"l\":2}";
  return rows;
}

}  // namespace hirestream
