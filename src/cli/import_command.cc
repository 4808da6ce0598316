#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "adapters/cassandra/cassandra_history.h"
#include "adapters/cassandra/cassandra_writer.h"
#include "cli/cassandra_config.h"
#include "cli/commands.h"
#include "cli/copy_table.h"
#include "cli/engine_options.h"
#include "cli/import_files.h"
#include "cli/interrupt.h"
#include "cli/open_source.h"
#include "cli/printed_json_internal.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/raw_row_options.h"
#include "config/secrets.h"
#include "config/setting_table.h"
#include "config/uri.h"
#include "config/values.h"
#include "telemetry/log.h"

namespace hirestream {
namespace {

constexpr const char* kImportFooter = R"(Examples:
  hirestream import 2026-06-*.csv.gz --to sqlite:raw.db
  hirestream import export.ndjson.zst --to cassandra://127.0.0.1/logs/tracking --on-bad-row skip
  hirestream import --from cassandra://127.0.0.1/logs/tracking --to cassandra://127.0.0.1/logs/tracking_by_bucket
  hirestream import clicks.csv --to sqlite:raw.db --columns create_time=event_id,custom_track=event_type,ts=created_at
  hirestream import without_ts.ndjson --to sqlite:raw.db --event-time arrival

Rows with the same create_time are one row: repeats are left out, of different versions the last one stays. Importing
again is harmless. A CSV or NDJSON file is made as a whole or not at all, for which the input is read twice; one that exists is
replaced only with --replace. A row that does not fit is never written in part; it is named with file, line and reason.

--from copies the history of a table into another one (make it first: hirestream init), with the rows' own write times and what they have left to
live; writers may write to both meanwhile, the later write stays. How far it is stands in --progress-file: the same command goes on there.)";

struct Options {
  std::vector<std::string> files;
  std::string from;
  std::string to;
  std::string progress_file;
  std::string on_bad_row = "stop";
  std::string give_up_after = "1min";
  std::string csv_escape = "auto";
  std::string csv_delimiter = "auto";
  std::string csv_header;
  RawRowOptions rules;
  bool replace = false;
};

int64_t total_bytes(const std::vector<std::string>& files) {
  int64_t total = 0;
  for (const std::string& path : files) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) {
      return -1;  // a pipe, or not there: the import will say so
    }
    total += static_cast<int64_t>(size);
  }
  return total;
}

Result<int64_t> read_duration(const std::string& text) {
  const auto duration = parse_duration(text);
  if (!duration || *duration < 0) {
    return fail(ErrorKind::kConfig, "import", "--give-up-after",
                fmt::format("'{}' is not a duration", text),
                "write a number and a unit: 30s, 5min");
  }
  return *duration;
}

nlohmann::ordered_json summary_json(const ImportReport& report) {
  nlohmann::ordered_json bad = nlohmann::ordered_json::array();
  for (const BadRow& row : report.bad_sample) {
    bad.push_back({{"file", row.file}, {"line", row.line}, {"reason", row.reason}});
  }
  return {{"files", report.files},
          {"rows_read", report.rows_read},
          {"rows_written", report.rows_written},
          {"duplicates", report.duplicates},
          {"overwritten", report.overwritten},
          {"superseded", report.superseded},
          {"bad_rows", report.bad_rows},
          {"bad_by_reason", report.bad_by_reason},
          {"bad_sample", std::move(bad)},
          {"retries", report.retries},
          {"interrupted", report.interrupted}};
}

std::string summary_text(const ImportReport& report) {
  if (!report.kept) {
    return "interrupted: no row was kept, for a file is made as a whole or not at all\n";
  }
  std::string out = fmt::format(
      "{} rows read from {} file{} = {} written + {} duplicates + {}{} bad\n",
      format_count(report.rows_read), report.files, report.files == 1 ? "" : "s",
      format_count(report.rows_written), format_count(report.duplicates),
      report.superseded == 0 ? std::string()
                             : fmt::format("{} older versions + ", format_count(report.superseded)),
      format_count(report.bad_rows));
  if (report.overwritten > 0) {
    out += fmt::format("{} of the rows written replaced another version of themselves\n",
                       format_count(report.overwritten));
  }
  for (const auto& [reason, count] : report.bad_by_reason) {
    out += fmt::format("bad rows: {} × {}\n", format_count(count), reason);
  }
  if (report.interrupted) {
    out += "interrupted; importing again goes on without doubling rows\n";
  }
  return out;
}

