#include "cli/generate_jobs.h"

#include <fmt/format.h>

#include <filesystem>

#include "adapters/files/byte_sink.h"
#include "adapters/mysql/session.h"
#include "adapters/sql/job_directory.h"
#include "adapters/sqlite/session.h"
#include "cli/mysql_config.h"
#include "config/secrets.h"
#include "config/uri.h"

namespace hirestream {
namespace {

std::string quoted_field(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    out.append(c == '"' ? 2 : 1, c);
  }
  return out + "\"";
}

Result<void> write_csv(const std::string& path, std::span<const Job> jobs) {
  HIRESTREAM_ASSIGN(const auto sink, ByteSink::create(path));
  std::string text =
      "id,company_id,group_id,campaign_id,title,company_name,campaign_name,group_name\n";
  for (const Job& job : jobs) {
    text += fmt::format("{},{},{},{},{},{},{},{}\n", job.job_id, job.company_id, job.group_id,
                        job.campaign_id, quoted_field(job.title), quoted_field(job.company_name),
                        quoted_field(job.campaign_name), quoted_field(job.group_name));
  }
  HIRESTREAM_TRY(sink->write(text));
  return sink->finish();
}

Result<void> write_publishers_csv(const std::string& path, std::span<const Publisher> publishers) {
  HIRESTREAM_ASSIGN(const auto sink, ByteSink::create(path));
  std::string text = "id,name\n";
  for (const Publisher& publisher : publishers) {
    text += fmt::format("{},{}\n", publisher.publisher_id, quoted_field(publisher.name));
  }
  HIRESTREAM_TRY(sink->write(text));
  return sink->finish();
}

std::string publishers_path(const Uri& jobs) {
  return (std::filesystem::path(jobs.path).parent_path() / "publishers.csv").string();
}

Result<std::string> jobs_password() {
  const Environment environment = process_environment();
  HIRESTREAM_ASSIGN(std::string password, read_secret(environment, "HIRESTREAM_JOBS_PASSWORD"));
  if (password.empty()) {
    return read_secret(environment, "HIRESTREAM_MYSQL_PASSWORD");
  }
  return password;
}

}  // namespace

Uri csv_file(const std::string& path) {
  Uri uri;
  uri.scheme = Scheme::kCsv;
  uri.path = path;
  return uri;
}

Result<std::vector<Uri>> files_of_jobs(const std::string& uri_text) {
  HIRESTREAM_ASSIGN(const Uri uri, parse_uri(uri_text, UriRole::kJobs));
  if (uri.scheme == Scheme::kCsv) {
    return std::vector<Uri>{uri, csv_file(publishers_path(uri))};
  }
  return uri.scheme == Scheme::kSqlite ? std::vector<Uri>{uri} : std::vector<Uri>{};
}

Result<void> write_jobs(const std::string& uri_text, std::span<const Job> jobs,
                        std::span<const Publisher> publishers) {
  HIRESTREAM_ASSIGN(const Uri uri, parse_uri(uri_text, UriRole::kJobs));
  switch (uri.scheme) {
    case Scheme::kCsv:
      HIRESTREAM_TRY(write_csv(uri.path, jobs));
      return write_publishers_csv(publishers_path(uri), publishers);
    case Scheme::kSqlite: {
      HIRESTREAM_ASSIGN(const auto session, sqlite::Session::open({.path = uri.path}));
      return store_job_table(*session, jobs, publishers);
    }
    case Scheme::kMysql: {
      HIRESTREAM_ASSIGN(const std::string password, jobs_password());
      HIRESTREAM_ASSIGN(const auto session,
                        mysql::Session::open(mysql_config(uri, {password, {}})));
      return store_job_table(*session, jobs, publishers);
    }
    case Scheme::kCassandra:
    case Scheme::kNdjson:
    case Scheme::kParquet:
      break;
  }
  check_failed("parse_uri refuses what is no job directory", __FILE__, __LINE__);
}

}  // namespace hirestream
