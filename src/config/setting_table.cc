#include "config/setting_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "config/suggestion.h"
#include "config/values.h"
#include "model/reading_rules.h"
#include "model/text.h"
#include "model/time_zone.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr int64_t kMs = 1'000;
constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

void assign(std::string& field, SettingValue&& value) {
  field = std::get<std::string>(std::move(value));
}
void assign(int64_t& field, SettingValue&& value) {
  field = std::get<int64_t>(value);
}
void assign(std::optional<int64_t>& field, SettingValue&& value) {
  field = std::get<int64_t>(value);
}
void assign(bool& field, SettingValue&& value) {
  field = std::get<int64_t>(value) != 0;
}
void assign(std::vector<int64_t>& field, SettingValue&& value) {
  field = std::get<std::vector<int64_t>>(std::move(value));
}
void assign(std::vector<int32_t>& field, SettingValue&& value) {
  field.clear();
  for (const int64_t number : std::get<std::vector<int64_t>>(value)) {
    field.push_back(static_cast<int32_t>(number));
  }
}
void assign(std::map<std::string, std::string>& field, SettingValue&& value) {
  field = std::get<std::map<std::string, std::string>>(std::move(value));
}

using Store = void (*)(Settings&, SourceSettings&, SettingValue&&);

template <auto kMember>
Store in_source() {
  return [](Settings&, SourceSettings& source, SettingValue&& value) {
    assign(source.*kMember, std::move(value));
  };
}

template <auto kSection, auto kMember>
Store in() {
  return [](Settings& settings, SourceSettings&, SettingValue&& value) {
    assign(settings.*kSection.*kMember, std::move(value));
  };
}

using S = SourceSettings;
using W = WarehouseSettings;
using J = JobsSettings;
using C = CountingSettings;
using E = EngineSettings;
using R = RunSettings;
using H = HttpSettings;
using L = LogSettings;
using T = SettingType;

Setting row(std::string_view section, std::string_view key, std::string_view option, T type,
            std::string_view fallback, std::string_view help, Store store) {
  Setting setting;
  setting.section = section;
  setting.key = key;
  setting.option = option;
  setting.type = type;
  setting.fallback = fallback;
  setting.help = help;
  setting.store = store;
  return setting;
}

Setting ranged(std::string_view section, std::string_view key, std::string_view option, T type,
               std::string_view fallback, int64_t min, int64_t max, std::string_view help,
               Store store) {
  Setting setting = row(section, key, option, type, fallback, help, store);
  setting.min = min;
  setting.max = max;
  return setting;
}

Setting chosen(std::string_view section, std::string_view key, std::string_view option, T type,
               std::string_view fallback, std::vector<std::string> choices, std::string_view help,
               Store store) {
  Setting setting = row(section, key, option, type, fallback, help, store);
  setting.choices = std::move(choices);
  return setting;
}

