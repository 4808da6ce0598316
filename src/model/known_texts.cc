#include "model/known_texts.h"

namespace hirestream {

size_t KnownTexts::add(const Text& text) {
  if (size_ == kMax) {
    return 0;
  }
  size_t slot = slot_of(text);
  while (numbers_[slot] != 0) {
    slot = (slot + 1) % kSlots;
  }
  texts_[size_] = text;
  numbers_[slot] = static_cast<uint8_t>(size_);
  return size_++;
}

}  // namespace hirestream
