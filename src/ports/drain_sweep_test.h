// For tests: pulls a sweep to its end.
#pragma once

#include <utility>

#include "ports/event_source.h"

namespace hirestream {

// `visit` gets each page. The first error ends it.
template <typename Visit>
Result<void> drain_sweep(EventSource& source, SweepRequest request, const Visit& visit) {
  HIRESTREAM_ASSIGN(const auto sweep, source.sweep(std::move(request)));
  for (;;) {
    HIRESTREAM_ASSIGN(const auto page, sweep->next());
    if (!page) {
      return {};
    }
    visit(*page);
  }
}

}  // namespace hirestream
