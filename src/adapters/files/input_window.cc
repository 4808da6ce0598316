#include "adapters/files/input_window.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "model/text.h"

namespace hirestream {

InputWindow::InputWindow(std::unique_ptr<ByteStream> stream, size_t capacity)
    : stream_(std::move(stream)), buffer_(capacity + kPadding) {}

Result<void> InputWindow::fill() {
  if (at_end_) return {};
  if (begin_ > 0) {
    std::memmove(buffer_.data(), begin(), size());
    note_examined(size());
    end_ -= begin_;
    begin_ = 0;
  }
  const size_t enough = std::max<size_t>(2 * end_, 1);
  if (buffer_.size() < enough + kPadding) buffer_.resize(enough + kPadding);
  while (end_ < enough && !at_end_) {
    const std::span<char> room(buffer_.data() + end_, buffer_.size() - kPadding - end_);
    HIRESTREAM_ASSIGN(const size_t count, stream_->read(room));
    end_ += count;
    at_end_ = count == 0;
  }
  if (at_end_) std::memset(buffer_.data() + end_, 0, kPadding);
  return {};
}

Result<void> InputWindow::skip_byte_order_mark() {
  while (size() < kByteOrderMark.size() && !at_end()) HIRESTREAM_TRY(fill());
  if (std::string_view(begin(), size()).starts_with(kByteOrderMark)) consume(kByteOrderMark.size());
  return {};
}

Result<void> InputWindow::skip_line(char line_end) {
  for (;;) {
    const void* feed = std::memchr(begin(), line_end, size());
    const size_t line = feed == nullptr
                            ? size()
                            : static_cast<size_t>(static_cast<const char*>(feed) - begin()) + 1;
    note_examined(line);
    consume(line);
    if (feed != nullptr || at_end_) return {};
    HIRESTREAM_TRY(fill());
  }
}

}  // namespace hirestream
