#include "cli/open_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>
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
#include "config/secrets.h"

namespace hirestream {
namespace {

// parse_uri has refused it already.
tl::unexpected<Error> not_a_raw_log(const Uri& uri) {
  return fail(ErrorKind::kBug, "open", uri.text(), "its scheme cannot be a raw log");
}

Result<std::unique_ptr<EventSource>> open_cassandra(const SourceSettings& source,
                                                    const TimeZone& zone, Observer& observer) {
  HIRESTREAM_ASSIGN(const CassandraConfig config, cassandra_config(*source.uri, source.password));
  CassandraSourceOptions options;
  options.source_zone = zone;
  options.with_payload = source.attribution == "payload";
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
OnAbsentColumns absent_columns_note(const SourceSettings& source, Observer& observer) {
  return [source, &observer, told = false](const std::string& path,
                                           std::span<const std::string_view> absent) mutable {
    const auto columns = needed_columns(source, absent);
    if (!told && !columns.empty()) {
      told = true;
      observer.on_note("warning", fmt::format("{}: {}", path, absent_columns_text(columns)));
    }
  };
}

Result<std::unique_ptr<EventSource>> open_files(FileFormat format, const SourceSettings& source,
                                                const TimeZone& zone, Observer& observer,
                                                std::stop_token stop) {
  return as_port<EventSource>(
      FilesSource::open({.format = format,
                         .path = source.uri->path,
                         .source_zone = zone,
                         .on_absent_columns = absent_columns_note(source, observer),
                         .stop = std::move(stop)}));
}

}  // namespace

std::vector<std::string_view> needed_columns(const SourceSettings& source,
                                             std::span<const std::string_view> absent) {
  const bool payload = source.attribution == "payload";
  std::vector<std::string_view> needed;
  for (const std::string_view column : absent) {
    const bool ids_in_payload = column == "job_id" || column == "publisher_id";
    const bool never = column == "ev" || (payload ? ids_in_payload : column == "ed");
    if (!never) {
      needed.push_back(column);
    }
  }
  return needed;
}

std::string absent_columns_text(std::span<const std::string_view> columns) {
  const auto lacks = [columns](std::string_view name) {
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  };
  std::string text = columns.empty() ? "" : fmt::format("no column {}", fmt::join(columns, ", "));
  if (lacks("job_id") || lacks("ed")) {
    text += "; rows without a job are not attributed";
  }
  return text;
}

Result<std::unique_ptr<EventSource>> open_source(const SourceSettings& source, Observer& observer,
                                                 std::stop_token stop) {
  HIRESTREAM_CHECK(source.uri.has_value());
  HIRESTREAM_ASSIGN(const TimeZone zone, TimeZone::find(source.source_timezone));
  if (source.strategy != "auto" && source.uri->scheme != Scheme::kCassandra) {
    return fail(ErrorKind::kConfig, "open source", source.uri->text(),
                fmt::format("--strategy {} is for Cassandra only", source.strategy),
                "leave --strategy out");
  }
  switch (source.uri->scheme) {
    case Scheme::kCassandra:
      return open_cassandra(source, zone, observer);
    case Scheme::kSqlite:
      return as_port<EventSource>(
          SqliteRawLog::open({.path = source.uri->path, .source_zone = zone}));
    case Scheme::kCsv:
      return open_files(FileFormat::kCsv, source, zone, observer, std::move(stop));
    case Scheme::kNdjson:
      return open_files(FileFormat::kNdjson, source, zone, observer, std::move(stop));
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
  HIRESTREAM_ASSIGN(const CassandraConfig config, cassandra_config(uri, source.password));
  HIRESTREAM_ASSIGN(auto connection, CassandraConnection::open(config));
  for (const std::string& statement : statements) {
    HIRESTREAM_TRY(connection->execute(statement));
  }
  return {};
}

}  // namespace hirestream
