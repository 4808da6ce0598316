// An adapter as the port that it implements; its error stays.
#pragma once

#include <memory>
#include <utility>

#include "model/result.h"

namespace hirestream {

template <typename Port, typename Adapter>
Result<std::unique_ptr<Port>> as_port(Result<std::unique_ptr<Adapter>> opened) {
  HIRESTREAM_ASSIGN(auto adapter, std::move(opened));
  return std::unique_ptr<Port>(std::move(adapter));
}

}  // namespace hirestream
