#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "adapters/cassandra/cassandra_change_log.h"
#include "adapters/cassandra/cassandra_mirror.h"
#include "adapters/cassandra/cassandra_source.h"
#include "adapters/cassandra/node_facts.h"
#include "adapters/cassandra/partition_layout.h"
#include "adapters/system/system_clock.h"
#include "cli/cassandra_config.h"
#include "cli/commands.h"
#include "cli/generate_writing.h"
#include "cli/interrupt.h"
#include "cli/log_watch.h"
#include "cli/mirror_status.h"
#include "cli/printed_json_internal.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/raw_row_options.h"
#include "cli/retry_backoff.h"
#include "cli/retry_deadline.h"
#include "cli/watched_files.h"
#include "config/secrets.h"
#include "config/values.h"
#include "http/metrics_server.h"
#include "model/timestamp.h"
#include "pipeline/mirror.h"
#include "pipeline/table_comparison.h"
#include "telemetry/log.h"

namespace hirestream {
namespace {

constexpr const char* kMirrorFooter = R"(Examples:
  hirestream init --source cassandra://10.0.0.5/hirestream/tracking
  hirestream mirror --from cassandra://10.0.0.5/logs/tracking --to cassandra://10.0.0.5/hirestream/tracking
  hirestream mirror --from … --to … --commit-log /var/lib/cassandra/commitlog --visibility tail
  hirestream mirror --from … --to … --commit-log none --reconcile-every 1h
  hirestream mirror --from … --to … --listen 127.0.0.1:8081      # /metrics, /livez, /readyz
  hirestream run --source cassandra://10.0.0.5/hirestream/tracking …

Runs on the Cassandra node, as a user who may read the files of its commit log (group cassandra). Changes nothing in --from, and nothing at its
writers. What is deleted there, or expires, stays counted. Where it was stands in Cassandra (--to's name with _mirror behind it): it can be killed at
any time. At the first start, and when the log has a gap, it copies the table, and follows the log meanwhile. See docs/mirror.md.)";

constexpr int64_t kPollIntervalUs = 10'000;
constexpr int64_t kTellIntervalUs = 60'000'000;
constexpr int64_t kUnreadIntervalUs = 1'000'000;
// Longer than Cassandra takes to mark what it has written.
constexpr int64_t kQuietUs = 1'000'000;
// Until what the mirror stores, at least every 30 s, must have come in the log, and besides twice
// the time in which Cassandra writes it.
constexpr int64_t kPatienceUs = 80'000'000;
constexpr int64_t kPatienceOnceUs = 20'000'000;
constexpr int64_t kSyncPeriodUs = 10'000'000;  // where the node does not tell
constexpr int64_t kTtlMaxUs = 20LL * 365 * 86'400 * 1'000'000;

struct Options {
  std::string from;
  std::string to;
  std::string commit_log = "auto";
  std::string cdc_raw;  // empty: nothing is deleted
  std::string visibility = "marker";
  std::string attribution = "columns";
  std::string ttl = "9d";
  std::string reconcile_every = "24h";
  std::string listen;  // empty: nothing is served
  RawRowOptions rows;
  bool once = false;
};

Result<int64_t> read_duration(const char* option, const std::string& text, int64_t least_us) {
  const auto duration = parse_duration(text);
  if (!duration || *duration < least_us || *duration > kTtlMaxUs) {
    return fail(ErrorKind::kConfig, "mirror", option, fmt::format("'{}' is not allowed", text),
                fmt::format("a number and a unit from {} to 20 years: 30min, 24h, 9d",
                            format_elapsed(least_us)));
  }
  return *duration;
}

LogVisibility visibility_of(const std::string& name) {
  return name == "tail"     ? LogVisibility::kTail
         : name == "synced" ? LogVisibility::kSynced
                            : LogVisibility::kMarker;
}

// What the mirror is made of, in the order in which it must be made.
struct Parts {
  std::unique_ptr<CassandraTableHistory> history;
  std::unique_ptr<CassandraMirrorTable> table;
  std::unique_ptr<SweptComparison> comparison;
  std::string node;                         // whose log is followed
  std::unique_ptr<CassandraChangeLog> log;  // null: none is followed
  std::string folder;                       // of the log
  bool log_has_state = false;               // what the mirror stores must come in it
  int64_t sync_period_us = kSyncPeriodUs;   // of the node
};

// What the mirror has read is deleted there.
Result<void> choose_cdc_raw(const std::string& folder, const CassandraConfig& from,
                            NodeFacts& facts) {
  if (facts.cdc_raw_folder.empty()) {
    return fail(ErrorKind::kConfig, "mirror", from.hosts_text(), "CDC is off on this node",
                "cdc_enabled: true in its cassandra.yaml, and restart it; or give --commit-log in "
                "the place of --cdc-raw");
  }
  if (folder != "auto") {
    facts.cdc_raw_folder = folder;
  }
  std::error_code error;
  if (std::filesystem::equivalent(facts.cdc_raw_folder, facts.commit_log_folder, error)) {
    return fail(ErrorKind::kConfig, "mirror", facts.cdc_raw_folder,
                "is the node's commitlog_directory: what Cassandra needs for its own start would "
                "be deleted",
                "--cdc-raw wants cdc_raw_directory, or auto");
  }
  return {};
}

Result<NodeFacts> node_to_follow(const Options& options, const CassandraConfig& from) {
  HIRESTREAM_ASSIGN(NodeFacts facts, read_node_facts(from));
  if (!facts.problem.empty()) {
    return fail(ErrorKind::kConfig, "mirror", from.hosts_text(), facts.problem, facts.remedy);
  }
  if (options.cdc_raw.empty()) {
    facts.cdc_raw_folder.clear();
  } else {
    HIRESTREAM_TRY(choose_cdc_raw(options.cdc_raw, from, facts));
  }
  if (options.commit_log != "auto") {
    facts.commit_log_folder = options.commit_log;
  }
  return facts;
}

// Both tables are read through for it, whatever their keys.
Result<std::unique_ptr<SweptComparison>> open_comparison(const CassandraConfig& from,
                                                         const MirrorTableConfig& mirror,
                                                         const ReadingRules& rules,
                                                         bool with_payload,
                                                         const LayoutHistory& layouts) {
  ReadingRules mirror_rules = rules;
  mirror_rules.names = ReadingRules::tracking_names();
  mirror_rules.time_of_day.clear();
  const auto open = [with_payload](const CassandraConfig& config, const ReadingRules& how) {
    return open_cassandra_source(
        config, {.rules = how, .with_payload = with_payload, .strategy = Strategy::kScan});
  };
  HIRESTREAM_ASSIGN(auto table, open(from, rules));
  HIRESTREAM_ASSIGN(auto copy, open(mirror.table, mirror_rules));
  return std::make_unique<SweptComparison>(
      std::move(table.source), std::move(copy.source), with_payload,
      [layouts](const RowId& id) { return slice_of(id, layouts); });
}

Result<Parts> open_parts(const Options& options, int64_t ttl_us, CommandContext& context) {
  HIRESTREAM_ASSIGN(const CassandraConfig from,
                    named_table_config("mirror", "--from", options.from));
  MirrorTableConfig mirror;
  HIRESTREAM_ASSIGN(mirror.table, named_table_config("mirror", "--to", options.to));
  HIRESTREAM_ASSIGN(mirror.source_zone, TimeZone::find(options.rows.source_timezone));
  mirror.ttl_s = static_cast<int32_t>(ttl_us / 1'000'000);
  HIRESTREAM_ASSIGN(const ReadingRules rules, options.rows.read("mirror"));
  const bool with_payload = options.attribution == "payload";

  Parts parts;
  HIRESTREAM_ASSIGN(parts.history, CassandraTableHistory::open(from, rules, with_payload));
  mirror.source = parts.history->shape().identity();
  mirror.node = "copies";
  ChangeLogConfig log{
      .folder = {}, .visibility = visibility_of(options.visibility), .with_payload = with_payload};
  if (options.commit_log != "none") {
    HIRESTREAM_ASSIGN(const NodeFacts node, node_to_follow(options, from));
    mirror.node = node.host_id;
    log.is_cdc_raw = !node.cdc_raw_folder.empty();
    log.folder = log.is_cdc_raw ? node.cdc_raw_folder : node.commit_log_folder;
    parts.sync_period_us = parse_duration(node.sync_period).value_or(kSyncPeriodUs);
    for (const std::string& note : node.notes) {
      context.log->warn(with_fields(note, {}));
    }
  }
  parts.node = mirror.node;
  HIRESTREAM_ASSIGN(parts.table, CassandraMirrorTable::open(mirror));
  HIRESTREAM_ASSIGN(parts.comparison,
                    open_comparison(from, mirror, rules, with_payload, parts.table->layouts()));
  for (const std::string& note : parts.table->notes()) {
    context.log->warn(with_fields(note, {}));
  }
  if (!log.folder.empty()) {
    log.own_keyspace = mirror.table.keyspace;
    log.own_table = mirror_state_table_name(mirror.table.table);
    log.own_row = mirror.node;
    HIRESTREAM_ASSIGN(parts.log, CassandraChangeLog::open(from, rules, log));
    parts.folder = log.folder;
    // Segments without a row of a table with CDC need not come into cdc_raw.
    HIRESTREAM_ASSIGN(const bool node_has_state, parts.table->node_has_state());
    parts.log_has_state = !log.is_cdc_raw && node_has_state;
    if (!log.is_cdc_raw && !node_has_state) {
      context.log->info(
          "whether the folder is what node {} writes now cannot be told: what the mirror stores "
          "does not come in its log",
          parts.node);
    }
    context.log->info(
        with_fields(fmt::format("following the commit log in {}{}", log.folder,
                                log.is_cdc_raw ? "; what is mirrored is deleted there" : ""),
                    {}));
  } else {
    context.log->warn("no commit log is followed: rows are in {} after {} and the time of a copy",
                      mirror.table.table_text(), options.reconcile_every);
  }
  return parts;
}

// Certificates and passwords that the connections are opened with.
WatchedFiles credential_files(const Options& options) {
  std::vector<std::string> paths;
  for (const std::string& text : {options.from, options.to}) {
    if (const auto uri = parse_uri(text, UriRole::kRawLog)) {
      std::ranges::copy(certificate_files(*uri), std::back_inserter(paths));
    }
  }
  const Environment environment = process_environment();
  if (const auto file = environment.find("HIRESTREAM_CASSANDRA_PASSWORD_FILE");
      file != environment.end()) {
    paths.push_back(file->second);
  }
  return WatchedFiles(std::move(paths));
}

// Returns an error that does not pass.
Result<void> wait_after(const Error& error, RetryBackoff& backoff, const CommandContext& context,
                        MirrorStatus& status, const std::stop_token& stop) {
  const bool passes =
      error.kind == ErrorKind::kTransient || (error.kind == ErrorKind::kConfig && error.may_pass);
  if (!passes) {
    return forward(error);
  }
  status.failed(error);
  const int64_t delay_us = backoff.next();
  context.log->warn(with_fields(
      fmt::format("{}; trying again in {}", error.text(), format_elapsed(delay_us)), {}));
  sleep_unless_stopped(delay_us, stop);
  return {};
}

// Runs the mirror until it is stopped or, with --once, is level, or needs new
// connections.
class MirrorRunner {
 public:
  MirrorRunner(const Options& options, CommandContext& context, Parts& parts, MirrorPolicy policy,
               const WatchedFiles& credentials, MirrorStatus& status)
      : options_(options),
        context_(context),
        parts_(parts),
        credentials_(credentials),
        status_(status),
        watch_((options.once ? kPatienceOnceUs : kPatienceUs) + 2 * parts.sync_period_us, clock_),
        mirror_(std::move(policy), parts.log.get(), *parts.history, *parts.comparison, *parts.table,
                clock_, notes()) {}

