#include "model/time_zone.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/timestamp.h"

namespace hirestream {
namespace {

TimeZone zone_of(const std::string& name) {
  auto zone = TimeZone::find(name);
  EXPECT_TRUE(zone.has_value()) << name;
  return zone.value_or(TimeZone());
}

int64_t us_of(const std::string& text) {
  const auto parsed = parse_timestamp(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(ParsedTimestamp{}).us;
}

struct KnownHour {
  const char* zone;
  const char* utc;
  int32_t local_hour;
};

// Python's zoneinfo: (local - 1970-01-01) // 1 h, tzdata 2026.
const std::vector<KnownHour> kKnownHours = {
    {"Europe/Berlin", "2022-03-27 00:59:59.999999", 457873},  // 01:59:59.999999
    {"Europe/Berlin", "2022-03-27 01:00:00", 457875},         // 03:00
    {"Europe/Berlin", "2022-10-30 00:00:00", 463082},         // 02:00, first pass
    {"Europe/Berlin", "2022-10-30 00:59:59.999999", 463082},
    {"Europe/Berlin", "2022-10-30 01:00:00", 463082},  // 02:00, second pass
    {"Europe/Berlin", "2022-10-30 02:00:00", 463083},
    {"Europe/Berlin", "2036-07-01 00:00:00", 582914},
    {"America/New_York", "2022-03-13 06:59:59.999999", 457537},  // 01:59:59.999999
    {"America/New_York", "2022-03-13 07:00:00", 457539},         // 03:00
    {"America/New_York", "2022-11-06 05:30:00", 463249},         // 01:30, first pass
    {"America/New_York", "2022-11-06 06:30:00", 463249},         // 01:30, second pass
    {"America/New_York", "2022-11-06 07:00:00", 463250},
    {"Asia/Kolkata", "2022-07-01 18:29:59.999999", 460199},  // 23:59:59.999999
    {"Asia/Kolkata", "2022-07-01 18:30:00", 460200},         // midnight
    {"Asia/Kolkata", "2022-07-01 18:59:59.999999", 460200},
    {"Asia/Kolkata", "2022-01-01 00:00:00", 455837},
    {"Asia/Kolkata", "1945-10-01 00:00:00", -212586},               // +6:30 in the war
    {"Australia/Lord_Howe", "2022-04-02 14:29:59.999999", 458041},  // 01:29:59.999999
    {"Australia/Lord_Howe", "2022-04-02 14:59:59.999999", 458041},  // 01:59:59.999999
    {"Australia/Lord_Howe", "2022-04-02 15:00:00", 458041},         // 01:30, half an hour back
    {"Australia/Lord_Howe", "2022-04-02 15:30:00", 458042},         // 02:00
    {"Australia/Lord_Howe", "2022-10-01 15:29:59.999999", 462409},  // 01:59:59.999999
    {"Australia/Lord_Howe", "2022-10-01 15:30:00", 462410},         // 02:30, half an hour ahead
    {"Australia/Lord_Howe", "2022-10-01 16:00:00", 462411},
};

struct KnownLocal {
  const char* zone;
  const char* local;
  const char* utc;
};

// Python's zoneinfo with fold=0.
const std::vector<KnownLocal> kKnownLocals = {
    {"Europe/Berlin", "2022-03-27 01:59:59", "2022-03-27 00:59:59"},
    {"Europe/Berlin", "2022-03-27 02:00:00", "2022-03-27 01:00:00"},  // does not exist
    {"Europe/Berlin", "2022-03-27 02:30:00", "2022-03-27 01:30:00"},  // does not exist
    {"Europe/Berlin", "2022-03-27 03:00:00", "2022-03-27 01:00:00"},
    {"Europe/Berlin", "2022-10-30 01:59:59", "2022-10-29 23:59:59"},
    {"Europe/Berlin", "2022-10-30 02:00:00", "2022-10-30 00:00:00"},  // exists twice
    {"Europe/Berlin", "2022-10-30 02:30:00", "2022-10-30 00:30:00"},  // exists twice
    {"Europe/Berlin", "2022-10-30 03:00:00", "2022-10-30 02:00:00"},
    {"America/New_York", "2022-03-13 02:30:00", "2022-03-13 07:30:00"},  // does not exist
    {"America/New_York", "2022-11-06 00:59:59", "2022-11-06 04:59:59"},
    {"America/New_York", "2022-11-06 01:30:00", "2022-11-06 05:30:00"},  // exists twice
    {"America/New_York", "2022-11-06 02:00:00", "2022-11-06 07:00:00"},
    {"Asia/Kolkata", "2022-07-01 05:29:59", "2022-06-30 23:59:59"},
    {"Asia/Kolkata", "2022-07-01 05:30:00", "2022-07-01 00:00:00"},
    {"Australia/Lord_Howe", "2022-10-02 01:59:59", "2022-10-01 15:29:59"},
    {"Australia/Lord_Howe", "2022-10-02 02:15:00", "2022-10-01 15:45:00"},  // does not exist
    {"Australia/Lord_Howe", "2022-10-02 02:30:00", "2022-10-01 15:30:00"},
    {"Australia/Lord_Howe", "2022-04-03 01:29:59", "2022-04-02 14:29:59"},
    {"Australia/Lord_Howe", "2022-04-03 01:45:00", "2022-04-02 14:45:00"},  // exists twice
    {"Australia/Lord_Howe", "2022-04-03 02:00:00", "2022-04-02 15:30:00"},
};

TEST(TimeZone, HoursChangeWithSummerTime) {
  for (const KnownHour& known : kKnownHours) {
    EXPECT_EQ(zone_of(known.zone).local_hour(us_of(known.utc)), known.local_hour)
        << known.zone << " " << known.utc;
  }
}

TEST(TimeZone, CachedTransitionDoesNotChangeTheAnswer) {
  for (const char* name :
       {"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"}) {
    TimeZone zone = zone_of(name);
    for (int pass = 0; pass < 2; ++pass) {
      for (const KnownHour& known : kKnownHours) {
        const int32_t fresh = zone_of(name).local_hour(us_of(known.utc));
        EXPECT_EQ(zone.local_hour(us_of(known.utc)), fresh) << name << " " << known.utc;
      }
    }
  }
}

TEST(TimeZone, TakesAmbiguousTimesAsTheFirstAndMovesMissingOnesForward) {
  for (const KnownLocal& known : kKnownLocals) {
    EXPECT_EQ(format_timestamp_us(zone_of(known.zone).to_utc(us_of(known.local))),
              format_timestamp_us(us_of(known.utc)))
        << known.zone << " " << known.local;
  }
}

TEST(TimeZone, LocalTimesKeepTheirMicroseconds) {
  EXPECT_EQ(
      format_timestamp_us(zone_of("Europe/Berlin").to_utc(us_of("2022-07-01 12:00:00.123456"))),
      "2022-07-01 10:00:00.123456");
}

TEST(TimeZone, BothWaysAreInverseAwayFromTransitions) {
  TimeZone zone = zone_of("America/New_York");
  for (int64_t us = us_of("2022-01-01"); us < us_of("2023-01-01"); us += 86'400'000'000) {
    const int64_t noon = us + 43'200'000'000;
    EXPECT_EQ(zone.local_hour(zone.to_utc(noon)) * int64_t{3'600'000'000}, noon);
  }
}

TEST(TimeZone, DefaultIsUtc) {
  TimeZone utc;
  EXPECT_EQ(utc.name(), "UTC");
  EXPECT_EQ(utc.local_hour(0), 0);
  EXPECT_EQ(utc.local_hour(3'599'999'999), 0);
  EXPECT_EQ(utc.local_hour(3'600'000'000), 1);
  EXPECT_EQ(utc.local_hour(-1), -1);
  EXPECT_EQ(utc.local_hour(-3'600'000'000), -1);
  EXPECT_EQ(utc.local_hour(-3'600'000'001), -2);
  EXPECT_EQ(utc.to_utc(1234567), 1234567);
}

TEST(TimeZone, KnowsUtcByItsNames) {
  for (const char* name : {"UTC", "Etc/UTC", "Etc/GMT"}) {
    TimeZone zone = zone_of(name);
    EXPECT_EQ(zone.local_hour(us_of("2022-07-01 12:34:56")), 460188) << name;
    EXPECT_EQ(zone.to_utc(42), 42) << name;
  }
}

TEST(TimeZone, HoursBeforeNineteenSeventyAreFloored) {
  TimeZone zone = zone_of("Europe/Berlin");
  EXPECT_EQ(zone.local_hour(us_of("1969-12-31 22:59:59.999999")), -1);
  EXPECT_EQ(zone.local_hour(us_of("1969-12-31 23:00:00")), 0);
}

TEST(TimeZone, TakesTheWholeRangeOfTimestamps) {
  for (const char* name : {"UTC", "Europe/Berlin", "Australia/Lord_Howe"}) {
    TimeZone zone = zone_of(name);
    for (const char* text : {"0001-01-01", "1883-01-01", "9999-12-31 23:59:59.999999"}) {
      const int64_t us = us_of(text);
      EXPECT_NEAR(static_cast<double>(zone.local_hour(us)), static_cast<double>(us) / 3.6e9, 15);
      EXPECT_NEAR(static_cast<double>(zone.to_utc(us)), static_cast<double>(us), 15 * 3.6e9);
    }
  }
}

TEST(TimeZone, UnknownNameIsAConfigErrorThatSaysWhatToDo) {
  for (const char* name : {"Europe/Atlantis", "", "europe/berlin", "../../etc/passwd", "+02:00"}) {
    const auto zone = TimeZone::find(name);
    ASSERT_FALSE(zone.has_value()) << name;
    EXPECT_EQ(zone.error().kind, ErrorKind::kConfig);
    EXPECT_EQ(zone.error().subject, name);
    EXPECT_FALSE(zone.error().hint.empty());
  }
}

TEST(TimeZone, CopiesAreIndependent) {
  TimeZone a = zone_of("Europe/Berlin");
  EXPECT_EQ(a.local_hour(us_of("2022-03-27 00:59:59")), 457873);
  TimeZone b = a;
  EXPECT_EQ(b.local_hour(us_of("2022-03-27 01:00:00")), 457875);
  EXPECT_EQ(a.local_hour(us_of("2022-03-27 00:59:59")), 457873);
  EXPECT_EQ(b.name(), "Europe/Berlin");
}

TEST(TimeZone, SaysWhichDatabaseItUses) {
  const std::string version = TimeZone::database_version();
  EXPECT_EQ(version.size(), 5U) << version;  // "2024a"
  EXPECT_EQ(version.substr(0, 2), "20");
}

}  // namespace
}  // namespace hirestream