std::vector<Setting> source_rows() {
  return {
      row("source", "uri", "--source", T::kSourceUri, "",
          "Where the raw rows are: "
          "`cassandra://[user@]host[:9042][,host2…]/keyspace/"
          "table[?consistency=…&local_dc=…&tls_ca=…]`, `sqlite:PATH`, `csv:PATH`, `ndjson:PATH`, "
          "`parquet:PATH` (a file, of CSV and NDJSON compressed with gzip or zstd or not, or a "
          "directory of files)",
          in_source<&S::uri_text>()),
      row("source", "name", "--source-name", T::kText, "",
          "Name of the source in the warehouse, unique there; default: the URI without user and "
          "parameters",
          in_source<&S::name>()),
      row("source", "shards", "--shards", T::kShards, "",
          "Which shards of the source this process counts, as 0-3,6; default: all",
          in_source<&S::shards>()),
      chosen("source", "strategy", "--strategy", T::kChoice, "auto", {"auto", "tail", "scan"},
             "How a Cassandra table is read; auto: by the table's schema",
             in_source<&S::strategy>()),
      chosen("source", "attribution", "--attribution", T::kChoice, "columns",
             {"columns", "payload"},
             "Whose event it is: what the columns say, or where job_id or publisher_id is null "
             "what the JSON text in `ed` says",
             in_source<&S::attribution>()),
      row("source", "timezone", "--timezone", T::kTimeZone, "UTC",
          "Reporting time zone: dates and hours of `events` are in it", in_source<&S::timezone>()),
      row("source", "source_timezone", "--source-timezone", T::kTimeZone, "UTC",
          "Time zone of event times that are written without an offset",
          in_source<&S::source_timezone>()),
      chosen("source", "columns", "--columns", T::kColumnNames, "",
             {"create_time", "ts", "job_id", "publisher_id", "campaign_id", "group_id", "bid",
              "custom_track", "ev", "ed"},
             "What columns are called in the source, where it is not what the tracking table calls "
             "them: `create_time=event_id,ts=created_at`; of an event time in two columns: "
             "`ts=event_date+event_time`",
             in_source<&S::columns>()),
      row("source", "null_words", "--null-words", T::kText, "\\N,NULL,null,None,NaN,nan",
          "Words that mean null, as empty text does, in every column but `ed`",
          in_source<&S::null_words>()),
      chosen("source", "event_time", "--event-time", T::kChoice, "ts", {"ts", "arrival"},
             "When an event happened: what `ts` says, or the time of arrival that is in "
             "`create_time` (then nothing reads `ts`)",
             in_source<&S::event_time>()),
      chosen("source", "ids", "--ids", T::kChoice, "uuid", {"uuid", "any"},
             "What `create_time` may be: a UUID, or any text that no other row has; such rows have "
             "no time of arrival",
             in_source<&S::ids>()),
      chosen(
          "source", "csv_escape", "--csv-escape", T::kChoice, "auto",
          {"auto", "double", "backslash", "backslash-doubled", "backslash-plain",
           "backslash-twice"},
          "Of CSV: how a quote inside a quoted field is written; auto: found from the file's "
          "beginning; double: twice (RFC 4180); backslash: behind a backslash, where backslashes "
          "are doubled, as they were (plain) or doubled twice, which is found unless said",
          in_source<&S::csv_escape>()),
      row("source", "csv_delimiter", "--csv-delimiter", T::kText, "auto",
          "Of CSV: what separates fields: `,`, `;`, `tab` or `|`; auto: found from the file's "
          "beginning",
          in_source<&S::csv_delimiter>()),
      row("source", "csv_header", "--csv-header", T::kText, "",
          "Of CSV without a header: the names of all its columns in their order, separated by "
          "commas",
          in_source<&S::csv_header>()),
      row("source", "start_at", "--start-at", T::kTimestamp, "",
          "At the first start ignore what arrived before this time; default: everything",
          in_source<&S::start_at_us>()),
  };
}

