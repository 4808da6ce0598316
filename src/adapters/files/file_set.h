// Which files a path means: one file, the regular files that a glob matches (glob(7)), or those
// directly in a directory whose names have an ending of the format (file_endings.h). Hidden files
// and *.tmp, *.part are never taken: whoever delivers a file writes it under such a name and
// renames it when it is complete; nor are _SUCCESS, _started_* and _committed_*, which stand beside
// Spark's output, and of Parquet all names that begin with _, which hold no rows. Nor are symbolic
// links of somebody who does not own what they lead to (link_is_trusted).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/files/record_reader.h"
#include "model/result.h"

namespace hirestream {

struct FileVersion {
  std::string path;  // absolute
  std::string tag;   // size, time of change in nanoseconds and inode: differs when the file differs
  int64_t size = 0;
};

// Nothing when there is no regular file (any more), or it cannot be looked at: errno says why, 0
// that something else is there.
std::optional<FileVersion> current_version(const std::string& path);
// For whoever has read a file: kTransient when it is not what it was before.
Result<void> check_unchanged(const std::string& path, const std::optional<FileVersion>& before);

// Whoever may write into a folder could link there to what only this program may read: a link is
// followed if root made it, this program's user, or the owner of its target. User ids.
bool link_is_trusted(uint32_t of_link, uint32_t of_target, uint32_t own);

class FileSet {
 public:
  // kConfig when the path is neither a file, a directory nor a glob.
  static Result<FileSet> open(FileFormat format, const std::string& path);

  // Why, for people.
  using OnLeftOut = std::function<void(const std::string& path, const std::string& why)>;
  // What is there now, by path. kTransient when a directory cannot be read. A file that this user
  // may not look at is one, its tag no version of it. In a directory or a glob, a link that is not
  // trusted is left out and told; of a directory, also the first file that is left out for its
  // ending, the first that looks like a rotated log, and that there are only folders, if it is so.
  Result<std::vector<FileVersion>> list(const OnLeftOut& on_left_out = nullptr) const;
  // The absolute path, directory or glob.
  const std::string& path() const { return path_; }

 private:
  enum class Kind { kFile, kDirectory, kGlob };
  Result<std::vector<std::string>> paths(const OnLeftOut& on_left_out) const;
  Result<std::vector<std::string>> files_of_directory(const OnLeftOut& on_left_out) const;

  FileFormat format_ = FileFormat::kCsv;
  Kind kind_ = Kind::kFile;
  std::string path_;
};

}  // namespace hirestream
