// Which of the rows of a file that have one create_time is the row: that with the greater bytes; of
// equal rows, the first.
//
// The file is passed over once to learn which ids repeat, and once more when different bytes
// contest an id. Memory: 32 to 64 bytes per id, as long as the file has at most `ids_max` of them.
// A file with more is passed over again and again, each time for the ids whose hash falls into one
// part of all hashes; there are so many parts that each has about `ids_max` rows. Besides, ids that
// repeat are remembered, about 60 bytes each, and `contested_bytes_max` bytes of contested rows: of
// more of them, a part in each pass.
//
// Whoever can begin again needs no pass of its own: rows are delivered while their ids are learned,
// by take_first(), until different bytes contest an id or there are too many of them, which few
// files have.
//
// Errors are those of open_record_reader() and RecordReader. Not thread-safe.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/files/record_reader.h"
#include "model/huge_pages.h"
#include "model/reading_rules.h"
#include "model/row_id.h"
#include "ports/event_source.h"

namespace hirestream {

// Of a reader whose first wanted column is create_time: there is one.
bool has_create_time(const Record& record, const ReadingRules& rules);
// What the row is known by; nothing: it has no id, and is a row of its own.
std::optional<RowId> id_of(const Record& record, const ReadingRules& rules);

struct DeduplicatorLimits {
  size_t ids_max = 0;
  size_t contested_bytes_max = 128 << 20;
};

class Deduplicator {
 public:
  // `columns`: create_time, then others on which the reader's Record::bytes, or whether it is
  // malformed, depend. `rules` live as long.
  Deduplicator(FileFormat format, std::string path, const ReadingRules& rules,
               std::vector<WantedColumn> columns, DeduplicatorLimits limits,
               std::stop_token stop = {}, CsvWriting csv = {})
      : format_(format),
        path_(std::move(path)),
        rules_(rules),
        columns_(std::move(columns)),
        limits_(limits),
        stop_(std::move(stop)),
        csv_(std::move(csv)) {
    HIRESTREAM_CHECK(limits.ids_max > 0 && !columns_.empty());
  }

  // Of each row in the order of the file, before anything is learned; kBeginAnew: learn(), and take
  // all rows again. The reader's first wanted column must be create_time, and its bytes be those of
  // `columns`.
  enum class First { kDeliver, kLeaveOut, kBeginAnew };
  First take_first(const Record& record);
  // The same of a row whose id, and a hash of whose bytes, are known.
  First take_first(const RowId& id, uint64_t hash);

  Result<void> learn(ReadStatistics& statistics);
  // Then, of each row in the order of the file: whether it is to be delivered. The reader's first
  // wanted column must be create_time.
  bool take(const Record& record);

 private:
  struct Winner {
    uint64_t hash = 0;
    bool contested = false;
    bool delivered = false;
  };

  template <typename Visit>
  Result<void> pass(ReadStatistics& statistics, const Visit& visit);
  Result<void> learn_part(uint64_t part, uint64_t parts, ReadStatistics& statistics);
  Result<void> settle_contests(ReadStatistics& statistics);
  // False: its rows have too many bytes, and nothing was settled.
  Result<bool> settle_part(uint64_t part, uint64_t parts, ReadStatistics& statistics);
  void note(const RowId& id, uint64_t hash);
  void forget();

  FileFormat format_;
  std::string path_;
  const ReadingRules& rules_;
  std::vector<WantedColumn> columns_;
  DeduplicatorLimits limits_;
  std::stop_token stop_;
  CsvWriting csv_;
  // Of the bytes of the row that had the id first: 30 to 60 bytes of memory a row.
  boost::unordered_flat_map<RowId, uint64_t, RowIdHash, std::equal_to<RowId>,
                            HugePageAllocator<std::pair<const RowId, uint64_t>>>
      hashes_;
  bool any_contested_ = false;
  std::unordered_map<RowId, Winner, RowIdHash> winners_;  // of ids that stand there more than once
};

}  // namespace hirestream
