// hirestream_simulator: runs the engine through simulated hours of rows, faults and crashes; prints
// what it did, and for a failing seed the invariant and the last lines of its trace. Exit 0: all
// well; 1: a seed failed (with --break: no seed did); 2: bad usage.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "model/timestamp.h"
#include "simulation/mirror_run.h"
#include "simulation/simulation.h"
#include "simulation/year.h"

namespace hirestream::simulation {
namespace {

constexpr size_t kTraceLinesShown = 80;

// Which sources count into the warehouse of a run.
struct Cast {
  Strategy strategy = Strategy::kTail;
  std::optional<Strategy> companion = std::nullopt;
  Leasing leasing = Leasing::kNone;
  bool mirror = false;  // no engine, but what keeps a table that an engine reads

  std::string name() const {
    return mirror                         ? "mirror"
           : leasing == Leasing::kShared  ? "shared"
           : leasing == Leasing::kStandby ? "standby"
           : companion ? fmt::format("{}+{}", strategy_name(strategy), strategy_name(*companion))
                       : std::string(strategy_name(strategy));
  }
};

std::vector<Cast> all_casts() {
  return {{Strategy::kTail, std::nullopt},
          {Strategy::kFollow, std::nullopt},
          {Strategy::kScan, std::nullopt},
          {Strategy::kTail, Strategy::kFollow},
          {Strategy::kTail, std::nullopt, Leasing::kShared},
          {Strategy::kTail, std::nullopt, Leasing::kStandby},
          {.mirror = true}};
}

struct Arguments {
  std::string command;  // as it was given
  uint64_t seed = 1;
  uint64_t seeds = 100;
  std::optional<int64_t> seconds;
  std::optional<uint64_t> budget_s;
  uint64_t jobs = 1;
  std::string summary;
  bool trace = false;
  bool keep_going = false;
  bool help = false;
  bool year = false;
  int64_t days = 400;
  std::vector<Cast> casts = all_casts();
  std::optional<Defect> defect;
};

void print_usage(std::FILE* to) {
  fmt::print(
      to,
      "usage: hirestream_simulator [--seed N] [--seeds N] [--budget S] [--seconds S] [--trace]\n"
      "                            [--keep-going] [--break NAME]\n"
      "                            [--strategy "
      "tail|follow|scan|tail+follow|shared|standby|mirror|all]\n"
      "                            [--jobs N] [--summary FILE] [--year] [--days N]\n"
      "  --seed N        the first seed; without --seeds and --budget that one alone: replays a "
      "run\n"
      "  --seeds N       so many seeds, one after the other (100)\n"
      "  --budget S      as many seeds as fit into S seconds\n"
      "  --seconds S     simulated seconds in which rows are written, instead of what the seed "
      "says\n"
      "  --jobs N        so many runs at a time, each on a core of its own (1)\n"
      "  --year          one engine through hundreds of days, a run a seed (1): what grows?\n"
      "  --days N        of a year (400)\n"
      "  --trace         print what happens\n"
      "  --keep-going    do not stop at the first failure\n"
      "  --break NAME    with a deliberate defect: exit 0 if it is found\n"
      "  --summary FILE  write the totals as Markdown\n"
      "  --help          print this\n"
      "Exit status: 0: all well; 1: a seed failed (with --break: none did); 2: bad usage\n"
      "Defects for --break:\n");
  for (const Defect defect : all_defects()) {
    fmt::print(to, "  {} ({})\n", defect_name(defect), strategy_name(strategy_for(defect)));
  }
}

std::optional<uint64_t> number(const char* text) {
  char* end = nullptr;
  const uint64_t value = std::strtoull(text, &end, 10);
  return *text != '\0' && *end == '\0' ? std::optional(value) : std::nullopt;
}

bool take_value(Arguments& out, std::string_view name, const char* value) {
  if (name == "--strategy") {
    const std::string_view wanted = value;
    if (wanted == "all") {
      return true;
    }
    out.casts = all_casts();
    std::erase_if(out.casts, [&](const Cast& cast) { return cast.name() != wanted; });
    return !out.casts.empty();
  }
  if (name == "--break") {
    out.defect = find_defect(value);
    if (out.defect) {
      out.casts = {{.strategy = strategy_for(*out.defect)}};
    }
    return out.defect.has_value();
  }
  if (name == "--summary") {
    out.summary = value;
    return true;
  }
  const auto parsed = number(value);
  if (!parsed) {
    return false;
  }
  if (name == "--seed") {
    out.seed = *parsed;
  } else if (name == "--seeds") {
    out.seeds = *parsed;
  } else if (name == "--budget") {
    out.budget_s = parsed;
    out.seeds = UINT64_MAX / 2;
  } else if (name == "--jobs") {
    out.jobs = std::max<uint64_t>(*parsed, 1);
  } else if (name == "--days") {
    out.days = static_cast<int64_t>(*parsed);
  } else if (name == "--seconds") {
    out.seconds = static_cast<int64_t>(*parsed);
  } else {
    return false;
  }
  return true;
}

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments out;
  bool seed_only = false;
  bool seeds_given = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--trace") {
      out.trace = true;
    } else if (name == "--keep-going") {
      out.keep_going = true;
    } else if (name == "--year") {
      out.year = true;
    } else if (name == "--help" || name == "-h") {
      out.help = true;
    } else if (i + 1 < argc && take_value(out, name, argv[i + 1])) {
      seed_only = seed_only || name == "--seed";
      seeds_given = seeds_given || name == "--seeds" || name == "--budget";
      ++i;
    } else {
      return std::nullopt;
    }
  }
  if ((seed_only || out.year) && !seeds_given) {
    out.seeds = 1;
  }
  return out;
}

