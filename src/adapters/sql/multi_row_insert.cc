#include "adapters/sql/multi_row_insert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
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
  row_begin_ = buffer_.size();
  buffer_ += rows_ == 0 ? " (" : ",(";
  return buffer_;
}

Result<void> MultiRowInsert::end_row() {
  buffer_ += ')';
  ++rows_;
  const size_t packet = session_.statement_bytes_max() - kPacketOverhead;
  if (buffer_.size() + tail_.size() > packet) {
    // The last row goes into a statement of its own.
    std::string last = buffer_.substr(row_begin_ + 1);
    buffer_.resize(row_begin_);
    --rows_;
    HIRESTREAM_TRY(flush());
    if (head_size_ + last.size() + tail_.size() + 1 > packet) {
      return fail(ErrorKind::kConfig, "commit", session_.subject(),
                  fmt::format("one row takes {} bytes, the server takes {}", last.size(),
                              session_.statement_bytes_max()),
                  "raise the server's max_allowed_packet");
    }
    buffer_ += " " + last;
    rows_ = 1;
  }
  return rows_ >= kRowsMax || buffer_.size() >= bytes_max_ ? flush() : Result<void>();
}

Result<void> MultiRowInsert::flush() {
  if (rows_ > 0) {
    buffer_ += tail_;
    HIRESTREAM_TRY(session_.execute(buffer_));
  }
  buffer_.resize(head_size_);
  rows_ = 0;
  return {};
}

std::vector<std::string> slice_conditions(int32_t source, std::span<const SliceKey> keys) {
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
      conditions.push_back(fmt::format("source_id = {} AND shard = {} AND bucket IN ({})", source,
                                       shard, fmt::join(some, ",")));
    }
  }
  return conditions;
}

}  // namespace hirestream::sql
