#include <fmt/format.h>
#include <spdlog/logger.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "adapters/cassandra/cassandra_schema.h"
#include "adapters/cassandra/partition_layout.h"
#include "cli/cassandra_config.h"
#include "cli/commands.h"
#include "cli/generate_jobs.h"
#include "cli/generate_journal.h"
#include "cli/generate_traffic.h"
#include "cli/interrupt.h"
#include "cli/open_source.h"
#include "cli/printed_json_internal.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/traffic_model.h"
#include "config/secrets.h"
#include "config/uri.h"
#include "config/values.h"
#include "model/timestamp.h"

namespace hirestream {
namespace {

constexpr const char* kGenerateFooter = R"(Examples:
  # A million rows of the last three days, and the jobs they belong to
  hirestream generate --to sqlite:raw.db --rows 1000000 --jobs-to sqlite:jobs.db

  # The same rows again, anywhere: seed and times decide
  hirestream generate --to csv:raw.csv.gz --rows 200000 --seed 7 --from 2026-06-01 --span 2d

  # Live traffic into Cassandra until Ctrl-C; what was acknowledged goes into a journal
  hirestream generate --to cassandra://127.0.0.1/logs/tracking --rate 500 --journal sent.csv

Tables are made when missing (--layout, --types).
A CSV or NDJSON file is made as a whole or not at all; one that exists is replaced only with --replace.)";

struct GenerateOptions {
  std::string to;
  TrafficOptions traffic;
  std::optional<int64_t> rows;
  std::optional<double> rate;
  std::optional<double> seconds;
  std::string from;
  std::string to_time;
  std::string span;
  std::string give_up_after = "1min";
  std::string jobs_to;
  std::string journal;
  std::string layout = "bucketed";
  std::string types = "native";
  std::string replication;
  int32_t shards = 8;
  int32_t bucket_width_s = 60;
  int32_t writers = 1;
  bool replace = false;
};

tl::unexpected<Error> bad_option(const std::string& option, const std::string& message,
                                 const std::string& hint) {
  return fail(ErrorKind::kConfig, "generate", option, message, hint);
}

Result<int64_t> read_time(const std::string& option, const std::string& text) {
  const auto parsed = parse_timestamp(text);
  if (!parsed) {
    return bad_option(option, fmt::format("'{}' is not a time", text),
                      "write YYYY-MM-DD or YYYY-MM-DD HH:MM:SS (UTC)");
  }
  return parsed->us;
}

Result<int64_t> read_duration(const std::string& option, const std::string& text) {
  const auto duration = parse_duration(text);
  if (!duration || *duration <= 0) {
    return bad_option(option, fmt::format("'{}' is not a duration", text),
                      "write a number and a unit: 30s, 12h, 3d");
  }
  return *duration;
}

Result<HistoryPlan> history_plan(const GenerateOptions& options) {
  HistoryPlan plan;
  HIRESTREAM_ASSIGN(plan.give_up_after_us, read_duration("--give-up-after", options.give_up_after));
  plan.rows = options.rows.value_or(100'000);
  plan.writers = options.writers;
  plan.to_us = std::chrono::duration_cast<std::chrono::microseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count();
  HIRESTREAM_ASSIGN(const int64_t span_us,
                    read_duration("--span", options.span.empty() ? "3d" : options.span));
  if (!options.to_time.empty()) {
    HIRESTREAM_ASSIGN(plan.to_us, read_time("--to-time", options.to_time));
  }
  plan.from_us = plan.to_us - span_us;
  if (!options.from.empty()) {
    HIRESTREAM_ASSIGN(plan.from_us, read_time("--from", options.from));
    if (options.to_time.empty()) {
      plan.to_us = plan.from_us + span_us;
    }
  }
  if (plan.from_us >= plan.to_us) {
    return bad_option("--from", "the period is empty", "let --from lie before --to-time");
  }
  // Ids of rows that share a tick differ in 14 bits, so ten thousand a tick are safe.
  if (plan.rows / 10'000 > (plan.to_us - plan.from_us) * 10) {
    return bad_option("--rows", "too many for so short a period", "give a longer --span");
  }
  return plan;
}

PartitionLayout layout_of(const GenerateOptions& options) {
  return {.bucket_width_s = options.bucket_width_s, .shard_count = options.shards};
}

Result<void> check_combination(const GenerateOptions& options, const Uri& uri) {
  if (options.seconds && !options.rate) {
    return bad_option("--seconds", "needs a rate", "give --rate as well, or --rows alone");
  }
  if (options.rate && !(*options.rate > 0 && *options.rate <= 1e6)) {
    return bad_option("--rate", fmt::format("{} is not allowed", *options.rate),
                      "give rows a second, up to 1000000");
  }
  if (options.seconds && !(*options.seconds > 0 && *options.seconds <= 1e9)) {
    return bad_option("--seconds", fmt::format("{} is not allowed", *options.seconds),
                      "give more than 0, up to 1000000000");
  }
  if (options.rows && *options.rows < 0) {
    return bad_option("--rows", fmt::format("{} is not allowed", *options.rows),
                      "give at least 0: then only the table is made");
  }
  if (options.rate &&
      (!options.from.empty() || !options.to_time.empty() || !options.span.empty())) {
    return bad_option("--rate", "live rows arrive now", "leave out --from, --to-time and --span");
  }
  if (!options.from.empty() && !options.to_time.empty() && !options.span.empty()) {
    return bad_option("--span", "it has no effect beside --from and --to-time",
                      "leave one of the three out");
  }
  const PartitionLayout layout = layout_of(options);
  if (!layout.validate()) {
    return bad_option("--bucket-width", fmt::format("{} is not allowed", layout.bucket_width_s),
                      "give whole seconds that divide a day: 1 to 86400");
  }
  const int32_t writers_max = uri.scheme == Scheme::kCassandra && !options.rate ? 64 : 1;
  if (options.writers < 1 || options.writers > writers_max) {
    return bad_option("--threads", fmt::format("{} is not allowed here", options.writers),
                      "several threads can write history into Cassandra (up to 64), nothing else");
  }
  return {};
}

Result<void> create_cassandra_table(const GenerateOptions& options, const Uri& uri,
                                    const std::string& password) {
  std::vector<std::string> statements;
  if (options.layout == "plain") {
    statements = deployed_schema_statements(uri.database, uri.table, options.replication);
  } else {
    statements = recommended_schema_statements(
        uri.database, uri.table, options.replication,
        options.types == "text" ? TableTypes::kText : TableTypes::kNative, layout_of(options));
  }
  HIRESTREAM_ASSIGN(const CassandraConfig config, cassandra_config(uri, password));
  HIRESTREAM_ASSIGN(const auto connection, CassandraConnection::open(config));
  for (const std::string& statement : statements) {
    HIRESTREAM_TRY(connection->execute(statement));
  }
  return {};
}

// Opens the raw log, makes it first if it is not there.
Result<std::unique_ptr<RawLogWriter>> open_or_create(const GenerateOptions& options, const Uri& uri,
                                                     const std::string& password) {
  auto writer = open_writer(uri, password);
  if (writer || uri.scheme != Scheme::kCassandra || writer.error().kind != ErrorKind::kConfig) {
    return writer;
  }
  HIRESTREAM_TRY(create_cassandra_table(options, uri, password));
  return open_writer(uri, password);
}

bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code ignored;
  return std::filesystem::weakly_canonical(std::filesystem::absolute(a), ignored) ==
             std::filesystem::weakly_canonical(std::filesystem::absolute(b), ignored) ||
         std::filesystem::equivalent(a, b, ignored);
}

// The files that are written, each as its option names it: none may take another one's place.
Result<void> check_files(const GenerateOptions& options, const Uri& uri) {
  std::vector<std::pair<std::string, Uri>> files;
  const auto add = [&files](const std::string& option, Uri file) {
    if (!file.path.empty()) {
      files.emplace_back(option, std::move(file));
    }
  };
  add("--to", uri);
  if (!options.jobs_to.empty()) {
    HIRESTREAM_ASSIGN(const auto job_files, files_of_jobs(options.jobs_to));
    for (const Uri& file : job_files) {
      add("--jobs-to", file);
    }
  }
  const auto if_exists = options.replace ? IfFileExists::kReplace : IfFileExists::kRefuse;
  for (const auto& [option, file] : files) {
    HIRESTREAM_TRY(check_target_file(file, if_exists));
  }
  // It is added to.
  add("--journal", csv_file(options.journal));
  for (size_t i = 0; i < files.size(); ++i) {
    for (size_t other = 0; other < i; ++other) {
      // Tables of one database stand beside each other.
      const bool tables = files[i].second.scheme == Scheme::kSqlite &&
                          files[other].second.scheme == Scheme::kSqlite;
      if (!tables && is_same_file(files[i].second.path, files[other].second.path)) {
        return bad_option(fmt::format("{}, {}", files[other].first, files[i].first),
                          fmt::format("both write {}", files[i].second.path),
                          "give each a file of its own");
      }
    }
  }
  return {};
}

nlohmann::ordered_json summary_json(const GenerateReport& report, const Uri& uri, size_t jobs) {
  const double seconds = static_cast<double>(report.duration_us) / 1e6;
  return {{"to", uri.text()},
          {"rows", report.rows},
          {"jobs", jobs},
          {"seconds", seconds},
          {"rows_per_second", seconds > 0 ? static_cast<double>(report.rows) / seconds : 0},
          {"retries", report.retries},
          {"interrupted", report.interrupted}};
}

std::string summary_text(const GenerateReport& report, const Uri& uri, bool journal) {
  if (!report.kept) {
    return fmt::format(
        "interrupted: no row was kept, for {} is made as a whole or not at all\n{}", uri.text(),
        journal ? "the journal's rows of this run are in no raw log: begin a new one\n" : "");
  }
  const double seconds = std::max(static_cast<double>(report.duration_us) / 1e6, 1e-6);
  std::string out = fmt::format("{} rows into {} in {} ({})", format_count(report.rows), uri.text(),
                                format_elapsed(report.duration_us),
                                format_rate(static_cast<double>(report.rows) / seconds));
  if (report.retries > 0) {
    out += fmt::format(", {} writes tried again", report.retries);
  }
  return out + (report.interrupted ? ", interrupted\n" : "\n");
}

Result<GenerateReport> write_rows(const GenerateOptions& options, const TrafficModel& model,
                                  const Uri& uri, const std::string& password, Journal* journal,
                                  CommandContext& context) {
  HIRESTREAM_ASSIGN(std::unique_ptr<RawLogWriter> first, open_or_create(options, uri, password));
  const std::stop_token stop = context.interrupt->token();
  if (options.rows == 0) {
    return GenerateReport();
  }
  Progress progress(context, "rows");
  if (!options.rate) {
    HIRESTREAM_ASSIGN(HistoryPlan plan, history_plan(options));
    plan.on_retry = logged_retries(context);
    // Each writing thread has its own writer; the one opened first is not wasted.
    std::mutex mutex;
    const auto open_another = [&]() -> Result<std::unique_ptr<RawLogWriter>> {
      {
        const std::lock_guard lock(mutex);
        if (first) {
          return std::move(first);
        }
      }
      return open_writer(uri, password);
    };
    return generate_history(model, plan, open_another, journal, stop, [&](int64_t rows) {
      progress.update("generating", rows, rows, plan.rows);
    });
  }
  LivePlan plan;
  HIRESTREAM_ASSIGN(plan.give_up_after_us, read_duration("--give-up-after", options.give_up_after));
  plan.on_retry = logged_retries(context);
  plan.rows_per_second = *options.rate;
  plan.rows = options.rows;
  plan.duplicate_share = options.traffic.duplicate_share;
  if (options.seconds) {
    plan.duration_us = static_cast<int64_t>(*options.seconds * 1e6);
  }
  return generate_live(model, plan, *first, journal, stop, [&](int64_t rows) {
    progress.update("generating", rows, plan.rows ? rows : 0, plan.rows.value_or(-1));
  });
}

Result<int> run(const GenerateOptions& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(const Uri uri, parse_uri(options.to, UriRole::kRawLog));
  HIRESTREAM_TRY(check_combination(options, uri));
  HIRESTREAM_TRY(check_files(options, uri));
  HIRESTREAM_ASSIGN(const TrafficModel model, TrafficModel::make(options.traffic));
  std::string password;
  if (uri.scheme == Scheme::kCassandra) {
    HIRESTREAM_ASSIGN(password,
                      read_secret(process_environment(), "HIRESTREAM_CASSANDRA_PASSWORD"));
  }
  std::optional<Journal> journal;
  if (!options.journal.empty()) {
    const bool file = uri.scheme == Scheme::kCsv || uri.scheme == Scheme::kNdjson;
    HIRESTREAM_ASSIGN(
        journal, Journal::open(options.journal, file ? RawLogFate::kDiscarded : RawLogFate::kKept));
  }
  if (!options.jobs_to.empty()) {
    HIRESTREAM_TRY(write_jobs(options.jobs_to, model.jobs(), model.publishers()));
  }
  HIRESTREAM_ASSIGN(
      const GenerateReport report,
      write_rows(options, model, uri, password, journal ? &*journal : nullptr, context));
  if (context.json) {
    const size_t jobs = options.jobs_to.empty() ? 0 : model.jobs().size();
    std::puts(printed_json(summary_json(report, uri, jobs)).c_str());
  } else if (!context.quiet) {
    std::fputs(summary_text(report, uri, journal.has_value()).c_str(), stdout);
  }
  // Live traffic without an end is ended by Ctrl-C: nothing is missing then.
  const bool unfinished = report.interrupted && (!options.rate || options.rows || options.seconds);
  return unfinished ? kExitInterrupted : kExitOk;
}

void add_amount_options(CLI::App& command, GenerateOptions& options) {
  command
      .add_option("--to", options.to, "Raw log: cassandra://…, sqlite:PATH, csv:PATH, ndjson:PATH")
      ->required()
      ->type_name("URI");
  command.add_flag("--replace", options.replace,
                   "Of csv and ndjson: put new files in the place of those that exist");
  command.add_option("--rows", options.rows,
                     "How many rows; 0: only make the table [100000; with --rate: no end]");
  command.add_option("--rate", options.rate, "Live: rows a second, arriving now");
  command.add_option("--seconds", options.seconds, "Live: end after so long");
  command.add_option("--from", options.from, "History: first arrival (UTC)")->type_name("TIME");
  command.add_option("--to-time", options.to_time, "History: last arrival [now]")
      ->type_name("TIME");
  command.add_option("--span", options.span, "History: how long, where one end is not given [3d]")
      ->type_name("DURATION");
  command
      .add_option("--give-up-after", options.give_up_after,
                  "How long a write that fails for a passing reason is tried again")
      ->capture_default_str()
      ->type_name("DURATION");
  command.add_option("--threads", options.writers, "Writers at work at the same time (Cassandra)")
      ->capture_default_str();
  command
      .add_option("--journal", options.journal,
                  "Append each acknowledged row to this file (.csv, .ndjson)")
      ->type_name("FILE");
  command
      .add_option("--jobs-to", options.jobs_to,
                  "Write the jobs there, too: mysql://…, sqlite:PATH, csv:PATH (and publishers.csv "
                  "beside it)")
      ->type_name("URI");
}

void add_traffic_options(CLI::App& command, TrafficOptions& traffic) {
  command.add_option("--seed", traffic.seed, "Same seed and times, same rows")
      ->check(CLI::Range(int64_t{0}, INT64_MAX).description(""))
      ->capture_default_str();
  command.add_option("--jobs", traffic.jobs, "Jobs advertised")->capture_default_str();
  command.add_option("--companies", traffic.companies, "Companies they belong to")
      ->capture_default_str();
  command.add_option("--campaigns", traffic.campaigns, "Campaigns")->capture_default_str();
  command.add_option("--publishers", traffic.publishers, "Publishers")->capture_default_str();
  command.add_option("--groups", traffic.groups, "Groups of jobs")->capture_default_str();
  command
      .add_option("--attributed", traffic.attributed_share,
                  "Share of conversions and applications whose columns name the job; the "
                  "others name it in `ed` only")
      ->capture_default_str();
  command.add_option("--dirty", traffic.dirty_share, "Share of rows that cannot be counted")
      ->capture_default_str();
  command.add_flag("--text-dirt", traffic.text_dirt,
                   "Among them values that only text columns can hold");
  command
      .add_option("--duplicates", traffic.duplicate_share,
                  "Share of rows that repeat an earlier one")
      ->capture_default_str();
  command
      .add_option("--mixed-timestamps", traffic.mixed_timestamp_share,
                  "Share of rows whose ts is written with T, Z or an offset")
      ->capture_default_str();
}

void add_table_options(CLI::App& command, GenerateOptions& options) {
  command
      .add_option("--layout", options.layout,
                  "Cassandra table to make: bucketed (recommended) or plain (create_time alone "
                  "as the key, text)")
      ->check(CLI::IsMember({"bucketed", "plain"}))
      ->capture_default_str();
  command.add_option("--types", options.types, "Columns of a bucketed table: native or text")
      ->check(CLI::IsMember({"native", "text"}))
      ->capture_default_str();
  command.add_option("--shards", options.shards, "Partitions of a bucket")
      ->check(CLI::Range(1, 1024).description(""))
      ->capture_default_str();
  command.add_option("--bucket-width", options.bucket_width_s, "Seconds of a bucket")
      ->capture_default_str();
  command
      .add_option("--replication", options.replication,
                  "CQL map for a keyspace to make [SimpleStrategy, 1]")
      ->type_name("MAP");
}

}  // namespace

void add_generate_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = app.add_subcommand(
      "generate", "Write made-up traffic, shaped like a real site's, into a raw log");
  add_amount_options(*command, *options);
  add_traffic_options(*command, options->traffic);
  add_table_options(*command, *options);
  command->footer(kGenerateFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return run(*options, c); };
  });
}

}  // namespace hirestream
