// Which hirestream this is. Made by the build: cmake/product_version.cmake.
#pragma once

namespace hirestream {

// "0.1.0"
const char* product_version();
// "1490846abc", with "-dirty" behind it when files of the work tree differed; "unknown" where the
// sources came without git.
const char* product_commit();

}  // namespace hirestream