void print_bad_rows(const ImportReport& report) {
  for (const BadRow& bad : report.bad_sample) {
    fmt::print(stderr, "skipped {}\n", bad.text());
  }
  const int64_t more = report.bad_rows - static_cast<int64_t>(report.bad_sample.size());
  if (more > 0) {
    fmt::print(stderr, "skipped {} more\n", format_count(more));
  }
}

void print_copy(const CopyReport& report, const CommandContext& context) {
  for (const std::string& row : report.bad_sample) {
    fmt::print(stderr, "skipped {}\n", row);
  }
  if (context.json) {
    const nlohmann::ordered_json summary = {
        {"rows_written", report.rows_written}, {"bad_rows", report.bad_rows},
        {"bad_sample", report.bad_sample},     {"parts", kCopyParts},
        {"parts_done", report.parts},          {"parts_done_before", report.parts_before},
        {"retries", report.retries},           {"interrupted", report.interrupted}};
    std::puts(printed_json(summary).c_str());
  } else if (!context.quiet) {
    fmt::print("{} rows copied, {} bad\n{}", format_count(report.rows_written),
               format_count(report.bad_rows),
               report.interrupted ? "interrupted; the same command goes on where it was\n" : "");
  }
}

Result<int> copy_table(const Options& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(const CassandraConfig from,
                    named_table_config("import", "--from", options.from));
  HIRESTREAM_ASSIGN(const CassandraConfig to, named_table_config("import", "--to", options.to));
  HIRESTREAM_ASSIGN(const TimeZone zone, TimeZone::find(options.rules.source_timezone));
  CopyOptions copy;
  HIRESTREAM_ASSIGN(copy.give_up_after_us, read_duration(options.give_up_after));
  HIRESTREAM_ASSIGN(ReadingRules rules, options.rules.read("import"));
  HIRESTREAM_ASSIGN(const auto history, CassandraHistory::open(from, std::move(rules)));
  HIRESTREAM_ASSIGN(const auto writer, CassandraWriter::open(to, zone));
  copy.from = history->shape().identity();
  copy.to = writer->identity();
  if (copy.from == copy.to) {
    return fail(ErrorKind::kConfig, "import", from.table_text(), "is --from and --to",
                "make another table: hirestream init --source cassandra://…/keyspace/table");
  }
  copy.progress_file =
      options.progress_file.empty()
          ? fmt::format("hirestream-copy-{}-to-{}.json", from.table_text(), to.table_text())
          : options.progress_file;
  copy.skip_bad_rows = options.on_bad_row == "skip";
  copy.on_retry = logged_retries(context);
  if (!history->left_out().empty()) {
    context.log->warn(with_fields(fmt::format("not copied, for raw rows have no such columns: {}",
                                              fmt::join(history->left_out(), ", ")),
                                  {}));
  }
  for (const std::string& note : writer->notes()) {
    context.log->warn(with_fields(note, {}));
  }
  Progress progress(context, "rows");
  TableCopy table(std::move(copy), *history, *writer, [&](const CopyReport& report) {
    progress.update("copying", report.rows_written, report.parts, kCopyParts);
  });
  HIRESTREAM_TRY(table.run(context.interrupt->token()));
  print_copy(table.report(), context);
  return table.report().interrupted ? kExitInterrupted : kExitOk;
}

// Options that change nothing beside the others.
Result<void> check_effects(const Options& options) {
  struct Given {
    const char* option;
    bool given;
    bool for_files;
  };
  const bool files = options.from.empty();
  for (const auto& [option, given, for_files] :
       {Given{"--progress-file", !options.progress_file.empty(), false},
        Given{"--replace", options.replace, true},
        Given{"--csv-escape", options.csv_escape != "auto", true},
        Given{"--csv-delimiter", options.csv_delimiter != "auto", true},
        Given{"--csv-header", !options.csv_header.empty(), true}}) {
    if (given && for_files != files) {
      const char* other = files ? "--from" : "files to import";
      return fail(ErrorKind::kConfig, "import", option,
                  fmt::format("it has no effect without {}", other),
                  fmt::format("leave {} out", option));
    }
  }
  return {};
}

