#include "aggregation/contribution_codec.h"

#include <gtest/gtest.h>
#include <xxhash.h>
#include <zstd.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "aggregation/allocation_counter_test.h"

namespace hirestream {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr size_t kHeader = 16;  // magic, checksum, size

Contribution sample() {
  return {{{460188, 188, 1, 8, 0}, {.impressions = 5, .clicks = 2, .bid_micros = 2'800'000}},
          {{460188, 189, 1, 8, 3}, {.conversions = 1, .qualified = 1}},
          {{460190, 5, 0, 0, 0}, {.unqualified = 1}}};
}

std::string little_endian(uint64_t value, size_t bytes) {
  std::string out;
  for (size_t i = 0; i < bytes; ++i) {
    out += static_cast<char>(value >> (8 * i));
  }
  return out;
}

std::string with_checksum(const std::string& body) {
  return "HSC1" + little_endian(XXH3_64bits(body.data(), body.size()), 8) + body;
}

std::string pack(std::string_view plain) {
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 1));
  return packed;
}

// A blob whose checksum is right, whatever is inside.
std::string forge(const std::string& plain) {
  return with_checksum(little_endian(plain.size(), 4) + pack(plain));
}

bool refused(std::string_view blob) {
  const auto result = decode_contribution(blob);
  if (!result) {
    EXPECT_EQ(result.error().kind, ErrorKind::kRejected);
    EXPECT_FALSE(result.error().message.empty());
    EXPECT_FALSE(result.error().hint.empty());
  }
  return !result.has_value();
}

void expect_round_trip(const Contribution& contribution) {
  const auto decoded = decode_contribution(encode_contribution(contribution));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().text();
  EXPECT_EQ(*decoded, contribution);
}

TEST(ContributionCodec, GivesBackWhatWasEncoded) {
  expect_round_trip({});
  expect_round_trip(sample());
  expect_round_trip({{{0, 0, 0, 0, 0}, {.clicks = 1}}});
}

TEST(ContributionCodec, TakesNegativeDeltas) {
  expect_round_trip({{{-5, -4, -3, -2, -1}, {-1, -2, -3, -4, -5, -6}},
                     {{-5, -4, -3, -2, 0}, {.clicks = -1, .bid_micros = -1'400'000}}});
}

TEST(ContributionCodec, TakesExtremeNumbers) {
  constexpr int32_t kHourMin = std::numeric_limits<int32_t>::min();
  constexpr int32_t kHourMax = std::numeric_limits<int32_t>::max();
  expect_round_trip({{{kHourMin, kMin, kMin, kMin, kMin}, {kMin, kMin, kMin, kMin, kMin, kMin}},
                     {{kHourMin, kMax, kMin, kMax, kMin}, {kMax, kMin, kMax, kMin, kMax, kMin}},
                     {{0, 0, kMin, kMax, 0}, {.bid_micros = kMin}},
                     {{kHourMax, kMin, kMax, kMin, kMax}, {.impressions = kMax}},
                     {{kHourMax, kMax, kMax, kMax, kMax}, {kMax, kMax, kMax, kMax, kMax, kMax}}});
}

TEST(ContributionCodec, KeepsEachSubsetOfMeasures) {
  for (int mask = 1; mask < 64; ++mask) {
    Measures measures;
    size_t field = 0;
    for (int64_t* value : {&measures.impressions, &measures.clicks, &measures.conversions,
                           &measures.qualified, &measures.unqualified, &measures.bid_micros}) {
      *value = (mask >> field & 1) != 0 ? static_cast<int64_t>(field) + 1 : 0;
      ++field;
    }
    expect_round_trip({{{1, 2, 3, 4, 5}, measures}});
  }
}

TEST(ContributionCodec, EqualContributionsGiveEqualBytes) {
  Contribution shuffled = sample();
  std::swap(shuffled[0], shuffled[2]);
  canonicalize(shuffled);
  EXPECT_EQ(encode_contribution(shuffled), encode_contribution(sample()));
  Contribution other = sample();
  other[0].measures.clicks += 1;
  EXPECT_NE(encode_contribution(other), encode_contribution(sample()));
}

