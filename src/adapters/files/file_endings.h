// What the ending of a file's name says of the file. Its case does not matter.
#pragma once

#include <optional>
#include <string_view>

#include "adapters/files/record_reader.h"

namespace hirestream {

enum class Compression { kNone, kGzip, kZstd };
// .gz, .zst
Compression compression_of_name(std::string_view name);
// .csv, .tsv; .ndjson, .jsonl, .json; each also with .gz or .zst behind it; .parquet, .parq.
// Nothing: none of these.
std::optional<FileFormat> format_of_name(std::string_view name);
// Of a name with a number or a date behind its ending, as logrotate gives it: events.csv.1,
// events.csv-20260701.gz.
std::optional<FileFormat> format_of_rotated(std::string_view name);
// The endings of a format, for people.
std::string_view endings_text(FileFormat format);

}  // namespace hirestream