Result<int> run(const Options& options, CommandContext& context) {
  if (options.from.empty() == options.files.empty()) {
    return fail(ErrorKind::kConfig, "import", "FILE, --from",
                options.from.empty() ? "nothing to import" : "give files or --from, not both",
                "hirestream import --help");
  }
  HIRESTREAM_TRY(check_effects(options));
  if (!options.from.empty()) {
    return copy_table(options, context);
  }
  HIRESTREAM_ASSIGN(const Uri target, parse_uri(options.to, UriRole::kRawLog));
  HIRESTREAM_TRY(
      check_target_file(target, options.replace ? IfFileExists::kReplace : IfFileExists::kRefuse));
  ImportOptions import;
  HIRESTREAM_ASSIGN(import.give_up_after_us, read_duration(options.give_up_after));
  HIRESTREAM_ASSIGN(const auto writer, open_writer(options.to, options.rules.source_timezone));
  import.files = options.files;
  HIRESTREAM_ASSIGN(import.rules, options.rules.read("import"));
  import.skip_bad_rows = options.on_bad_row == "skip";
  import.on_retry = logged_retries(context);
  HIRESTREAM_ASSIGN(
      import.csv, read_csv_settings(options.csv_escape, options.csv_delimiter, options.csv_header));
  if (!context.quiet) {
    import.on_note = [](const std::string& path, const std::string& text) {
      fmt::print(stderr, "{}: {}\n", path, text);
    };
  }
  // A file is read twice to make one.
  const int64_t total = total_bytes(options.files) * (writer->is_whole_or_nothing() ? 2 : 1);
  ImportReport report;
  {
    Progress progress(context, "rows");
    FileImporter importer(import, *writer, [&](int64_t bytes, const ImportReport& so_far) {
      progress.update("importing", so_far.rows_read, bytes, total);
    });
    HIRESTREAM_TRY(importer.run(context.interrupt->token()));
    report = importer.report();
  }
  if (!context.quiet) {
    print_bad_rows(report);
  }
  if (context.json) {
    std::puts(printed_json(summary_json(report)).c_str());
  } else if (!context.quiet) {
    std::fputs(summary_text(report).c_str(), stdout);
  }
  return report.interrupted ? kExitInterrupted : kExitOk;
}

}  // namespace

void add_import_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "import", "Load CSV, NDJSON and Parquet files into a raw log, without duplicates");
  command
      ->add_option("files", options->files,
                   "*.csv, *.tsv, *.ndjson, *.jsonl, *.json, also with .gz or .zst; *.parquet")
      ->type_name("FILE");
  command->add_option("--from", options->from, "Instead of files: the table to copy, cassandra://…")
      ->type_name("URI");
  command
      ->add_option("--to", options->to,
                   "Raw log: cassandra://…, sqlite:PATH, csv:PATH, ndjson:PATH")
      ->required()
      ->type_name("URI");
  command
      ->add_option("--progress-file", options->progress_file,
                   "Of --from: default hirestream-copy-FROM-to-TO.json in the current folder")
      ->type_name("FILE");
  command->add_flag("--replace", options->replace,
                    "Of csv and ndjson: put the new file in the place of one that exists");
  command->add_option("--on-bad-row", options->on_bad_row, "stop or skip")
      ->check(CLI::IsMember({"stop", "skip"}))
      ->capture_default_str();
  command
      ->add_option("--give-up-after", options->give_up_after,
                   "How long a write that fails for a passing reason is tried again")
      ->type_name("DURATION")
      ->capture_default_str();
  const auto add = [command](std::string& text, const char* name) {
    const Setting& setting = *find_setting(name);
    command->add_option(std::string(setting.option), text, std::string(setting.help))
        ->type_name("TEXT");
  };
  add(options->csv_escape, "source.csv_escape");
  add(options->csv_delimiter, "source.csv_delimiter");
  add(options->csv_header, "source.csv_header");
  options->rules.add_to(*command);
  command->footer(kImportFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return run(*options, c); };
  });
}

}  // namespace hirestream
