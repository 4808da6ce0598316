#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>

#include "adapters/cassandra/cassandra_probe.h"
#include "adapters/cassandra/misplaced_rows.h"
#include "adapters/cassandra/node_facts.h"
#include "adapters/files/files_source.h"
#include "adapters/system/system_clock.h"
#include "cli/cassandra_config.h"
#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/open_jobs.h"
#include "cli/open_source.h"
#include "cli/open_warehouse.h"
#include "cli/plain_text.h"
#include "cli/printed_json_internal.h"
#include "cli/quantity.h"
#include "cli/setting_options.h"
#include "pipeline/engine.h"
#include "ports/observer.h"
#include "ports/source_check.h"

namespace hirestream {
namespace {

constexpr const char* kDoctorFooter = R"(Changes nothing. Exit code 1: a check failed (✗).

Examples:
  hirestream doctor --config /etc/hirestream/hirestream.toml
  hirestream doctor --source cassandra://cassandra-1/logs/tracking --warehouse mysql://etl@mysql/etl_data --json)";

constexpr int64_t kClockToleranceUs = 500'000;
constexpr size_t kFilesTold = 10;

enum class Verdict { kGood, kAdvice, kBad };

struct Check {
  Verdict verdict = Verdict::kGood;
  std::string name;
  std::string finding;
  std::string advice;  // what to do
};

// What is noted while a source is opened.
class NoteCollector : public NullObserver {
 public:
  void on_note(const std::string& /*level*/, const std::string& text) override {
    notes_.push_back(text);
  }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  std::vector<std::string> notes_;
};

class Doctor {
 public:
  explicit Doctor(Settings settings) : settings_(std::move(settings)) {}

  std::vector<Check> examine() {
    good("settings", fmt::format("{} set, the rest by default", settings_.origins.size()));
    good("time zones", "database " + TimeZone::database_version());
    for (const SourceSettings& source : settings_.sources) {
      examine_source(source);
    }
    if (settings_.warehouse.uri) {
      examine_warehouse();
    } else {
      add(Verdict::kAdvice, "warehouse", "not given", "--warehouse URI");
    }
    if (settings_.jobs.uri) {
      examine_jobs();
    } else {
      add(Verdict::kAdvice, "jobs", "not given: company_id stays 0", "--jobs URI");
    }
    for (const PlainTextServer& server : plain_text_servers(settings_)) {
      add(Verdict::kAdvice, server.place,
          "not encrypted: whoever is between reads passwords and rows", server.remedy);
    }
    return std::move(checks_);
  }

 private:
  void add(Verdict verdict, std::string name, std::string finding, std::string advice = {}) {
    checks_.push_back({verdict, std::move(name), std::move(finding), std::move(advice)});
  }
  void good(std::string name, std::string finding) {
    add(Verdict::kGood, std::move(name), std::move(finding));
  }
  void bad(std::string name, const Error& error) {
    add(Verdict::kBad, std::move(name),
        fmt::format("{} {}: {}", error.operation, error.subject, error.message), error.hint);
  }

  void examine_source(const SourceSettings& source) {
    if (!source.uri) {
      add(Verdict::kAdvice, "source", "not given", "--source URI");
      return;
    }
    const std::string name = "source " + source.name;
    if (source.uri->scheme == Scheme::kCassandra) {
      examine_cassandra(name, source);
    }
    NoteCollector observer;
    auto opened = open_source(source, observer);
    advise_of(name, observer.notes());
    if (!opened) {
      bad(name, opened.error());
      return;
    }
    const SourceDescription& description = (*opened)->description();
    good(name, fmt::format("strategy {}, {} shard{}", strategy_name(description.strategy),
                           description.shard_count, description.shard_count == 1 ? "" : "s"));
    examine_options(name, source, description);
    if (description.strategy == Strategy::kFiles) {
      examine_files(name, source, **opened);
    }
    if (settings_.warehouse.uri) {
      examine_registration(name, source, description);
    }
  }

  void examine_options(const std::string& name, const SourceSettings& source,
                       const SourceDescription& description) {
    const auto options = engine_options(settings_, source);
    if (!options) {
      bad(name, options.error());
      return;
    }
    if (const auto consistent = check_engine_options(*options); !consistent) {
      bad(name, consistent.error());
    } else if (const auto fit = check_options_fit(*options, description); !fit) {
      bad(name, fit.error());
    }
  }

