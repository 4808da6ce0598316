// Bytes into a new file, compressed by the ending of its name (.gz, .zst). They go to PATH.part;
// finish() syncs it and renames it to PATH, replacing what is there, so that nobody ever sees half
// a file. Without finish() the .part file is removed. While it is written nobody else can write it;
// what a killed process has left is used again. One thread at a time; blocking. Errors:
// kTransient = the file system failed (no space, …): the same call with the same bytes goes on
// where it stopped; of create(), another process writes the file. kConfig = cannot be created; of
// finish(), the file is lost: what a sync that failed has dropped, a second one would not miss.
#pragma once

#include <cstddef>
#include <memory>
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
  // Once it has succeeded, or failed with kConfig, no call may follow.
  Result<void> finish();
  const std::string& path() const { return path_; }

 private:
  struct Compressor;
  ByteSink(std::string path, int descriptor);
  // Both take away from `bytes` what needs not be given again.
  Result<void> write_to_file(std::string_view& bytes);
  Result<void> compress(std::string_view& bytes, bool last);
  tl::unexpected<Error> lost(const char* operation);

  std::string path_;
  std::string part_path_;
  int descriptor_;
  std::unique_ptr<Compressor> compressor_;  // none: plain
  std::vector<char> output_;
  std::string_view waiting_;  // the part of output_ that is not in the file yet
  bool ended_ = false;        // the compressor has given its last
  size_t taken_ = 0;          // of the bytes of a write that failed
};

}  // namespace hirestream
