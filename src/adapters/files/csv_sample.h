// Which dialect a CSV file is written in, by its beginning.
//
// Lines end with what ends the first, if the header then fits best. The delimiter is the one under
// which the header names the most wanted columns; of a file without a header, most records have as
// many fields as names. The escape is the one under which the fewest records are malformed, then
// the one under which the most texts that look like JSON are JSON; of equal ones the first of
// CsvEscape.
#pragma once

#include <span>
#include <string_view>

#include "adapters/files/csv_dialect.h"
#include "adapters/files/record_reader.h"

namespace hirestream {

inline constexpr size_t kCsvSampleBytes = 1 << 20;

// `sample`: the first bytes of the file, or all of them. Takes time in proportion to them.
CsvDialect find_csv_dialect(std::string_view sample, std::span<const WantedColumn> wanted,
                            const CsvSettings& settings);

}  // namespace hirestream
