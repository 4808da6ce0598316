#include "config/uri.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <span>

#include "config/suggestion.h"
#include "model/text.h"

namespace hirestream {
namespace {

// In the name of a parameter: its value is a secret, however the name is spelt.
constexpr std::array<std::string_view, 4> kSecretWords = {"pass", "pwd", "secret", "token"};

struct ParameterRule {
  std::string_view name;
  std::vector<std::string> allowed;  // empty: any text
};

const std::vector<ParameterRule>& parameter_rules(Scheme scheme) {
  static const std::vector<ParameterRule> kCassandra = {
      {"consistency",
       {"ONE", "LOCAL_ONE", "TWO", "THREE", "QUORUM", "LOCAL_QUORUM", "EACH_QUORUM", "ALL"}},
      {"local_dc", {}},
      {"tls", {"on", "off"}},
      {"tls_ca", {}},
      {"tls_cert", {}},
      {"tls_key", {}},
      {"tls_check_address", {"on", "off"}},
      {"page_rows", {}},
      {"parallel_reads", {}},
      {"parallel_writes", {}},
      {"connections_per_host", {}},
      {"connect_timeout", {}},
      {"request_timeout", {}},
  };
  static const std::vector<ParameterRule> kMysql = {
      {"tls", {"off", "preferred", "required", "verify-ca", "verify"}},
      {"tls_ca", {}},
      {"tls_cert", {}},
      {"tls_key", {}},
  };
  static const std::vector<ParameterRule> kNone;
  switch (scheme) {
    case Scheme::kCassandra:
      return kCassandra;
    case Scheme::kMysql:
      return kMysql;
    default:
      return kNone;
  }
}

std::span<const Scheme> schemes_of(UriRole role) {
  static constexpr std::array kSource = {Scheme::kCassandra, Scheme::kSqlite, Scheme::kCsv,
                                         Scheme::kNdjson, Scheme::kParquet};
  static constexpr std::array kRawLog = {Scheme::kCassandra, Scheme::kSqlite, Scheme::kCsv,
                                         Scheme::kNdjson};
  static constexpr std::array kWarehouse = {Scheme::kMysql, Scheme::kSqlite};
  static constexpr std::array kJobs = {Scheme::kMysql, Scheme::kSqlite, Scheme::kCsv};
  switch (role) {
    case UriRole::kSource:
      return kSource;
    case UriRole::kRawLog:
      return kRawLog;
    case UriRole::kWarehouse:
      return kWarehouse;
    case UriRole::kJobs:
      return kJobs;
  }
  HIRESTREAM_CHECK(false);
}

std::string shape_of(Scheme scheme) {
  switch (scheme) {
    case Scheme::kCassandra:
      return "cassandra://[user@]host[:9042][,host2…]/keyspace/table";
    case Scheme::kMysql:
      return "mysql://[user@]host[:3306]/database";
    case Scheme::kSqlite:
      return "sqlite:PATH";
    case Scheme::kCsv:
      return "csv:PATH";
    case Scheme::kNdjson:
      return "ndjson:PATH";
    case Scheme::kParquet:
      return "parquet:PATH";
  }
  HIRESTREAM_CHECK(false);
}

std::string shapes_of(UriRole role) {
  std::vector<std::string> shapes;
  for (const Scheme scheme : schemes_of(role)) {
    shapes.push_back(shape_of(scheme));
  }
  return fmt::format("allowed: {}", fmt::join(shapes, ", "));
}

bool is_in_host_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

// With the zone of a link-local one: fe80::1%eth0.
bool is_in_v6_address(char c) {
  return is_in_host_name(c) || c == ':' || c == '%';
}

// redact(), of a sentence in which what was written stands between single quotes.
std::string redact_message(std::string_view message);

class UriParser {
 public:
  UriParser(std::string_view text, UriRole role) : text_(text), role_(role) {}

  Result<Uri> parse() {
    HIRESTREAM_TRY(parse_scheme());
    if (uri_.scheme == Scheme::kCassandra || uri_.scheme == Scheme::kMysql) {
      HIRESTREAM_TRY(parse_server());
    } else {
      HIRESTREAM_TRY(parse_path());
    }
    return uri_;
  }

 private:
  tl::unexpected<Error> error(std::string_view message, std::string hint = {}) const {
    return fail(ErrorKind::kConfig, "read URI", redact(text_), redact_message(message),
                std::move(hint));
  }

