#include "config/secrets.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

namespace hirestream {

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (text.starts_with("HIRESTREAM_") && equals != std::string_view::npos) {
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return environment;
}

Result<std::string> read_secret(const Environment& environment, const std::string& variable) {
  const auto value = environment.find(variable);
  const auto file = environment.find(variable + "_FILE");
  if (file == environment.end()) {
    return value == environment.end() ? std::string() : value->second;
  }
  if (value != environment.end()) {
    return fail(ErrorKind::kConfig, "read password", variable,
                "both " + variable + " and " + variable + "_FILE are set", "unset one of them");
  }
  return read_secret_file(file->second, file->first);
}

Result<Secret> read_lasting_secret(const Environment& environment, const std::string& variable) {
  HIRESTREAM_ASSIGN(std::string text, read_secret(environment, variable));
  const auto file = environment.find(variable + "_FILE");
  return Secret{std::move(text), file == environment.end() ? std::string() : file->second};
}

Result<std::string> Secret::now() const {
  if (file.empty()) {
    return text;
  }
  auto read = read_secret_file(file, "the environment");
  if (!read) {
    Error error = std::move(read).error();
    error.may_pass = true;
    return forward(std::move(error));
  }
  return read;
}

Result<std::string> read_secret_file(const std::string& path, const std::string& named_by) {
  std::ifstream stream(path, std::ios::binary);
  std::string secret;
  std::array<char, 4096> buffer{};
  while (stream.good()) {
    stream.read(buffer.data(), buffer.size());
    secret.append(buffer.data(), static_cast<size_t>(stream.gcount()));
  }
  if (!stream.eof()) {
    const int reason = errno;
    std::string hint = "it is named by " + named_by;
    if (reason == EACCES) {
      hint += "; this program runs as user " + std::to_string(geteuid()) +
              ", who must be allowed to read it";
    }
    return fail(ErrorKind::kConfig, "read password", path, std::strerror(reason), std::move(hint));
  }
  if (secret.ends_with('\n')) {
    secret.pop_back();
  }
  if (secret.ends_with('\r')) {
    secret.pop_back();
  }
  return secret;
}

Result<std::string> read_token(const Environment& environment, const std::string& variable) {
  constexpr size_t kCharactersMin = 16;
  if (!environment.contains(variable) && !environment.contains(variable + "_FILE")) {
    return std::string();
  }
  HIRESTREAM_ASSIGN(std::string token, read_secret(environment, variable));
  const auto file = environment.find(variable + "_FILE");
  const std::string& subject = file == environment.end() ? variable : file->second;
  const std::string hint = "make one: openssl rand -hex 32";
  if (token.size() < kCharactersMin) {
    return fail(ErrorKind::kConfig, "read token", subject,
                "it has " + std::to_string(token.size()) + " characters; 16 are the least", hint);
  }
  const bool is_visible =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!is_visible) {
    return fail(ErrorKind::kConfig, "read token", subject,
                "it contains spaces, further line ends or characters beyond ASCII", hint);
  }
  return token;
}

}  // namespace hirestream