  // `worked`: an earlier one has, with other connections: errors at the start may pass.
  Result<void> run(const std::stop_token& stop, bool worked) {
    for (auto started = mirror_.start(); !started; started = mirror_.start()) {
      if (!worked || stop.stop_requested()) {
        return started;
      }
      HIRESTREAM_TRY(wait_after(started.error(), backoff_, context_, status_, stop));
    }
    bool finished = false;
    while (!stop.stop_requested() && !finished && !needs_new_connections()) {
      const auto step = mirror_.step();
      if (!step) {
        watch_.forgive();
        HIRESTREAM_TRY(wait_after(step.error(), backoff_, context_, status_, stop));
        continue;
      }
      backoff_.reset();
      show_figures();
      if (const auto heard = tell_silence(); !heard) {
        if (options_.once) {
          return heard;
        }
        context_.log->warn(with_fields(heard.error().text(), {}));
      }
      tell_unreadable();
      tell_progress();
      if (*step == Mirror::Step::kIdle) {
        finished = options_.once && is_level();
        sleep_unless_stopped(kPollIntervalUs, stop);
      } else {
        quiet_since_us_ = 0;
      }
    }
    progress_.reset();
    auto finished_well = mirror_.finish();
    status_.run_ended();
    // The old connections may be of no use any more: what is not stored is followed once more.
    return needs_new_connections() ? Result<void>() : finished_well;
  }