// A failed check of the product ends the process: say which run it was.
thread_local volatile uint64_t current_seed = 0;
thread_local volatile std::sig_atomic_t current_strategy = 0;

extern "C" void on_abort(int) {  // runs in the thread that aborts
  fmt::print(stderr, "aborted in seed {} --strategy {}\n", uint64_t{current_seed},
             strategy_name(static_cast<Strategy>(current_strategy)));
}

std::string machine() {
  std::string model = "unknown processor";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
  return fmt::format("{}, {} cores", model, std::thread::hardware_concurrency());
}

class Totals {
 public:
  void add(const RunReport& report) {
    ++runs_;
    simulated_us_ += report.simulated_us;
    rows_ += report.rows;
    steps_ += report.steps;
    commits_ += report.commits;
    for (const auto& [kind, count] : report.faults) {
      faults_[kind] += count;
    }
    for (const auto& [call, count] : report.crashes) {
      crashes_[call] += count;
    }
  }

  void print(uint64_t failed, double wall_s) const {
    const double hours = static_cast<double>(simulated_us_) / 3.6e9;
    fmt::print("{} runs, {} failed; {:.1f} simulated hours, {} rows, {} steps, {} commits\n", runs_,
               failed, hours, rows_, steps_, commits_);
    fmt::print("{:.1f} s: {:.0f} runs and {:.1f} simulated hours a minute\n", wall_s,
               static_cast<double>(runs_) / wall_s * 60, hours / wall_s * 60);
    fmt::print("faults:");
    for (const auto& [kind, count] : faults_) {
      fmt::print(" {} {},", kind, count);
    }
    fmt::print("\n");
  }

  // Into a file that is open.
  void write_summary(std::FILE* file, const Arguments& arguments, uint64_t failed,
                     double wall_s) const {
    const double hours = static_cast<double>(simulated_us_) / 3.6e9;
    const char* commit = std::getenv("HIRESTREAM_COMMIT");  // as make knows it
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    fmt::print(
        file,
        "# {}\n\nWritten by `{}`, {}.\n\n- Machine: {}\n- Commit: {}\n\n"
        "| what | how many |\n|---|---|\n| runs (seeds times strategies) | {} |\n| failed | {} |\n"
        "| simulated hours | {:.1f} |\n| raw rows | {} |\n| steps of engines | {} |\n| commits | "
        "{} |\n"
        "| simulated hours a minute, on one core | {:.0f} |\n\n| fault | times |\n|---|---|\n",
        arguments.year ? "A simulated year" : "Simulation", arguments.command,
        format_timestamp_ms(std::chrono::duration_cast<std::chrono::microseconds>(now).count())
                .substr(0, 16) +
            " UTC",
        machine(), commit != nullptr && *commit != 0 ? commit : "unknown", runs_, failed, hours,
        rows_, steps_, commits_, hours / wall_s * 60 / static_cast<double>(arguments.jobs));
    for (const auto& [kind, count] : faults_) {
      fmt::print(file, "| {} | {} |\n", kind, count);
    }
    fmt::print(file, "\n| killed at | times |\n|---|---|\n");
    for (const auto& [call, count] : crashes_) {
      fmt::print(file, "| {} | {} |\n", call, count);
    }
  }