  Result<void> parse_scheme() {
    if (text_.empty()) {
      return error(fmt::format("no {} given", uri_role_name(role_)), shapes_of(role_));
    }
    const size_t colon = text_.find(':');
    if (colon == std::string_view::npos) {
      return error("it has no scheme", scheme_hint(text_));
    }
    const std::string_view name = text_.substr(0, colon);
    std::vector<std::string> known;
    for (const Scheme scheme : {Scheme::kCassandra, Scheme::kMysql, Scheme::kSqlite, Scheme::kCsv,
                                Scheme::kNdjson, Scheme::kParquet}) {
      known.emplace_back(scheme_name(scheme));
      if (scheme_name(scheme) == name) {
        uri_.scheme = scheme;
        rest_ = text_.substr(colon + 1);
        const auto allowed = schemes_of(role_);
        if (std::find(allowed.begin(), allowed.end(), scheme) == allowed.end()) {
          return error(fmt::format("{} cannot be a {}", name, uri_role_name(role_)),
                       shapes_of(role_));
        }
        return {};
      }
    }
    const std::string near = nearest_word(name, known);
    return error(fmt::format("unknown scheme '{}'", name),
                 near.empty() ? shapes_of(role_) : fmt::format("did you mean '{}:'?", near));
  }

  std::string scheme_hint(std::string_view path) const {
    const auto ends = [&](std::string_view suffix) {
      return path.size() >= suffix.size() &&
             equal_without_case(path.substr(path.size() - suffix.size()), suffix);
    };
    if (role_ != UriRole::kWarehouse && (ends(".csv") || ends(".csv.gz") || ends(".csv.zst"))) {
      return fmt::format("did you mean 'csv:{}'?", path);
    }
    if (role_ == UriRole::kSource && (ends(".ndjson") || ends(".jsonl") || ends(".ndjson.gz"))) {
      return fmt::format("did you mean 'ndjson:{}'?", path);
    }
    if (role_ == UriRole::kSource && (ends(".parquet") || ends(".parq"))) {
      return fmt::format("did you mean 'parquet:{}'?", path);
    }
    if (ends(".db") || ends(".sqlite") || ends(".sqlite3")) {
      return fmt::format("did you mean 'sqlite:{}'?", path);
    }
    return shapes_of(role_);
  }

  Result<void> parse_path() {
    std::string_view path = rest_;
    if (path.starts_with("//")) {  // sqlite:///absolute/path, as other tools write it
      path.remove_prefix(path.starts_with("///") ? 2 : 0);
      if (path.starts_with("//")) {
        return error("a path has no host", fmt::format("write {}", shape_of(uri_.scheme)));
      }
    }
    if (path.empty()) {
      return error("the path is empty", fmt::format("write {}", shape_of(uri_.scheme)));
    }
    uri_.path = std::string(path);
    return {};
  }

  Result<void> parse_server() {
    if (!rest_.starts_with("//")) {
      return error("'//' is missing after the scheme",
                   fmt::format("write {}", shape_of(uri_.scheme)));
    }
    rest_.remove_prefix(2);
    // The last @ ends the user part: a password in it may hold anything, and must not show up in
    // another error's text.
    if (const size_t at = rest_.rfind('@'); at != std::string_view::npos) {
      HIRESTREAM_TRY(parse_user(rest_.substr(0, at)));
      rest_.remove_prefix(at + 1);
    }
    std::string_view query;
    if (const size_t mark = rest_.find('?'); mark != std::string_view::npos) {
      query = rest_.substr(mark + 1);
      rest_ = rest_.substr(0, mark);
    }
    const size_t slash = rest_.find('/');
    HIRESTREAM_TRY(parse_hosts(rest_.substr(0, slash)));
    HIRESTREAM_TRY(parse_names(slash == std::string_view::npos ? std::string_view()
                                                               : rest_.substr(slash + 1)));
    return parse_query(query);
  }

  Result<void> parse_user(std::string_view user) {
    if (user.find(':') != std::string_view::npos) {
      const std::string variable = uri_.scheme == Scheme::kCassandra
                                       ? "HIRESTREAM_CASSANDRA_PASSWORD"
                                   : role_ == UriRole::kJobs ? "HIRESTREAM_JOBS_PASSWORD"
                                                             : "HIRESTREAM_MYSQL_PASSWORD";
      return error(
          "a password in a URI would be seen in process lists and logs",
          fmt::format("put it into the environment as {0}, or into a file named by {0}_FILE",
                      variable));
    }
    auto decoded = percent_decoded(user);
    if (!decoded || decoded->empty()) {
      return error("the user before '@' is empty or wrongly percent-encoded");
    }
    uri_.user = *decoded;
    return {};
  }

  Result<void> parse_hosts(std::string_view list) {
    const uint16_t default_port = uri_.scheme == Scheme::kCassandra ? 9042 : 3306;
    while (true) {
      const size_t comma = list.find(',');
      HIRESTREAM_TRY(parse_host(list.substr(0, comma), default_port));
      if (comma == std::string_view::npos) {
        break;
      }
      list.remove_prefix(comma + 1);
    }
    if (uri_.scheme == Scheme::kMysql && uri_.hosts.size() > 1) {
      return error("only one host can be given", "name the primary, or the address in front of it");
    }
    return {};
  }