  // The password or a certificate has been replaced.
  bool needs_new_connections() const { return !options_.once && credentials_.changed(); }

  void print_summary() const {
    const MirrorCounts& counts = mirror_.counts();
    if (context_.json) {
      const nlohmann::ordered_json summary = {{"rows_followed", counts.rows_followed},
                                              {"rows_copied", counts.rows_copied},
                                              {"rows_left", counts.rows_left},
                                              {"rows_taken_over", counts.rows_taken_over},
                                              {"rows_rejected", counts.rows_rejected},
                                              {"gaps", counts.gaps},
                                              {"copies", counts.copies},
                                              {"partitions_differed", counts.slices_differed},
                                              {"copying", mirror_.is_copying()}};
      std::puts(printed_json(summary).c_str());
    } else if (!context_.quiet) {
      fmt::print("{} rows followed, {} copied, {} did not fit; {} gap(s)\n",
                 format_count(counts.rows_followed), format_count(counts.rows_copied),
                 format_count(counts.rows_rejected), format_count(counts.gaps));
    }
  }

 private:
  // Nothing came for so long that what was written before is in.
  bool is_level() {
    if (mirror_.is_copying() || !is_heard()) {
      return false;
    }
    const int64_t rows = mirror_.counts().rows_followed;
    if (quiet_since_us_ == 0 || rows != quiet_rows_) {
      quiet_since_us_ = steady_now_us();
      quiet_rows_ = rows;
    }
    return parts_.log == nullptr || steady_now_us() - quiet_since_us_ >= kQuietUs;
  }

