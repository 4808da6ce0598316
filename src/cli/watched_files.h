// Notices that files have been replaced: certificates and passwords that a connection was opened
// with. A symbolic link counts as what it leads to; a file that is not there is like one that is
// empty. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hirestream {

class WatchedFiles {
 public:
  WatchedFiles() = default;
  // Notes how they are now; empty names are left out.
  explicit WatchedFiles(std::vector<std::string> paths);

  // A file is not the one that was noted. Asks the file system: microseconds.
  bool changed() const;

 private:
  struct Stamp {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t modified_ns = 0;
    int64_t size = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  static Stamp stamp_of(const std::string& path);

  std::vector<std::string> paths_;
  std::vector<Stamp> stamps_;
};

}  // namespace hirestream
