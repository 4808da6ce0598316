// Everything that can be set, from three places: option > environment > file (TOML) > default.
//
//   file:        [engine]  poll_interval = "250ms"
//   environment: HIRESTREAM_ENGINE_POLL_INTERVAL=250ms
//   option:      --poll-interval 250ms
//
// One table (setting_table.h) of names, types, defaults, allowed ranges and help drives all three
// and docs/configuration.md. An unknown key or a bad value is an error kConfig that names file and
// line (or variable, or option), key, value and what is allowed. This folder knows no component:
// cli/ maps these structs to each component's own options. Times in microseconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/secrets.h"
#include "config/uri.h"
#include "model/result.h"

namespace hirestream {

// One raw log to be counted. With [[source]] in the file there may be several.
struct SourceSettings {
  std::string uri_text;
  std::optional<Uri> uri;                      // nothing: not given
  std::string name;                            // empty in the file: the URI's name()
  std::vector<int32_t> shards;                 // empty: all
  std::string strategy;                        // "auto", "tail", "scan"
  std::string attribution;                     // "columns", "payload"
  std::string timezone;                        // reporting
  std::string source_timezone;                 // of ts without offset
  std::map<std::string, std::string> columns;  // tracking column → its name in the source
  std::string null_words;                      // separated by commas
  std::string event_time;                      // "ts", "arrival"
  std::string ids;                             // "uuid", "any"
  std::string csv_escape;                      // "auto", "double", "backslash", …
  std::string csv_delimiter;                   // "auto", ",", ";", "tab", "|"
  std::string csv_header;  // names, separated by commas; empty: files have a header
  std::optional<int64_t> start_at_us;
  Secret password;  // never printed
};

struct WarehouseSettings {
  std::string uri_text;
  std::optional<Uri> uri;
  Secret password;
};

struct JobsSettings {
  std::string uri_text;
  std::optional<Uri> uri;  // nothing: company_id stays 0
  std::string table;
  std::string id_column;
  std::string company_column;
  std::string group_column;
  std::string campaign_column;
  std::string title_column;  // columns of names may be missing
  std::string company_name_column;
  std::string campaign_name_column;
  std::string group_name_column;
  std::string publishers_table;  // may be missing
  std::string publisher_id_column;
  std::string publisher_name_column;
  int64_t refresh_interval_us = 0;
  Secret password;
};

struct CountingSettings {
  std::map<std::string, std::string> kinds;  // custom_track → impression, click, …
  std::string page_view_ev;
  int64_t ts_min_us = 0;
  int64_t future_max_us = 0;
};

struct EngineSettings {
  int64_t poll_interval_us = 0;
  int64_t busy_poll_interval_us = 0;
  int64_t overlap_us = 0;
  int64_t look_back_us = 0;
  int64_t look_back_interval_us = 0;
  int64_t grace_us = 0;
  std::vector<int64_t> audit_delays_us;
  std::optional<int64_t> retention_us;
  std::optional<int64_t> events_retention_us;
  int64_t discover_interval_us = 0;
  int64_t scan_interval_us = 0;
  int64_t scan_window_us = 0;
  int64_t full_scan_interval_us = 0;
  int64_t watch_interval_us = 0;
  int64_t slices_per_read = 0;
  int64_t rows_per_commit = 0;
  int64_t rejects_cap = 0;
  int64_t rejects_keep_us = 0;
  bool allow_shrink = false;
  bool allow_shrink_expired = false;
};

struct RunSettings {
  bool once = false;
  int64_t report_interval_us = 0;
  int64_t give_up_after_us = 0;
  bool standby = false;
  bool share = false;
  int64_t lease_us = 0;
  std::optional<int64_t> fail_on_rejects;  // percent
};

struct LogSettings {
  std::string level;
  std::string format;
};

struct HttpSettings {
  std::string address;  // empty: not given
  std::string token;    // from the environment or a file; never printed
  bool samples = false;
};

struct Settings {
  std::vector<SourceSettings> sources;  // at least one, perhaps without a URI
  WarehouseSettings warehouse;
  JobsSettings jobs;
  CountingSettings counting;
  EngineSettings engine;
  RunSettings run;
  HttpSettings http;
  LogSettings log;
  // "engine.poll_interval" → "option --poll-interval", "environment HIRESTREAM_…", "FILE:LINE";
  // defaults are not listed.
  std::map<std::string, std::string> origins;
};

struct SettingsInput {
  std::string file;  // empty: none
  Environment environment;
  // Options given, by full name ("engine.poll_interval"), with their text; `source.uri` may come
  // several times, and then replaces the file's sources.
  std::vector<std::pair<std::string, std::string>> options;
};

Result<Settings> load_settings(const SettingsInput& input);

struct CheckedSettings {
  Settings settings;          // what could be read
  std::vector<Error> faults;  // all that load_settings would refuse, in the order it is read
};
CheckedSettings check_settings(const SettingsInput& input);

}  // namespace hirestream
