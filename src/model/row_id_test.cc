#include "model/row_id.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace hirestream {
namespace {

// Fields as Python's uuid module reads them: time - 0x01B21DD213814000, clock_seq, node.
struct KnownUuid {
  const char* text;
  int64_t ticks;
  int64_t us;
  uint16_t clock_sequence;
  uint64_t node;
};

constexpr std::array<KnownUuid, 6> kKnown = {{
    {"1c8a8a60-f8a9-11ec-8f3d-0242ac120002", 16566165753645664, 1656616575364566, 3901,
     0x0242ac120002},
    {"7f2c1f1a-0d5e-11ed-861d-0242ac120002", 16588935030038298, 1658893503003829, 1565,
     0x0242ac120002},
    {"13814000-1dd2-11b2-8080-808080808080", 0, 0, 128, 0x808080808080},
    {"13814001-1dd2-11b2-8000-000000000000", 1, 0, 0, 0},
    {"00000000-0000-1000-8000-000000000000", -122192928000000000, -12219292800000000, 0, 0},
    {"ffffffff-ffff-1fff-bfff-ffffffffffff", 1030728576606846975, 103072857660684697, 16383,
     0xffffffffffff},
}};

RowId id_of(std::string_view text) {
  const auto id = parse_uuid(text);
  EXPECT_TRUE(id) << text;
  return id.value_or(RowId{});
}

// Cassandra's TimeUUIDType: by time, then by the low half with its bytes taken as signed numbers.
bool timeuuid_less(const RowId& a, const RowId& b) {
  if (const int64_t left = arrival_time_us(a), right = arrival_time_us(b); left != right) {
    return left < right;
  }
  const auto signed_bytes = [](const RowId& id) {
    std::array<uint8_t, 16> bytes{};
    row_id_to_bytes(id, bytes);
    std::array<int8_t, 8> low{};
    for (size_t i = 0; i < low.size(); ++i) {
      low[i] = static_cast<int8_t>(bytes[i + 8]);
    }
    return low;
  };
  return signed_bytes(a) < signed_bytes(b);
}

TEST(RowId, ReadsTheTwoHalvesBigEndian) {
  const RowId id = id_of("1c8a8a60-f8a9-11ec-8f3d-0242ac120002");
  EXPECT_EQ(id.high, 0x1c8a8a60f8a911ecU);
  EXPECT_EQ(id.low, 0x8f3d0242ac120002U);
}

TEST(RowId, ReadsAnyCaseAndWritesLowerCase) {
  const RowId lower = id_of("1c8a8a60-f8a9-11ec-8f3d-0242acdefabc");
  EXPECT_EQ(id_of("1C8A8A60-F8A9-11EC-8F3D-0242ACDEFABC"), lower);
  EXPECT_EQ(id_of("1c8A8a60-F8a9-11eC-8f3D-0242aCDefABc"), lower);
  EXPECT_EQ(format_uuid(lower), "1c8a8a60-f8a9-11ec-8f3d-0242acdefabc");
}

TEST(RowId, WritesWhatItRead) {
  for (const KnownUuid& known : kKnown) {
    EXPECT_EQ(format_uuid(id_of(known.text)), known.text);
  }
  EXPECT_EQ(format_uuid(RowId{}), "00000000-0000-0000-0000-000000000000");
}

TEST(RowId, RefusesWhatIsNotExactlyAUuid) {
  const std::string good = "1c8a8a60-f8a9-11ec-8f3d-0242ac120002";
  for (const std::string& text : std::vector<std::string>{
           "", "{" + good + "}", " " + good, good + " ", good.substr(0, 35), good + "0",
           "1c8a8a60f8a911ec8f3d0242ac120002", "urn:uuid:" + good,
           "1c8a8a60-f8a9-11ec-8f3d-0242ac12000g", "1c8a8a6-0f8a9-11ec-8f3d-0242ac120002",
           "1c8a8a60_f8a9-11ec-8f3d-0242ac120002", "1c8a8a60-f8a9-11ec-8f3d+0242ac120002",
           "-c8a8a60-f8a9-11ec-8f3d-0242ac120002", "1c8a8a60-f8a9-11ec-8f3d-0242ac12000\xC3",
           std::string("1c8a8a60-f8a9-11ec-8f3d-0242ac12000\0", 36)}) {
    EXPECT_FALSE(parse_uuid(text)) << text;
  }
}

TEST(RowId, RefusesAnyOtherByteAtAnyPlace) {
  const std::string good = "1c8a8a60-f8a9-11ec-8f3d-0242ac120002";
  for (size_t i = 0; i < good.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = good;
      text[i] = static_cast<char>(byte);
      const bool dash = good[i] == '-';
      const bool fits = dash ? byte == '-' : byte < 128 && std::isxdigit(byte) != 0;
      EXPECT_EQ(parse_uuid(text).has_value(), fits) << "byte " << byte << " at " << i;
    }
  }
}

