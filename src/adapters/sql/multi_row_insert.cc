#include "adapters/sql/multi_row_insert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>

namespace hirestream::sql {
namespace {

constexpr size_t kRowsMax = 2000;
constexpr size_t kBytesPreferred = 1 << 20;
constexpr size_t kPacketOverhead = 1024;
// MariaDB turns longer IN lists into joins.
constexpr size_t kBucketsMax = 900;

}  // namespace

MultiRowInsert::MultiRowInsert(Session& session, std::string_view head, std::string tail)
    : session_(session),
      buffer_(head),
      tail_(std::move(tail)),
      head_size_(head.size()),
      bytes_max_(std::min(kBytesPreferred, session.statement_bytes_max() / 2)) {}

std::string& MultiRowInsert::row() {
  begins_.push_back(buffer_.size());
  buffer_ += begins_.size() == 1 ? " (" : ",(";
  return buffer_;
}

Result<void> MultiRowInsert::end_row() {
  HIRESTREAM_TRY(close_row());
  return is_full() ? flush() : Result<void>();
}

bool MultiRowInsert::is_full() const {
  return begins_.size() >= kRowsMax || buffer_.size() >= bytes_max_;
}

Result<void> MultiRowInsert::close_row() {
  buffer_ += ')';
  const size_t packet = session_.statement_bytes_max() - kPacketOverhead;
  if (buffer_.size() + tail_.size() > packet) {
    // The last row goes into a statement of its own.
    std::string last = buffer_.substr(begins_.back() + 1);
    buffer_.resize(begins_.back());
    begins_.pop_back();
    HIRESTREAM_TRY(flush());
    if (head_size_ + last.size() + tail_.size() + 1 > packet) {
      return fail(ErrorKind::kConfig, "commit", session_.subject(),
                  fmt::format("one row takes {} bytes, the server takes {}", last.size(),
                              session_.statement_bytes_max()),
                  "raise the server's max_allowed_packet");
    }
    begins_.push_back(buffer_.size());
    buffer_ += " " + last;
  }
  return {};
}

Result<void> MultiRowInsert::flush() {
  if (!begins_.empty()) {
    const size_t rows_end = buffer_.size();
    buffer_ += tail_;
    if (auto done = session_.execute(buffer_); !done) {
      buffer_.resize(rows_end);
      return forward(with_row(std::move(done).error()));
    }
  }
  buffer_.resize(head_size_);
  begins_.clear();
  return {};
}

size_t refused_row(const Error& error) {
  constexpr std::string_view kAtRow = "at row ";
  const size_t at = error.message.rfind(kAtRow);
  size_t number = 0;
  if (error.kind == ErrorKind::kRejected && at != std::string::npos) {
    const char* digits = error.message.data() + at + kAtRow.size();
    std::from_chars(digits, error.message.data() + error.message.size(), number);
  }
  return number;
}

Error MultiRowInsert::with_row(Error error) const {
  constexpr size_t kValuesMax = 300;
  const size_t number = refused_row(error);
  if (number == 0 || number > begins_.size()) {
    return error;
  }
  const size_t begin = begins_[number - 1] + 1;
  const size_t end = number == begins_.size() ? buffer_.size() : begins_[number];
  error.message += ": " + buffer_.substr(begin, std::min(end - begin, kValuesMax));
  return error;
}

void append_bytes(std::string& sql, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  sql += "x'";
  const size_t start = sql.size();
  sql.resize(start + 2 * bytes.size());
  char* out = sql.data() + start;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    *out++ = kDigits[byte >> 4];
    *out++ = kDigits[byte & 15];
  }
  sql += '\'';
}

std::vector<std::string> slice_conditions(int32_t source, std::span<const SliceKey> keys) {
  return slice_conditions(fmt::format("source_id = {}", source), keys);
}

std::vector<std::string> slice_conditions(const std::string& source,
                                          std::span<const SliceKey> keys) {
  std::map<int32_t, std::vector<int64_t>> buckets;
  for (const SliceKey& key : keys) {
    buckets[key.shard].push_back(key.bucket);
  }
  std::vector<std::string> conditions;
  for (auto& [shard, all] : buckets) {
    std::sort(all.begin(), all.end());
    for (size_t begin = 0; begin < all.size(); begin += kBucketsMax) {
      const std::span<const int64_t> some =
          std::span<const int64_t>(all).subspan(begin, std::min(kBucketsMax, all.size() - begin));
      conditions.push_back(
          fmt::format("{} AND shard = {} AND bucket IN ({})", source, shard, fmt::join(some, ",")));
    }
  }
  return conditions;
}

}  // namespace hirestream::sql
