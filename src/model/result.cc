#include "model/result.h"

#include <cstdio>
#include <cstdlib>

namespace hirestream {

std::string Error::text() const {
  std::string out = operation;
  if (!subject.empty()) {
    out += out.empty() ? subject : " " + subject;
  }
  out += (out.empty() ? "" : ": ") + message;
  if (!hint.empty()) {
    out += " (" + hint + ")";
  }
  return out;
}

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "hirestream: bug: check failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace hirestream