 private:
  int64_t runs_ = 0;
  int64_t simulated_us_ = 0;
  int64_t rows_ = 0;
  int64_t steps_ = 0;
  int64_t commits_ = 0;
  std::map<std::string, int64_t, std::less<>> faults_;
  std::map<std::string, int64_t, std::less<>> crashes_;
};

// What was measured in the runs of a year, a column a run.
class Years {
 public:
  void add(uint64_t seed, const YearReport& report) { runs_.emplace(seed, report); }

  void print(std::FILE* to) const {
    fmt::print(to, "\n| seed |");
    for (const auto& [seed, report] : runs_) {
      fmt::print(to, " {} |", seed);
    }
    fmt::print(to, "\n|---|");
    for (size_t i = 0; i < runs_.size(); ++i) {
      fmt::print(to, "---|");
    }
    fmt::print(to, "\n");
    const std::pair<const char*, int64_t YearReport::*> lines[] = {
        {"retention, days", &YearReport::retention_days},
        {"starts of the engine", &YearReport::restarts},
        {"rows of `events`", &YearReport::cells},
        {"slices frozen", &YearReport::slices_frozen},
        {"frozen days (of 8 shards)", &YearReport::frozen_days},
        {"slices in the ledger, at most", &YearReport::slices_max},
        {"… loaded by a start, at most", &YearReport::loaded_max},
        {"raw rows read until a start has caught up, at most", &YearReport::caught_up_rows_max},
        {"bytes the engine held, at most", &YearReport::heap_max},
        {"… at the first look", &YearReport::heap_first},
        {"slices in the ledger at the first look", &YearReport::slices_first},
        {"bytes the engine held in the end", &YearReport::heap_last},
        {"slices in the ledger in the end", &YearReport::slices_last}};
    for (const auto& [name, value] : lines) {
      fmt::print(to, "| {} |", name);
      for (const auto& [seed, report] : runs_) {
        fmt::print(to, " {} |", report.*value);
      }
      fmt::print(to, "\n");
    }
  }

 private:
  std::map<uint64_t, YearReport> runs_;
};

void print_trace(const RunReport& report, size_t lines) {
  const size_t begin = report.trace.size() > lines ? report.trace.size() - lines : 0;
  for (size_t i = begin; i < report.trace.size(); ++i) {
    fmt::print("  {}\n", report.trace[i]);
  }
}

void print_failure(const RunParameters& parameters, const Cast& cast, const RunReport& report) {
  fmt::print("FAILED --seed {} --strategy {}{}\n  {}\n", parameters.seed, cast.name(),
             parameters.seconds ? fmt::format(" --seconds {}", *parameters.seconds) : "",
             report.failure);
}

// Plays seeds, each run in one thread from its beginning to its end; what they share is guarded by
// `mutex_` or atomic.
class Player {
 public:
  explicit Player(const Arguments& arguments) : arguments_(arguments), next_(arguments.seed) {}

  int play() {
    std::vector<std::thread> others;
    for (uint64_t i = 1; i < arguments_.jobs; ++i) {
      others.emplace_back([this] { play_seeds(); });
    }
    play_seeds();
    for (std::thread& other : others) {
      other.join();
    }
    const double wall_s = elapsed_s();
    totals_.print(failed_, wall_s);
    if (arguments_.year) {
      years_.print(stdout);
    }
    if (!arguments_.summary.empty() && !write_summary(wall_s)) {
      fmt::print(stderr, "cannot write {}\n", arguments_.summary);
      return 2;
    }
    return (failed_ == 0) == !arguments_.defect.has_value() ? 0 : 1;
  }