std::vector<Setting> database_rows() {
  return {
      row("warehouse", "uri", "--warehouse", T::kWarehouseUri, "",
          "Where `events` and the ledger are: "
          "`mysql://[user@]host[:3306]/database[?tls=…&tls_ca=…]` or `sqlite:PATH`",
          in<&Settings::warehouse, &W::uri_text>()),
      row("jobs", "uri", "--jobs", T::kJobsUri, "",
          "Where the table of jobs is: `mysql://…`, `sqlite:PATH` or `csv:PATH`; default: none, "
          "and company_id stays 0",
          in<&Settings::jobs, &J::uri_text>()),
      row("jobs", "table", "--jobs-table", T::kText, "jobs", "Table of jobs",
          in<&Settings::jobs, &J::table>()),
      row("jobs", "id_column", "--jobs-id-column", T::kText, "id", "Column of the job's id",
          in<&Settings::jobs, &J::id_column>()),
      row("jobs", "company_column", "--jobs-company-column", T::kText, "company_id",
          "Column of the company's id", in<&Settings::jobs, &J::company_column>()),
      row("jobs", "group_column", "--jobs-group-column", T::kText, "group_id",
          "Column of the group's id", in<&Settings::jobs, &J::group_column>()),
      row("jobs", "campaign_column", "--jobs-campaign-column", T::kText, "campaign_id",
          "Column of the campaign's id", in<&Settings::jobs, &J::campaign_column>()),
      row("jobs", "title_column", "--jobs-title-column", T::kText, "title",
          "Column of the job's title, which may be missing",
          in<&Settings::jobs, &J::title_column>()),
      row("jobs", "company_name_column", "--jobs-company-name-column", T::kText, "company_name",
          "Column of the company's name, which may be missing",
          in<&Settings::jobs, &J::company_name_column>()),
      row("jobs", "campaign_name_column", "--jobs-campaign-name-column", T::kText, "campaign_name",
          "Column of the campaign's name, which may be missing",
          in<&Settings::jobs, &J::campaign_name_column>()),
      row("jobs", "group_name_column", "--jobs-group-name-column", T::kText, "group_name",
          "Column of the group's name, which may be missing",
          in<&Settings::jobs, &J::group_name_column>()),
      row("jobs", "publishers_table", "--publishers-table", T::kText, "publishers",
          "Table of publishers' names in the jobs' database, which may be missing; `csv:`: a file "
          "of that name with .csv beside the jobs'",
          in<&Settings::jobs, &J::publishers_table>()),
      row("jobs", "publisher_id_column", "--publisher-id-column", T::kText, "id",
          "Column of the publisher's id", in<&Settings::jobs, &J::publisher_id_column>()),
      row("jobs", "publisher_name_column", "--publisher-name-column", T::kText, "name",
          "Column of the publisher's name", in<&Settings::jobs, &J::publisher_name_column>()),
      ranged("jobs", "refresh_interval", "--jobs-refresh-interval", T::kDuration, "30s", kSecond,
             kDay, "How often the jobs are read again",
             in<&Settings::jobs, &J::refresh_interval_us>()),
  };
}

std::vector<Setting> counting_rows() {
  return {
      chosen("counting", "kinds", "--kinds", T::kMapping,
             "click=click,conversion=conversion,qualified=qualified,unqualified=unqualified",
             {"impression", "click", "conversion", "qualified", "unqualified", "other"},
             "What each value of `custom_track`, whatever its case, counts as; values not named "
             "here are not counted",
             in<&Settings::counting, &C::kinds>()),
      row("counting", "page_view_ev", "--page-view-ev", T::kText, "1",
          "A row without `custom_track` is an impression when its `ev` is this",
          in<&Settings::counting, &C::page_view_ev>()),
      row("counting", "ts_min", "--ts-min", T::kTimestamp, "2000-01-01",
          "Rows with an older event time are rejected", in<&Settings::counting, &C::ts_min_us>()),
      ranged("counting", "future_max", "--future-max", T::kDuration, "1d", 0, 36'500 * kDay,
             "Rows whose event time lies further ahead of their arrival than this are rejected "
             "(visitors' clocks run ahead)",
             in<&Settings::counting, &C::future_max_us>()),
  };
}

