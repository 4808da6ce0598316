// The files of the built-in page, as they were when the program was built.
#pragma once

#include <span>
#include <string_view>

namespace hirestream {

struct Asset {
  std::string_view path;  // "/index.html"
  std::string_view content_type;
  std::string_view body;
  std::string_view gzip;  // empty: not smaller
  std::string_view tag;   // changes with the bytes
};

// Sorted by nothing in particular; empty when the page was not built.
std::span<const Asset> embedded_assets();

// "/" is "/index.html". Null: there is no such file.
const Asset* find_asset(std::span<const Asset> assets, std::string_view path);

}  // namespace hirestream
