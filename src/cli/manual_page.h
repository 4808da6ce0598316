// The manual page, hirestream(1), made from the command line's own description and the table of
// settings, as --help is, so that it cannot go stale. Format: man(7), UTF-8.
#pragma once

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace hirestream {

// `version`: for the page's foot.
std::string manual_page(const CLI::App& app, const std::string& version);

// As running text of man(7): its characters mean themselves, also at the begin of a line.
std::string roff_text(const std::string& text);

}  // namespace hirestream