  Result<void> parse_host(std::string_view item, uint16_t default_port) {
    HostPort host{.host = {}, .port = default_port};
    std::string_view port;
    if (item.starts_with('[')) {
      const size_t end = item.find(']');
      if (end == std::string_view::npos) {
        return error(fmt::format("']' is missing in '{}'", item));
      }
      host.host = std::string(item.substr(1, end - 1));
      item.remove_prefix(end + 1);
      if (!item.empty() && !item.starts_with(':')) {
        return error(fmt::format("unexpected '{}' after ']'", item));
      }
      port = item;
    } else {
      const size_t colon = item.find(':');
      host.host = std::string(item.substr(0, colon));
      port = colon == std::string_view::npos ? std::string_view() : item.substr(colon);
    }
    if (host.host.empty()) {
      return error("a host is empty", fmt::format("write {}", shape_of(uri_.scheme)));
    }
    const bool v6 = host.host.find(':') != std::string::npos;
    if (!std::ranges::all_of(host.host, v6 ? is_in_v6_address : is_in_host_name)) {
      return error(fmt::format("'{}' is not a host: letters, digits, '.', '-' and '_' are allowed",
                               host.host),
                   "an IPv6 address stands in brackets: [::1]:9042");
    }
    if (!port.empty()) {
      port.remove_prefix(1);
      const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), host.port);
      if (code != std::errc() || end != port.data() + port.size() || host.port == 0) {
        return error(fmt::format("port '{}' is not a number from 1 to 65535", port),
                     "an IPv6 address stands in brackets: [::1]:9042");
      }
    }
    uri_.hosts.push_back(std::move(host));
    return {};
  }

  Result<void> parse_names(std::string_view names) {
    const bool cassandra = uri_.scheme == Scheme::kCassandra;
    const size_t slash = names.find('/');
    uri_.database = std::string(names.substr(0, slash));
    uri_.table =
        slash == std::string_view::npos ? std::string() : std::string(names.substr(slash + 1));
    const std::string hint = fmt::format("write {}", shape_of(uri_.scheme));
    if (uri_.database.empty()) {
      return error(cassandra ? "the keyspace is missing" : "the database is missing", hint);
    }
    if (cassandra && uri_.table.empty()) {
      return error("the table is missing", hint);
    }
    if ((!cassandra && slash != std::string_view::npos) ||
        uri_.table.find('/') != std::string::npos) {
      return error(fmt::format("unexpected '/{}'", names.substr(names.rfind('/') + 1)), hint);
    }
    for (const std::string& name : {uri_.database, uri_.table}) {
      const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '$';
      });
      if (!plain) {
        return error(
            fmt::format("'{}' is not a name: letters, digits, _, - and $ are allowed", name));
      }
    }
    return {};
  }

  Result<void> parse_query(std::string_view query) {
    while (!query.empty()) {
      const size_t ampersand = query.find('&');
      HIRESTREAM_TRY(parse_parameter(query.substr(0, ampersand)));
      query.remove_prefix(ampersand == std::string_view::npos ? query.size() : ampersand + 1);
    }
    return {};
  }

  Result<void> parse_parameter(std::string_view item) {
    const size_t equals = item.find('=');
    const std::string key(item.substr(0, equals));
    if (key == "password" || key == "user") {
      return error(fmt::format("'{}' is not a parameter", key),
                   "the user stands before the host (user@host), the password in the environment");
    }
    std::vector<std::string> names;
    for (const ParameterRule& rule : parameter_rules(uri_.scheme)) {
      names.emplace_back(rule.name);
      if (rule.name != key) {
        continue;
      }
      auto value = percent_decoded(equals == std::string_view::npos ? std::string_view()
                                                                    : item.substr(equals + 1));
      if (!value || value->empty()) {
        return error(fmt::format("parameter '{}' has no value or is wrongly percent-encoded", key));
      }
      if (!rule.allowed.empty() &&
          std::find(rule.allowed.begin(), rule.allowed.end(), *value) == rule.allowed.end()) {
        return error(fmt::format("parameter {}: '{}' is not allowed", key, *value),
                     fmt::format("allowed: {}", fmt::join(rule.allowed, ", ")));
      }
      if (!uri_.parameters.emplace(key, *value).second) {
        return error(fmt::format("parameter '{}' is given twice", key));
      }
      return {};
    }
    return error(fmt::format("unknown parameter '{}'", key), suggest(key, names));
  }

  static std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        out.push_back(text[i]);
        continue;
      }
      unsigned value = 0;
      if (i + 2 >= text.size()) {
        return std::nullopt;
      }
      const char* begin = text.data() + i + 1;
      const auto [end, code] = std::from_chars(begin, begin + 2, value, 16);
      if (code != std::errc() || end != begin + 2) {
        return std::nullopt;
      }
      out.push_back(static_cast<char>(value));
      i += 2;
    }
    return out;
  }

  std::string_view text_;
  UriRole role_;
  std::string_view rest_;
  Uri uri_;
};

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || c == '.' || c == '/' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace

