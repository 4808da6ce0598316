#include "cli/table_printer.h"

#include <algorithm>

#include "model/result.h"

namespace hirestream {

size_t display_width(std::string_view text) {
  size_t width = 0;
  bool escape = false;
  for (const char c : text) {
    if (escape) {
      escape = c != 'm';
    } else if (c == '\x1b') {
      escape = true;
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++width;
    }
  }
  return width;
}

TablePrinter::TablePrinter(std::vector<Column> columns) : columns_(std::move(columns)) {}

void TablePrinter::add_row(std::vector<std::string> cells) {
  HIRESTREAM_CHECK(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

std::string TablePrinter::line(const std::vector<std::string>& cells,
                               const std::vector<size_t>& widths) const {
  std::string out;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - display_width(cells[i]), ' ');
    out += i == 0 ? "" : "  ";
    out += columns_[i].align == Align::kLeft ? cells[i] + padding : padding + cells[i];
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

std::string TablePrinter::text() const {
  std::vector<size_t> widths;
  std::vector<std::string> titles;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) {
      width = std::max(width, display_width(row[i]));
    }
    widths.push_back(width);
    titles.push_back(columns_[i].title);
  }
  std::vector<std::string> rules;
  for (const size_t width : widths) {
    rules.emplace_back(width, '-');
  }
  std::string out = line(titles, widths) + line(rules, widths);
  for (const auto& row : rows_) {
    out += line(row, widths);
  }
  return out;
}

}  // namespace hirestream