  // What the mirror stores comes in the log, and so has all that was acknowledged on this node
  // before this run began.
  bool is_heard() const {
    return !parts_.log_has_state || (watch_.has_heard() && !watch_.is_silent());
  }

  // Once for each look into the log.
  void listen() {
    const MirrorCounts& counts = mirror_.counts();
    watch_.looked(parts_.log->counts().own_written_us, mirror_.store_began_us(),
                  counts.log_ends != log_ends_);
    log_ends_ = counts.log_ends;
  }

  // Each minute.
  Result<void> tell_silence() {
    const int64_t now_us = clock_.now_us();
    if (!parts_.log_has_state || !watch_.is_silent() ||
        !has_passed(kTellIntervalUs, silence_told_us_, now_us)) {
      return {};
    }
    // It may be away, or have given the state to another node.
    if (const auto has_state = parts_.table->node_has_state(); !has_state || !*has_state) {
      watch_.forgive();
      return {};
    }
    silence_told_us_ = now_us;
    return fail(ErrorKind::kConfig, "mirror", parts_.folder,
                fmt::format("nothing of what the mirror stored since {} has come in there: this is "
                            "not what node {} writes now",
                            format_timestamp_us(watch_.waiting_since_us()), parts_.node),
                "give commitlog_directory of the node itself, no copy: `hirestream doctor "
                "--source …` says which it is");
  }

  MirrorNotes notes() {
    return {
        .on_looked =
            [this] {
              listen();
              show_figures();
            },
        .on_gap =
            [this](const std::string& why) {
              context_.log->warn(with_fields(
                  fmt::format("the log has a gap: {}; what the mirror lacks is copied", why), {}));
            },
        .on_rejected = [this](const Error& error) { tell_rejected(error); },
        .on_copied = [this](int64_t parts,
                            const MirrorCounts& counts) { show_copy(parts, counts); },
        .on_comparing = [this](int64_t rows_read) { show_comparison(rows_read); },
        .on_compared = [this](int64_t slices) { tell_compared(slices); }};
  }

  void show_figures() {
    const MirrorCounts& counts = mirror_.counts();
    MirrorFigures figures{.rows_followed = counts.rows_followed,
                          .rows_copied = counts.rows_copied,
                          .rows_left = counts.rows_left,
                          .rows_taken_over = counts.rows_taken_over,
                          .rows_rejected = counts.rows_rejected,
                          .gaps = counts.gaps,
                          .copies = counts.copies,
                          .partitions_differed = counts.slices_differed,
                          .late_notes = counts.late_notes,
                          .is_copying = mirror_.is_copying(),
                          .may_lack_rows = mirror_.may_lack_rows() || !is_heard(),
                          .last_copy_us = mirror_.state().copied_us};
    if (parts_.log) {
      figures.entries_read = parts_.log->counts().entries;
      figures.bytes_read = parts_.log->counts().bytes;
      figures.values_unreadable = parts_.log->unreadable_values();
      // The log is in the order of writing, near enough; but writers may choose their times.
      figures.level_us = std::max(
          counts.level_us,
          std::min(counts.newest_written_us, mirror_.held_since_us().value_or(clock_.now_us())));
      figures.unread_bytes = unread_bytes();
    }
    status_.went_on(figures);
  }

