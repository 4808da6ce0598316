// Records of an Apache Parquet file, row group after row group. Only flat columns are read; lists,
// maps, structs and other types are as if they were not there, unless they have a wanted name.
// Values come as the texts that a CSV file of the same rows has (parquet_bridge/bridge.h says how
// each type is written); a NaN is null. A record's bytes are its wanted columns as a CSV line, in
// the file's order; its line is the number of the row, from 1. So rows with one create_time are
// told apart by the columns that are wanted alone.
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

namespace hirestream {

class ParquetReader : public RecordReader {
 public:
  static Result<std::unique_ptr<RecordReader>> open(const std::string& path,
                                                    std::span<const WantedColumn> wanted);
  ~ParquetReader() override;

  Result<bool> next(Record& record) override;
  int64_t file_bytes() const override;
  size_t bytes_examined() const override { return bytes_examined_; }
  std::vector<std::string> found_columns() const override { return found_; }
  std::vector<std::string> notes() const override { return notes_; }

 private:
  struct File;
  static constexpr size_t kAbsent = SIZE_MAX;

  ParquetReader(std::unique_ptr<File> file, std::string path);
  Result<void> select_columns(std::span<const WantedColumn> wanted);
  // False at the end.
  Result<bool> read_batch();
  void append_field(std::string_view text);

  std::unique_ptr<File> file_;
  std::string path_;
  std::vector<std::string> found_;
  std::vector<std::string> notes_;
  std::vector<size_t> wanted_of_selected_;  // by column that is read, in the file's order
  std::vector<std::optional<std::string_view>> values_;
  std::string bytes_;  // of the record that was delivered last
  int64_t row_ = 0;
  size_t bytes_examined_ = 0;
};

}  // namespace hirestream
