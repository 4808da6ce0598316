#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/demo_session.h"
#include "cli/demo_view.h"
#include "cli/generate_writing.h"
#include "cli/interrupt.h"
#include "cli/printed_json_internal.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "config/secrets.h"

namespace hirestream {
namespace {

constexpr const char* kDemoFooter = R"(Examples:
  hirestream demo
  hirestream demo --seconds 30 --rate 1000
  hirestream demo --http 127.0.0.1:9000      # where the live page is
  hirestream demo --dir ./demo        # keeps raw.db, counts.db and jobs.db; goes on from there next time

At the end every cell is compared with a recount of the raw log by plain SQL; exit code 1 if one differs.)";

constexpr int64_t kPatienceUs = 120'000'000;

struct Options {
  std::optional<double> seconds;
  std::string http;  // empty: 127.0.0.1:8080, or any port that is free
  bool no_http = false;
  DemoOptions session;
};

// A directory of its own, removed at the end.
class TemporaryDirectory {
 public:
  static Result<TemporaryDirectory> make() {
    std::string pattern = std::filesystem::temp_directory_path() / "hirestream-demo-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) {
      return fail(ErrorKind::kConfig, "make directory", pattern, "not possible",
                  "give a directory with --dir");
    }
    return TemporaryDirectory(pattern);
  }
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory() {
    if (!path_.empty()) {
      std::error_code ignored;
      std::filesystem::remove_all(path_, ignored);
    }
  }
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Columns (not more than are useful) and lines.
std::pair<size_t, size_t> terminal_size() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  const size_t height = known && size.ws_row > 0 ? size.ws_row : 40;
  return {known ? std::min<size_t>(size.ws_col, 132) : 80, height};
}