 private:
  double elapsed_s() const {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
    return elapsed.count();
  }

  bool write_summary(double wall_s) const {
    std::FILE* file = std::fopen(arguments_.summary.c_str(), "w");
    if (file == nullptr) {
      return false;
    }
    totals_.write_summary(file, arguments_, failed_, wall_s);
    if (arguments_.year) {
      years_.print(file);
    }
    return std::fclose(file) == 0;
  }

  bool is_over() const {
    return stopped_ ||
           (arguments_.budget_s && elapsed_s() > static_cast<double>(*arguments_.budget_s));
  }

  void play_seeds() {
    while (!is_over()) {
      const uint64_t seed = next_++;
      if (seed - arguments_.seed >= arguments_.seeds) {
        return;
      }
      if (arguments_.year) {
        play_year(seed);
        continue;
      }
      for (const Cast& cast : arguments_.casts) {
        if (stopped_) {
          return;
        }
        play_seed(seed, cast);
      }
    }
  }

  void play_year(uint64_t seed) {
    current_seed = seed;
    current_strategy = static_cast<std::sig_atomic_t>(Strategy::kTail);
    YearReport report =
        run_year({.seed = seed, .days = arguments_.days, .tracing = arguments_.trace});
    const std::lock_guard lock(mutex_);
    totals_.add(report.run);
    print_trace(report.run, SIZE_MAX);
    if (!report.run.failure.empty()) {
      ++failed_;
      fmt::print("FAILED --year --days {} --seed {}\n  {}\n", arguments_.days, seed,
                 report.run.failure);
      stopped_ = stopped_ || !arguments_.keep_going;
    }
    report.run = {};
    years_.add(seed, report);
  }

  static RunReport run(const RunParameters& parameters, const Cast& cast) {
    return cast.mirror ? run_mirror(parameters.seed, parameters.tracing)
                       : run_simulation(parameters);
  }

  void play_seed(uint64_t seed, const Cast& cast) {
    RunParameters parameters;
    parameters.seed = seed;
    parameters.strategy = cast.strategy;
    parameters.companion = cast.companion;
    parameters.leasing = cast.leasing;
    parameters.seconds = arguments_.seconds;
    parameters.defect = arguments_.defect;
    parameters.tracing = arguments_.trace;
    current_seed = seed;
    current_strategy = static_cast<std::sig_atomic_t>(cast.strategy);
    RunReport report = run(parameters, cast);
    const bool failed = !report.failure.empty();
    RunReport traced;
    if (failed && !arguments_.keep_going && !arguments_.trace) {
      parameters.tracing = true;
      traced = run(parameters, cast);
    }
    const std::lock_guard lock(mutex_);
    totals_.add(report);
    if (arguments_.trace) {
      print_trace(report, SIZE_MAX);
    }
    if (failed) {
      ++failed_;
      print_failure(parameters, cast, report);
      print_trace(traced, kTraceLinesShown);
      stopped_ = stopped_ || !arguments_.keep_going;
    }
  }

  const Arguments& arguments_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::atomic<uint64_t> next_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  Totals totals_;
  Years years_;
  uint64_t failed_ = 0;
};

}  // namespace
}  // namespace hirestream::simulation

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a failure is seen when it happens
  const auto arguments = hirestream::simulation::parse(argc, argv);
  if (!arguments) {
    hirestream::simulation::print_usage(stderr);
    return 2;
  }
  if (arguments->help) {
    hirestream::simulation::print_usage(stdout);
    return 0;
  }
  std::signal(SIGABRT, hirestream::simulation::on_abort);
  auto given = *arguments;
  given.command = "hirestream_simulator";
  for (int i = 1; i < argc; ++i) {
    given.command += std::string(" ") + argv[i];
  }
  return hirestream::simulation::Player(given).play();
}