  std::optional<int64_t> unread_bytes() {
    if (has_passed(kUnreadIntervalUs, unread_us_, clock_.now_us())) {
      const auto bytes = parts_.log->unread_bytes();
      unread_bytes_ = bytes ? std::optional(*bytes) : std::nullopt;
      unread_us_ = clock_.now_us();
    }
    return unread_bytes_;
  }

  // The first ones; the count is in every summary.
  void tell_rejected(const Error& error) {
    constexpr int64_t kTold = 20;
    const int64_t rejected = mirror_.counts().rows_rejected;
    if (rejected <= kTold) {
      context_.log->warn(
          with_fields(fmt::format("not mirrored: {}{}", error.text(),
                                  rejected == kTold ? " (further ones are only counted)" : ""),
                      {}));
    }
  }

  // Each minute in which rows came.
  void tell_progress() {
    const MirrorCounts& counts = mirror_.counts();
    if (counts.rows_followed != seen_rows_) {
      seen_rows_ = counts.rows_followed;
      lag_us_max_ = std::max(lag_us_max_, clock_.now_us() - counts.newest_written_us);
    }
    const int64_t rows = seen_rows_ - told_rows_;
    if (!has_passed(kTellIntervalUs, told_us_, clock_.now_us()) || rows == 0) {
      return;
    }
    context_.log->info(
        "{} rows followed, the newest of a batch at most {} after its writer wrote it",
        format_count(rows), format_elapsed(lag_us_max_));
    told_rows_ = seen_rows_;
    told_us_ = clock_.now_us();
    lag_us_max_ = 0;
  }

  void tell_unreadable() {
    const int64_t values = parts_.log ? parts_.log->unreadable_values() : 0;
    if (values != unreadable_told_) {
      context_.log->warn(with_fields(
          fmt::format("{} value(s) in the log cannot be read and are left out, the last: {}",
                      values - std::exchange(unreadable_told_, values),
                      parts_.log->last_unreadable()),
          {}));
    }
  }

  void show_comparison(int64_t rows_read) {
    if (!progress_) {
      progress_ = std::make_unique<Progress>(context_, "rows");
    }
    progress_->update("comparing", rows_read, 0, -1);
  }

  void tell_compared(int64_t slices) {
    progress_.reset();
    if (slices == 0) {
      context_.log->info("compared: the mirror has what the table has");
    } else {
      context_.log->warn("compared: {} partition(s) of the mirror differ, their rows are copied",
                         format_count(slices));
    }
  }

  void show_copy(int64_t parts, const MirrorCounts& counts) {
    if (!progress_) {
      progress_ = std::make_unique<Progress>(context_, "rows");
    }
    progress_->update("copying", counts.rows_copied, parts, kMirrorCopyParts);
    if (parts == kMirrorCopyParts) {
      progress_.reset();
      context_.log->info("copied {} rows", format_count(counts.rows_copied));
    }
  }

