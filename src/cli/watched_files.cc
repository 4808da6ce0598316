#include "cli/watched_files.h"

#include <sys/stat.h>

#include <utility>

namespace hirestream {

WatchedFiles::WatchedFiles(std::vector<std::string> paths) : paths_(std::move(paths)) {
  std::erase(paths_, std::string());
  for (const std::string& path : paths_) {
    stamps_.push_back(stamp_of(path));
  }
}

bool WatchedFiles::changed() const {
  for (size_t i = 0; i < paths_.size(); ++i) {
    if (stamp_of(paths_[i]) != stamps_[i]) {
      return true;
    }
  }
  return false;
}

WatchedFiles::Stamp WatchedFiles::stamp_of(const std::string& path) {
  struct stat found{};
  if (stat(path.c_str(), &found) != 0) {
    return {};
  }
  return {.device = found.st_dev,
          .inode = found.st_ino,
          .modified_ns = found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec,
          .size = found.st_size};
}

}  // namespace hirestream
