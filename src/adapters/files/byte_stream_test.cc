#include "adapters/files/byte_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <random>

#include "adapters/files/byte_sink.h"
#include "adapters/files/file_failure.h"
#include "adapters/files/no_descriptors_test.h"
#include "adapters/files/temporary_folder_test.h"

namespace hirestream {
namespace {

using ::testing::HasSubstr;

Result<std::string> read_all(const std::string& path, size_t chunk = 100'000) {
  HIRESTREAM_ASSIGN(auto stream, open_byte_stream(path));
  std::string all;
  std::vector<char> piece(chunk);
  for (;;) {
    HIRESTREAM_ASSIGN(const size_t count, stream->read(piece));
    if (count == 0) break;
    all.append(piece.data(), count);
  }
  EXPECT_EQ(stream->file_bytes(), static_cast<int64_t>(std::filesystem::file_size(path)));
  return all;
}

std::string mixed_bytes(size_t size) {
  std::mt19937 random(3);
  std::string bytes;
  while (bytes.size() < size) bytes += std::to_string(random() % 1000) + "\n";
  return bytes;
}

TEST(ByteStream, RefusesAPipeInsteadOfWaitingForItsWriter) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  const auto stream = open_byte_stream(folder.path("pipe"));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(stream.error().message, HasSubstr("no regular file"));
}

void write_file(const std::string& path, std::string_view bytes) {
  auto sink = ByteSink::create(path);
  ASSERT_TRUE(sink) << sink.error().text();
  for (size_t begin = 0; begin < bytes.size(); begin += 70'001) {
    ASSERT_TRUE((*sink)->write(bytes.substr(begin, 70'001)));
  }
  ASSERT_TRUE((*sink)->finish());
}

class EveryCompression : public ::testing::TestWithParam<std::string> {
 protected:
  std::string path(const std::string& stem) const { return folder_.path(stem + GetParam()); }
  TemporaryFolder folder_;
};

TEST_P(EveryCompression, ReadsBackWhatWasWritten) {
  for (const size_t size : {0U, 1U, 700'000U}) {
    const std::string bytes = mixed_bytes(size);
    write_file(path("a.csv"), bytes);
    for (const size_t chunk : {7U, 100'000U, 10'000'000U}) {
      const auto found = read_all(path("a.csv"), chunk);
      ASSERT_TRUE(found) << found.error().text();
      EXPECT_TRUE(*found == bytes) << size << " " << chunk;
    }
  }
}

TEST_P(EveryCompression, ReadsFilesThatWerePutTogether) {
  write_file(path("a"), "one\n");
  write_file(path("b"), "");
  write_file(path("c"), "two\n");
  folder_.write("all" + GetParam(), folder_.read("a" + GetParam()) +
                                        folder_.read("b" + GetParam()) +
                                        folder_.read("c" + GetParam()));
  EXPECT_EQ(read_all(path("all")).value(), "one\ntwo\n");
}

TEST_P(EveryCompression, ShowsNothingUnderTheNameBeforeItIsComplete) {
  auto sink = ByteSink::create(path("a")).value();
  ASSERT_TRUE(sink->write("x"));
  EXPECT_FALSE(std::filesystem::exists(path("a")));
  EXPECT_TRUE(std::filesystem::exists(path("a") + ".part"));
  sink.reset();
  EXPECT_FALSE(std::filesystem::exists(path("a") + ".part"));
}

INSTANTIATE_TEST_SUITE_P(ByteStream, EveryCompression, ::testing::Values("", ".gz", ".zst"),
                         [](const auto& kind) {
                           return kind.param.empty() ? std::string("Plain") : kind.param.substr(1);
                         });

class EveryDamage : public EveryCompression {};

TEST_P(EveryDamage, RefusesDataThatEndsTooEarlyWithItsPlace) {
  const std::string bytes = mixed_bytes(20'000);
  write_file(path("a"), bytes);
  const std::string whole = folder_.read("a" + GetParam());
  for (size_t size = 0; size < whole.size(); size += 1 + size / 20) {
    folder_.write("b" + GetParam(), std::string_view(whole).substr(0, size));
    const auto found = read_all(path("b"));
    ASSERT_FALSE(found) << size;
    EXPECT_EQ(found.error().kind, ErrorKind::kRejected);
    EXPECT_EQ(found.error().subject, path("b"));
    EXPECT_THAT(found.error().message, HasSubstr("ends too early at byte " + std::to_string(size)));
  }
}

TEST_P(EveryDamage, NeverReturnsOtherBytesForDamagedData) {
  const std::string bytes = mixed_bytes(20'000);
  write_file(path("a"), bytes);
  const std::string whole = folder_.read("a" + GetParam());
  std::mt19937 random(4);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = whole;
    damaged[random() % damaged.size()] ^= static_cast<char>(1U << (random() % 8));
    folder_.write("b" + GetParam(), damaged);
    const auto found = read_all(path("b"));
    if (found) {
      EXPECT_TRUE(*found == bytes);  // a bit that means nothing, as the time in gzip's header
    } else {
      EXPECT_EQ(found.error().kind, ErrorKind::kRejected) << found.error().text();
    }
  }
}

TEST_P(EveryDamage, RefusesOtherDataBehindTheEnd) {
  write_file(path("a"), "x");
  folder_.write("b" + GetParam(), folder_.read("a" + GetParam()) + "garbage");
  const auto found = read_all(path("b"));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kRejected);
}

INSTANTIATE_TEST_SUITE_P(ByteStream, EveryDamage, ::testing::Values(".gz", ".zst"),
                         [](const auto& kind) { return kind.param.substr(1); });

TEST(ByteStream, PassesOverZeroBytesAtTheEndOfGzipFilesOnly) {
  const TemporaryFolder folder;
  write_file(folder.path("a.gz"), "one\n");
  const std::string member = folder.read("a.gz");
  const std::string zeros(300'000, '\0');
  EXPECT_EQ(read_all(folder.write("b.gz", member + std::string(1, '\0'))).value(), "one\n");
  EXPECT_EQ(read_all(folder.write("c.gz", member + member + zeros)).value(), "one\none\n");
  for (const std::string& bytes : {member + zeros + member, member + zeros + "x", zeros}) {
    const auto found = read_all(folder.write("d.gz", bytes));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, ErrorKind::kRejected);
  }
}

TEST(ByteStream, KnowsEndingsInCapitals) {
  const TemporaryFolder folder;
  for (const char* name : {"a.CSV.GZ", "a.csv.Zst"}) {
    write_file(folder.path(name), "one\n");
    EXPECT_NE(folder.read(name), "one\n");
    EXPECT_EQ(read_all(folder.path(name)).value(), "one\n");
  }
}

TEST(ByteStream, SaysThatTheWindowOfAZstdFileIsTooLarge) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> state(ZSTD_createCCtx(),
                                                                   ZSTD_freeCCtx);
  ASSERT_FALSE(ZSTD_isError(ZSTD_CCtx_setParameter(state.get(), ZSTD_c_windowLog, 28)));
  std::string out(1 << 16, '\0');
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  // In two calls: of a size that is known at once the window is no larger than it.
  ZSTD_inBuffer from{"create_time", 11, 0};
  ASSERT_FALSE(ZSTD_isError(ZSTD_compressStream2(state.get(), &to, &from, ZSTD_e_flush)));
  ASSERT_EQ(ZSTD_compressStream2(state.get(), &to, &from, ZSTD_e_end), 0U);
  const TemporaryFolder folder;
  const auto stream = open_byte_stream(folder.write("a.csv.zst", out.substr(0, to.pos)));
  std::array<char, 16> bytes;
  const auto count = stream ? (*stream)->read(bytes) : tl::unexpected(stream.error());
  ASSERT_FALSE(count);
  EXPECT_THAT(count.error().text(), HasSubstr("without --long"));
}

TEST(ByteStream, NamesAFileThatCannotBeOpened) {
  const auto stream = open_byte_stream("/nowhere/a.csv");
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().kind, ErrorKind::kConfig);
  EXPECT_TRUE(stream.error().may_pass) << "it may come back";
  EXPECT_EQ(stream.error().subject, "/nowhere/a.csv");
}

TEST(ByteStream, LackOfDescriptorsSaysNothingAboutTheFile) {
  const TemporaryFolder folder;
  folder.write("a.csv", "x");
  const NoDescriptors none;
  const auto stream = open_byte_stream(folder.path("a.csv"));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().kind, ErrorKind::kTransient);
}

TEST(ByteStream, FailuresOfDiskAndNetworkPass) {
  for (const int passes : {EMFILE, ENFILE, EIO, ESTALE}) {
    EXPECT_EQ(file_failure(passes, "open file", "a").value().kind, ErrorKind::kTransient);
  }
  for (const int stays : {ENOENT, EACCES, EISDIR, ENOTDIR}) {
    EXPECT_EQ(file_failure(stays, "open file", "a").value().kind, ErrorKind::kConfig);
  }
}

TEST(ByteSink, NamesAFileThatCannotBeMade) {
  const auto sink = ByteSink::create("/nowhere/a.csv");
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(sink.error().text(), HasSubstr("/nowhere/a.csv"));
}

std::string utf16(std::u16string_view text, bool big_endian) {
  std::string bytes;
  for (const char16_t unit : text) {
    const char low = static_cast<char>(unit & 0xFF);
    const char high = static_cast<char>(unit >> 8);
    bytes += big_endian ? std::string{high, low} : std::string{low, high};
  }
  return bytes;
}

TEST(ByteStream, TurnsUtf16IntoUtf8) {
  const TemporaryFolder folder;
  std::u16string text;
  std::string expected;
  for (int line = 0; line < 50'000; ++line) {
    text += u"a\u00e4\u20ac\U0001F600,\n";
    expected += "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80,\n";
  }
  for (const bool big_endian : {false, true}) {
    const std::string path = folder.write("a.csv", utf16(u"\uFEFF" + text, big_endian));
    for (const size_t chunk : {size_t{1}, size_t{7}, size_t{100'000}}) {
      EXPECT_TRUE(read_all(path, chunk).value() == expected) << chunk;
    }
    EXPECT_EQ(read_all(folder.write("b.csv", utf16(u"create\n", big_endian))).value(), "create\n");
    EXPECT_NE(open_byte_stream(path).value()->encoding(), "");
  }
  EXPECT_EQ(open_byte_stream(folder.write("c.csv", "a,b\n")).value()->encoding(), "");
}

TEST(ByteStream, GivesAByteThatIsNoTextForWhatIsNoCharacter) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_all(folder.write("a", utf16(u"\uFEFFa", false) + std::string("\x00\xD8"
                                                                              "b\x00",
                                                                              4)))
                .value(),
            "a\xFF"
            "b");
  EXPECT_EQ(read_all(folder.write("b", utf16(u"\uFEFFa", false) + std::string("\x00\xDC"
                                                                              "c",
                                                                              3)))
                .value(),
            "a\xFF\xFF");
  EXPECT_EQ(read_all(folder.write("c", "\xFF")).value(), "\xFF");
}

}  // namespace
}  // namespace hirestream