  const Options& options_;
  CommandContext& context_;
  Parts& parts_;
  const WatchedFiles& credentials_;
  MirrorStatus& status_;
  SystemClock clock_;
  LogWatch watch_;
  Mirror mirror_;
  RetryBackoff backoff_;
  std::unique_ptr<Progress> progress_;
  int64_t log_ends_ = 0;
  int64_t silence_told_us_ = 0;
  int64_t quiet_since_us_ = 0;
  int64_t quiet_rows_ = 0;
  int64_t unreadable_told_ = 0;
  std::optional<int64_t> unread_bytes_;
  int64_t unread_us_ = 0;  // when that was looked at
  int64_t seen_rows_ = 0;
  int64_t told_rows_ = 0;
  int64_t told_us_ = clock_.now_us();
  int64_t lag_us_max_ = 0;
};

// Null: nothing is to be served.
Result<std::unique_ptr<MetricsServer>> serve_metrics(const Options& options,
                                                     CommandContext& context,
                                                     MirrorStatus& status) {
  if (options.listen.empty()) {
    return nullptr;
  }
  MetricsServerOptions server;
  HIRESTREAM_ASSIGN(server.address, parse_listen_address(options.listen));
  HIRESTREAM_ASSIGN(server.token, read_token(process_environment(), "HIRESTREAM_HTTP_TOKEN"));
  server.warn = [&context](const std::string& text) { context.log->warn(with_fields(text, {})); };
  server.metrics = [&status] { return status.metrics(); };
  server.waits_for = [&status] { return status.waits_for(); };
  HIRESTREAM_ASSIGN(auto started, MetricsServer::start(std::move(server)));
  context.log->info("metrics at {}metrics", started->url());
  return started;
}

Result<int> run(const Options& options, CommandContext& context) {
  MirrorPolicy policy;
  HIRESTREAM_ASSIGN(policy.copy_interval_us,
                    read_duration("--reconcile-every", options.reconcile_every, 1'000'000));
  HIRESTREAM_ASSIGN(policy.keep_us, read_duration("--ttl", options.ttl, 0));
  policy.hold_us = options.once ? 0 : policy.hold_us;
  const std::stop_token stop = context.interrupt->token();
  HIRESTREAM_ASSIGN(const CassandraConfig from,
                    named_table_config("mirror", "--from", options.from));
  SystemClock clock;
  MirrorStatus status(from.table_text(), clock);
  HIRESTREAM_ASSIGN(const auto server, serve_metrics(options, context, status));
  RetryBackoff backoff;
  bool has_run = false;
  while (true) {
    const WatchedFiles credentials = credential_files(options);
    auto parts = open_parts(options, policy.keep_us, context);
    if (!parts && (!has_run || stop.stop_requested())) {
      return forward(std::move(parts).error());
    }
    if (!parts) {
      HIRESTREAM_TRY(wait_after(parts.error(), backoff, context, status, stop));
      continue;
    }
    policy.node = parts->node;
    MirrorRunner runner(options, context, *parts, policy, credentials, status);
    HIRESTREAM_TRY(runner.run(stop, has_run));
    if (stop.stop_requested() || !runner.needs_new_connections()) {
      runner.print_summary();
      return options.once && stop.stop_requested() ? kExitInterrupted : kExitOk;
    }
    context.log->info("the password or certificates have been replaced: connecting anew");
    has_run = true;
    backoff.reset();
  }
}

}  // namespace

void add_mirror_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "mirror",
      "Keep the recommended table equal to a plain one, within a second, by the commit log");
  command
      ->add_option("--from", options->from, "The table as it is: cassandra://NODE/keyspace/table")
      ->required()
      ->type_name("URI");
  command->add_option("--to", options->to, "The recommended table (hirestream init): cassandra://…")
      ->required()
      ->type_name("URI");
  command
      ->add_option("--commit-log", options->commit_log,
                   "commitlog_directory of the node; auto: what the node says; none: copy only")
      ->type_name("DIR")
      ->capture_default_str();
  command
      ->add_option("--cdc-raw", options->cdc_raw,
                   "cdc_raw_directory of the node (auto: what it says), in the place of "
                   "--commit-log: segments wait there while the mirror is down, and it deletes "
                   "them when they are mirrored")
      ->type_name("DIR")
      ->excludes("--commit-log");
  command
      ->add_option("--visibility", options->visibility,
                   "marker: what Cassandra would replay; tail: before that; synced: on the disk "
                   "(a folder with …_cdc.idx)")
      ->check(CLI::IsMember({"marker", "tail", "synced"}))
      ->type_name("MODE")
      ->capture_default_str();
  command
      ->add_option("--attribution", options->attribution,
                   "payload: ed is mirrored, too, for runs with --attribution payload")
      ->check(CLI::IsMember({"columns", "payload"}))
      ->type_name("MODE")
      ->capture_default_str();
  command
      ->add_option("--ttl", options->ttl,
                   "How long mirrored rows live; longer than the engine's --retention; 0s: as the "
                   "table says")
      ->type_name("DURATION")
      ->capture_default_str();
  command
      ->add_option("--reconcile-every", options->reconcile_every,
                   "Compare both tables so often and copy what differs, for what no log shows")
      ->type_name("DURATION")
      ->capture_default_str();
  command
      ->add_option("--listen", options->listen,
                   "Where /metrics, /livez and /readyz are served, as 127.0.0.1:8081; elsewhere "
                   "than on a loopback address a token is needed (HIRESTREAM_HTTP_TOKEN). Default: "
                   "nowhere")
      ->type_name("ADDRESS");
  command->add_flag("--once", options->once, "End when all that was written is mirrored");
  options->rows.add_to(*command);
  command->footer(kMirrorFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return run(*options, c); };
  });
}

}  // namespace hirestream