  void examine_files(const std::string& name, const SourceSettings& settings, EventSource& source) {
    const std::vector<int32_t> shards = {0};
    const auto files = source.discover(shards);
    if (!files) {
      bad(name, files.error());
    } else if (files->empty()) {
      add(Verdict::kAdvice, name, "no file yet",
          "*.csv and *.tsv, or *.ndjson, *.jsonl and *.json, also with .gz or .zst, or *.parquet "
          "are read");
    } else {
      good(name, fmt::format("{} file{}", format_count(static_cast<int64_t>(files->size())),
                             files->size() == 1 ? "" : "s"));
      examine_headers(name, settings, *files);
    }
  }

  void examine_headers(const std::string& name, const SourceSettings& settings,
                       const std::vector<SliceListing>& files) {
    const FileFormat format = settings.uri->scheme == Scheme::kCsv       ? FileFormat::kCsv
                              : settings.uri->scheme == Scheme::kParquet ? FileFormat::kParquet
                                                                         : FileFormat::kNdjson;
    const auto rules = reading_rules(settings);
    const auto csv = csv_settings(settings);
    if (!rules || !csv) {
      return;  // opening the source tells
    }
    size_t told = 0;
    std::set<std::string> dialects;
    for (const SliceListing& file : files) {
      const auto found = inspect_file(format, file.name, *rules, *csv);
      if (found && !found->dialect.empty() && dialects.insert(found->dialect).second) {
        good(name, fmt::format("{}: {}", file.name, found->dialect));
      }
      const std::string missing =
          found && !found->columns.empty()
              ? missing_columns_text(*rules, found->columns, uses_payload(settings))
              : std::string();
      if (found && missing.empty()) {
        continue;
      }
      if (++told > kFilesTold) {
        continue;
      }
      if (!found) {
        bad(name, found.error());
      } else {
        add(Verdict::kAdvice, name, fmt::format("{}: {}", file.name, missing));
      }
    }
    if (told > kFilesTold) {
      add(Verdict::kAdvice, name, fmt::format("{} more files like these", told - kFilesTold));
    }
  }

  void examine_cassandra(const std::string& name, const SourceSettings& source) {
    const auto config = cassandra_config(*source.uri, source.password.text);
    const auto rules = reading_rules(source);
    if (!config || !rules) {
      return;  // opening the source tells
    }
    const auto probe = probe_cassandra(*config, *rules, clock_);
    if (!probe) {
      return;
    }
    const TableShape& shape = probe->shape;
    good(name,
         fmt::format("Cassandra {}, cluster {}, {}, round trip {}", shape.server_version,
                     shape.cluster_name, shape.key_text(), format_elapsed(probe->round_trip_us)));
    const bool clocks_agree = std::llabs(probe->clock_difference_us) <= kClockToleranceUs;
    add(clocks_agree ? Verdict::kGood : Verdict::kAdvice, name + " clock",
        fmt::format("the server's clock is {:+.1f} ms from ours",
                    static_cast<double>(probe->clock_difference_us) / 1e3),
        clocks_agree ? "" : "let NTP set both: rows of a clock that lags are found late");
    for (const TableAdvice& advice : probe->advice) {
      add(Verdict::kAdvice, name, advice.finding, advice.remedy);
    }
    examine_commit_log(name, *config, shape);
    examine_places(name, *config, shape);
  }

  // Of the plain table: could `hirestream mirror` follow the log of the node that is named first?
  void examine_commit_log(const std::string& name, const CassandraConfig& config,
                          const TableShape& shape) {
    if (shape.strategy != Strategy::kScan) {
      return;
    }
    const std::string what = name + " commit log";
    const auto facts = read_node_facts(config);
    if (!facts) {
      add(Verdict::kAdvice, what, facts.error().message, facts.error().hint);
      return;
    }
    for (const TableAdvice& advice : mirror_prospects(*facts)) {
      add(advice.remedy.empty() ? Verdict::kGood : Verdict::kAdvice, what, advice.finding,
          advice.remedy);
    }
  }

  void examine_places(const std::string& name, const CassandraConfig& config,
                      const TableShape& shape) {
    if (shape.strategy != Strategy::kTail) {
      return;
    }
    const auto found = sample_misplaced_rows(config, shape);
    if (!found) {
      bad(name + " partitions", found.error());
      return;
    }
    const auto advice = misplaced_rows_advice(*found, config.table_text());
    for (const std::string& text : advice) {
      add(Verdict::kAdvice, name + " partitions", text);
    }
    if (advice.empty()) {
      good(name + " partitions",
           fmt::format("{} rows looked at stand where they belong", format_count(found->sampled)));
    }
  }

