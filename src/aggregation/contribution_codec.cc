#include "aggregation/contribution_codec.h"

#include <xxhash.h>
#include <zstd.h>

#include <array>
#include <cstring>

namespace hirestream {
namespace {

constexpr std::string_view kMagic = "HSC1";
constexpr size_t kHeaderSize = 4 + 8 + 4;
constexpr uint32_t kPlainSizeMax = 1U << 30;
// A zstd block holds at most 128 KiB and takes at least 4 bytes (RFC 8878 section 3.1.1.2).
constexpr uint32_t kShrinkMax = (128U << 10) / 4;
constexpr size_t kCellSizeMin = 6;  // hour, four ids, mask: a byte each at least

uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

void put_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

template <typename Integer>
void put_little_endian(std::string& out, Integer value) {
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    out += static_cast<char>(value >> (8 * i) & 0xFF);
  }
}

template <typename Integer>
Integer get_little_endian(std::string_view bytes) {
  Integer value = 0;
  for (size_t i = sizeof(Integer); i-- > 0;) {
    value = static_cast<Integer>(value << 8 | static_cast<uint8_t>(bytes[i]));
  }
  return value;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool failed() const { return failed_; }
  bool done() const { return at_ == bytes_.size(); }
  size_t left() const { return bytes_.size() - at_; }
  uint8_t byte() {
    if (at_ >= bytes_.size()) {
      failed_ = true;
      return 0;
    }
    return static_cast<uint8_t>(bytes_[at_++]);
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint8_t next = byte();
      // Beyond 64 bits, or longer than need be: not what the encoder writes.
      if ((shift == 63 && next > 1) || (shift > 0 && next == 0)) {
        failed_ = true;
      }
      value |= static_cast<uint64_t>(next & 0x7F) << shift;
      if ((next & 0x80) == 0) {
        return value;
      }
    }
    failed_ = true;
    return value;
  }
  int64_t signed_varint() { return unzigzag(varint()); }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool failed_ = false;
};

using MeasureArray = std::array<int64_t, 6>;

MeasureArray to_array(const Measures& m) {
  return {m.impressions, m.clicks, m.conversions, m.qualified, m.unqualified, m.bid_micros};
}
Measures from_array(const MeasureArray& a) {
  return {a[0], a[1], a[2], a[3], a[4], a[5]};
}

tl::unexpected<Error> damaged(std::string what) {
  return fail(ErrorKind::kRejected, "decode", "contribution", std::move(what),
              "run `hirestream verify --repair`: the slice is recounted from the raw log");
}

Result<Contribution> decode_cells(std::string_view plain) {
  Reader reader(plain);
  const uint64_t count = reader.varint();
  if (reader.failed() || count > reader.left() / kCellSizeMin) {
    return damaged("impossible cell count");
  }
  Contribution out;
  out.reserve(count);
  int64_t hour = 0;
  for (uint64_t i = 0; i < count; ++i) {
    Cell cell;
    const uint64_t hour_next =
        static_cast<uint64_t>(hour) + static_cast<uint64_t>(reader.signed_varint());
    hour = static_cast<int64_t>(hour_next);
    if (hour < INT32_MIN || hour > INT32_MAX) {
      return damaged("hour out of range");
    }
    cell.key.local_hour = static_cast<int32_t>(hour);
    cell.key.job_id = reader.signed_varint();
    cell.key.publisher_id = reader.signed_varint();
    cell.key.campaign_id = reader.signed_varint();
    cell.key.group_id = reader.signed_varint();
    const uint8_t mask = reader.byte();
    MeasureArray measures{};
    bool as_encoded = mask >> measures.size() == 0;
    for (size_t m = 0; m < measures.size(); ++m) {
      if ((mask >> m & 1) != 0) {
        measures[m] = reader.signed_varint();
        as_encoded = as_encoded && measures[m] != 0;
      }
    }
    if (!as_encoded) {
      return damaged("measures are not as they are encoded");
    }
    cell.measures = from_array(measures);
    out.push_back(cell);
  }
  if (reader.failed() || !reader.done() || !is_canonical(out)) {
    return damaged("cells are truncated or out of order");
  }
  return out;
}

}  // namespace

std::string encode_contribution(const Contribution& contribution) {
  HIRESTREAM_CHECK(is_canonical(contribution));
  std::string plain;
  put_varint(plain, contribution.size());
  int64_t hour = 0;
  for (const Cell& cell : contribution) {
    put_varint(plain, zigzag(cell.key.local_hour - hour));
    hour = cell.key.local_hour;
    put_varint(plain, zigzag(cell.key.job_id));
    put_varint(plain, zigzag(cell.key.publisher_id));
    put_varint(plain, zigzag(cell.key.campaign_id));
    put_varint(plain, zigzag(cell.key.group_id));
    const MeasureArray measures = to_array(cell.measures);
    unsigned mask = 0;
    for (size_t m = 0; m < measures.size(); ++m) {
      mask |= measures[m] != 0 ? 1U << m : 0U;
    }
    plain += static_cast<char>(mask);
    for (const int64_t measure : measures) {
      if (measure != 0) {
        put_varint(plain, zigzag(measure));
      }
    }
  }
  HIRESTREAM_CHECK(plain.size() <= kPlainSizeMax);
  std::string body;
  put_little_endian(body, static_cast<uint32_t>(plain.size()));
  const size_t prefix = body.size();
  body.resize(prefix + ZSTD_compressBound(plain.size()));
  const size_t packed = ZSTD_compress(body.data() + prefix, body.size() - prefix, plain.data(),
                                      plain.size(), /*compressionLevel=*/1);
  HIRESTREAM_CHECK(ZSTD_isError(packed) == 0);
  body.resize(prefix + packed);
  std::string blob(kMagic);
  put_little_endian(blob, static_cast<uint64_t>(XXH3_64bits(body.data(), body.size())));
  return blob + body;
}

Result<Contribution> decode_contribution(std::string_view blob) {
  if (blob.size() < kHeaderSize || blob.substr(0, 4) != kMagic) {
    return damaged("not a contribution of format 1");
  }
  const std::string_view body = blob.substr(12);
  if (get_little_endian<uint64_t>(blob.substr(4, 8)) != XXH3_64bits(body.data(), body.size())) {
    return damaged("checksum does not match");
  }
  const auto plain_size = get_little_endian<uint32_t>(body.substr(0, 4));
  const std::string_view packed = body.substr(4);
  // A larger claim than a frame can hold is no reason to allocate.
  if (plain_size > kPlainSizeMax || plain_size / kShrinkMax > packed.size()) {
    return damaged("impossible size");
  }
  std::string plain(plain_size, '\0');
  const size_t got = ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size());
  if (ZSTD_isError(got) != 0 || got != plain_size) {
    return damaged("zstd frame is damaged");
  }
  return decode_cells(plain);
}

}  // namespace hirestream
