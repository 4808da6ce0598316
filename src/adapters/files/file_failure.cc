#include "adapters/files/file_failure.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace hirestream {

bool is_passing_file_failure(int error_number) {
  switch (error_number) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EINTR:
    case EAGAIN:
    case EBUSY:
    case EIO:
    case ENXIO:
    case ENODEV:
    case ESTALE:
    case ETIMEDOUT:
    case ENOTCONN:
    case ECONNRESET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
      return true;
    default:
      return false;
  }
}

bool is_nothing(int error_number) {
  return error_number == 0 || error_number == ENOENT || error_number == ENOTDIR;
}

tl::unexpected<Error> file_failure(int error_number, std::string operation, std::string path,
                                   std::string hint) {
  std::string message = std::generic_category().message(error_number);
  return is_passing_file_failure(error_number) ? fail(ErrorKind::kTransient, std::move(operation),
                                                      std::move(path), std::move(message))
                                               : fail_for_now(std::move(operation), std::move(path),
                                                              std::move(message), std::move(hint));
}

}  // namespace hirestream
