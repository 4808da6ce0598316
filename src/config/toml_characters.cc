#include "config/toml_characters.h"

#include <cstddef>
#include <cstdint>

#include "model/text.h"

namespace hirestream {
namespace {

constexpr uint32_t kSixBits = 0x3F;

uint32_t byte_at(std::string_view text, size_t i) {
  return static_cast<unsigned char>(text[i]);
}

bool continues(std::string_view text, size_t i) {
  return i < text.size() && (byte_at(text, i) & ~kSixBits) == 0x80;
}

char continuation(uint32_t character, int shift) {
  return static_cast<char>(0x80 | ((character >> shift) & kSixBits));
}

// The bytes of the character of two or three bytes at `i`, 0: there is none.
size_t size_of_character(std::string_view text, size_t i) {
  const uint32_t lead = byte_at(text, i);
  if (lead >= 0xC2 && lead <= 0xDF && continues(text, i + 1)) {
    return 2;
  }
  if ((lead & 0xF0) != 0xE0 || !continues(text, i + 1) || !continues(text, i + 2)) {
    return 0;
  }
  const uint32_t second = byte_at(text, i + 1);
  const bool overlong = lead == 0xE0 && second < 0xA0;
  const bool surrogate = lead == 0xED && second >= 0xA0;
  return overlong || surrogate ? 0 : 3;
}

uint32_t character_at(std::string_view text, size_t i, size_t size) {
  uint32_t character = byte_at(text, i) & (size == 2 ? 0x1F : 0x0F);
  for (size_t k = 1; k < size; ++k) {
    character = (character << 6) | (byte_at(text, i + k) & kSixBits);
  }
  return character;
}

// The character that is shielded at `i`, 0: there is none.
uint32_t shielded_at(std::string_view text, size_t i) {
  if (byte_at(text, i) != 0xF3 || !continues(text, i + 1) || byte_at(text, i + 1) < 0xB0 ||
      !continues(text, i + 2) || !continues(text, i + 3)) {
    return 0;
  }
  const uint32_t character = character_at(text, i, 4) & 0xFFFF;
  return character < 0x80 ? 0 : character;
}

}  // namespace

std::string shield_characters(std::string_view text) {
  std::string out;
  out.reserve(text.size() * 2);
  size_t i = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  out.append(text.substr(0, i));
  while (i < text.size()) {
    const size_t size = size_of_character(text, i);
    if (size == 0) {
      out.push_back(text[i++]);
      continue;
    }
    const uint32_t character = character_at(text, i, size);
    out.push_back('\xF3');
    out.push_back(static_cast<char>(0xB0 | (character >> 12)));
    out.push_back(continuation(character, 6));
    out.push_back(continuation(character, 0));
    i += size;
  }
  return out;
}

std::string restore_characters(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const uint32_t character = shielded_at(text, i);
    if (character == 0) {
      out.push_back(text[i++]);
      continue;
    }
    if (character >= 0x800) {
      out.push_back(static_cast<char>(0xE0 | (character >> 12)));
      out.push_back(continuation(character, 6));
    } else {
      out.push_back(static_cast<char>(0xC0 | (character >> 6)));
    }
    out.push_back(continuation(character, 0));
    i += 4;
  }
  return out;
}

}  // namespace hirestream
