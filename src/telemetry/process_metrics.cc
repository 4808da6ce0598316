#include "telemetry/process_metrics.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

namespace hirestream {
namespace {

void add(std::string& text, std::string_view name, std::string_view type, std::string_view help,
         double value) {
  text += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type, help, value);
}

// The fields of /proc/self/stat behind the program's name, of which the first is the third
// (proc(5)).
std::vector<std::string> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) {
    return {};
  }
  std::istringstream rest(line.substr(name_end + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) {
    fields.push_back(field);
  }
  return fields;
}

std::optional<double> number(const std::vector<std::string>& fields, size_t field_of_proc) {
  const size_t place = field_of_proc - 3;
  if (place >= fields.size()) {
    return std::nullopt;
  }
  return std::stod(fields[place]);
}

double start_seconds(double start_ticks) {
  timespec up = {};
  clock_gettime(CLOCK_BOOTTIME, &up);
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const double since_boot = static_cast<double>(up.tv_sec) + static_cast<double>(up.tv_nsec) / 1e9;
  return now - since_boot + start_ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void add_files(std::string& text) {
  std::error_code error;
  size_t open = 0;
  for (std::filesystem::directory_iterator file("/proc/self/fd", error), end; file != end;
       file.increment(error)) {
    ++open;
  }
  if (!error) {
    add(text, "process_open_fds", "gauge", "Open file descriptors", static_cast<double>(open));
  }
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    add(text, "process_max_fds", "gauge", "Most file descriptors that may be open",
        static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace

std::string process_metrics(const std::string& version, const std::string& commit) {
  std::string text = fmt::format(
      "# HELP hirestream_build_info Always 1; version and commit are labels\n"
      "# TYPE hirestream_build_info gauge\n"
      "hirestream_build_info{{commit=\"{}\",version=\"{}\"}} 1\n",
      commit, version);
  const auto fields = stat_fields();
  const double tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto user = number(fields, 14);
  const auto system = number(fields, 15);
  if (user && system) {
    add(text, "process_cpu_seconds_total", "counter", "Processor time", (*user + *system) / tick);
  }
  if (const auto threads = number(fields, 20)) {
    add(text, "process_threads", "gauge", "Threads", *threads);
  }
  if (const auto start = number(fields, 22)) {
    add(text, "process_start_time_seconds", "gauge", "Start, seconds since 1970",
        start_seconds(*start));
  }
  if (const auto size = number(fields, 23)) {
    add(text, "process_virtual_memory_bytes", "gauge", "Virtual memory", *size);
  }
  if (const auto pages = number(fields, 24)) {
    add(text, "process_resident_memory_bytes", "gauge", "Resident memory",
        *pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  add_files(text);
  return text;
}

}  // namespace hirestream
