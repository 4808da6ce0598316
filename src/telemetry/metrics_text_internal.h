// Metrics in Prometheus' text format.
#pragma once

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <string>

#include "model/text.h"

namespace hirestream {

// Prometheus refuses a page with a byte that is not UTF-8: labels hold names from outside.
inline std::string metrics_text(const prometheus::Registry& registry) {
  std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
  return is_utf8(text) ? text : storable_text(text, SIZE_MAX);
}

}  // namespace hirestream
