#include "adapters/files/byte_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "adapters/files/file_failure.h"

namespace hirestream {
namespace {

constexpr size_t kInputBytes = 256 << 10;

class PlainStream : public ByteStream {
 public:
  PlainStream(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  PlainStream(const PlainStream&) = delete;
  PlainStream& operator=(const PlainStream&) = delete;
  ~PlainStream() override { ::close(descriptor_); }

  Result<size_t> read(std::span<char> into) override {
    for (;;) {
      const ssize_t count = ::read(descriptor_, into.data(), into.size());
      if (count >= 0) {
        file_bytes_ += count;
        return static_cast<size_t>(count);
      }
      if (errno == EINTR) continue;
      return fail(ErrorKind::kTransient, "read file", path_, std::strerror(errno));
    }
  }
  int64_t file_bytes() const override { return file_bytes_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int descriptor_;
  int64_t file_bytes_ = 0;
};

// What both decompressors share: compressed input in pieces, and how its errors read.
class CompressedStream : public ByteStream {
 public:
  explicit CompressedStream(std::unique_ptr<PlainStream> file)
      : file_(std::move(file)), input_(kInputBytes) {}
  int64_t file_bytes() const override { return file_->file_bytes(); }

 protected:
  std::span<const char> unread() const {
    return std::span<const char>(input_).subspan(begin_, end_ - begin_);
  }
  void consume(size_t bytes) { begin_ += bytes; }
  // False at the end of the file.
  Result<bool> refill() {
    HIRESTREAM_ASSIGN(const size_t count, file_->read(input_));
    begin_ = 0;
    end_ = count;
    return count > 0;
  }
  tl::unexpected<Error> damaged(std::string_view what) const {
    return fail(ErrorKind::kRejected, "decompress", file_->path(),
                fmt::format("{} at byte {}", what,
                            file_->file_bytes() - static_cast<int64_t>(end_ - begin_)),
                "the file is damaged or not completely written; write it under another name and "
                "rename it when it is complete");
  }

 private:
  std::unique_ptr<PlainStream> file_;
  std::vector<char> input_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

class GzipStream : public CompressedStream {
 public:
  explicit GzipStream(std::unique_ptr<PlainStream> file) : CompressedStream(std::move(file)) {
    constexpr int kGzipOnly = 16;
    HIRESTREAM_CHECK(inflateInit2(&state_, MAX_WBITS + kGzipOnly) == Z_OK);
  }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream() override { inflateEnd(&state_); }

  Result<size_t> read(std::span<char> into) override {
    for (;;) {
      if (unread().empty()) {
        HIRESTREAM_ASSIGN(const bool more, refill());
        if (!more) {
          if (!member_complete_) return damaged("gzip data ends too early");
          return size_t{0};
        }
      }
      if (member_complete_) {
        inflateReset(&state_);
        member_complete_ = false;
      }
      HIRESTREAM_ASSIGN(const size_t count, inflate_some(into));
      if (count > 0) return count;
    }
  }

 private:
  Result<size_t> inflate_some(std::span<char> into) {
    const std::span<const char> input = unread();
    const auto limit = static_cast<size_t>(std::numeric_limits<uInt>::max());
    state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    state_.avail_in = static_cast<uInt>(input.size());
    state_.next_out = reinterpret_cast<Bytef*>(into.data());
    const auto room = static_cast<uInt>(std::min(into.size(), limit));
    state_.avail_out = room;
    const int status = inflate(&state_, Z_NO_FLUSH);
    consume(input.size() - state_.avail_in);
    if (status == Z_STREAM_END) {
      member_complete_ = true;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      return damaged(fmt::format("damaged gzip data ({})", state_.msg ? state_.msg : "unknown"));
    }
    return room - state_.avail_out;
  }

  z_stream state_{};
  bool member_complete_ = false;
};

class ZstdStream : public CompressedStream {
 public:
  explicit ZstdStream(std::unique_ptr<PlainStream> file)
      : CompressedStream(std::move(file)), state_(ZSTD_createDStream()) {
    HIRESTREAM_CHECK(state_ != nullptr);
  }
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;
  ~ZstdStream() override { ZSTD_freeDStream(state_); }

  Result<size_t> read(std::span<char> into) override {
    for (;;) {
      if (unread().empty() && !output_pending_) {
        HIRESTREAM_ASSIGN(const bool more, refill());
        if (!more) {
          if (!frame_complete_) return damaged("zstd data ends too early");
          return size_t{0};
        }
      }
      const std::span<const char> input = unread();
      ZSTD_inBuffer in{input.data(), input.size(), 0};
      ZSTD_outBuffer out{into.data(), into.size(), 0};
      const size_t status = ZSTD_decompressStream(state_, &out, &in);
      consume(in.pos);
      if (ZSTD_isError(status)) {
        return damaged(fmt::format("damaged zstd data ({})", ZSTD_getErrorName(status)));
      }
      frame_complete_ = status == 0;
      output_pending_ = out.pos == out.size && !frame_complete_;
      if (out.pos > 0) return out.pos;
    }
  }

 private:
  ZSTD_DStream* state_;
  bool frame_complete_ = false;
  bool output_pending_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteStream>> open_byte_stream(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return file_failure(errno, "open file", path,
                        "name a file that is there and that the user who runs hirestream may read");
  }
  // Only advice: whether it is taken does not matter.
  (void)::posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
  auto plain = std::make_unique<PlainStream>(path, descriptor);
  if (path.ends_with(".gz")) {
    return std::unique_ptr<ByteStream>(std::make_unique<GzipStream>(std::move(plain)));
  }
  if (path.ends_with(".zst")) {
    return std::unique_ptr<ByteStream>(std::make_unique<ZstdStream>(std::move(plain)));
  }
  return std::unique_ptr<ByteStream>(std::move(plain));
}

}  // namespace hirestream
