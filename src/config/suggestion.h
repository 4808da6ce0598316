// "Did you mean": the nearest of the allowed words to one that was mistyped. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hirestream {

// Insertions, deletions, replacements and swaps of neighbours between the two (optimal string
// alignment distance).
size_t edit_distance(std::string_view a, std::string_view b);
// Nothing (empty) when no word is near: more than a third of the letters differ.
std::string nearest_word(std::string_view word, std::span<const std::string> allowed);
// "did you mean 'engine'?" or, when nothing is near, "allowed: a, b, c". Empty without allowed
// words.
std::string suggest(std::string_view word, std::span<const std::string> allowed);

}  // namespace hirestream
