#include "fuzz/scratch_folder.h"

#include <cstdlib>
#include <fstream>

namespace hirestream {

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "hirestream_fuzz_XXXXXX").string();
  FUZZ_REQUIRE(::mkdtemp(name.data()) != nullptr);
  folder_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string ScratchFolder::write(std::string_view name, Bytes content) const {
  const std::string file = path(name);
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(content.data()),
            static_cast<std::streamsize>(content.size()));
  out.close();
  FUZZ_REQUIRE(out.good());
  return file;
}

}  // namespace hirestream
