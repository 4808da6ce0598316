// The structures of the Arrow C data interface, as its specification has them
// (https://arrow.apache.org/docs/format/CDataInterface.html).
#pragma once

#include <cstdint>

extern "C" {

struct ArrowSchema {
  const char* format = nullptr;
  const char* name = nullptr;
  const char* metadata = nullptr;
  int64_t flags = 0;
  int64_t n_children = 0;
  struct ArrowSchema** children = nullptr;
  struct ArrowSchema* dictionary = nullptr;
  void (*release)(struct ArrowSchema*) = nullptr;
  void* private_data = nullptr;
};

struct ArrowArray {
  int64_t length = 0;
  int64_t null_count = 0;
  int64_t offset = 0;
  int64_t n_buffers = 0;
  int64_t n_children = 0;
  const void** buffers = nullptr;
  struct ArrowArray** children = nullptr;
  struct ArrowArray* dictionary = nullptr;
  void (*release)(struct ArrowArray*) = nullptr;
  void* private_data = nullptr;
};
}
