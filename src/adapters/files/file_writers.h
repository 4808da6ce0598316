// Raw rows into a new CSV or NDJSON file, for `generate`; compressed when its name ends in .gz or
// .zst; complete and visible under its name only after finish(). A file cannot overwrite a row: of
// two rows with the same create_time both are written, and FilesSource takes the one with the
// greater bytes. Text must be valid UTF-8 (else kRejected, and nothing of that write is kept). Up
// to 1 MiB and the rows of one write are held in memory. One thread at a time.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "adapters/files/byte_sink.h"
#include "ports/raw_log_writer.h"

namespace hirestream {

// RFC 4180 with LF; a header in the order of kRawColumnNames; null is an empty field.
class CsvWriter : public RawLogWriter {
 public:
  static Result<std::unique_ptr<CsvWriter>> create(const std::string& path);
  Result<void> write(std::span<const RawEvent> events) override;
  Result<void> finish() override;
  bool is_whole_or_nothing() const override { return true; }
  Result<void> check(const RawEvent& event) const override;

 private:
  explicit CsvWriter(std::unique_ptr<ByteSink> sink) : sink_(std::move(sink)) {}

  std::unique_ptr<ByteSink> sink_;
  std::string buffer_;
};

// One object per line, keys in the order of kRawColumnNames, null values left out. Ids and bids
// that are JSON numbers as they stand are written as numbers, with all their digits; everything
// else as strings.
class NdjsonWriter : public RawLogWriter {
 public:
  static Result<std::unique_ptr<NdjsonWriter>> create(const std::string& path);
  Result<void> write(std::span<const RawEvent> events) override;
  Result<void> finish() override;
  bool is_whole_or_nothing() const override { return true; }
  Result<void> check(const RawEvent& event) const override;

 private:
  explicit NdjsonWriter(std::unique_ptr<ByteSink> sink) : sink_(std::move(sink)) {}

  std::unique_ptr<ByteSink> sink_;
  std::string buffer_;
};

}  // namespace hirestream