TEST(ContributionCodec, HasTheDocumentedLayout) {
  const std::string blob = encode_contribution(sample());
  EXPECT_EQ(blob.substr(0, 4), "HSC1");
  EXPECT_EQ(blob.substr(4, 8), little_endian(XXH3_64bits(blob.data() + 12, blob.size() - 12), 8));
  // Zig-zag: 460188 → 920376, 188 → 376, 2 → 4; LEB128: 376 → F8 02.
  const std::string plain(
      "\x03"
      "\xB8\x96\x38\xF8\x02\x02\x10\x00\x23\x0A\x04\x80\xE6\xD5\x02"
      "\x00\xFA\x02\x02\x10\x06\x0C\x02\x02"
      "\x04\x0A\x00\x00\x00\x10\x02",
      32);
  EXPECT_EQ(blob.substr(12, 4), little_endian(plain.size(), 4));
  std::string unpacked(plain.size(), '\0');
  ASSERT_EQ(ZSTD_decompress(unpacked.data(), unpacked.size(), blob.data() + kHeader,
                            blob.size() - kHeader),
            plain.size());
  EXPECT_EQ(unpacked, plain);
}

TEST(ContributionCodec, TakesManyCells) {
  std::mt19937_64 random(11);
  Contribution contribution;
  for (int i = 0; i < 100'000; ++i) {
    contribution.push_back({{static_cast<int32_t>(random() % 1000), static_cast<int64_t>(random()),
                             static_cast<int64_t>(random() % 10), 0, 0},
                            {.clicks = 1, .bid_micros = static_cast<int64_t>(random() % 7)}});
  }
  canonicalize(contribution);
  expect_round_trip(contribution);
}

// One job with one click in every hour for years: each cell has the same bytes, which shrink more
// than 4096 times.
TEST(ContributionCodec, TakesCellsThatCompressExtremelyWell) {
  for (const int32_t hours : {20'000, 200'000, 1'000'000}) {
    Contribution contribution;
    for (int32_t hour = 1; hour <= hours; ++hour) {
      contribution.push_back({{hour, 1, 0, 0, 0}, {.clicks = 1}});
    }
    expect_round_trip(contribution);
  }
}

TEST(ContributionCodec, ReportsEveryChangedByte) {
  const std::string blob = encode_contribution(sample());
  for (size_t i = 0; i < blob.size(); ++i) {
    for (int change = 1; change < 256; ++change) {
      std::string damaged = blob;
      damaged[i] = static_cast<char>(damaged[i] ^ change);
      ASSERT_TRUE(refused(damaged)) << "byte " << i << " xor " << change;
    }
  }
}

TEST(ContributionCodec, ReportsEveryTruncation) {
  for (const Contribution& contribution : {sample(), Contribution{}}) {
    const std::string blob = encode_contribution(contribution);
    for (size_t size = 0; size < blob.size(); ++size) {
      EXPECT_TRUE(refused(std::string_view(blob).substr(0, size))) << size;
    }
  }
}

TEST(ContributionCodec, ReportsBytesTooMany) {
  const std::string blob = encode_contribution(sample());
  EXPECT_TRUE(refused(blob + '\0'));
  EXPECT_TRUE(refused(blob + blob));
  EXPECT_TRUE(refused('\0' + blob));
}

TEST(ContributionCodec, ReportsOtherVersionsAndForeignBytes) {
  std::string blob = encode_contribution(sample());
  blob[3] = '2';
  EXPECT_TRUE(refused(blob));
  EXPECT_TRUE(refused("not a contribution at all"));
  EXPECT_TRUE(refused(std::string(100, '\0')));
}

// One cell of hour 1, job 1 with one click, and what else could be read as that.
TEST(ContributionCodec, ReportsCellsWrittenInAnotherWay) {
  const auto with = [](std::string_view number, char mask, std::string_view measures) {
    return forge("\x01" + std::string(number) + std::string("\x02\0\0\0", 4) + mask +
                 std::string(measures));
  };
  using std::string_view_literals::operator""sv;
  EXPECT_FALSE(refused(with("\x02", '\x02', "\x02")));
  EXPECT_TRUE(refused(with("\x82\x00"sv, '\x02', "\x02"))) << "a number longer than need be";
  EXPECT_TRUE(refused(with("\x02", '\x42', "\x02"))) << "a measure that does not exist";
  EXPECT_TRUE(refused(with("\x02", '\x03', "\x00\x02"sv))) << "a measure that is zero";
}

TEST(ContributionCodec, ReportsEveryBrokenZstdFrameEvenWithTheRightChecksum) {
  const std::string body = encode_contribution(sample()).substr(12);
  for (size_t size = 4; size < body.size(); ++size) {
    EXPECT_TRUE(refused(with_checksum(body.substr(0, size)))) << size;
  }
  EXPECT_TRUE(refused(with_checksum(body + '\0')));
  EXPECT_TRUE(refused(with_checksum(little_endian(31, 4) + body.substr(4))));
  EXPECT_TRUE(refused(with_checksum(little_endian(33, 4) + body.substr(4))));
}

