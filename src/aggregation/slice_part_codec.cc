#include "aggregation/slice_part_codec.h"

#include <utility>

#include "aggregation/contribution_codec.h"
#include "aggregation/sealed_bytes.h"

namespace hirestream {
namespace {

constexpr std::string_view kPartMagic = "HSP1";
constexpr const char* kPart = "part of a slice";
// Of rejects and kinds: an id and a byte for each text or number.
constexpr uint64_t kItemSizeMin = 19;

void put_id(std::string& out, const RowId& id) {
  put_little_endian(out, id.high);
  put_little_endian(out, id.low);
}

RowId get_id(ByteReader& reader) {
  const uint64_t high = reader.little_endian();
  return {high, reader.little_endian()};
}

std::string get_text(ByteReader& reader) {
  return std::string(reader.sized_bytes());
}

void put_reject(std::string& out, const RejectedRow& reject) {
  put_id(out, reject.id);
  for (const std::string* text : {&reject.reason, &reject.column, &reject.value, &reject.row}) {
    put_bytes(out, *text);
  }
}

RejectedRow get_reject(ByteReader& reader) {
  RejectedRow reject;
  reject.id = get_id(reader);
  for (std::string* text : {&reject.reason, &reject.column, &reject.value, &reject.row}) {
    *text = get_text(reader);
  }
  return reject;
}

void put_kind(std::string& out, const NotCounted& kind) {
  out += static_cast<char>(kind.why);
  put_bytes(out, kind.kind);
  put_signed_varint(out, kind.rows);
  put_id(out, kind.newest);
  put_bytes(out, kind.place);
}

NotCounted get_kind(ByteReader& reader) {
  NotCounted kind;
  kind.why = reader.byte() == 0 ? WhyNotCounted::kOtherKind : WhyNotCounted::kNoJob;
  kind.kind = get_text(reader);
  kind.rows = reader.signed_varint();
  kind.newest = get_id(reader);
  kind.place = get_text(reader);
  return kind;
}

// False: more are announced than there can be.
template <typename Item, typename Get>
bool get_items(ByteReader& reader, std::vector<Item>& items, Get get) {
  const uint64_t count = reader.varint();
  if (count > reader.left() / kItemSizeMin) {
    return false;
  }
  for (uint64_t i = 0; i < count; ++i) {
    items.push_back(get(reader));
  }
  return true;
}

}  // namespace

std::string encode_part(const SlicePart& part) {
  std::string plain;
  put_signed_varint(plain, part.key.shard);
  put_signed_varint(plain, part.key.bucket);
  put_signed_varint(plain, part.digest.rows);
  put_little_endian(plain, part.digest.hash);
  const RowClasses& classes = part.classes;
  for (const int64_t rows :
       {classes.counted, classes.unattributed, classes.other, classes.rejected, classes.too_late}) {
    put_signed_varint(plain, rows);
  }
  put_bytes(plain, encode_contribution(part.contribution));
  put_varint(plain, part.rejects.size());
  for (const RejectedRow& reject : part.rejects) {
    put_reject(plain, reject);
  }
  put_varint(plain, part.not_counted.size());
  for (const NotCounted& kind : part.not_counted) {
    put_kind(plain, kind);
  }
  return seal(kPartMagic, plain);
}

Result<SlicePart> decode_part(std::string_view blob) {
  HIRESTREAM_ASSIGN(const std::string plain, unseal(kPartMagic, blob, kPart));
  ByteReader reader(plain);
  SlicePart part;
  const int64_t shard = reader.signed_varint();
  if (shard < INT32_MIN || shard > INT32_MAX) {
    return damaged_blob(kPart, "shard out of range");
  }
  part.key.shard = static_cast<int32_t>(shard);
  part.key.bucket = reader.signed_varint();
  part.digest.rows = reader.signed_varint();
  part.digest.hash = reader.little_endian();
  RowClasses& classes = part.classes;
  for (int64_t* rows : {&classes.counted, &classes.unattributed, &classes.other, &classes.rejected,
                        &classes.too_late}) {
    *rows = reader.signed_varint();
  }
  HIRESTREAM_ASSIGN(part.contribution, decode_contribution(reader.sized_bytes()));
  if (!get_items(reader, part.rejects, get_reject) ||
      !get_items(reader, part.not_counted, get_kind) || reader.failed() || !reader.done()) {
    return damaged_blob(kPart, "it is truncated or longer than it says");
  }
  return part;
}

}  // namespace hirestream
