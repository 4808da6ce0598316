// A table of text on a terminal or in a file: columns as wide as their widest cell, numbers to the
// right. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hirestream {

// Columns a terminal needs for the text: one per code point; colors (ESC [ … m) take none.
size_t display_width(std::string_view text);

class TablePrinter {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit TablePrinter(std::vector<Column> columns);
  // As many cells as there are columns.
  void add_row(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // With a header and a line below it; each line ends with a line end and without trailing blanks.
  std::string text() const;

 private:
  std::string line(const std::vector<std::string>& cells, const std::vector<size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace hirestream
