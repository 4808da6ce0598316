// libFuzzer's entry to one target: HIRESTREAM_FUZZ_TARGET is its function.
#include "fuzz/fuzz_target.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hirestream::HIRESTREAM_FUZZ_TARGET({data, size});
  return 0;
}
