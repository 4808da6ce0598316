#include "adapters/files/file_set.h"

#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

#include "adapters/files/file_endings.h"
#include "adapters/files/file_failure.h"

namespace hirestream {
namespace {

namespace fs = std::filesystem;

// Also the files in which Spark keeps account of its output.
bool is_passed_over(const fs::path& path, FileFormat format) {
  const std::string name = path.filename().string();
  if (format == FileFormat::kParquet && name.starts_with('_')) return true;
  return name.starts_with('.') || name.ends_with(".tmp") || name.ends_with(".part") ||
         name == "_SUCCESS" || name.starts_with("_committed_") || name.starts_with("_started_");
}

Result<std::vector<std::string>> matches_of(const std::string& pattern) {
  glob_t matches{};
  // Where a folder cannot be read for now, its files are not gone.
  const auto ends_it = [](const char*, int error) {
    return is_passing_file_failure(error) ? 1 : 0;
  };
  const int status = ::glob(pattern.c_str(), GLOB_NOSORT, ends_it, &matches);
  std::vector<std::string> paths;
  for (const char* path : std::span(matches.gl_pathv, matches.gl_pathc)) paths.emplace_back(path);
  ::globfree(&matches);
  if (status != 0 && status != GLOB_NOMATCH) {
    return fail(ErrorKind::kTransient, "list files", pattern, "reading a directory failed");
  }
  return paths;
}

bool is_foreign_link(const std::string& path) {
  struct stat link{};
  struct stat target{};
  return ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode) &&
         ::stat(path.c_str(), &target) == 0 &&
         !link_is_trusted(link.st_uid, target.st_uid, ::geteuid());
}

}  // namespace

bool link_is_trusted(uint32_t of_link, uint32_t of_target, uint32_t own) {
  constexpr uint32_t kRoot = 0;
  return of_link == kRoot || of_link == own || of_link == of_target;
}

std::optional<FileVersion> current_version(const std::string& path) {
  struct stat status{};
  errno = 0;
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const int64_t changed_ns =
      int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + int64_t{status.st_mtim.tv_nsec};
  return FileVersion{path, fmt::format("{}:{}:{}", status.st_size, changed_ns, status.st_ino),
                     int64_t{status.st_size}};
}

Result<void> check_unchanged(const std::string& path, const std::optional<FileVersion>& before) {
  const auto now = current_version(path);
  if (now && before && now->tag == before->tag) return {};
  return fail(ErrorKind::kTransient, "read file", path, "changed while being read",
              "write files under another name and rename them when they are complete");
}

Result<FileSet> FileSet::open(FileFormat format, const std::string& path) {
  FileSet set;
  set.format_ = format;
  std::error_code ignored;
  const fs::path absolute = fs::absolute(path, ignored).lexically_normal();
  set.path_ = absolute.string();
  if (path.empty()) {
    return fail(ErrorKind::kConfig, "open files", "(no path)", "a path is needed",
                "name a file, a directory or a glob");
  }
  std::error_code hidden;
  const fs::file_status status = fs::status(absolute, hidden);
  if (fs::is_directory(status)) {
    if (set.path_.size() > 1 && set.path_.ends_with('/')) set.path_.pop_back();
    set.kind_ = Kind::kDirectory;
  } else if (fs::is_regular_file(status)) {
    set.kind_ = Kind::kFile;
  } else if (!fs::exists(status) && path.find_first_of("*?[") != std::string::npos) {
    set.kind_ = Kind::kGlob;
  } else if (status.type() == fs::file_type::unknown || status.type() == fs::file_type::none) {
    return file_failure(hidden.value(), "open files", set.path_);
  } else if (fs::exists(status)) {
    return fail(ErrorKind::kConfig, "open files", set.path_,
                "neither a regular file nor a directory",
                "files are read more than once: pipes cannot be used");
  } else {
    return fail(ErrorKind::kConfig, "open files", set.path_, "no such file or directory",
                "name a file, a directory or a glob that exists");
  }
  return set;
}

Result<std::vector<std::string>> FileSet::paths(const OnLeftOut& on_left_out) const {
  if (kind_ == Kind::kFile) return std::vector<std::string>{path_};
  std::vector<std::string> paths;
  if (kind_ == Kind::kGlob) {
    HIRESTREAM_ASSIGN(paths, matches_of(path_));
    std::erase_if(paths, [this](const std::string& path) { return is_passed_over(path, format_); });
    return paths;
  }
  return files_of_directory(on_left_out);
}

Result<std::vector<std::string>> FileSet::files_of_directory(const OnLeftOut& on_left_out) const {
  std::vector<std::string> paths;
  // Each the first by name.
  std::string of_other_ending;
  std::string rotated;
  std::string folder;
  const auto note = [](const std::string& path, std::string& first) {
    if (first.empty() || path < first) first = path;
  };
  std::error_code error;
  for (fs::directory_iterator entry(path_, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_passed_over(entry->path(), format_)) continue;
    const std::string path = entry->path().string();
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      note(path, folder);
    } else if (format_of_name(path) == format_) {
      paths.push_back(path);
    } else if (entry->is_regular_file(ignored)) {
      note(path, format_of_rotated(path) == format_ ? rotated : of_other_ending);
    }
  }
  if (error) return fail(ErrorKind::kTransient, "list files", path_, error.message());
  if (!on_left_out) return paths;
  if (!of_other_ending.empty()) {
    on_left_out(of_other_ending, fmt::format("left out for its ending: of a folder are read {}",
                                             endings_text(format_)));
  }
  if (!rotated.empty()) {
    on_left_out(rotated,
                "left out for its ending: of a log that is rotated to such a name, rows are missed "
                "that were appended since the last look; let names keep their ending (logrotate: "
                "dateext and extension)");
  }
  if (!folder.empty() && paths.empty()) {
    on_left_out(folder, fmt::format("left out: folders within a folder are not read; a glob reads "
                                    "their files: '{}/*/*'",
                                    path_));
  }
  return paths;
}

Result<std::vector<FileVersion>> FileSet::list(const OnLeftOut& on_left_out) const {
  HIRESTREAM_ASSIGN(const std::vector<std::string> found, paths(on_left_out));
  std::vector<FileVersion> versions;
  for (const std::string& path : found) {
    if (kind_ != Kind::kFile && is_foreign_link(path)) {
      if (on_left_out) on_left_out(path, "left out: a link to what its owner does not own");
      continue;
    }
    if (auto version = current_version(path)) {
      versions.push_back(std::move(*version));
    } else if (is_passing_file_failure(errno)) {
      return file_failure(errno, "list files", path);
    } else if (!is_nothing(errno)) {
      versions.push_back({path, "cannot be looked at"});
    }
  }
  std::sort(versions.begin(), versions.end(),
            [](const FileVersion& a, const FileVersion& b) { return a.path < b.path; });
  return versions;
}

}  // namespace hirestream
