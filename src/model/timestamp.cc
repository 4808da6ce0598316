#include "model/timestamp.h"

#include <date/date.h>

#include <array>

#include "model/decimal.h"
#include "model/floor_divide.h"
#include "model/text.h"

namespace hirestream {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return at_ == text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool accept(char c) {
    if (peek() != c || done()) {
      return false;
    }
    ++at_;
    return true;
  }
  // Exactly `count` digits, or -1.
  int digits(size_t count) {
    if (text_.size() - at_ < count) {
      return -1;
    }
    int value = 0;
    for (size_t i = 0; i < count; ++i) {
      const char c = text_[at_ + i];
      if (c < '0' || c > '9') {
        return -1;
      }
      value = value * 10 + (c - '0');
    }
    at_ += count;
    return value;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

struct CivilDate {
  int64_t year;
  unsigned month;
  unsigned day;
};

// The date library counts years in 16 bits. The calendar repeats every 400 years.
CivilDate civil_from_days(int32_t days) {
  constexpr int64_t kCycleDays = 146'097;
  const int64_t cycles = floor_divide(days, kCycleDays);
  const date::year_month_day day = date::sys_days(date::days(days - cycles * kCycleDays));
  return {static_cast<int>(day.year()) + 400 * cycles, static_cast<unsigned>(day.month()),
          static_cast<unsigned>(day.day())};
}

void append_digits(std::string& out, int64_t value, int width) {
  std::array<char, 20> buffer{};
  for (int i = width; i-- > 0;) {
    buffer[static_cast<size_t>(i)] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(buffer.data(), static_cast<size_t>(width));
}

int64_t fraction_us(int64_t us) {
  const int64_t rest = us % 1'000'000;
  return rest < 0 ? rest + 1'000'000 : rest;
}

std::string format_seconds(int64_t us) {
  const int64_t seconds = floor_divide(us, 1'000'000);
  const int64_t days = floor_divide(seconds, 86400);
  const int64_t rest = seconds - days * 86400;
  std::string out = format_date(static_cast<int32_t>(days));
  out += ' ';
  append_digits(out, rest / 3600, 2);
  out += ':';
  append_digits(out, rest / 60 % 60, 2);
  out += ':';
  append_digits(out, rest % 60, 2);
  return out;
}

// Digits behind the point as microseconds; more than six are cut off. -1: none or more than nine.
int64_t parse_fraction(Scanner& scan) {
  int64_t us = 0;
  int count = 0;
  for (; count < 9; ++count) {
    const int digit = scan.digits(1);
    if (digit < 0) {
      break;
    }
    if (count < 6) {
      us = us * 10 + digit;
    }
  }
  for (int i = count; i < 6; ++i) {
    us *= 10;
  }
  const bool too_many = count == 9 && scan.peek() >= '0' && scan.peek() <= '9';
  return count == 0 || too_many ? -1 : us;
}

// As they were written: perhaps no day of the calendar.
struct CivilTime {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

constexpr size_t kUsualSize = std::string_view("2022-07-01 10:05:00").size();

// Whether it begins as nearly all do, with kUsualSize characters of "2022-07-01 10:05:00"; a branch
// for each digit would take three times as long.
bool read_usual(std::string_view text, CivilTime& time) {
  constexpr std::array<uint8_t, 14> kPlaces = {0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18};
  if (text.size() < kUsualSize) {
    return false;
  }
  const char* const begin = text.data();
  bool all_digits = true;
  std::array<int, kPlaces.size()> digits;
  for (size_t i = 0; i < digits.size(); ++i) {
    const unsigned digit = static_cast<unsigned char>(begin[kPlaces[i]]) - unsigned{'0'};
    all_digits &= digit <= 9;
    digits[i] = static_cast<int>(digit);
  }
  const auto pair = [&digits](size_t at) { return digits[at] * 10 + digits[at + 1]; };
  time = {.year = pair(0) * 100 + pair(2),
          .month = pair(4),
          .day = pair(6),
          .hour = pair(8),
          .minute = pair(10),
          .second = pair(12)};
  const bool is_parted = begin[10] == ' ' || begin[10] == 'T' || begin[10] == 't';
  return all_digits && is_parted && begin[4] == '-' && begin[7] == '-' && begin[13] == ':' &&
         begin[16] == ':';
}

bool read_date(Scanner& scan, CivilTime& time) {
  time = {};
  time.year = scan.digits(4);
  if (!scan.accept('-')) {
    return false;
  }
  time.month = scan.digits(2);
  if (!scan.accept('-')) {
    return false;
  }
  time.day = scan.digits(2);
  return true;
}

bool read_time(Scanner& scan, CivilTime& time) {
  if (!scan.accept('T') && !scan.accept('t') && !scan.accept(' ')) {
    return false;
  }
  time.hour = scan.digits(2);
  if (!scan.accept(':')) {
    return false;
  }
  time.minute = scan.digits(2);
  if (!scan.accept(':')) {
    return false;
  }
  time.second = scan.digits(2);
  return true;
}

std::optional<int64_t> us_of(const CivilTime& time) {
  const date::year_month_day day{date::year(time.year),
                                 date::month(static_cast<unsigned>(time.month)),
                                 date::day(static_cast<unsigned>(time.day))};
  const auto within = [](int value, int limit) { return value >= 0 && value < limit; };
  if (time.year < 1 || time.month < 1 || time.day < 1 || !day.ok() || !within(time.hour, 24) ||
      !within(time.minute, 60) || !within(time.second, 60)) {
    return std::nullopt;
  }
  const int64_t seconds = (time.hour * 60LL + time.minute) * 60 + time.second;
  return (int64_t{date::sys_days(day).time_since_epoch().count()} * 86'400 + seconds) * 1'000'000;
}

// Seconds east of UTC. False when malformed.
bool parse_offset(Scanner& scan, int64_t& seconds) {
  const bool negative = scan.peek() == '-';
  if (!scan.accept('+') && !scan.accept('-')) {
    return false;
  }
  const int hours = scan.digits(2);
  if (hours < 0 || hours > 23) {
    return false;
  }
  int minutes = 0;
  if (scan.accept(':') || !scan.done()) {
    minutes = scan.digits(2);
    if (minutes < 0 || minutes > 59) {
      return false;
    }
  }
  seconds = (hours * 60 + minutes) * 60;
  if (negative) {
    seconds = -seconds;
  }
  return true;
}

// Microseconds in one unit of the number; 0: nanoseconds; nothing: no unit gives a usual time.
std::optional<int64_t> epoch_unit_us(int64_t number) {
  constexpr int64_t kYear2001 = 978'307'200;
  constexpr int64_t kYear2101 = 4'133'980'800;
  for (const int64_t per_second : {1, 1'000, 1'000'000, 1'000'000'000}) {
    if (number >= kYear2001 * per_second && number < kYear2101 * per_second) {
      return 1'000'000 / per_second;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> epoch_us(int64_t number) {
  const auto unit = epoch_unit_us(number);
  if (!unit) {
    return std::nullopt;
  }
  return *unit == 0 ? number / 1000 : number * *unit;
}

std::optional<int64_t> exact_us(int64_t number, int64_t per_second) {
  constexpr int64_t kBeginS = -2'208'988'800;
  constexpr int64_t kEndS = 4'102'444'800;
  const int64_t second = floor_divide(number, per_second);
  if (second < kBeginS || second >= kEndS) {
    return std::nullopt;
  }
  if (per_second <= kMicros) {
    return number * (kMicros / per_second);
  }
  const int64_t per_us = per_second / kMicros;
  return number % per_us == 0 ? std::optional(number / per_us) : std::nullopt;
}

std::optional<int64_t> parse_epoch(std::string_view text) {
  if (const auto number = parse_integer(text)) {
    return epoch_us(*number);
  }
  text = trim(text);
  const size_t point = text.find('.');
  const auto whole = parse_integer(text.substr(0, point));
  const auto unit = whole ? epoch_unit_us(*whole) : std::nullopt;
  if (!unit || point == std::string_view::npos) {
    return std::nullopt;
  }
  int64_t us = *epoch_us(*whole);
  int64_t weight = *unit;
  for (const char digit : text.substr(point + 1)) {
    if (digit < '0' || digit > '9') {
      return std::nullopt;
    }
    weight /= 10;
    us += weight * (digit - '0');
  }
  return us;
}

int32_t days_from_civil(int year, unsigned month, unsigned day) {
  const date::year_month_day civil{date::year(year), date::month(month), date::day(day)};
  return static_cast<int32_t>(date::sys_days(civil).time_since_epoch().count());
}

std::optional<ParsedTimestamp> parse_timestamp(std::string_view text) {
  text = trim(text);
  CivilTime civil;
  const bool is_usual = read_usual(text, civil);
  Scanner scan(is_usual ? text.substr(kUsualSize) : text);
  if (!is_usual && (!read_date(scan, civil) || (!scan.done() && !read_time(scan, civil)))) {
    return std::nullopt;
  }
  const auto us = us_of(civil);
  if (!us) {
    return std::nullopt;
  }
  ParsedTimestamp out;
  out.us = *us;
  if (scan.accept('.') || scan.accept(',')) {
    const int64_t fraction = parse_fraction(scan);
    if (fraction < 0) {
      return std::nullopt;
    }
    out.us += fraction;
  }
  if (scan.done()) {
    return out;
  }
  scan.accept(' ');
  out.has_offset = true;
  if (scan.accept('Z') || scan.accept('z')) {
    return scan.done() ? std::optional(out) : std::nullopt;
  }
  int64_t offset = 0;
  if (!parse_offset(scan, offset) || !scan.done()) {
    return std::nullopt;
  }
  out.us -= offset * 1'000'000;
  return out;
}

std::string format_timestamp_ms(int64_t us) {
  std::string out = format_seconds(us);
  out += '.';
  append_digits(out, fraction_us(us) / 1000, 3);
  return out;
}

std::string format_timestamp_us(int64_t us) {
  std::string out = format_seconds(us);
  out += '.';
  append_digits(out, fraction_us(us), 6);
  return out;
}

std::string format_date(int32_t days) {
  const CivilDate date = civil_from_days(days);
  const std::string year = std::to_string(date.year < 0 ? -date.year : date.year);
  std::string out = date.year < 0 ? "-" : "";
  out.append(year.size() < 4 ? 4 - year.size() : 0, '0');
  out += year;
  out += '-';
  append_digits(out, date.month, 2);
  out += '-';
  append_digits(out, date.day, 2);
  return out;
}

std::string shown_date(int64_t days) {
  constexpr int64_t kFirst = -719'162;
  constexpr int64_t kLast = 2'932'896;
  return days >= kFirst && days <= kLast ? format_date(static_cast<int32_t>(days))
                                         : std::to_string(days) + " days";
}

}  // namespace hirestream
