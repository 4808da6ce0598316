// Records of a file, one after the other: the interface of the CSV, NDJSON and Parquet readers.
// Nothing is lost: a record that cannot be understood is delivered too, with the reason, and
// reading goes on behind it. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapters/files/byte_stream.h"
#include "adapters/files/csv_dialect.h"
#include "model/result.h"
#include "model/row_id.h"

namespace hirestream {

enum class FileFormat { kCsv, kNdjson, kParquet };
std::string_view format_name(FileFormat format);  // "csv", "ndjson", "parquet"

// A longer record is malformed: bounds the memory that a missing quote or line feed can cost.
inline constexpr size_t kRecordBytesMax = 16 << 20;
// Readers take time in proportion to the bytes they are given, whatever these are: of n bytes they
// examine at most this many times n (see RecordReader::bytes_examined).
inline constexpr size_t kExaminedPerByteMax = 16;

struct WantedColumn {
  std::string_view name;
  bool required = false;  // the header must have it (CSV)
  // Of a type that is not read it is an error, and not only noted (Parquet).
  bool must_be_readable = false;
};

// Valid until the next call of next().
struct Record {
  // As in the file, without the line end; of an overlong record only the beginning. Of Parquet: see
  // parquet_reader.h.
  std::string_view bytes;
  int64_t line = 0;                                         // where it begins, from 1
  std::string malformed;                                    // why it cannot be used; empty: it can
  std::span<const std::optional<std::string_view>> values;  // by wanted column; empty text is null
};

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // False at the end. Errors are those of the ByteStream; and kRejected when the file as a whole
  // cannot be read as what its beginning says that it is.
  virtual Result<bool> next(Record& record) = 0;
  // Bytes taken from the file so far (compressed ones, if it is compressed).
  virtual int64_t file_bytes() const = 0;
  // How many bytes were scanned or moved so far, each as often as it was.
  virtual size_t bytes_examined() const = 0;
  // Columns of the header; where there is none, those seen in rows so far (of very many, only the
  // first). One that was wanted has the name by which it was, which may differ in case.
  virtual std::vector<std::string> found_columns() const = 0;
  // How the file is written, in words; empty: as its format usually is.
  virtual std::string dialect() const { return {}; }
  // What was passed over or read otherwise so far, in words.
  virtual std::vector<std::string> notes() const { return {}; }
};

// How a CSV file is written, or what is known of that: the rest is found from its beginning.
using CsvWriting = std::variant<CsvSettings, CsvDialect>;

// For whoever reads a file more than once: every pass is to read it in one way.
Result<CsvDialect> find_dialect(const std::string& path, std::span<const WantedColumn> wanted,
                                const CsvSettings& settings);

// Opens the file and checks its header. kConfig: cannot be opened, or a required column is missing
// (naming the file, what was found and what is needed). `wanted` is copied, its names must live as
// long as the reader. A stop that is requested ends the reading, for a file may be large:
// kTransient, operation "stop".
Result<std::unique_ptr<RecordReader>> open_record_reader(FileFormat format, const std::string& path,
                                                         std::span<const WantedColumn> wanted,
                                                         std::stop_token stop = {},
                                                         const CsvWriting& csv = CsvSettings());

// kTransient, operation "stop", if one is requested.
Result<void> check_stop(const std::stop_token& stop, const std::string& path);

// Where a wanted column stands among a file's own: by its name as it is, else in other letters.
std::vector<size_t> places_of(std::string_view name, std::span<const std::string> found);

// What a record is known by that is malformed or has no id: a hash of its bytes and its line
// number, with version nibble 0, which no real UUID has.
RowId malformed_row_id(const Record& record);
// The beginning of some bytes for people: valid UTF-8 whatever they are, control characters and
// invalid bytes as \xNN.
std::string excerpt(std::string_view bytes, size_t bytes_max);
// The same of the end, with "…" for what is cut.
std::string excerpt_of_end(std::string_view bytes, size_t bytes_max);

}  // namespace hirestream