TEST(ContributionCodec, NeverCrashesOnForgedFrames) {
  const std::string body = encode_contribution(sample()).substr(12);
  for (size_t i = 0; i < body.size(); ++i) {
    for (int change = 1; change < 256; ++change) {
      std::string forged = body;
      forged[i] = static_cast<char>(forged[i] ^ change);
      const auto result = decode_contribution(with_checksum(forged));
      EXPECT_TRUE(!result || is_canonical(*result));
    }
  }
}

// Cells as they stand inside the frame: count, then hour, job, publisher, campaign, group, mask,
// measures.
TEST(ContributionCodec, ReportsImpossibleContents) {
  const std::string cell("\x02\x02\x02\x02\x02\x02\x02", 7);
  EXPECT_FALSE(refused(forge("\x01" + cell)));
  const std::string later("\x00\x04\x02\x02\x02\x02\x02", 7);  // same hour, higher job
  EXPECT_FALSE(refused(forge("\x02" + cell + later)));

  EXPECT_TRUE(refused(forge("")));
  EXPECT_TRUE(refused(forge("\x01")));
  EXPECT_TRUE(refused(forge("\x02" + cell)));                // fewer cells than said
  EXPECT_TRUE(refused(forge("\x01" + cell + cell)));         // more
  EXPECT_TRUE(refused(forge(std::string(1, '\0') + cell)));  // more than none
  EXPECT_TRUE(refused(forge("\x01" + cell.substr(0, 6))));   // its measure is missing
  EXPECT_TRUE(refused(forge("\x02" + later + cell.substr(0, 5))));
  EXPECT_TRUE(refused(forge("\x01" + std::string("\x02\x02\x02\x02\x02\x00", 6))));  // no measure
  EXPECT_TRUE(refused(forge("\x01" + std::string("\x02\x02\x02\x02\x02\x02\x00", 7))));  // zero
  EXPECT_TRUE(refused(
      forge("\x02" + cell + std::string("\x00\x02\x02\x02\x02\x02\x02", 7))));  // same key twice
  EXPECT_TRUE(refused(
      forge("\x02" + cell + std::string("\x01\x02\x02\x02\x02\x02\x02", 7))));  // an hour back
}

TEST(ContributionCodec, ReportsNumbersOutOfRange) {
  const std::string rest("\x02\x02\x02\x02\x02\x02", 6);
  EXPECT_TRUE(refused(forge("\x01\x80\x80\x80\x80\x10" + rest)));  // hour 2^31
  EXPECT_FALSE(refused(forge("\x01\xFE\xFF\xFF\xFF\x0F" + rest)));
  EXPECT_TRUE(refused(forge("\x01\x81\x80\x80\x80\x10" + rest)));  // hour -2^31 - 1
  const std::string nines(9, '\xFF');
  EXPECT_FALSE(refused(forge("\x01\x02" + nines + "\x01" + rest.substr(1))));
  EXPECT_TRUE(refused(forge("\x01\x02" + nines + "\x02" + rest.substr(1))));      // 65 bits
  EXPECT_TRUE(refused(forge("\x01\x02" + nines + "\xFF\x01" + rest.substr(1))));  // 11 bytes
}

TEST(ContributionCodec, AbsurdSizesDoNotAllocate) {
  const std::string packed = pack("\x00");
  for (const uint64_t size : {UINT64_C(0xFFFFFFFF), UINT64_C(0x80000000), UINT64_C(0x40000001),
                              UINT64_C(0x40000000), UINT64_C(0x00800000)}) {
    const std::string blob = with_checksum(little_endian(size, 4) + packed);
    const AllocationCounter counter;
    EXPECT_TRUE(refused(blob)) << size;
    EXPECT_LT(counter.count().largest, 1U << 20) << size;
  }
}

TEST(ContributionCodec, AbsurdCellCountsDoNotAllocate) {
  for (const std::string& count :
       std::vector<std::string>{"\xFF\xFF\xFF\xFF\x0F", std::string(9, '\xFF') + "\x01",
                                std::string(10, '\xFF'), "\x7F"}) {
    const std::string blob = forge(count + std::string(100, '\x02'));
    const AllocationCounter counter;
    EXPECT_TRUE(refused(blob));
    EXPECT_LT(counter.count().largest, 1U << 20);
  }
}

TEST(ContributionCodecDeathTest, RefusesToEncodeWhatIsNotCanonical) {
  const Contribution twice = {{{1, 1, 1, 1, 1}, {.clicks = 1}}, {{1, 1, 1, 1, 1}, {.clicks = 1}}};
  EXPECT_DEATH(encode_contribution(twice), "check failed");
}

}  // namespace
}  // namespace hirestream