  // Would the engine be refused: the source was counted with other settings, or the raw log under
  // another name?
  void examine_registration(const std::string& name, const SourceSettings& source,
                            const SourceDescription& description) {
    auto warehouse = open_warehouse(settings_.warehouse);
    if (!warehouse) {
      return;  // told by its own check
    }
    const auto sources = (*warehouse)->sources();
    const auto options = engine_options(settings_, source);
    if (!sources || !options) {
      return;
    }
    const SourceRegistration ours{source.name, description.kind,
                                  fingerprint_of(description, *options)};
    const std::vector<SourceRegistration> stored = registrations_of(*sources);
    const auto known = std::ranges::find(stored, ours.name, &SourceRegistration::name);
    const auto accepted = check_source(**warehouse, stored, ours);
    if (known != stored.end() && is_of_older_version(*known, ours)) {
      add(Verdict::kAdvice, name + " fingerprint",
          "an older version counted it: the next `hirestream run` brings it up to date");
    } else if (!accepted) {
      add(Verdict::kBad, name + " fingerprint", accepted.error().message, accepted.error().hint);
    } else if (known != stored.end()) {
      good(name + " fingerprint", "as in the warehouse");
    }
  }

  void examine_warehouse() {
    const std::string name = "warehouse";
    auto warehouse = open_warehouse(settings_.warehouse);
    if (!warehouse) {
      bad(name, warehouse.error());
      return;
    }
    good(name, fmt::format("{} at {}", (*warehouse)->server(), settings_.warehouse.uri->text()));
    if (const auto findings = probe_warehouse(settings_.warehouse); !findings) {
      bad(name, findings.error());
    } else {
      for (const auto& [key, value] : *findings) {
        good(name + " " + key, value);
      }
    }
    if (examine_events_table(**warehouse)) {
      examine_privileges();
      examine_counted_rows();
      examine_ledger(**warehouse);
    }
  }

  void examine_privileges() {
    const auto missing = missing_privileges(settings_.warehouse);
    if (!missing) {
      bad("warehouse privileges", missing.error());
    } else if (missing->empty()) {
      good("warehouse privileges", "enough to count");
    } else {
      constexpr size_t kTold = 4;
      std::vector<std::string> first = *missing;
      first.resize(std::min(kTold, first.size()));
      add(Verdict::kBad, "warehouse privileges",
          fmt::format("this user lacks {}{}", fmt::join(first, ", "),
                      missing->size() > kTold ? fmt::format(" and {} more", missing->size() - kTold)
                                              : std::string()),
          "enough for dashboards; to count, ask for the GRANTs that `hirestream init --print` "
          "shows");
    }
  }

  // True when there are tables to look into.
  bool examine_events_table(Warehouse& warehouse) {
    const std::string name = "table events";
    const auto state = warehouse.events_table();
    if (!state) {
      bad(name, state.error());
      return false;
    }
    switch (*state) {
      case EventsTableState::kReady:
        good(name, "one row per cell");
        return true;
      case EventsTableState::kMissing:
        if (examine_counted_rows()) {
          add(Verdict::kAdvice, name, "not there yet",
              "`hirestream init` or the first run creates it");
        }
        return false;
      case EventsTableState::kAppendOnly:
        add(Verdict::kBad, name, "it is append-only: several rows may stand for one cell",
            "`hirestream migrate` compacts it and keeps the old table");
        examine_migration();
        return false;
      case EventsTableState::kForeign:
        add(Verdict::kBad, name, "it is not ours: columns are missing, or have no room",
            "`hirestream init` names them and says what to do");
        return false;
    }
    return false;
  }

  // False: an engine would be refused, since rows are lost or are of unknown origin.
  bool examine_counted_rows() {
    const auto there = check_events_and_ledger(settings_.warehouse);
    if (!there) {
      bad("table events and ledger", there.error());
    }
    return there.has_value();
  }

  void examine_migration() {
    const std::string name = "table events, migration";
    const auto notes = foresee_migration(settings_.warehouse);
    if (!notes) {
      bad(name, notes.error());
      return;
    }
    good(name, "every row can be taken over");
    for (const std::string& note : *notes) {
      add(Verdict::kAdvice, name, note);
    }
  }

