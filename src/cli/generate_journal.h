// What was acknowledged, row by row: the ground truth that a recount is made from. CSV (RFC 4180)
// or NDJSON with all columns of the tracking table. Appended rows are in the operating system's
// hands when append() returns: they survive kill -9 of this process. One thread at a time;
// blocking.
#pragma once

#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "model/raw_event.h"
#include "model/result.h"

namespace hirestream {

// Of the raw log that is written beside the journal, when a run fails.
enum class RawLogFate { kKept, kDiscarded };

class Journal {
 public:
  // The format by the name's ending: .csv, .ndjson or .jsonl (kConfig otherwise). A file that is
  // there already is continued.
  static Result<Journal> open(const std::string& path, RawLogFate fate = RawLogFate::kKept);
  // Call after the rows' write was acknowledged, never before.
  Result<void> append(std::span<const RawEvent> events);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  enum class Format { kCsv, kNdjson };
  Journal(std::FILE* file, std::string path, Format format, RawLogFate fate)
      : file_(file), path_(std::move(path)), format_(format), fate_(fate) {}
  Result<void> write_buffer();

  std::unique_ptr<std::FILE, Close> file_;
  std::string path_;
  Format format_;
  RawLogFate fate_;
  std::string buffer_;
};

}  // namespace hirestream
