// Passwords: from the environment or a file, never from an option or a URI, never printed.
#pragma once

#include <map>
#include <string>

#include "model/result.h"

namespace hirestream {

// Variables of the environment whose names start with HIRESTREAM_.
using Environment = std::map<std::string, std::string>;
Environment process_environment();

// A password: as it was at the start, and the file that it came from, which may be replaced.
struct Secret {
  std::string text;
  std::string file;  // empty: it came from the environment

  // What the file says now. kConfig that may pass when it cannot be read: it is being replaced,
  // perhaps.
  Result<std::string> now() const;
};

// The value of `variable`, or the content of the file that `variable`_FILE names (one trailing line
// end removed); empty when neither is set. kConfig when both are, or when the file cannot be read.
Result<std::string> read_secret(const Environment& environment, const std::string& variable);

// The same, with the name of the file.
Result<Secret> read_lasting_secret(const Environment& environment, const std::string& variable);

// The content of the file that `named_by`, a variable or option, names; one trailing line end
// removed. kConfig when it cannot be read.
Result<std::string> read_secret_file(const std::string& path, const std::string& named_by);

// What opens the HTTP server, as read_secret; empty when neither is set. kConfig also when it is
// set but could be guessed, or does not fit into a header: fewer than 16 characters, or others than
// the visible ones of ASCII (spaces and further line ends too).
Result<std::string> read_token(const Environment& environment, const std::string& variable);

}  // namespace hirestream