std::vector<Setting> engine_rows() {
  return {
      ranged("engine", "poll_interval", "--poll-interval", T::kDuration, "250ms", kMs, kHour,
             "Tail and follow: pause between two polls",
             in<&Settings::engine, &E::poll_interval_us>()),
      ranged("engine", "busy_poll_interval", "--busy-poll-interval", T::kDuration, "50ms", kMs,
             kHour,
             "Tail and follow: the same while new rows come, unless polls take more than a third "
             "of it",
             in<&Settings::engine, &E::busy_poll_interval_us>()),
      ranged("engine", "overlap", "--overlap", T::kDuration, "300ms", 0, kHour,
             "Tail: how far before its position each poll reads again",
             in<&Settings::engine, &E::overlap_us>()),
      ranged("engine", "look_back", "--look-back", T::kDuration, "10s", 0, kDay,
             "Tail: how far back the longer looks read; must exceed look_back_interval by the "
             "lateness to be tolerated",
             in<&Settings::engine, &E::look_back_us>()),
      ranged("engine", "look_back_interval", "--look-back-interval", T::kDuration, "5s", kMs, kDay,
             "Tail: pause between two longer looks",
             in<&Settings::engine, &E::look_back_interval_us>()),
      ranged("engine", "grace", "--grace", T::kDuration, "2min", 0, 7 * kDay,
             "How long after its bucket's end a slice is settled: read whole and recounted",
             in<&Settings::engine, &E::grace_us>()),
      ranged("engine", "audit_delays", "--audit-delays", T::kDurationList, "10min,1h,4h,1d",
             kSecond, 365 * kDay,
             "When settled slices are compared with the raw log, after their bucket's end",
             in<&Settings::engine, &E::audit_delays_us>()),
      ranged("engine", "retention", "--retention", T::kDuration, "", 0, 36'500 * kDay,
             "How long slices can still change before they freeze; 0: for ever. Tail and follow: "
             "once they are settled, by default 7d. Scan: counted from the day on which their rows "
             "arrived; by default a day less than the table's default_time_to_live, without one "
             "for ever",
             in<&Settings::engine, &E::retention_us>()),
      ranged(
          "engine", "events_retention", "--events-retention", T::kDuration, "", kDay, 36'500 * kDay,
          "How long days stay in `events` and its roll-up, by default for ever. Older whole days "
          "are removed once the slices that gave them are frozen: it must be a day longer than "
          "`--retention`, and takes a source whose slices freeze",
          in<&Settings::engine, &E::events_retention_us>()),
      ranged("engine", "discover_interval", "--discover-interval", T::kDuration, "10min", kSecond,
             kDay, "Tail: how often partitions nobody expected are looked for",
             in<&Settings::engine, &E::discover_interval_us>()),
      ranged("engine", "scan_interval", "--scan-interval", T::kDuration, "10s", kMs, kDay,
             "Scan: pause between two bounded scans",
             in<&Settings::engine, &E::scan_interval_us>()),
      ranged("engine", "scan_window", "--scan-window", T::kDuration, "2h", kMinute, 365 * kDay,
             "Scan: event times a bounded scan covers, back from now",
             in<&Settings::engine, &E::scan_window_us>()),
      ranged("engine", "full_scan_interval", "--full-scan-interval", T::kDuration, "1h", kSecond,
             365 * kDay, "Scan: pause between two scans of everything",
             in<&Settings::engine, &E::full_scan_interval_us>()),
      ranged("engine", "watch_interval", "--watch-interval", T::kDuration, "1s", kMs, kDay,
             "Files: how often new and changed files are looked for",
             in<&Settings::engine, &E::watch_interval_us>()),
      ranged("engine", "slices_per_read", "--slices-per-read", T::kInteger, "512", 1, 100'000,
             "Catching up: slices recounted in one go, at most",
             in<&Settings::engine, &E::slices_per_read>()),
      ranged(
          "engine", "rows_per_commit", "--rows-per-commit", T::kInteger, "250000", 1, 100'000'000,
          "Catching up: rows recounted in one go, about; of history up to four times as many are "
          "one commit",
          in<&Settings::engine, &E::rows_per_commit>()),
      ranged("engine", "rejects_cap", "--rejects-cap", T::kInteger, "10000", 0, 100'000'000,
             "How many rejected rows are kept with their reason",
             in<&Settings::engine, &E::rejects_cap>()),
      ranged("engine", "rejects_keep", "--rejects-keep", T::kDuration, "30d", 0, 36'500 * kDay,
             "How long rejected rows are kept: they may hold personal data",
             in<&Settings::engine, &E::rejects_keep_us>()),
      row("engine", "allow_shrink", "--allow-shrink", T::kBool, "false",
          "Believe a recount that misses rows counted before, and take them away",
          in<&Settings::engine, &E::allow_shrink>()),
      row("engine", "allow_shrink_expired", "--allow-shrink-expired", T::kBool, "false",
          "With --allow-shrink: also of slices past their retention, whose rows are missing "
          "because they have expired. It takes paid history away",
          in<&Settings::engine, &E::allow_shrink_expired>()),
  };
}

