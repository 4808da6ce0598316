#include "adapters/files/byte_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <boost/locale/utf.hpp>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "adapters/files/file_endings.h"
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

  const std::string& path() const { return file_->path(); }

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
      if (member_complete_ && skip_padding()) continue;
      if (member_complete_) {
        if (padded_) return damaged("gzip data is followed by zero bytes and then by others");
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

  // Zero bytes that fill a block of a tape or a disk up (gzip takes them so). Whether no others
  // are unread.
  bool skip_padding() {
    const std::span<const char> input = unread();
    const auto end = std::find_if(input.begin(), input.end(), [](char c) { return c != '\0'; });
    padded_ = padded_ || end != input.begin();
    consume(static_cast<size_t>(end - input.begin()));
    return end == input.end();
  }

  z_stream state_{};
  bool member_complete_ = false;
  bool padded_ = false;
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
      if (ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge) {
        return fail(ErrorKind::kRejected, "decompress", path(),
                    "it was compressed with a window of more than 128 MiB",
                    "compress it anew without --long, or with --long=27 at most");
      }
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

// Gives what was read ahead first.
class PeekedStream : public ByteStream {
 public:
  static constexpr size_t kPeekedBytes = 4;

  explicit PeekedStream(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}

  // Once, first: the beginning, shorter only if the file is or cannot be read.
  std::string_view peek() {
    while (end_ < kPeekedBytes && !error_) {
      const auto count = stream_->read(std::span(peeked_).subspan(end_));
      if (!count) error_ = count.error();
      if (!count || *count == 0) break;
      end_ += *count;
    }
    return {peeked_.data(), end_};
  }
  Result<size_t> read(std::span<char> into) override {
    if (begin_ == end_ && error_) return tl::unexpected<Error>(*error_);
    if (begin_ == end_) return stream_->read(into);
    const size_t count = std::min(into.size(), end_ - begin_);
    std::memcpy(into.data(), peeked_.data() + begin_, count);
    begin_ += count;
    return count;
  }
  int64_t file_bytes() const override { return stream_->file_bytes(); }

 private:
  std::unique_ptr<ByteStream> stream_;
  std::array<char, kPeekedBytes> peeked_{};
  std::optional<Error> error_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

class Utf16Stream : public ByteStream {
 public:
  Utf16Stream(std::unique_ptr<ByteStream> stream, bool big_endian)
      : stream_(std::move(stream)), big_endian_(big_endian), input_(kInputBytes) {}

  Result<size_t> read(std::span<char> into) override {
    while (position_ == text_.size()) {
      if (ended_) return size_t{0};
      HIRESTREAM_TRY(read_more());
    }
    const size_t count = std::min(into.size(), text_.size() - position_);
    std::memcpy(into.data(), text_.data() + position_, count);
    position_ += count;
    return count;
  }
  int64_t file_bytes() const override { return stream_->file_bytes(); }
  std::string_view encoding() const override {
    return big_endian_ ? "UTF-16 (big endian)" : "UTF-16 (little endian)";
  }

 private:
  // Keeps what ends in the middle of a character for the next time.
  Result<void> read_more() {
    HIRESTREAM_ASSIGN(const size_t count, stream_->read(std::span(input_).subspan(kept_)));
    ended_ = count == 0;
    std::u16string units;
    for (size_t place = 0; place + 1 < kept_ + count; place += 2) {
      const auto first = static_cast<unsigned char>(input_[place]);
      const auto second = static_cast<unsigned char>(input_[place + 1]);
      units.push_back(
          static_cast<char16_t>(big_endian_ ? first << 8 | second : second << 8 | first));
    }
    const size_t bytes = kept_ + count;
    const size_t used = 2 * convert(units);
    std::memmove(input_.data(), input_.data() + used, bytes - used);
    kept_ = bytes - used;
    if (ended_ && kept_ > 0) text_.push_back(kNoCharacter);
    return {};
  }

  // How many units became text.
  size_t convert(const std::u16string& units) {
    using Units = boost::locale::utf::utf_traits<char16_t>;
    text_.clear();
    position_ = 0;
    auto unit = units.begin();
    while (unit != units.end()) {
      const auto begin = unit;
      const auto code = Units::decode(unit, units.end());
      if (code == boost::locale::utf::incomplete) return static_cast<size_t>(begin - units.begin());
      const bool is_mark = code == kByteOrderMark && at_beginning_;
      at_beginning_ = false;
      if (is_mark) continue;
      if (code == boost::locale::utf::illegal) {
        // Decoding may have passed the unit behind, which is a character of its own.
        unit = begin + 1;
        text_.push_back(kNoCharacter);
      } else {
        boost::locale::utf::utf_traits<char>::encode(code, std::back_inserter(text_));
      }
    }
    return units.size();
  }

  static constexpr boost::locale::utf::code_point kByteOrderMark = 0xFEFF;
  static constexpr char kNoCharacter = '\xFF';

  std::unique_ptr<ByteStream> stream_;
  bool big_endian_;
  bool at_beginning_ = true;
  bool ended_ = false;
  std::vector<char> input_;
  size_t kept_ = 0;
  std::string text_;
  size_t position_ = 0;
};

enum class Utf16 { kNone, kLittleEndian, kBigEndian };

// UTF-32 begins with the mark of UTF-16 and a zero character, which no text has.
Utf16 utf16_of(std::string_view beginning) {
  using namespace std::string_view_literals;
  if (beginning.starts_with("\xFF\xFE"sv) && !beginning.ends_with("\0\0"sv)) {
    return Utf16::kLittleEndian;
  }
  if (beginning.starts_with("\xFE\xFF"sv)) return Utf16::kBigEndian;
  if (beginning.size() < 4) return Utf16::kNone;
  const auto is_ascii = [beginning](size_t place) {
    return beginning[place] >= 0x20 && beginning[place] < 0x7F;
  };
  if (is_ascii(0) && beginning[1] == 0 && is_ascii(2) && beginning[3] == 0) {
    return Utf16::kLittleEndian;
  }
  const bool big = beginning[0] == 0 && is_ascii(1) && beginning[2] == 0 && is_ascii(3);
  return big ? Utf16::kBigEndian : Utf16::kNone;
}

// As UTF-8.
std::unique_ptr<ByteStream> decoded(std::unique_ptr<ByteStream> stream) {
  auto peeked = std::make_unique<PeekedStream>(std::move(stream));
  const Utf16 utf16 = utf16_of(peeked->peek());
  if (utf16 == Utf16::kNone) return peeked;
  return std::make_unique<Utf16Stream>(std::move(peeked), utf16 == Utf16::kBigEndian);
}

}  // namespace

Result<int> open_regular_file(const std::string& path) {
  // A pipe without a writer would not open.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return file_failure(errno, "open file", path,
                        "name a file that is there and that the user who runs hirestream may read");
  }
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return fail(ErrorKind::kConfig, "open file", path, "it is no regular file",
                "a pipe or a device cannot be read again to be counted once: write it to a file");
  }
  return descriptor;
}

Result<std::unique_ptr<ByteStream>> open_byte_stream(const std::string& path) {
  HIRESTREAM_ASSIGN(const int descriptor, open_regular_file(path));
  // Only advice: whether it is taken does not matter.
  (void)::posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
  auto plain = std::make_unique<PlainStream>(path, descriptor);
  switch (compression_of_name(path)) {
    case Compression::kGzip:
      return decoded(std::make_unique<GzipStream>(std::move(plain)));
    case Compression::kZstd:
      return decoded(std::make_unique<ZstdStream>(std::move(plain)));
    case Compression::kNone:
      break;
  }
  return decoded(std::move(plain));
}

}  // namespace hirestream
