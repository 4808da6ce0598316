#include "adapters/files/file_endings.h"

#include "model/text.h"

namespace hirestream {
namespace {

bool ends_in(std::string_view name, std::string_view ending) {
  return name.size() >= ending.size() &&
         equal_without_case(name.substr(name.size() - ending.size()), ending);
}

}  // namespace

Compression compression_of_name(std::string_view name) {
  if (ends_in(name, ".gz")) return Compression::kGzip;
  return ends_in(name, ".zst") ? Compression::kZstd : Compression::kNone;
}

std::optional<FileFormat> format_of_name(std::string_view name) {
  if (ends_in(name, ".parquet") || ends_in(name, ".parq")) return FileFormat::kParquet;
  if (compression_of_name(name) != Compression::kNone) name = name.substr(0, name.rfind('.'));
  if (ends_in(name, ".csv") || ends_in(name, ".tsv")) return FileFormat::kCsv;
  if (ends_in(name, ".ndjson") || ends_in(name, ".jsonl") || ends_in(name, ".json")) {
    return FileFormat::kNdjson;
  }
  return std::nullopt;
}

std::optional<FileFormat> format_of_rotated(std::string_view name) {
  if (compression_of_name(name) != Compression::kNone) name = name.substr(0, name.rfind('.'));
  const size_t behind = name.find_last_not_of("0123456789-_") + 1;
  const size_t number = name.find_first_of("0123456789", behind);
  if (behind == 0 || number == name.npos) return std::nullopt;
  name = name.substr(0, behind);
  if (name.ends_with('.')) name.remove_suffix(1);
  return format_of_name(name);
}

std::string_view endings_text(FileFormat format) {
  switch (format) {
    case FileFormat::kCsv:
      return "*.csv and *.tsv, also with .gz or .zst behind it";
    case FileFormat::kNdjson:
      return "*.ndjson, *.jsonl and *.json, also with .gz or .zst behind it";
    case FileFormat::kParquet:
      return "*.parquet and *.parq";
  }
  HIRESTREAM_CHECK(false);
}

}  // namespace hirestream
