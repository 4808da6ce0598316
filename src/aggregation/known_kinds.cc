#include "aggregation/known_kinds.h"

namespace hirestream {

const KnownKinds::Known* KnownKinds::add(const Text& text, EventKind kind) {
  if (text.size_and_from == 0 || size_ == kTextsMax) {
    return nullptr;
  }
  size_t slot = slot_of(text);
  while (table_[slot].text.size_and_from != 0) {
    slot = (slot + 1) % kSlots;
  }
  table_[slot] = {text, kind, static_cast<uint8_t>(size_)};
  ++size_;
  return &table_[slot];
}

}  // namespace hirestream