std::vector<Setting> run_rows() {
  return {
      row("run", "once", "--once", T::kBool, "false", "Count what is there, then end",
          in<&Settings::run, &R::once>()),
      ranged("run", "report_interval", "--report-interval", T::kDuration, "10s", 0, kDay,
             "How often `run` reports rows, rate and freshness; 0: never",
             in<&Settings::run, &R::report_interval_us>()),
      ranged("run", "give_up_after", "--give-up-after", T::kDuration, "1min", 0, kDay,
             "With `--once`: how long errors that may pass are retried (without it they are "
             "retried for ever)",
             in<&Settings::run, &R::give_up_after_us>()),
      row("run", "standby", "--standby", T::kBool, "false",
          "Wait while another engine with this setting counts the source, and go on when it has "
          "ended; for two or more engines of the same settings on several machines",
          in<&Settings::run, &R::standby>()),
      row("run", "share", "--share", T::kBool, "false",
          "Share the source's shards with other engines of this setting: each takes its part, and "
          "those of one that has ended are taken by the others",
          in<&Settings::run, &R::share>()),
      ranged("run", "lease", "--lease", T::kDuration, "10s", 2 * kSecond, kDay,
             "With `--standby` or `--share`: how long nothing is heard of an engine until another "
             "one goes on",
             in<&Settings::run, &R::lease_us>()),
      ranged("run", "fail_on_rejects", "--fail-on-rejects", T::kInteger, "", 0, 100,
             "Exit code 1 if more than so many percent of the rows in the ledger are rejected",
             in<&Settings::run, &R::fail_on_rejects>()),
  };
}

std::vector<Setting> http_rows() {
  return {
      row("http", "address", "--http", T::kText, "",
          "Where the page, its API and the metrics are served, as `127.0.0.1:8080`; elsewhere than "
          "on a loopback address a token is needed. Default: `run` serves nothing, `dashboard` at "
          "`127.0.0.1:8080`",
          in<&Settings::http, &H::address>()),
      row("http", "samples", "--http-samples", T::kBool, "false",
          "Show the values of rejected rows, one row for each reason, on the page and in the API; "
          "they may be personal data",
          in<&Settings::http, &H::samples>()),
  };
}

std::vector<Setting> log_rows() {
  return {
      chosen("log", "level", "--log-level", T::kChoice, "info",
             {"debug", "info", "warning", "error", "off"}, "What is logged (to stderr)",
             in<&Settings::log, &L::level>()),
      chosen("log", "format", "--log-format", T::kChoice, "text", {"text", "json"},
             "How lines of the log look", in<&Settings::log, &L::format>()),
  };
}

