// How much memory the calling thread holds: what it got with operator new and has not given back,
// in bytes as the allocator rounds them. Linking this replaces the program's operator new.
#pragma once

#include <cstdint>

namespace hirestream::simulation {

int64_t heap_bytes();

}  // namespace hirestream::simulation