std::string_view scheme_name(Scheme scheme) {
  switch (scheme) {
    case Scheme::kCassandra:
      return "cassandra";
    case Scheme::kMysql:
      return "mysql";
    case Scheme::kSqlite:
      return "sqlite";
    case Scheme::kCsv:
      return "csv";
    case Scheme::kNdjson:
      return "ndjson";
    case Scheme::kParquet:
      return "parquet";
  }
  HIRESTREAM_CHECK(false);
}

std::string_view uri_role_name(UriRole role) {
  switch (role) {
    case UriRole::kSource:
      return "source";
    case UriRole::kWarehouse:
      return "warehouse";
    case UriRole::kJobs:
      return "job directory";
    case UriRole::kRawLog:
      return "raw log";
  }
  HIRESTREAM_CHECK(false);
}

std::string Uri::name() const {
  if (scheme != Scheme::kCassandra && scheme != Scheme::kMysql) {
    return fmt::format("{}:{}", scheme_name(scheme), path);
  }
  std::vector<std::string> shown;
  for (const HostPort& host : hosts) {
    const bool v6 = host.host.find(':') != std::string::npos;
    shown.push_back(fmt::format("{}{}{}:{}", v6 ? "[" : "", host.host, v6 ? "]" : "", host.port));
  }
  std::string out = fmt::format("{}://{}/{}", scheme_name(scheme), fmt::join(shown, ","), database);
  return table.empty() ? out : out + "/" + table;
}

std::string Uri::text() const {
  std::string out = name();
  if (!user.empty()) {
    out.insert(out.find("//") + 2, percent_encoded(user) + "@");
  }
  char separator = '?';
  for (const auto& [key, value] : parameters) {
    out += fmt::format("{}{}={}", separator, key, percent_encoded(value));
    separator = '&';
  }
  return out;
}

std::string Uri::parameter(const std::string& key, const std::string& fallback) const {
  const auto found = parameters.find(key);
  return found == parameters.end() ? fallback : found->second;
}

Result<Uri> parse_uri(std::string_view text, UriRole role) {
  return UriParser(text, role).parse();
}

namespace {

bool names_secret(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::any_of(kSecretWords.begin(), kSecretWords.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

bool is_path(std::string_view text) {
  for (const Scheme scheme : {Scheme::kSqlite, Scheme::kCsv, Scheme::kNdjson, Scheme::kParquet}) {
    if (text.starts_with(std::string(scheme_name(scheme)) + ":")) {
      return true;
    }
  }
  return false;
}

// "user:PASSWORD@", whatever became of the scheme and its slashes.
std::string without_password(std::string_view text) {
  const size_t at = text.rfind('@');
  const size_t scheme = text.find(':');
  if (at == std::string_view::npos || scheme >= at || is_path(text)) {
    return std::string(text);
  }
  const size_t user = text.find_first_not_of('/', scheme + 1);
  size_t colon = text.find(':', user);
  if (colon > at) {
    // "user:PASSWORD@host" without a scheme, or "scheme://user@host" without a password.
    const bool has_slashes = user > scheme + 1;
    if (has_slashes) {
      return std::string(text);
    }
    colon = scheme;
  }
  return std::string(text.substr(0, colon)) + ":***" + std::string(text.substr(at));
}

// `quoted`: the text is a sentence, in which what was written stands between single quotes.
std::string without_secrets(std::string_view text, bool quoted) {
  std::string out = without_password(text);
  constexpr std::string_view kEnds = "?&;";
  for (size_t equals = out.find('='); equals != std::string::npos;
       equals = out.find('=', equals + 1)) {
    const size_t before = out.find_last_of(kEnds, equals);
    const size_t begin = before == std::string::npos ? 0 : before + 1;
    if (names_secret(std::string_view(out).substr(begin, equals - begin))) {
      size_t end = std::min(out.find_first_of("&;", equals), out.size());
      if (quoted) {
        end = std::min(end, out.find("' ", equals));
      }
      out.replace(equals + 1, end - equals - 1, "***");
    }
  }
  return out;
}

std::string redact_message(std::string_view message) {
  return without_secrets(message, true);
}

}  // namespace

std::string redact(std::string_view text) {
  return without_secrets(text, false);
}

}  // namespace hirestream