// The terminal's second screen, given back at the end with what stood there before.
class Screen {
 public:
  explicit Screen(bool color) : color_(color) { std::fputs("\x1b[?1049h\x1b[?25l", stdout); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen() {
    std::fputs("\x1b[?25h\x1b[?1049l", stdout);
    std::fflush(stdout);
  }
  void draw(const DemoSnapshot& snapshot) {
    const auto [width, height] = terminal_size();
    // Each line is written over the old one and cleared behind; what does not fit below is left
    // out.
    std::string out = "\x1b[H";
    const std::string text = render_demo(snapshot, width, color_);
    size_t line = 0;
    for (size_t begin = 0; begin < text.size() && line + 1 < height; ++line) {
      const size_t end = text.find('\n', begin);
      out += text.substr(begin, end - begin) + "\x1b[K\r\n";
      begin = end + 1;
    }
    out += "\x1b[J";
    std::fwrite(out.data(), 1, out.size(), stdout);
    std::fflush(stdout);
  }

 private:
  bool color_;
};

// Until the time is over, a stop is requested or the session fails.
Result<void> watch(DemoSession& session, const Options& options, bool terminal,
                   CommandContext& context) {
  const std::stop_token stop = context.interrupt->token();
  std::optional<Screen> screen;
  if (terminal) {
    screen.emplace(context.color_stdout);
  }
  const int64_t redraw_us = terminal ? 500'000 : 5'000'000;
  int64_t shown_us = 0;
  int64_t elapsed_us = 0;
  while (!stop.stop_requested() && !session.failure()) {
    if (options.seconds && static_cast<double>(elapsed_us) >= *options.seconds * 1e6) {
      break;
    }
    if (elapsed_us >= shown_us) {
      HIRESTREAM_ASSIGN(const DemoSnapshot snapshot, session.snapshot());
      if (screen) {
        screen->draw(snapshot);
      } else if (!context.json && !context.quiet && elapsed_us > 0) {
        std::fputs(summarize_demo(snapshot).c_str(), stdout);
        std::fflush(stdout);
      }
      shown_us = elapsed_us + redraw_us;
    }
    sleep_unless_stopped(100'000, stop);
    elapsed_us += 100'000;
  }
  return {};
}

nlohmann::ordered_json result_json(const DemoSnapshot& snapshot, const DemoSession::Check& check) {
  const auto ms = [&](double share) {
    return static_cast<double>(percentile(snapshot.freshness_us, share)) / 1e3;
  };
  return {{"rows", check.rows},
          {"cells", check.cells},
          {"cells_different", check.cells_different},
          {"counted", snapshot.classes.counted},
          {"unattributed", snapshot.classes.unattributed},
          {"other", snapshot.classes.other},
          {"rejected", snapshot.classes.rejected},
          {"freshness_ms", {{"p50", ms(0.5)}, {"p95", ms(0.95)}, {"p99", ms(0.99)}}}};
}

Result<int> end(DemoSession& session, bool terminal, CommandContext& context) {
  if (!context.quiet) {
    fmt::print(stderr, "counting what is left, then comparing with a recount …\n");
  }
  HIRESTREAM_TRY(session.finish(kPatienceUs));
  HIRESTREAM_ASSIGN(DemoSnapshot snapshot, session.snapshot());
  snapshot.ended = true;
  HIRESTREAM_ASSIGN(const DemoSession::Check check, session.check());
  if (context.json) {
    std::puts(printed_json(result_json(snapshot, check)).c_str());
  } else if (terminal) {
    std::fputs(render_demo(snapshot, terminal_size().first, context.color_stdout).c_str(), stdout);
  } else {
    std::fputs(summarize_demo(snapshot).c_str(), stdout);
  }
  if (check.cells_different > 0) {
    fmt::print(stderr, "different: {} of {} cells are not equal to a recount of {} rows\n",
               format_count(check.cells_different), format_count(check.cells),
               format_count(check.rows));
    return kExitDifference;
  }
  if (!context.json) {
    fmt::print("\nverified: {} cells equal to a recount of {} raw rows\n",
               format_count(check.cells), format_count(check.rows));
  }
  return kExitOk;
}

Result<void> serve(DemoSession& session, const Options& options) {
  std::optional<ListenAddress> address;
  if (!options.http.empty()) {
    HIRESTREAM_ASSIGN(address, parse_listen_address(options.http));
  }
  HIRESTREAM_ASSIGN(const std::string token,
                    read_token(process_environment(), "HIRESTREAM_HTTP_TOKEN"));
  return session.serve(address, token);
}

Result<void> check_amounts(const Options& options) {
  const auto refuse = [](const char* option, auto value, const char* hint) {
    return fail(ErrorKind::kConfig, "demo", option, fmt::format("{} is not allowed", value), hint);
  };
  const double rate = options.session.rows_per_second;
  if (!(rate > 0 && rate <= 1e6)) {
    return refuse("--rate", rate, "give rows a second, up to 1000000");
  }
  if (options.session.history_rows < 0) {
    return refuse("--rows", options.session.history_rows, "give at least 0: then no history");
  }
  if (options.seconds && !(*options.seconds > 0 && *options.seconds <= 1e9)) {
    return refuse("--seconds", *options.seconds, "give more than 0, up to 1000000000");
  }
  return {};
}

Result<int> run(Options options, CommandContext& context) {
  HIRESTREAM_TRY(check_amounts(options));
  const std::stop_token stop = context.interrupt->token();
  std::optional<TemporaryDirectory> temporary;
  if (options.session.directory.empty()) {
    HIRESTREAM_ASSIGN(TemporaryDirectory made, TemporaryDirectory::make());
    temporary.emplace(std::move(made));
    options.session.directory = temporary->path();
  }
  if (!context.quiet) {
    fmt::print(stderr, "demo in {}{}\n", options.session.directory,
               temporary ? " (removed at the end; --dir keeps it)" : "");
  }
  options.session.on_retry = logged_retries(context);
  const bool terminal = isatty(STDOUT_FILENO) != 0 && !context.json && !context.quiet;
  HIRESTREAM_ASSIGN(const auto session, DemoSession::open(options.session));
  {
    Progress progress(context, "rows");
    HIRESTREAM_ASSIGN(const bool complete, session->make_history(stop, [&](int64_t rows) {
      progress.update("making history", rows, rows, options.session.history_rows);
    }));
    if (!complete) {
      return kExitInterrupted;
    }
  }
  if (!options.no_http) {
    HIRESTREAM_TRY(serve(*session, options));
    if (!context.quiet) {
      fmt::print(stderr, "live page: {}\n", session->page());
    }
  }
  HIRESTREAM_TRY(session->start());
  HIRESTREAM_TRY(watch(*session, options, terminal, context));
  if (const auto error = session->failure()) {
    return forward(*error);
  }
  return end(*session, terminal, context);
}

}  // namespace

void add_demo_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "demo",
      "Everything in one process: made-up traffic, engine, live result; nothing to install");
  command->add_option("--seconds", options->seconds, "End after so long [Ctrl-C]");
  command->add_option("--rate", options->session.rows_per_second, "Live rows a second")
      ->capture_default_str();
  command->add_option("--rows", options->session.history_rows, "Rows of history, over two days")
      ->capture_default_str();
  command->add_option("--dir", options->session.directory, "Keep the databases here [temporary]")
      ->type_name("DIR");
  command
      ->add_option("--http", options->http,
                   "Where the live page is served [127.0.0.1:8080, or a free port]")
      ->type_name("HOST:PORT");
  command->add_flag("--no-http", options->no_http, "Serve no live page");
  command->footer(kDemoFooter);
  command->callback([options, &context] {
    context.action = [options](CommandContext& c) { return run(*options, c); };
  });
}

}  // namespace hirestream
