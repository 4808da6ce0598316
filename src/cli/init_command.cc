#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/open_source.h"
#include "cli/open_warehouse.h"
#include "cli/printed_json_internal.h"
#include "cli/setting_options.h"
#include "config/secrets.h"
#include "config/values.h"

namespace hirestream {
namespace {

constexpr const char* kInitFooter = R"(Examples:
  # The warehouse's tables
  hirestream init --warehouse mysql://admin@mysql/etl_data

  # The recommended tracking table too, on three replicas
  hirestream init --warehouse mysql://admin@mysql/etl_data --source cassandra://admin@cassandra-1/logs/tracking \
      --replication "{'class': 'NetworkTopologyStrategy', 'dc1': 3}"

  # The warehouse's tables, and accounts that may only count and only read
  hirestream init --warehouse mysql://admin@mysql/etl_data --engine-password-file /run/secrets/mysql_engine \
      --reader-password-file /run/secrets/mysql_reader

  # Only show what would be run, and the least privileges, for an administrator
  hirestream init --print --warehouse mysql://etl@mysql/etl_data)";

struct InitOptions {
  SettingOptions settings;
  bool print = false;
  RawLogLayout layout;
  std::string bucket_width = "1min";
  std::string engine_password_file;
  std::string reader_password_file;
  bool plain_text_reader = false;
  bool create_jobs = false;
};

AccountOptions account_options(const InitOptions& options, const Settings& settings) {
  return {.jobs_table = settings.jobs.table,
          .publishers_table = settings.jobs.publishers_table,
          .plain_text_reader = options.plain_text_reader};
}

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

// Empty: the account is not wanted.
Result<std::string> account_password(const std::string& file, const std::string& option) {
  if (file.empty()) {
    return std::string();
  }
  HIRESTREAM_ASSIGN(std::string password, read_secret_file(file, option));
  if (password.empty()) {
    return fail(ErrorKind::kConfig, "read password", file, "the file is empty",
                "it is named by " + option);
  }
  return password;
}

// Each part is for another program: what follows must not go into the one before.
void print_heading(const char* kind, const Uri& uri, const std::string& program) {
  fmt::print("-- {}: for {} ({})\n\n", kind, program, uri.text());
}

Result<void> print_statements(const Settings& settings, const RawLogLayout& layout,
                              const AccountOptions& accounts) {
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
    HIRESTREAM_ASSIGN(const std::string text, warehouse_statements(settings.warehouse, accounts));
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

// What was made or was there, to be told at the end as JSON.
struct Ready {
  std::vector<std::string> raw_logs;
  std::string warehouse;
  std::string server;
  std::vector<std::string> accounts;
};

nlohmann::ordered_json to_json(const Ready& ready) {
  nlohmann::ordered_json out = {{"raw_logs", ready.raw_logs}, {"warehouse", nullptr}};
  if (!ready.warehouse.empty()) {
    out["warehouse"] = {{"uri", ready.warehouse}, {"server", ready.server}};
  }
  out["accounts"] = ready.accounts;
  return out;
}

Result<void> prepare_warehouse(const Settings& all, const InitOptions& options, bool json,
                               Ready& ready) {
  const WarehouseSettings& settings = all.warehouse;
  AccountPasswords passwords;
  HIRESTREAM_ASSIGN(passwords.engine,
                    account_password(options.engine_password_file, "--engine-password-file"));
  HIRESTREAM_ASSIGN(passwords.reader,
                    account_password(options.reader_password_file, "--reader-password-file"));
  const bool accounts = !passwords.engine.empty() || !passwords.reader.empty();
  if (accounts && settings.uri->scheme == Scheme::kSqlite) {
    return fail(ErrorKind::kConfig, "make accounts", settings.uri->text(),
                "a SQLite file has no accounts",
                "leave --engine-password-file and --reader-password-file out");
  }
  HIRESTREAM_ASSIGN(auto warehouse, open_warehouse(settings, IfMissing::kCreate));
  HIRESTREAM_TRY(warehouse->init());
  if (options.create_jobs) {
    HIRESTREAM_TRY(create_job_tables(settings));
  }
  ready.warehouse = settings.uri->text();
  ready.server = warehouse->server();
  if (!json) {
    fmt::print("{}: ready ({})\n", ready.warehouse, ready.server);
  }
  if (accounts) {
    HIRESTREAM_ASSIGN(ready.accounts,
                      create_accounts(settings, passwords, account_options(options, all)));
    if (!json) {
      fmt::print("{}: accounts {}\n", ready.warehouse, fmt::join(ready.accounts, ", "));
    }
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
    HIRESTREAM_TRY(print_statements(settings, layout, account_options(options, settings)));
    return kExitOk;
  }
  Ready ready;
  for (const SourceSettings& source : settings.sources) {
    if (source.uri) {
      HIRESTREAM_TRY(create_raw_log(source, layout));
      ready.raw_logs.push_back(source.uri->text());
      if (!context.json) {
        fmt::print("{}: ready\n", ready.raw_logs.back());
      }
    }
  }
  if (settings.warehouse.uri) {
    HIRESTREAM_TRY(prepare_warehouse(settings, options, context.json, ready));
  }
  if (context.json) {
    std::puts(printed_json(to_json(ready)).c_str());
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
  command
      ->add_option("--engine-password-file", options->engine_password_file,
                   "MySQL: also make the account `hirestream` with the password in this file and "
                   "what the engine needs")
      ->type_name("FILE");
  command
      ->add_option("--reader-password-file", options->reader_password_file,
                   "MySQL: also make the account `hirestream_reader` with the password in this "
                   "file and what dashboards need")
      ->type_name("FILE");
  command->add_flag("--plain-text-reader", options->plain_text_reader,
                    "MySQL: `hirestream_reader` may log in without TLS, also where the warehouse "
                    "is on another machine");
  command->add_flag("--create-jobs", options->create_jobs,
                    "Also create the tables jobs and publishers, empty, where there are none");
  command->footer(kInitFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return init(*options, c); };
  });
}

}  // namespace hirestream
