// Input: one byte of choices (gzip or zstd; a damaged file or one that is whole), one that chooses
// the size of the pieces, then the file, or what is to be in it.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "adapters/files/byte_sink.h"
#include "adapters/files/byte_stream.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/scratch_folder.h"

namespace hirestream {
namespace {

constexpr size_t kContentMax = 4 << 20;  // what a small file can swell to is not the point here

struct Content {
  std::string bytes;
  bool damaged = false;
  friend bool operator==(const Content&, const Content&) = default;
};

Content read_all(const std::string& path, size_t piece) {
  Content content;
  auto stream = open_byte_stream(path);
  FUZZ_REQUIRE(stream.has_value());
  std::string buffer(piece, '\0');
  while (content.bytes.size() < kContentMax) {
    const auto size = (*stream)->read(buffer);
    if (!size) {
      FUZZ_REQUIRE(size.error().kind == ErrorKind::kRejected);
      FUZZ_REQUIRE(size.error().text().find(path) != std::string::npos);
      content.damaged = true;
      break;
    }
    FUZZ_REQUIRE(*size <= piece);
    if (*size == 0) break;
    content.bytes.append(buffer, 0, *size);
  }
  return content;
}

// What a file of these bytes that is not compressed gives: themselves, or UTF-16 as UTF-8.
Content plain(const ScratchFolder& folder, Bytes bytes) {
  Content content = read_all(folder.write("plain", bytes), 1 << 16);
  const std::string_view text = as_text(bytes);
  if (text.find('\0') == text.npos && !text.starts_with("\xFF\xFE") &&
      !text.starts_with("\xFE\xFF")) {
    FUZZ_REQUIRE(content == (Content{std::string(text), false}));
  }
  return content;
}

void check_whole_file(const ScratchFolder& folder, const std::string& path, size_t piece,
                      Bytes bytes) {
  std::filesystem::remove(path);
  auto sink = ByteSink::create(path);
  FUZZ_REQUIRE(sink.has_value());
  FUZZ_REQUIRE((*sink)->write(as_text(bytes)).has_value());
  FUZZ_REQUIRE((*sink)->finish().has_value());
  FUZZ_REQUIRE(read_all(path, piece) == plain(folder, bytes));
  // Two files one behind the other are one; one that ends too early is damaged.
  std::string twice;
  {
    std::ifstream file(path, std::ios::binary);
    twice.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  const std::string suffix = path.substr(path.rfind('.'));
  const auto as_bytes = [](const std::string& text) {
    return Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  const std::string cut = folder.write("cut" + suffix, as_bytes(twice).first(twice.size() - 1));
  FUZZ_REQUIRE(read_all(cut, piece).damaged);
  twice += twice;
  const std::string text(as_text(bytes));
  FUZZ_REQUIRE(read_all(folder.write("twice" + suffix, as_bytes(twice)), piece) ==
               plain(folder, as_bytes(text + text)));
}

}  // namespace

void fuzz_compressed(Bytes input) {
  static const ScratchFolder kFolder;
  InputReader reader(input);
  const uint8_t choice = reader.byte();
  const size_t piece = size_t{1} + reader.byte();
  const std::string suffix = (choice & 1) != 0 ? ".gz" : ".zst";
  if ((choice & 2) != 0) {
    check_whole_file(kFolder, kFolder.path("whole" + suffix), piece, reader.rest());
    return;
  }
  const std::string path = kFolder.write("any" + suffix, reader.rest());
  const Content content = read_all(path, 1 << 16);
  const Content in_pieces = read_all(path, piece);
  if (content.bytes.size() < kContentMax) {
    FUZZ_REQUIRE(in_pieces.damaged == content.damaged);
    FUZZ_REQUIRE(content.damaged || in_pieces.bytes == content.bytes);
  }
}

}  // namespace hirestream
