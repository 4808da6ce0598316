// Records of an Apache Parquet file, row group after row group. Only flat columns are read; lists,
// maps, structs and other types are as if they were not there, unless they have a wanted name.
// Values come as the texts that a CSV file of the same rows has (parquet_bridge/bridge.h says how
// each type is written); a NaN is null. A record's bytes are its wanted columns as a CSV line, in
// the file's order; its line is the number of the row, from 1. So rows with one create_time are
// told apart by the columns that are wanted alone.
//
// Rows may be taken by columns instead, where most values need not become text: next_batch().
//
// Errors name the file. kConfig: it cannot be opened, a required column is missing, a wanted one
// cannot be read. kRejected: damaged, or written with what is not supported. kTransient: the file
// system failed. Memory: a page of each wanted column. One thread at a time; blocking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/files/record_reader.h"
#include "model/result.h"
#include "model/tracking_batch.h"

namespace hirestream {

class ParquetReader : public RecordReader {
 public:
  static Result<std::unique_ptr<ParquetReader>> open(const std::string& path,
                                                     std::span<const WantedColumn> wanted);
  ~ParquetReader() override;

  Result<bool> next(Record& record) override;
  int64_t file_bytes() const override;
  size_t bytes_examined() const override { return bytes_examined_; }
  std::vector<std::string> found_columns() const override { return found_; }
  std::vector<std::string> notes() const override { return notes_; }

  // The next rows, at most HS_PARQUET_BATCH_ROWS, instead of so many calls of next(); which it
  // takes nevertheless if they are long. No row: the end.
  Result<size_t> next_batch();
  bool is_long() const;
  size_t text_bytes() const { return text_bytes_; }
  // Of a row of that batch. Two rows of one hash have the same bytes.
  uint64_t hash(size_t row) const { return hashes_[row]; }
  // As id_of() its record.
  Result<std::optional<TextId>> id(size_t row, const ReadingRules& rules);
  Result<void> record(size_t row, Record& record);
  // Appends these rows, whose ids are known, of a reader whose wanted columns are those of
  // kAllColumns in their order.
  struct RowOfBatch {
    uint32_t row = 0;
    TextId id;
  };
  Result<void> add_rows(std::span<const RowOfBatch> rows, TrackingBatch& batch);

 private:
  struct File;

  ParquetReader(std::unique_ptr<File> file, std::string path);
  Result<void> select_columns(std::span<const WantedColumn> wanted);
  Result<size_t> read_batch();
  void hash_rows();
  // Among the columns that are read.
  std::optional<size_t> place_of_wanted(size_t wanted) const;
  // The text of a value, whatever its kind, in scratch_ unless it is one.
  Result<std::string_view> text_of(size_t place, size_t row);
  Result<void> set_values(Column which, size_t place, std::span<const RowOfBatch> rows,
                          size_t first, TrackingBatch& batch);
  void append_field(std::string_view text);

  std::unique_ptr<File> file_;
  std::string path_;
  std::vector<std::string> found_;
  std::vector<std::string> notes_;
  std::vector<size_t> wanted_of_selected_;  // by column that is read, in the file's order
  std::vector<std::optional<std::string_view>> values_;
  std::string bytes_;                 // of the record that was delivered last
  std::vector<std::string> scratch_;  // by column that is read
  std::vector<uint64_t> hashes_;
  size_t text_bytes_ = 0;    // of the batch
  int64_t rows_before_ = 0;  // before the batch
  size_t bytes_examined_ = 0;
};

}  // namespace hirestream
