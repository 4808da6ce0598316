// What holds for the records of every file format: they do not depend on how the bytes arrive,
// stand in the file one behind the other, and between them are line ends and blanks only: nothing
// gets lost.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/files/record_reader.h"
#include "adapters/files/view_stream.h"
#include "fuzz/fuzz_target.h"

namespace hirestream {

struct ReadRecord {
  std::string bytes;
  int64_t line = 0;
  std::string malformed;
  std::vector<std::optional<std::string>> values;
  friend bool operator==(const ReadRecord&, const ReadRecord&) = default;
};

// Nothing: the file as a whole is refused.
using OpenReader =
    std::function<Result<std::unique_ptr<RecordReader>>(std::unique_ptr<ByteStream>)>;
std::optional<std::vector<ReadRecord>> read_records(const OpenReader& open, Bytes file,
                                                    size_t piece);

// Stops the process when the reader did more work than is in proportion to the bytes it was given.
void check_work(const RecordReader& reader, size_t bytes);

// What may stand between records.
struct BetweenRecords {
  std::string_view blanks;
  bool has_header = false;  // before the first one anything may stand
  // A line that is no record.
  std::function<bool(std::string_view line)> is_passed_over;
};

// Reads the file in pieces of all bytes, `piece` and 1 byte, and checks the above.
std::optional<std::vector<ReadRecord>> read_and_check(const OpenReader& open, Bytes file,
                                                      size_t piece, const BetweenRecords& between);

}  // namespace hirestream
