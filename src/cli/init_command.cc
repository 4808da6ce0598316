#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>

#include "cli/commands.h"
#include "cli/open_source.h"
#include "cli/open_warehouse.h"
#include "cli/setting_options.h"
#include "config/values.h"

namespace hirestream {
namespace {

constexpr const char* kInitFooter = R"(Examples:
  # The warehouse's tables
  hirestream init --warehouse mysql://admin@mysql/etl_data

  # The recommended tracking table too, on three replicas
  hirestream init --warehouse mysql://admin@mysql/etl_data --source cassandra://admin@cassandra-1/logs/tracking \
      --replication "{'class': 'NetworkTopologyStrategy', 'dc1': 3}"

  # Only show what would be run, and the least privileges, for an administrator
  hirestream init --print --warehouse mysql://etl@mysql/etl_data)";

struct InitOptions {
  SettingOptions settings;
  bool print = false;
  RawLogLayout layout;
  std::string bucket_width = "1min";
};

Result<RawLogLayout> layout_of(const InitOptions& options) {
  RawLogLayout layout = options.layout;
  const auto width = parse_duration(options.bucket_width);
  if (!width || *width % 1'000'000 != 0 || *width < 1'000'000 || *width > 86'400'000'000) {
    return fail(ErrorKind::kConfig, "read settings", "option --bucket-width",
                fmt::format("'{}' is not allowed", options.bucket_width),
                "allowed: whole seconds from 1s to 1d that divide a day, as 1min");
  }
  layout.bucket_width_s = static_cast<int32_t>(*width / 1'000'000);
  return layout;
}

// Each part is for another program: what follows must not go into the one before.
void print_heading(const char* kind, const Uri& uri, const std::string& program) {
  fmt::print("-- {}: for {} ({})\n\n", kind, program, uri.text());
}

Result<void> print_statements(const Settings& settings, const RawLogLayout& layout) {
  for (const SourceSettings& source : settings.sources) {
    if (!source.uri) {
      continue;
    }
    HIRESTREAM_ASSIGN(const auto statements, raw_log_statements(*source.uri, layout));
    if (!statements.empty()) {
      print_heading("Cassandra", *source.uri, "cqlsh");
    }
    for (const std::string& statement : statements) {
      fmt::print("{};\n\n", statement);
    }
    if (const std::string grants = raw_log_grants(*source.uri); !grants.empty()) {
      fmt::print("{}\n", grants);
    }
  }
  if (settings.warehouse.uri) {
    HIRESTREAM_ASSIGN(const std::string text,
                      warehouse_statements(settings.warehouse, settings.jobs.table));
    const Uri& uri = *settings.warehouse.uri;
    if (uri.scheme == Scheme::kSqlite) {
      print_heading("SQLite", uri, "sqlite3 " + uri.path);
    } else {
      print_heading("MySQL", uri, "mysql " + uri.database);
    }
    fmt::print("{}", text);
  }
  return {};
}

Result<int> init(const InitOptions& options, CommandContext& context) {
  HIRESTREAM_ASSIGN(const Settings settings, options.settings.load(context));
  HIRESTREAM_ASSIGN(const RawLogLayout layout, layout_of(options));
  const bool any_source = settings.sources.front().uri.has_value();
  if (!any_source) {
    HIRESTREAM_TRY(require_warehouse(settings));
  }
  if (options.print) {
    HIRESTREAM_TRY(print_statements(settings, layout));
    return kExitOk;
  }
  for (const SourceSettings& source : settings.sources) {
    if (source.uri) {
      HIRESTREAM_TRY(create_raw_log(source, layout));
      fmt::print("{}: ready\n", source.uri->text());
    }
  }
  if (settings.warehouse.uri) {
    HIRESTREAM_ASSIGN(auto warehouse, open_warehouse(settings.warehouse, IfMissing::kCreate));
    HIRESTREAM_TRY(warehouse->init());
    fmt::print("{}: ready ({})\n", settings.warehouse.uri->text(), warehouse->server());
  }
  return kExitOk;
}

}  // namespace

void add_init_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<InitOptions>();
  CLI::App* command =
      app.add_subcommand("init", "Create missing tables of the warehouse and the raw log");
  options->settings.add(*command, {"source.uri", "warehouse.uri", "jobs.table"});
  command->add_flag("--print", options->print, "Print the statements and change nothing");
  command
      ->add_option("--shard-count", options->layout.shard_count,
                   "Cassandra: shards of a bucket [8]")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  command->add_option("--bucket-width", options->bucket_width, "Cassandra: time of a bucket [1min]")
      ->type_name("DURATION");
  command
      ->add_option(
          "--replication", options->layout.replication,
          "Cassandra: replication of a new keyspace, as a CQL map [SimpleStrategy, one replica]")
      ->type_name("MAP");
  command->footer(kInitFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return init(*options, c); };
  });
}

}  // namespace hirestream
