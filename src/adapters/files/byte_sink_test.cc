#include "adapters/files/byte_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "adapters/files/byte_stream.h"
#include "adapters/files/file_writers.h"
#include "adapters/files/temporary_folder_test.h"

namespace hirestream {
namespace {

// While it lives, files of this process cannot become larger: as on a full disk, the write that
// meets the limit stores a part, the next one nothing.
class FullDisk {
 public:
  explicit FullDisk(size_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    rlimit full = before_;
    full.rlim_cur = bytes;
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0);
    (void)std::signal(SIGXFSZ, signal_);
  }

 private:
  rlimit before_{};
  void (*signal_)(int);
};

std::string random_bytes(size_t size) {
  std::mt19937 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

std::string content_of(const std::string& path) {
  auto stream = open_byte_stream(path).value();
  std::string bytes;
  std::string buffer(1 << 16, '\0');
  for (;;) {
    const auto size = stream->read(buffer);
    EXPECT_TRUE(size) << size.error().text();
    if (!size || *size == 0) return bytes;
    bytes.append(buffer, 0, *size);
  }
}

// Does it on a disk that becomes full, twice, then on one with room: how often it failed.
int with_little_room(const std::string& part, const std::function<Result<void>()>& write) {
  int failures = 0;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const FullDisk full(std::filesystem::file_size(part) + 50'001);
    const auto done = write();
    if (done) return failures;
    EXPECT_EQ(done.error().kind, ErrorKind::kTransient);
    ++failures;
  }
  EXPECT_TRUE(write());
  return failures;
}

class EverySink : public ::testing::TestWithParam<std::string> {
 protected:
  std::string path(const std::string& stem) const { return folder_.path(stem + GetParam()); }
  TemporaryFolder folder_;
};

TEST_P(EverySink, GoesOnBehindWhatAFailedWriteHadStored) {
  const std::string bytes = "rows" + random_bytes(900'000);  // not what looks like UTF-16
  auto sink = ByteSink::create(path("a")).value();
  int failures = 0;
  for (size_t begin = 0; begin < bytes.size(); begin += 300'000) {
    const std::string_view piece = std::string_view(bytes).substr(begin, 300'000);
    failures += with_little_room(path("a") + ".part", [&] { return sink->write(piece); });
  }
  EXPECT_GE(failures, 4);
  ASSERT_TRUE(sink->finish());
  EXPECT_TRUE(content_of(path("a")) == bytes);
}

TEST_P(EverySink, FinishesAfterAFinishThatFailed) {
  const std::string bytes = "rows" + random_bytes(200'000);
  auto sink = ByteSink::create(path("a")).value();
  ASSERT_TRUE(sink->write(bytes));
  with_little_room(path("a") + ".part", [&] { return sink->finish(); });
  EXPECT_TRUE(content_of(path("a")) == bytes);
}

TEST_P(EverySink, IsWrittenByOneAtATime) {
  {
    auto first = ByteSink::create(path("a")).value();
    ASSERT_TRUE(first->write("first"));
    const auto second = ByteSink::create(path("a"));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::kTransient);
    EXPECT_THAT(second.error().message, ::testing::HasSubstr("another process"));
    ASSERT_TRUE(first->finish());
    EXPECT_TRUE(ByteSink::create(path("a")));  // though the first one still lives
  }
  EXPECT_EQ(content_of(path("a")), "first");
}

TEST_P(EverySink, UsesAgainWhatAKilledProcessLeft) {
  folder_.write("a" + GetParam() + ".part", "a part that is longer than the file");
  auto sink = ByteSink::create(path("a")).value();
  ASSERT_TRUE(sink->write("whole"));
  ASSERT_TRUE(sink->finish());
  EXPECT_EQ(content_of(path("a")), "whole");
  EXPECT_FALSE(std::filesystem::exists(path("a") + ".part"));
}

INSTANTIATE_TEST_SUITE_P(ByteSink, EverySink, ::testing::Values("", ".gz", ".zst"),
                         [](const auto& kind) {
                           return kind.param.empty() ? std::string("Plain") : kind.param.substr(1);
                         });

std::vector<RawEvent> numbered_events(size_t count) {
  std::mt19937 random(2);
  std::vector<RawEvent> events(count);
  for (size_t index = 0; index < count; ++index) {
    events[index][RawColumn::kCreateTime] = std::to_string(index);
    std::string digits;
    for (int word = 0; word < 50; ++word) digits += std::to_string(random());
    events[index][RawColumn::kUa] = std::move(digits);
  }
  return events;
}

template <typename Writer>
void expect_every_row_once(const TemporaryFolder& folder, const std::string& name) {
  const std::vector<RawEvent> events = numbered_events(8'000);
  auto right = Writer::create(folder.path("right_" + name)).value();
  auto writer = Writer::create(folder.path(name)).value();
  const std::string part = folder.path(name) + ".part";
  int failures = 0;
  for (size_t begin = 0; begin < events.size(); begin += 1'000) {
    const auto batch = std::span(events).subspan(begin, 1'000);
    ASSERT_TRUE(right->write(batch));
    failures += with_little_room(part, [&] { return writer->write(batch); });
  }
  failures += with_little_room(part, [&] { return writer->finish(); });
  EXPECT_GE(failures, 2);
  ASSERT_TRUE(right->finish());
  EXPECT_TRUE(content_of(folder.path(name)) == content_of(folder.path("right_" + name)));
}

TEST(FileWriters, WriteEveryRowOnceWhenAWriteIsTriedAgain) {
  const TemporaryFolder folder;
  for (const std::string ending : {"", ".gz", ".zst"}) {
    expect_every_row_once<CsvWriter>(folder, "a.csv" + ending);
    expect_every_row_once<NdjsonWriter>(folder, "a.ndjson" + ending);
  }
}

TEST(FileWriters, KeepNothingOfAWriteWithARowThatIsRefused) {
  const TemporaryFolder folder;
  std::vector<RawEvent> events = numbered_events(2);
  events[1][RawColumn::kUa] = "\xFF";
  auto writer = NdjsonWriter::create(folder.path("a.ndjson")).value();
  EXPECT_EQ(writer->write(events).error().kind, ErrorKind::kRejected);
  events.resize(1);
  ASSERT_TRUE(writer->write(events));
  ASSERT_TRUE(writer->finish());
  const std::string text = folder.read("a.ndjson");
  EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
}

}  // namespace
}  // namespace hirestream
