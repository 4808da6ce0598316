// What a system call on a file of the input says, as an error.
#pragma once

#include <string>

#include "model/result.h"

namespace hirestream {

// No descriptor or memory left, a disk or a network mount that fails for now: nothing about the
// file itself.
bool is_passing_file_failure(int error_number);
// There is no such file, or (0) something else.
bool is_nothing(int error_number);

// kTransient if that passes; else kConfig that may pass: it is not there, or this user may not read
// it.
tl::unexpected<Error> file_failure(int error_number, std::string operation, std::string path,
                                   std::string hint = {});

}  // namespace hirestream