std::vector<Setting> all_rows() {
  std::vector<Setting> rows;
  for (auto part : {source_rows(), database_rows(), counting_rows(), engine_rows(), run_rows(),
                    http_rows(), log_rows()}) {
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

tl::unexpected<Error> bad_value(const Setting& setting, std::string_view text,
                                std::string_view why = {}) {
  return fail(ErrorKind::kConfig, {}, setting.name(),
              why.empty() ? fmt::format("'{}' is not allowed", text)
                          : fmt::format("'{}' is not allowed: {}", text, why),
              fmt::format("allowed: {}", setting.allowed()));
}

Result<SettingValue> read_number(const Setting& setting, std::string_view text) {
  const bool duration = setting.type != SettingType::kInteger;
  const auto value = duration ? parse_duration(text) : parse_int64(text);
  if (!value) {
    const bool bare = duration && parse_int64(text).has_value();
    return bad_value(setting, text, bare ? "the unit is missing" : "");
  }
  if (*value < setting.min || *value > setting.max) {
    return bad_value(setting, text, *value < setting.min ? "too small" : "too large");
  }
  return SettingValue(*value);
}

Result<SettingValue> read_choice(const Setting& setting, std::string_view text) {
  if (std::find(setting.choices.begin(), setting.choices.end(), text) != setting.choices.end()) {
    return SettingValue(std::string(text));
  }
  const std::string near = nearest_word(text, setting.choices);
  return bad_value(setting, text, near.empty() ? "" : fmt::format("did you mean '{}'?", near));
}

Result<SettingValue> read_duration_list(const Setting& setting, std::string_view text) {
  std::vector<int64_t> values;
  for (const std::string& part : split_list(text)) {
    HIRESTREAM_ASSIGN(SettingValue value, read_number(setting, part));
    values.push_back(std::get<int64_t>(value));
  }
  if (!std::is_sorted(values.begin(), values.end())) {
    return bad_value(setting, text, "it must rise");
  }
  return SettingValue(std::move(values));
}

// Of VALUE=KIND, or of COLUMN=NAME.
Result<SettingValue> read_pairs(const Setting& setting, std::string_view text) {
  const bool is_mapping = setting.type == SettingType::kMapping;
  std::map<std::string, std::string> pairs;
  for (const std::string& part : split_list(text)) {
    const size_t equals = is_mapping ? part.rfind('=') : part.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == part.size()) {
      return bad_value(setting, part, is_mapping ? "write VALUE=KIND" : "write COLUMN=NAME");
    }
    const std::string_view pair = part;
    HIRESTREAM_TRY(add_pair(setting, pair.substr(0, equals), pair.substr(equals + 1), pairs));
  }
  return SettingValue(std::move(pairs));
}

Result<void> add_kind(const Setting& setting, const std::string& value, const std::string& kind,
                      std::map<std::string, std::string>& kinds) {
  HIRESTREAM_TRY(read_choice(setting, kind));
  for (const auto& [other, other_kind] : kinds) {
    if (equal_without_case(other, value)) {
      return bad_value(
          setting, fmt::format("{}={}", value, kind),
          fmt::format("{}={} stands there already, and case does not matter", other, other_kind));
    }
  }
  kinds[value] = kind;
  return {};
}

Result<void> add_column(const Setting& setting, const std::string& column, const std::string& name,
                        std::map<std::string, std::string>& names) {
  HIRESTREAM_TRY(read_choice(setting, column));
  const std::string pair = fmt::format("{}={}", column, name);
  if (column == "ts" && !read_time_columns(name)) {
    return bad_value(setting, pair, "write ts=NAME, or ts=DATE+TIME");
  }
  for (const auto& [other, other_name] : names) {
    if (other == column || other_name == name) {
      return bad_value(
          setting, pair,
          other == column ? "that column is named already" : "two columns cannot have one name");
    }
  }
  names[column] = name;
  return {};
}

Result<SettingValue> read_uri(std::string_view text, UriRole role) {
  HIRESTREAM_TRY(parse_uri(text, role));
  return SettingValue(std::string(text));
}

}  // namespace

std::string Setting::name() const {
  return fmt::format("{}.{}", section, key);
}

