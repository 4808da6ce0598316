#include "cli/copy_table.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/printed_json_internal.h"
#include "cli/retry_backoff.h"
#include "cli/retry_deadline.h"

namespace hirestream {
namespace {

tl::unexpected<Error> file_error(const std::string& path, std::string message) {
  return fail(
      ErrorKind::kConfig, "keep progress", path, std::move(message),
      "name another file (--progress-file), or remove this one if that copy is not to go on");
}

}  // namespace

TableCopy::TableCopy(CopyOptions options, CassandraHistory& history, CassandraWriter& writer,
                     OnProgress on_progress)
    : options_(std::move(options)),
      history_(history),
      writer_(writer),
      on_progress_(std::move(on_progress)) {}

Result<void> TableCopy::run(const std::stop_token& stop) {
  HIRESTREAM_TRY(load_progress());
  while (report_.parts < kCopyParts) {
    HIRESTREAM_TRY(copy_part(stop));
    if (stop.stop_requested()) {
      report_.interrupted = true;
      return {};
    }
    ++report_.parts;
    HIRESTREAM_TRY(store_progress());
    on_progress_(report_);
  }
  std::error_code ignored;
  std::filesystem::remove(options_.progress_file, ignored);
  return {};
}

Result<void> TableCopy::load_progress() {
  std::ifstream file(options_.progress_file);
  if (!file) {
    return store_progress();
  }
  const auto said = nlohmann::json::parse(file, nullptr, false);
  if (!said.is_object() || said.value("from", "") != options_.from ||
      said.value("to", "") != options_.to) {
    return file_error(
        options_.progress_file,
        fmt::format("the file is not about a copy from {} to {}", options_.from, options_.to));
  }
  report_.parts = said.value("parts_done", int64_t{0});
  if (said.value("parts", int64_t{0}) != kCopyParts || report_.parts < 0 ||
      report_.parts > kCopyParts) {
    report_.parts = 0;
  }
  report_.parts_before = report_.parts;
  return {};
}

// Whole or not at all: a copy can end at any instant.
Result<void> TableCopy::store_progress() const {
  const std::string next = options_.progress_file + ".next";
  {
    std::ofstream file(next, std::ios::trunc);
    file << printed_json({{"from", options_.from},
                          {"to", options_.to},
                          {"parts", kCopyParts},
                          {"parts_done", report_.parts}})
         << '\n';
    if (!file.flush()) {
      return file_error(options_.progress_file, "cannot be written");
    }
  }
  std::error_code error;
  std::filesystem::rename(next, options_.progress_file, error);
  return error ? file_error(options_.progress_file, error.message()) : Result<void>();
}

Result<void> TableCopy::copy_part(const std::stop_token& stop) {
  RetryDeadline deadline(options_.give_up_after_us);
  RetryBackoff backoff;
  for (;;) {
    const CopyReport before = report_;
    auto copied = copy_part_once(stop);
    if (copied || copied.error().kind != ErrorKind::kTransient || stop.stop_requested()) {
      return stop.stop_requested() ? Result<void>() : copied;
    }
    const int64_t rows = report_.rows_written + report_.bad_rows;
    const int64_t left_us = deadline.left_us(steady_now_us(), rows);
    const int64_t delay_us = std::min(backoff.next(), left_us);
    if (left_us <= 0) {
      return copied;
    }
    if (options_.on_retry) {
      options_.on_retry(copied.error(), backoff.attempts(), delay_us);
    }
    report_ = before;
    ++report_.retries;
    sleep_unless_stopped(delay_us, stop);
  }
}

Result<void> TableCopy::copy_part_once(const std::stop_token& stop) {
  const auto place = [](int64_t part) {
    return kRingPlaces / kCopyParts * static_cast<uint64_t>(part);
  };
  return history_.read(place(report_.parts), place(report_.parts + 1),
                       [&](std::span<const StoredEvent> events) -> Result<void> {
                         if (stop.stop_requested()) {
                           return interrupted(options_.from);
                         }
                         HIRESTREAM_TRY(write(events));
                         on_progress_(report_);
                         return {};
                       });
}

Result<void> TableCopy::write(std::span<const StoredEvent> events) {
  const auto written = writer_.write_copies(events);
  if (!written && written.error().kind == ErrorKind::kRejected && options_.skip_bad_rows) {
    return write_one_by_one(events);
  }
  HIRESTREAM_TRY(written);
  report_.rows_written += static_cast<int64_t>(events.size());
  return {};
}

Result<void> TableCopy::write_one_by_one(std::span<const StoredEvent> events) {
  for (size_t i = 0; i < events.size(); ++i) {
    const auto written = writer_.write_copies(events.subspan(i, 1));
    if (written) {
      ++report_.rows_written;
    } else if (written.error().kind != ErrorKind::kRejected) {
      return written;
    } else {
      ++report_.bad_rows;
      if (report_.bad_sample.size() < kCopyBadSampleMax) {
        report_.bad_sample.push_back(written.error().message);
      }
    }
  }
  return {};
}

}  // namespace hirestream
