#include "adapters/files/input_window.h"

#include <cstring>
#include <string_view>
#include <utility>

namespace hirestream {

InputWindow::InputWindow(std::unique_ptr<ByteStream> stream, size_t capacity)
    : stream_(std::move(stream)), buffer_(capacity + kPadding) {}

Result<void> InputWindow::fill() {
  if (at_end_) return {};
  if (begin_ > 0) {
    std::memmove(buffer_.data(), begin(), size());
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ + kPadding == buffer_.size()) buffer_.resize(2 * end_ + kPadding);
  const std::span<char> room(buffer_.data() + end_, buffer_.size() - kPadding - end_);
  HIRESTREAM_ASSIGN(const size_t count, stream_->read(room));
  end_ += count;
  at_end_ = count == 0;
  if (at_end_) std::memset(buffer_.data() + end_, 0, kPadding);
  return {};
}

Result<void> InputWindow::skip_byte_order_mark() {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  while (size() < kMark.size() && !at_end()) HIRESTREAM_TRY(fill());
  if (std::string_view(begin(), size()).starts_with(kMark)) consume(kMark.size());
  return {};
}

Result<void> InputWindow::skip_line() {
  for (;;) {
    if (const void* feed = std::memchr(begin(), '\n', size())) {
      consume(static_cast<size_t>(static_cast<const char*>(feed) - begin()) + 1);
      return {};
    }
    consume(size());
    if (at_end_) return {};
    HIRESTREAM_TRY(fill());
  }
}

}  // namespace hirestream
