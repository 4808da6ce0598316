// A folder of its own for targets whose parsers open files by name; in TMPDIR, which should be in
// memory. Removed at the end.
#pragma once

#include <filesystem>
#include <string>

#include "fuzz/fuzz_target.h"

namespace hirestream {

class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();

  std::string path(std::string_view name) const { return (folder_ / name).string(); }
  // Writes the file anew and returns its path.
  std::string write(std::string_view name, Bytes content) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace hirestream
