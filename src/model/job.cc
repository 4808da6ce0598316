#include "model/job.h"

#include <algorithm>
#include <utility>

#include "model/text.h"

namespace hirestream {

std::string storable_name(std::string_view name, size_t characters_max) {
  std::string out;
  for (size_t at = 0, characters = 0; at < name.size() && characters < characters_max;
       ++characters) {
    const size_t size = utf8_character_size(name.substr(at));
    out += size == 0 ? kReplacementCharacter : name.substr(at, size);
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
