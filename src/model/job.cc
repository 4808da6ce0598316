#include "model/job.h"

#include <algorithm>
#include <utility>

namespace hirestream {
namespace {

// Length of the well-formed UTF-8 sequence at the text's beginning; 0: there is none.
size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t size = first < 0x80   ? 1
                      : first < 0xc2 ? 0
                      : first < 0xe0 ? 2
                      : first < 0xf0 ? 3
                      : first < 0xf5 ? 4
                                     : 0;
  if (size == 0 || size > text.size()) {
    return 0;
  }
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return 0;
    }
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool surrogate = first == 0xed && byte(1) >= 0xa0;
  const bool beyond = first == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : size;
}

}  // namespace

std::string storable_name(std::string_view name, size_t characters_max) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  std::string out;
  for (size_t at = 0, characters = 0; at < name.size() && characters < characters_max;
       ++characters) {
    const size_t size = utf8_sequence(name.substr(at));
    out += size == 0 ? kReplacement : name.substr(at, size);
    at += std::max<size_t>(size, 1);
  }
  return out;
}

Job storable(Job job) {
  for (std::string* name : {&job.title, &job.company_name, &job.campaign_name, &job.group_name}) {
    *name = storable_name(*name);
  }
  return job;
}

Publisher storable(Publisher publisher) {
  publisher.name = storable_name(publisher.name);
  return publisher;
}

}  // namespace hirestream
