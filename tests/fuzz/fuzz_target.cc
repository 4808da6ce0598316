#include "fuzz/fuzz_target.h"

#include <cstdio>
#include <cstdlib>

namespace hirestream {

void property_violated(const char* property, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: property violated: %s\n", file, line, property);
  std::fflush(stderr);
  std::abort();
}

}  // namespace hirestream
