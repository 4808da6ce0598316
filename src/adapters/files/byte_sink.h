// Bytes into a new file, compressed by the ending of its name (.gz, .zst). They go to PATH.part;
// finish() syncs it and renames it to PATH, replacing what is there, so that nobody ever sees half
// a file. Without finish() the .part file is removed. One thread at a time; blocking. Errors:
// kConfig = cannot be created; kTransient = the file system failed (no space, …).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"

namespace hirestream {

class ByteSink {
 public:
  static Result<std::unique_ptr<ByteSink>> create(const std::string& path);
  ByteSink(const ByteSink&) = delete;
  ByteSink& operator=(const ByteSink&) = delete;
  ~ByteSink();

  Result<void> write(std::string_view bytes);
  Result<void> finish();
  const std::string& path() const { return path_; }

 private:
  struct Compressor;
  ByteSink(std::string path, int descriptor);
  Result<void> write_to_file(std::span<const char> bytes);
  Result<void> compress(std::string_view bytes, bool last);
  tl::unexpected<Error> failed(const char* operation) const;

  std::string path_;
  std::string part_path_;
  int descriptor_;
  std::unique_ptr<Compressor> compressor_;  // none: plain
  std::vector<char> output_;
};

}  // namespace hirestream
