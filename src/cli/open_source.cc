#include "cli/open_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "adapters/cassandra/cassandra_schema.h"
#include "adapters/cassandra/cassandra_source.h"
#include "adapters/cassandra/cassandra_writer.h"
#include "adapters/files/file_writers.h"
#include "adapters/files/files_source.h"
#include "adapters/sqlite/raw_log.h"
#include "adapters/sqlite/raw_log_writer.h"
#include "cli/as_port.h"
#include "cli/cassandra_config.h"
#include "cli/engine_options.h"
#include "config/secrets.h"

namespace hirestream {
namespace {

// parse_uri has refused it already.
tl::unexpected<Error> not_a_raw_log(const Uri& uri) {
  return fail(ErrorKind::kBug, "open", uri.text(), "its scheme cannot be a raw log");
}

Result<std::unique_ptr<EventSource>> open_cassandra(const SourceSettings& source,
                                                    ReadingRules rules, Observer& observer) {
  HIRESTREAM_ASSIGN(const std::string password, source.password.now());
  HIRESTREAM_ASSIGN(const CassandraConfig config, cassandra_config(*source.uri, password));
  CassandraSourceOptions options;
  options.rules = std::move(rules);
  options.with_payload = uses_payload(source);
  if (source.strategy != "auto") {
    options.strategy = source.strategy == "tail" ? Strategy::kTail : Strategy::kScan;
  }
  HIRESTREAM_ASSIGN(OpenedCassandraSource opened, open_cassandra_source(config, options));
  for (const std::string& note : opened.notes) {
    observer.on_note("warning", note);
  }
  return std::move(opened.source);
}

// Tells the first file that lacks columns.
OnColumns missing_columns_note(const ReadingRules& rules, bool uses_payload, Observer& observer) {
  return [rules, uses_payload, &observer, told = false](
             const std::string& path, std::span<const std::string> found) mutable {
    const std::string text = missing_columns_text(rules, found, uses_payload);
    if (!told && !text.empty()) {
      told = true;
      observer.on_note("warning", fmt::format("{}: {}", path, text));
    }
  };
}

// Tells each text once, with the first file that it is true of.
OnFileNote file_note(Observer& observer) {
  return [&observer, told = std::set<std::string>()](const std::string& path,
                                                     const std::string& text) mutable {
    constexpr size_t kToldMax = 100;
    if (told.size() < kToldMax && told.insert(text).second) {
      observer.on_note("info", fmt::format("{}: {}", path, text));
    }
  };
}

Result<std::unique_ptr<EventSource>> open_files(FileFormat format, const SourceSettings& source,
                                                ReadingRules rules, Observer& observer,
                                                std::stop_token stop) {
  HIRESTREAM_ASSIGN(CsvSettings csv, csv_settings(source));
  auto on_columns = missing_columns_note(rules, uses_payload(source), observer);
  return as_port<EventSource>(FilesSource::open({.format = format,
                                                 .path = source.uri->path,
                                                 .rules = std::move(rules),
                                                 .on_columns = std::move(on_columns),
                                                 .csv = std::move(csv),
                                                 .on_note = file_note(observer),
                                                 .stop = std::move(stop)}));
}

Result<std::unique_ptr<EventSource>> open_sqlite(const SourceSettings& source,
                                                 const ReadingRules& rules, Observer& observer) {
  HIRESTREAM_ASSIGN(auto log, SqliteRawLog::open({.path = source.uri->path, .rules = rules}));
  if (std::string text = missing_columns_text(rules, log->column_names(), uses_payload(source));
      !text.empty()) {
    observer.on_note("warning", fmt::format("{}: {}", source.uri->path, text));
  }
  return std::unique_ptr<EventSource>(std::move(log));
}

}  // namespace

Result<void> check_strategy(const SourceSettings& source) {
  if (source.strategy == "auto" || source.uri->scheme == Scheme::kCassandra) {
    return {};
  }
  return fail(ErrorKind::kConfig, "open source", source.uri->text(),
              fmt::format("--strategy {} is for Cassandra only", source.strategy),
              "leave --strategy out");
}

std::optional<SourceDescription> foreseen_description(const SourceSettings& source) {
  SourceDescription description;
  if (source.uri->scheme == Scheme::kCassandra) {
    if (source.strategy != "tail") {
      return std::nullopt;
    }
    description.shard_count = INT32_MAX;  // the table tells
    return description;
  }
  description.strategy =
      source.uri->scheme == Scheme::kSqlite ? Strategy::kFollow : Strategy::kFiles;
  return description;
}

Result<CsvSettings> csv_settings(const SourceSettings& source) {
  return read_csv_settings(source.csv_escape, source.csv_delimiter, source.csv_header);
}

bool uses_payload(const SourceSettings& source) {
  return source.attribution == "payload";
}

Result<std::unique_ptr<EventSource>> open_source(const SourceSettings& source, Observer& observer,
                                                 std::stop_token stop) {
  HIRESTREAM_CHECK(source.uri.has_value());
  HIRESTREAM_ASSIGN(ReadingRules rules, reading_rules(source));
  HIRESTREAM_TRY(check_strategy(source));
  switch (source.uri->scheme) {
    case Scheme::kCassandra:
      return open_cassandra(source, std::move(rules), observer);
    case Scheme::kSqlite:
      return open_sqlite(source, rules, observer);
    case Scheme::kCsv:
      return open_files(FileFormat::kCsv, source, std::move(rules), observer, std::move(stop));
    case Scheme::kNdjson:
      return open_files(FileFormat::kNdjson, source, std::move(rules), observer, std::move(stop));
    case Scheme::kParquet:
      return open_files(FileFormat::kParquet, source, std::move(rules), observer, std::move(stop));
    case Scheme::kMysql:
      break;
  }
  return not_a_raw_log(*source.uri);
}

Result<void> check_target_file(const Uri& uri, IfFileExists if_exists) {
  if (uri.scheme != Scheme::kCsv && uri.scheme != Scheme::kNdjson) {
    return {};
  }
  std::error_code ignored;
  const auto status = std::filesystem::symlink_status(uri.path, ignored);
  if (!std::filesystem::exists(status)) {
    return {};
  }
  if (std::filesystem::is_directory(uri.path, ignored)) {
    return fail(ErrorKind::kConfig, "write", uri.path, "this is a folder",
                "give the name of a file to make in it");
  }
  if (if_exists == IfFileExists::kRefuse) {
    return fail(ErrorKind::kConfig, "write", uri.path, "the file exists already",
                "give another file, or replace this one: --replace");
  }
  return {};
}

Result<std::unique_ptr<RawLogWriter>> open_writer(const Uri& uri, const std::string& password,
                                                  const std::string& source_timezone) {
  switch (uri.scheme) {
    case Scheme::kCassandra: {
      HIRESTREAM_ASSIGN(const CassandraConfig config, cassandra_config(uri, password));
      HIRESTREAM_ASSIGN(const TimeZone zone, TimeZone::find(source_timezone));
      return as_port<RawLogWriter>(CassandraWriter::open(config, zone));
    }
    case Scheme::kSqlite:
      return as_port<RawLogWriter>(SqliteRawLogWriter::open(uri.path));
    case Scheme::kCsv:
      return as_port<RawLogWriter>(CsvWriter::create(uri.path));
    case Scheme::kNdjson:
      return as_port<RawLogWriter>(NdjsonWriter::create(uri.path));
    case Scheme::kParquet:
    case Scheme::kMysql:
      break;
  }
  return not_a_raw_log(uri);
}

Result<std::unique_ptr<RawLogWriter>> open_writer(const std::string& uri_text,
                                                  const std::string& source_timezone) {
  HIRESTREAM_ASSIGN(const Uri uri, parse_uri(uri_text, UriRole::kRawLog));
  std::string password;
  if (uri.scheme == Scheme::kCassandra) {
    HIRESTREAM_ASSIGN(password,
                      read_secret(process_environment(), "HIRESTREAM_CASSANDRA_PASSWORD"));
  }
  return open_writer(uri, password, source_timezone);
}

Result<std::vector<std::string>> raw_log_statements(const Uri& uri, const RawLogLayout& layout) {
  if (uri.scheme != Scheme::kCassandra) {
    return std::vector<std::string>{};
  }
  const PartitionLayout partitions{.bucket_width_s = layout.bucket_width_s,
                                   .shard_count = layout.shard_count};
  HIRESTREAM_TRY(partitions.validate());
  return recommended_schema_statements(uri.database, uri.table, layout.replication,
                                       TableTypes::kNative, partitions);
}

std::string raw_log_grants(const Uri& uri) {
  if (uri.scheme != Scheme::kCassandra) {
    return {};
  }
  std::string script =
      "-- The engine: it only reads. (Of a table of your own without a layout table: leave that "
      "grant out.)\n"
      "CREATE ROLE IF NOT EXISTS \"hirestream\" WITH PASSWORD = '<password>' AND LOGIN = true;\n";
  for (const std::string& statement :
       reader_grant_statements(uri.database, uri.table, "hirestream")) {
    script += statement + ";\n";
  }
  return script;
}

Result<void> create_raw_log(const SourceSettings& source, const RawLogLayout& layout) {
  const Uri& uri = *source.uri;
  if (uri.scheme == Scheme::kSqlite) {
    HIRESTREAM_ASSIGN(auto writer, open_writer(uri, {}));
    return writer->finish();
  }
  if (uri.scheme != Scheme::kCassandra) {
    return {};
  }
  HIRESTREAM_ASSIGN(const auto statements, raw_log_statements(uri, layout));
  HIRESTREAM_ASSIGN(const CassandraConfig config, cassandra_config(uri, source.password.text));
  HIRESTREAM_ASSIGN(auto connection, CassandraConnection::open(config));
  for (const std::string& statement : statements) {
    HIRESTREAM_TRY(connection->execute(statement));
  }
  return {};
}

}  // namespace hirestream