std::string Setting::environment() const {
  std::string out = fmt::format("HIRESTREAM_{}_{}", section, key);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

std::string Setting::allowed() const {
  switch (type) {
    case SettingType::kText:
      return "text";
    case SettingType::kBool:
      return "true, false";
    case SettingType::kInteger:
      return fmt::format("an integer from {} to {}", min, max);
    case SettingType::kDuration:
    case SettingType::kDurationList:
      return fmt::format("{} from {} to {} (units us, ms, s, min, h, d)",
                         type == SettingType::kDuration ? "a duration" : "rising durations, each",
                         format_duration(min), format_duration(max));
    case SettingType::kChoice:
      return fmt::format("{}", fmt::join(choices, ", "));
    case SettingType::kShards:
      return "numbers and ranges from 0 to 4095, as 0-3,6";
    case SettingType::kTimestamp:
      return "a date, or a date and time, as 2026-01-31 or 2026-01-31T12:00:00Z (UTC without an "
             "offset)";
    case SettingType::kTimeZone:
      return "a name of the tz database, as UTC or Europe/Berlin";
    case SettingType::kSourceUri:
      return "cassandra://…, sqlite:PATH, csv:PATH, ndjson:PATH, parquet:PATH";
    case SettingType::kWarehouseUri:
      return "mysql://…, sqlite:PATH";
    case SettingType::kJobsUri:
      return "mysql://…, sqlite:PATH, csv:PATH";
    case SettingType::kColumnNames:
      return fmt::format("COLUMN=NAME, COLUMN one of {}", fmt::join(choices, ", "));
    case SettingType::kMapping:
      return fmt::format("VALUE=KIND, KIND one of {}", fmt::join(choices, ", "));
  }
  HIRESTREAM_CHECK(false);
}

std::span<const Setting> setting_table() {
  static const std::vector<Setting> kTable = all_rows();
  return kTable;
}

const Setting* find_setting(std::string_view name) {
  for (const Setting& setting : setting_table()) {
    if (setting.name() == name) {
      return &setting;
    }
  }
  return nullptr;
}

Result<SettingValue> read_setting(const Setting& setting, std::string_view text) {
  switch (setting.type) {
    case SettingType::kText:
      return SettingValue(std::string(text));
    case SettingType::kBool: {
      const auto value = parse_bool(text);
      if (!value) {
        return bad_value(setting, text);
      }
      return SettingValue(int64_t{*value ? 1 : 0});
    }
    case SettingType::kInteger:
    case SettingType::kDuration:
      return read_number(setting, text);
    case SettingType::kDurationList:
      return read_duration_list(setting, text);
    case SettingType::kChoice:
      return read_choice(setting, text);
    case SettingType::kShards: {
      const auto shards = parse_shards(text);
      if (!shards || shards->empty()) {
        return bad_value(setting, text);
      }
      return SettingValue(std::vector<int64_t>(shards->begin(), shards->end()));
    }
    case SettingType::kTimestamp: {
      const auto parsed = parse_timestamp(text);
      if (!parsed) {
        return bad_value(setting, text);
      }
      return SettingValue(parsed->us);
    }
    case SettingType::kTimeZone: {
      const std::string name(text);
      if (!TimeZone::find(name)) {
        return bad_value(setting, text, "no such time zone");
      }
      return SettingValue(name);
    }
    case SettingType::kSourceUri:
      return read_uri(text, UriRole::kSource);
    case SettingType::kWarehouseUri:
      return read_uri(text, UriRole::kWarehouse);
    case SettingType::kJobsUri:
      return read_uri(text, UriRole::kJobs);
    case SettingType::kColumnNames:
    case SettingType::kMapping:
      return read_pairs(setting, text);
  }
  HIRESTREAM_CHECK(false);
}

Result<void> add_pair(const Setting& setting, std::string_view left, std::string_view right,
                      std::map<std::string, std::string>& pairs) {
  const std::string key(trim(left));
  const std::string value(trim(right));
  if (setting.type == SettingType::kMapping) {
    return add_kind(setting, key, value, pairs);
  }
  if (value.empty()) {
    return bad_value(setting, key + "=", "write COLUMN=NAME");
  }
  return add_column(setting, key, value, pairs);
}

}  // namespace hirestream