TEST(RowId, TurnsIntoBytesAndBack) {
  std::array<uint8_t, 16> bytes{};
  const RowId id = id_of("00112233-4455-1677-8899-aabbccddeeff");
  row_id_to_bytes(id, bytes);
  EXPECT_EQ(bytes, (std::array<uint8_t, 16>{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x16, 0x77, 0x88,
                                            0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}));
  EXPECT_EQ(row_id_from_bytes(bytes), id);
}

TEST(RowId, KnowsVersionOneByVersionAndVariant) {
  for (const KnownUuid& known : kKnown) {
    EXPECT_TRUE(is_version_1(id_of(known.text))) << known.text;
  }
  for (const char* text :
       {"1c8a8a60-f8a9-41ec-8f3d-0242ac120002", "1c8a8a60-f8a9-01ec-8f3d-0242ac120002",
        "1c8a8a60-f8a9-21ec-8f3d-0242ac120002", "1c8a8a60-f8a9-71ec-8f3d-0242ac120002",
        "1c8a8a60-f8a9-11ec-0f3d-0242ac120002", "1c8a8a60-f8a9-11ec-4f3d-0242ac120002",
        "1c8a8a60-f8a9-11ec-cf3d-0242ac120002", "00000000-0000-0000-0000-000000000000"}) {
    EXPECT_FALSE(is_version_1(id_of(text))) << text;
  }
}

TEST(RowId, ArrivalTimeIsTheEmbeddedTimeFloored) {
  for (const KnownUuid& known : kKnown) {
    EXPECT_EQ(arrival_time_us(id_of(known.text)), known.us) << known.text;
  }
  EXPECT_EQ(arrival_time_us(make_version_1(19, 0, 0)), 1);
  EXPECT_EQ(arrival_time_us(make_version_1(9, 0, 0)), 0);
  EXPECT_EQ(arrival_time_us(make_version_1(-1, 0, 0)), -1);
  EXPECT_EQ(arrival_time_us(make_version_1(-10, 0, 0)), -1);
  EXPECT_EQ(arrival_time_us(make_version_1(-11, 0, 0)), -2);
}

TEST(RowId, MakesTheUuidOfATime) {
  for (const KnownUuid& known : kKnown) {
    EXPECT_EQ(format_uuid(make_version_1(known.ticks, known.clock_sequence, known.node)),
              known.text);
  }
  EXPECT_EQ(format_uuid(make_version_1(16566624001234567, 0x1234, 0x0242ac120002)),
            "ce39d687-f913-11ec-9234-0242ac120002");
  EXPECT_EQ(format_uuid(make_version_1(17000000000000000, 0x2abc, 0x010203040506)),
            "04afc000-833b-11ee-aabc-010203040506");
  EXPECT_EQ(format_uuid(make_version_1(-1, 0x3fff, 0xffffffffffff)),
            "13813fff-1dd2-11b2-bfff-ffffffffffff");
}

TEST(RowId, ClockSequenceAndNodeAreCutToTheirBits) {
  EXPECT_EQ(make_version_1(0, 0xffff, ~uint64_t{0}), make_version_1(0, 0x3fff, 0xffffffffffff));
  EXPECT_TRUE(is_version_1(make_version_1(0, 0xffff, ~uint64_t{0})));
}

TEST(RowId, LowestIdOfATimeHasThatTimeAndVersionOne) {
  for (const int64_t us : {int64_t{0}, int64_t{-1}, int64_t{1656616575364566}, int64_t{1}}) {
    EXPECT_EQ(arrival_time_us(lowest_version_1(us)), us);
    EXPECT_TRUE(is_version_1(lowest_version_1(us)));
  }
  EXPECT_EQ(format_uuid(lowest_version_1(0)), "13814000-1dd2-11b2-8080-808080808080");
}

TEST(RowId, NoIdOfThatTimeSortsBelowTheLowestInCassandrasOrder) {
  const int64_t us = 1656616575364566;
  const RowId lowest = lowest_version_1(us);
  for (const uint16_t clock :
       std::to_array<uint16_t>({0, 0x80, 0x7f, 0xff, 0x180, 0x1fff, 0x3f80, 0x3fff})) {
    for (const uint64_t node : {uint64_t{0}, uint64_t{0x7f7f7f7f7f7f}, uint64_t{0x808080808080},
                                uint64_t{0x80808080807f}, uint64_t{0xffffffffffff}}) {
      const RowId id = make_version_1(us * 10, clock, node);
      EXPECT_FALSE(timeuuid_less(id, lowest)) << format_uuid(id);
      EXPECT_TRUE(timeuuid_less(make_version_1(us * 10 - 10, clock, node), lowest));
    }
  }
}

TEST(RowId, HashSpreadsIdsOfOneWriterOverLowBits) {
  std::set<size_t> buckets;
  for (int i = 0; i < 4096; ++i) {
    buckets.insert(RowIdHash{}(make_version_1(16566165753645664 + i * 10, 7, 42)) % 4096);
  }
  // Random placement fills 1 - 1/e of the buckets.
  EXPECT_GT(buckets.size(), 2400U);
}

}  // namespace
}  // namespace hirestream
