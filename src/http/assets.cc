#include "http/assets.h"

namespace hirestream {

const Asset* find_asset(std::span<const Asset> assets, std::string_view path) {
  const std::string_view wanted = path == "/" ? "/index.html" : path;
  for (const Asset& asset : assets) {
    if (asset.path == wanted) {
      return &asset;
    }
  }
  return nullptr;
}

}  // namespace hirestream
