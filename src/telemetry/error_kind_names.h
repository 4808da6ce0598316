// The kinds of errors as metrics name them. Pure.
#pragma once

#include "model/result.h"

namespace hirestream {

struct ErrorKindName {
  ErrorKind kind;
  const char* name;
};

inline constexpr ErrorKindName kErrorKindNames[] = {{ErrorKind::kTransient, "transient"},
                                                    {ErrorKind::kRejected, "rejected"},
                                                    {ErrorKind::kConfig, "config"},
                                                    {ErrorKind::kBug, "bug"}};

}  // namespace hirestream
