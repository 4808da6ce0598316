#include "ports/source_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "model/time_zone.h"
#include "model/timestamp.h"

namespace hirestream {

std::string describe_differences(const Fingerprint& stored, const Fingerprint& given) {
  std::set<std::string> keys;
  for (const auto& [key, value] : stored) {
    keys.insert(key);
  }
  for (const auto& [key, value] : given) {
    keys.insert(key);
  }
  const auto show = [](const Fingerprint& fingerprint, const std::string& key) {
    const auto found = fingerprint.find(key);
    return found == fingerprint.end() ? std::string("nothing") : "\"" + found->second + "\"";
  };
  std::string text;
  for (const auto& key : keys) {
    const std::string before = show(stored, key);
    const std::string now = show(given, key);
    if (before != now) {
      text += fmt::format("{}{}: stored {}, given {}", text.empty() ? "" : "; ", key, before, now);
    }
  }
  return text;
}

namespace {

std::string value_of(const Fingerprint& fingerprint, const std::string& key) {
  const auto found = fingerprint.find(key);
  return found == fingerprint.end() ? std::string() : found->second;
}

// Files that Apache Spark has read, or somebody else: their rows came in batches.
bool is_frame_of_files(const SourceRegistration& source) {
  return value_of(source.fingerprint, "strategy") == "scan" && is_kind_of_files(source.kind);
}

// A path says only where to look: other hosts have it too, and other files may come to stand there.
bool is_path(const SourceRegistration& source) {
  return value_of(source.fingerprint, "strategy") == "files" || is_frame_of_files(source) ||
         value_of(source.fingerprint, "source").ends_with("(without id)");
}

// Named after its URI or, as frames are, its path: nobody said that it is another one.
bool is_named_by_path(const SourceRegistration& source) {
  return source.name.starts_with(source.kind + ":") ||
         source.name == value_of(source.fingerprint, "source");
}

// In one spelling, as a frame may have any.
std::string path_of(const SourceRegistration& source) {
  std::string text = value_of(source.fingerprint, std::string(kRawLog));
  if (text.starts_with("file:/")) {
    text.erase(0, text.starts_with("file://") ? 7 : 5);
  }
  std::string path = std::filesystem::path(text).lexically_normal().string();
  if (path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  return path;
}

bool contains(const std::string& folder, const std::string& path) {
  return path == folder || path.starts_with(folder + "/");
}

bool is_same_raw_log(const SourceRegistration& stored, const SourceRegistration& given) {
  const std::string one = value_of(stored.fingerprint, "source");
  const std::string other = value_of(given.fingerprint, "source");
  if (one.empty() || other.empty()) {
    return false;
  }
  if (!is_path(stored) && !is_path(given)) {
    return one == other;
  }
  // A path with a scheme is the same everywhere.
  if (one == other && one.find("://") != std::string::npos && !one.starts_with("file:")) {
    return stored.kind == given.kind;
  }
  return stored.kind == given.kind && is_named_by_path(stored) && is_named_by_path(given) &&
         (contains(path_of(stored), path_of(given)) || contains(path_of(given), path_of(stored)));
}

constexpr int64_t kHourUs = 3'600'000'000;

// Ids of files, and of raw logs of SQLite, may hold none.
bool has_times_of_arrival(const SourceRegistration& source) {
  const std::string strategy = value_of(source.fingerprint, "strategy");
  return strategy == "tail" || strategy == "scan";
}

int64_t first_arrival_us(const SourceRegistration& source) {
  const auto time = parse_timestamp(value_of(source.fingerprint, std::string(kStartAt)));
  return time && has_times_of_arrival(source) ? time->us : INT64_MIN;
}

int64_t first_event_us(const SourceRegistration& source) {
  const std::string text = value_of(source.fingerprint, "ts_min_us");
  return text.empty() ? INT64_MIN : std::strtoll(text.c_str(), nullptr, 10);
}

// "2026-01-31 12:00", of local hours, in their own zone.
std::string hour_text(int32_t local_hour) {
  return format_timestamp_ms(local_hour * kHourUs).substr(0, 16);
}

// As options take it.
std::string option_text(int64_t us) {
  std::string text = format_timestamp_ms(us).substr(0, 19) + "Z";
  text[10] = 'T';
  return text;
}

tl::unexpected<Error> refused(const SourceRegistration& given, std::string message,
                              std::string hint) {
  return fail(ErrorKind::kConfig, "register source", given.name, std::move(message),
              std::move(hint));
}

}  // namespace

bool is_of_older_version(const SourceRegistration& stored, const SourceRegistration& given) {
  Fingerprint older = given.fingerprint;
  for (const std::string_view key : {kRowDigest, kArrivalWidth, kReadColumns}) {
    if (!stored.fingerprint.contains(std::string(key))) {
      older.erase(std::string(key));
    }
  }
  return older != given.fingerprint && older == stored.fingerprint && stored.kind == given.kind;
}

Result<void> check_known_source(const SourceRegistration& stored, const SourceRegistration& given) {
  Fingerprint own = given.fingerprint;
  if (!stored.fingerprint.contains(std::string(kReadColumns))) {
    own.erase(std::string(kReadColumns));  // an older version did not store it
  }
  std::string differences = describe_differences(stored.fingerprint, own);
  if (stored.kind != given.kind) {
    differences += fmt::format("{}kind: stored \"{}\", given \"{}\"",
                               differences.empty() ? "" : "; ", stored.kind, given.kind);
  }
  if (differences.empty()) {
    return {};
  }
  if (is_of_older_version(stored, given)) {
    return refused(given, "an older version counted it",
                   "let an engine bring it up to date first: hirestream run --once");
  }
  return refused(given, "its numbers were made with other settings: " + differences,
                 check_adoption(stored, given)
                     ? "if that is right, go on with the raw log as it is now: hirestream adopt; "
                       "else restore the old setting, or count into another warehouse"
                     : "restore the old setting, or count into another warehouse");
}

Result<std::string> check_adoption(const SourceRegistration& stored,
                                   const SourceRegistration& given) {
  std::string differences = describe_differences(stored.fingerprint, given.fingerprint);
  Fingerprint own = stored.fingerprint;
  Fingerprint others = given.fingerprint;
  for (const std::string_view key : {kRawLog, kReadColumns, kRenames}) {
    own.erase(std::string(key));
    others.erase(std::string(key));
  }
  if (own == others && stored.kind == given.kind) {
    return differences;
  }
  return refused(given,
                 "it differs in what cannot be adopted: " + describe_differences(own, others) +
                     (stored.kind == given.kind ? "" : "; kind: another one"),
                 "restore the old setting, or count into another warehouse");
}

Result<void> check_new_source(std::span<const SourceRegistration> known,
                              const SourceRegistration& given) {
  for (const SourceRegistration& stored : known) {
    const std::string zone = value_of(stored.fingerprint, "timezone");
    const std::string own = value_of(given.fingerprint, "timezone");
    if (!own.empty() && !zone.empty() && own != zone) {
      return refused(
          given,
          fmt::format("its hours are those of {}, but this warehouse counts in {} "
                      "(source \"{}\")",
                      own, zone, stored.name),
          fmt::format("use --timezone {} for it, too, or count into another warehouse", zone));
    }
    if (is_same_raw_log(stored, given)) {
      return refused(
          given, fmt::format("this raw log is counted already, as \"{}\"", stored.name),
          fmt::format("go on with --source-name '{}', or count into another warehouse",
                      stored.name) +
              (is_path(given) ? "; files of another host are told apart by a --source-name of "
                                "their own"
                              : ""));
    }
  }
  return {};
}

Result<void> check_hand_over(const MigratedHours& migrated, const SourceRegistration& given) {
  const std::string zone_name = value_of(given.fingerprint, "timezone");
  HIRESTREAM_ASSIGN(TimeZone zone, TimeZone::find(zone_name.empty() ? "UTC" : zone_name));
  const int64_t end_us = zone.to_utc((migrated.last + 1) * kHourUs);
  if (first_event_us(given) >= end_us || first_arrival_us(given) >= end_us) {
    return {};
  }
  const std::string end = option_text(end_us);
  return refused(
      given,
      fmt::format("`events` was migrated and holds the hours from {} to {} ({}): rows of them "
                  "would be counted a second time",
                  hour_text(migrated.first), hour_text(migrated.last + 1), zone.name()),
      fmt::format("leave these hours to what was migrated: --ts-min {}; {}or count everything "
                  "anew, into an empty database (docs/operations.md, \"Taking over from another "
                  "job\")",
                  end,
                  has_times_of_arrival(given)
                      ? fmt::format("or, if all that arrived before then was counted, and nothing "
                                    "more: --start-at {}; ",
                                    end)
                      : ""));
}

std::vector<SourceRegistration> registrations_of(std::span<const SourceStatus> sources) {
  std::vector<SourceRegistration> registrations;
  for (const SourceStatus& source : sources) {
    registrations.push_back({source.name, source.kind, source.fingerprint});
  }
  return registrations;
}

Result<void> check_source(Warehouse& warehouse, std::span<const SourceRegistration> known,
                          const SourceRegistration& given) {
  const auto stored = std::ranges::find(known, given.name, &SourceRegistration::name);
  if (stored != known.end()) {
    return check_known_source(*stored, given);
  }
  HIRESTREAM_TRY(check_new_source(known, given));
  HIRESTREAM_ASSIGN(const auto migrated, warehouse.migrated_hours());
  return migrated ? check_hand_over(*migrated, given) : Result<void>();
}

Result<void> refuse_rows_without_ledger(const SourceRegistration& given) {
  return refused(given, "`events` holds rows that no ledger knows of",
                 "restore the hirestream_* tables from a backup, or start with an empty database; "
                 "`hirestream run` would count everything a second time");
}

Result<void> refuse_ledger_without_rows(const SourceRegistration& given) {
  return refused(given, "`events` is empty, but the ledger counts rows",
                 "put them back: hirestream verify --repair; or start with an empty database");
}

Result<void> check_new_events(const std::string& subject, bool ledger_has_rows) {
  if (!ledger_has_rows) {
    return {};
  }
  return fail_for_now(
      "init", subject,
      "there is no `events`, but the ledger counts rows: an empty one would hide "
      "that they are lost",
      "if it is being replaced, start again when it is back; if it is gone, make an "
      "empty one (`hirestream init --print` shows how), then put its rows back: "
      "hirestream verify --repair");
}

}  // namespace hirestream
