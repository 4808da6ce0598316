#include "adapters/files/byte_sink.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <utility>

#include "adapters/files/file_endings.h"

namespace hirestream {

struct ByteSink::Compressor {
  explicit Compressor(bool is_zstd) {
    if (is_zstd) {
      zstd = ZSTD_createCStream();
      HIRESTREAM_CHECK(zstd != nullptr);
      ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
      return;
    }
    constexpr int kGzip = 16;
    constexpr int kMemoryLevel = 8;
    HIRESTREAM_CHECK(deflateInit2(&gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip,
                                  kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK);
  }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor() {
    if (zstd != nullptr) {
      ZSTD_freeCStream(zstd);
    } else {
      deflateEnd(&gzip);
    }
  }

  // Takes from `bytes`, puts into `output`: how much was put, and whether it is done with all of
  // it.
  std::pair<size_t, bool> step(std::string_view& bytes, bool last, std::span<char> output) {
    if (zstd != nullptr) {
      ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
      ZSTD_outBuffer out{output.data(), output.size(), 0};
      const size_t left =
          ZSTD_compressStream2(zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      HIRESTREAM_CHECK(!ZSTD_isError(left));
      bytes.remove_prefix(in.pos);
      return {out.pos, last ? left == 0 : bytes.empty()};
    }
    constexpr size_t kStep = 1 << 30;
    const std::string_view piece = bytes.substr(0, kStep);
    gzip.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    gzip.avail_in = static_cast<uInt>(piece.size());
    gzip.next_out = reinterpret_cast<Bytef*>(output.data());
    gzip.avail_out = static_cast<uInt>(output.size());
    const int status = deflate(&gzip, last && piece.size() == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    HIRESTREAM_CHECK(status != Z_STREAM_ERROR);
    bytes.remove_prefix(piece.size() - gzip.avail_in);
    const bool done = last ? status == Z_STREAM_END : bytes.empty() && gzip.avail_out > 0;
    return {output.size() - gzip.avail_out, done};
  }

  ZSTD_CStream* zstd = nullptr;  // none: gzip
  z_stream gzip{};
};

namespace {

tl::unexpected<Error> cannot_create(const std::string& path) {
  return fail(ErrorKind::kConfig, "create file", path, std::strerror(errno),
              "the folder must exist and be writable");
}

bool is_named(int descriptor, const std::string& path) {
  struct stat opened{};
  struct stat named{};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

// Empty, and of this process alone: the lock ends with whoever holds it, so that what a killed one
// has left is used again. A file system without locks does without.
Result<int> open_part(const std::string& path) {
  constexpr mode_t kMode = 0666;  // less the process's umask
  constexpr int kAttemptsMax = 100;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kMode);
    if (descriptor < 0) return cannot_create(path);
    const bool taken = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    // It may have got its name, or have been removed, between the two calls.
    if (!taken && is_named(descriptor, path)) {
      if (::ftruncate(descriptor, 0) == 0) return descriptor;
      const auto error = cannot_create(path);
      ::close(descriptor);
      return error;
    }
    ::close(descriptor);
    if (taken) break;
  }
  return fail(ErrorKind::kTransient, "create file", path, "another process writes this file",
              "wait until it is done, or give another file");
}

}  // namespace

Result<std::unique_ptr<ByteSink>> ByteSink::create(const std::string& path) {
  HIRESTREAM_ASSIGN(const int descriptor, open_part(path + ".part"));
  return std::unique_ptr<ByteSink>(new ByteSink(path, descriptor));
}

ByteSink::ByteSink(std::string path, int descriptor)
    : path_(std::move(path)), part_path_(path_ + ".part"), descriptor_(descriptor) {
  constexpr size_t kOutputBytes = 256 << 10;
  const Compression compression = compression_of_name(path_);
  if (compression != Compression::kNone) {
    compressor_ = std::make_unique<Compressor>(compression == Compression::kZstd);
    output_.resize(kOutputBytes);
  }
}

ByteSink::~ByteSink() {
  if (descriptor_ < 0) return;
  ::unlink(part_path_.c_str());
  ::close(descriptor_);  // and with it the lock
}

// Nothing is left that could be finished.
tl::unexpected<Error> ByteSink::lost(const char* operation) {
  const int error_number = errno;
  ::unlink(part_path_.c_str());
  ::close(std::exchange(descriptor_, -1));
  return fail(ErrorKind::kConfig, operation, part_path_, std::strerror(error_number),
              "the file was not made; mend that and write it again");
}

Result<void> ByteSink::write_to_file(std::string_view& bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return fail(ErrorKind::kTransient, "write file", part_path_, std::strerror(errno));
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

Result<void> ByteSink::compress(std::string_view& bytes, bool last) {
  HIRESTREAM_TRY(write_to_file(waiting_));
  for (bool done = last ? ended_ : bytes.empty(); !done;) {
    const auto [count, finished] = compressor_->step(bytes, last, output_);
    waiting_ = std::string_view(output_.data(), count);
    ended_ = last && finished;
    done = finished;
    HIRESTREAM_TRY(write_to_file(waiting_));
  }
  return {};
}

Result<void> ByteSink::write(std::string_view bytes) {
  HIRESTREAM_CHECK(descriptor_ >= 0 && taken_ <= bytes.size());
  std::string_view left = bytes.substr(taken_);
  const auto written = compressor_ ? compress(left, false) : write_to_file(left);
  taken_ = written ? 0 : bytes.size() - left.size();
  return written;
}

Result<void> ByteSink::finish() {
  HIRESTREAM_CHECK(descriptor_ >= 0 && taken_ == 0);
  std::string_view nothing;
  if (compressor_) HIRESTREAM_TRY(compress(nothing, true));
  if (::fsync(descriptor_) != 0) return lost("sync file");
  if (std::rename(part_path_.c_str(), path_.c_str()) != 0) return lost("rename file");
  ::close(std::exchange(descriptor_, -1));  // all is on the disk
  return {};
}

}  // namespace hirestream