  void examine_ledger(Warehouse& warehouse) {
    const auto known = warehouse.sources();
    if (!known) {
      bad("ledger", known.error());
      return;
    }
    for (const SourceStatus& status : *known) {
      const std::string name = "ledger of " + status.name;
      const RowClasses& rows = status.classes;
      good(name, fmt::format("{} rows, {} slices", format_count(rows.total()),
                             format_count(status.slices_open + status.slices_settled +
                                          status.slices_frozen)));
      if (status.slices_held > 0) {
        add(Verdict::kBad, name,
            fmt::format("{} slices are held: a recount misses rows counted before",
                        format_count(status.slices_held)),
            "find out why they are missing; if they are rightly gone: hirestream verify --repair "
            "--allow-shrink");
      }
      if (rows.rejected > 0) {
        add(Verdict::kAdvice, name,
            fmt::format("{} rows are rejected", format_count(rows.rejected)),
            "`hirestream rejects` shows why");
      }
    }
  }

  void advise_of(const std::string& name, const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) {
      add(Verdict::kAdvice, name, warning);
    }
  }

  void examine_jobs() {
    auto directory = open_jobs(settings_.jobs);
    if (!directory) {
      bad("jobs", directory.error());
      return;
    }
    const auto jobs = (*directory)->load();
    if (!jobs) {
      bad("jobs", jobs.error());
    } else if (jobs->entries.empty() && jobs->warnings.empty()) {
      add(Verdict::kAdvice, "jobs", "the table is empty: company_id stays 0");
    } else {
      good("jobs", fmt::format("{} jobs", format_count(std::ssize(jobs->entries))));
      advise_of("jobs", jobs->warnings);
    }
    const auto publishers = (*directory)->load_publishers();
    if (!publishers) {
      bad("publishers", publishers.error());
    } else if (publishers->entries.empty() && publishers->warnings.empty()) {
      add(Verdict::kAdvice, "publishers", "no table of their names: reports show ids",
          fmt::format("optional: {} with the columns {} and {}, or --publishers-table",
                      settings_.jobs.publishers_table, settings_.jobs.publisher_id_column,
                      settings_.jobs.publisher_name_column));
    } else {
      good("publishers", fmt::format("{} names", publishers->entries.size()));
      advise_of("publishers", publishers->warnings);
    }
  }

  Settings settings_;
  SystemClock clock_;
  std::vector<Check> checks_;
};

std::string mark(Verdict verdict, bool color) {
  const char* sign = verdict == Verdict::kGood ? "✓" : verdict == Verdict::kAdvice ? "!" : "✗";
  const char* paint = verdict == Verdict::kGood ? "32" : verdict == Verdict::kAdvice ? "33" : "31";
  return color ? fmt::format("\x1b[{}m{}\x1b[0m", paint, sign) : sign;
}

void print_text(const std::vector<Check>& checks, bool color) {
  for (const Check& check : checks) {
    fmt::print("{} {}: {}\n", mark(check.verdict, color), check.name, check.finding);
    if (!check.advice.empty()) {
      fmt::print("    → {}\n", check.advice);
    }
  }
}

void print_json(const std::vector<Check>& checks) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const Check& check : checks) {
    const char* word = check.verdict == Verdict::kGood     ? "ok"
                       : check.verdict == Verdict::kAdvice ? "advice"
                                                           : "failed";
    out.push_back({{"check", check.name},
                   {"verdict", word},
                   {"finding", check.finding},
                   {"advice", check.advice}});
  }
  std::puts(printed_json(out).c_str());
}

Result<int> doctor(const SettingOptions& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(Settings settings, options.load(context));
  const std::vector<Check> checks = Doctor(std::move(settings)).examine();
  if (context.json) {
    print_json(checks);
  } else {
    print_text(checks, context.color_stdout);
  }
  for (const Check& check : checks) {
    if (check.verdict == Verdict::kBad) {
      return kExitDifference;
    }
  }
  return kExitOk;
}

}  // namespace

void add_doctor_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<SettingOptions>();
  CLI::App* command = app.add_subcommand(
      "doctor", "Check settings, servers, tables and privileges, and say what to do");
  options->add(*command, {"source", "warehouse", "jobs", "counting", "engine"});
  command->footer(kDoctorFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return doctor(*options, c); };
  });
}

}  // namespace hirestream
