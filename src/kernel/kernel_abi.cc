#include <exception>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "aggregation/slice_part_codec.h"
#include "cli/product_version.h"
#include "kernel/arrow_abi_internal.h"
#include "kernel/arrow_batch.h"
#include "kernel/hirestream_kernel.h"
#include "kernel/kernel.h"
#include "kernel/parts.h"
#include "model/floor_divide.h"
#include "model/timestamp.h"

struct hs_kernel {
  std::unique_ptr<hirestream::Kernel> kernel;
  std::string text;
};

struct hs_parts {
  std::vector<hirestream::SlicePart> parts;
  // ArrowBatch::missing_columns() of the batches that they were counted from.
  std::string missing_columns = {};
  std::string text = {};
  std::string bytes = {};
};

struct hs_counter {
  hirestream::SliceCounter counter;
  hirestream::ReadingRules rules;
  bool with_payload;
  std::optional<int64_t> partitions;
  // Of all rows; nothing: of each row its own.
  std::optional<hirestream::SliceKey> slice;
  // Of the first batch.
  std::optional<std::string> missing_columns = {};
  // A batch could not be counted, or only in part.
  bool failed = false;
};

namespace hirestream {
namespace {

thread_local std::string last_error;  // NOLINT: what a C ABI needs
thread_local std::string last_text;   // NOLINT
// Of last_error, or a text that needed no memory.
thread_local const char* last_error_text = "";  // NOLINT

hs_status status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kTransient:
      return HS_TRANSIENT;
    case ErrorKind::kRejected:
      return HS_REJECTED;
    case ErrorKind::kConfig:
      return HS_CONFIG;
    case ErrorKind::kBug:
      break;
  }
  return HS_BUG;
}

const char* kind_name(hs_status status) {
  return status == HS_TRANSIENT  ? "transient"
         : status == HS_REJECTED ? "rejected"
         : status == HS_CONFIG   ? "config"
                                 : "bug";
}

hs_status note(const Error& error) {
  const hs_status status = status_of(error.kind);
  const nlohmann::json json = {{"kind", kind_name(status)},
                               {"operation", error.operation},
                               {"subject", error.subject},
                               {"message", error.message},
                               {"hint", error.hint}};
  last_error = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  last_error_text = last_error.c_str();
  return status;
}

hs_status note_exception(const char* text) noexcept {
  try {
    return note({ErrorKind::kBug, "call", "kernel", text, {}});
  } catch (...) {
    last_error_text =
        R"({"kind":"bug","operation":"call","subject":"kernel","message":"out of memory","hint":""})";
    return HS_BUG;
  }
}

// No exception may cross the ABI.
template <typename Call>
hs_status guarded(const Call& call) noexcept {
  try {
    const Result<void> done = call();
    return done ? HS_OK : note(done.error());
  } catch (const std::exception& error) {
    return note_exception(error.what());
  } catch (...) {
    return note_exception("an exception of an unknown type");
  }
}

// What call() returns, which lives on; null: it failed.
template <typename Call>
auto guarded_pointer(const Call& call) noexcept -> decltype(call()) {
  decltype(call()) made = nullptr;
  guarded([&]() -> Result<void> {
    made = call();
    return {};
  });
  return made;
}

Result<void> check_usable(const hs_counter& counter) {
  if (counter.failed) {
    return fail(ErrorKind::kBug, "count", "batches",
                "an earlier batch could not be counted, or only in part", "begin a new counter");
  }
  return {};
}

tl::unexpected<Error> bad_settings(const std::string& message) {
  return fail(ErrorKind::kConfig, "read settings", "kernel", message,
              "a JSON object with config, options and frame, each of which may be left out");
}

Result<KernelSettings> read_settings(const char* text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return bad_settings("the settings are no JSON object");
  }
  KernelSettings settings;
  for (const auto& [name, value] : json.items()) {
    if (name == "config" && value.is_string()) {
      settings.config_file = value.get<std::string>();
    } else if (name == "options" && value.is_object()) {
      for (const auto& [option, given] : value.items()) {
        settings.options.emplace_back(option,
                                      given.is_string() ? given.get<std::string>() : given.dump());
      }
    } else if (name == "frame" && value.is_object()) {
      settings.frame = {value.value("kind", "frame"), value.value("identity", "frame")};
    } else {
      return bad_settings("'" + name + "' is no setting, or of another type");
    }
  }
  return settings;
}

CountRequest request_of(int64_t begun_us, uint32_t flags) {
  return {.begun_us = begun_us,
          .closed_only = (flags & HS_CLOSED_ONLY) != 0,
          .strongest = (flags & HS_STRONGEST) != 0,
          .trust_keys = (flags & HS_TRUST_KEYS) != 0,
          .contiguous = (flags & HS_CONTIGUOUS) != 0,
          .unique = (flags & HS_UNIQUE) != 0,
          .one_slice = (flags & HS_ONE_SLICE) != 0};
}

}  // namespace
}  // namespace hirestream

using namespace hirestream;  // NOLINT: the functions below have no namespace

uint32_t hs_abi_version(void) {
  return HS_KERNEL_ABI;
}

const char* hs_product(void) {
  return guarded_pointer([] {
    last_text = std::string(product_version()) + " (commit " + product_commit() + ")";
    return last_text.c_str();
  });
}

const char* hs_last_error(void) {
  return last_error_text;
}

hs_status hs_open(const char* settings, hs_kernel** kernel) {
  return guarded([&]() -> Result<void> {
    HIRESTREAM_ASSIGN(const KernelSettings given, read_settings(settings));
    HIRESTREAM_ASSIGN(auto opened, Kernel::open(given));
    *kernel = new hs_kernel{std::move(opened), {}};
    return {};
  });
}

void hs_close(hs_kernel* kernel) {
  delete kernel;
}

const char* hs_describe(hs_kernel* kernel) {
  return guarded_pointer([&] {
    const SourceDescription& source = kernel->kernel->description();
    const auto start_us = kernel->kernel->start_at_us();
    const nlohmann::json json = {{"name", kernel->kernel->name()},
                                 {"uri", kernel->kernel->uri()},
                                 {"kind", source.kind},
                                 {"strategy", strategy_name(source.strategy)},
                                 {"shard_count", source.shard_count},
                                 {"bucket_width_s", source.bucket_width.number()},
                                 {"arrival_width_s", source.arrival_width.number()},
                                 {"unique_rows", source.unique_rows},
                                 {"columns", source.columns},
                                 {"id", kernel->kernel->rules().name(Column::kCreateTime)},
                                 {"start_at", start_us ? format_timestamp_us(*start_us) + "Z" : ""},
                                 {"warnings", kernel->kernel->warnings()}};
    kernel->text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return kernel->text.c_str();
  });
}

hs_status hs_count_range(hs_kernel* kernel, uint64_t begin, uint64_t end, int64_t begun_us,
                         uint32_t flags, hs_parts** parts) {
  return guarded([&]() -> Result<void> {
    HIRESTREAM_ASSIGN(auto counted, kernel->kernel->counter().count_range(
                                        begin, end, request_of(begun_us, flags)));
    *parts = new hs_parts{.parts = std::move(counted)};
    return {};
  });
}

hs_status hs_count_window(hs_kernel* kernel, uint64_t begin, uint64_t end, int64_t from_us,
                          int64_t to_us, int64_t begun_us, uint32_t flags, hs_parts** parts) {
  return guarded([&]() -> Result<void> {
    CountRequest request = request_of(begun_us, flags);
    const int64_t width_us = kernel->kernel->description().bucket_width.us();
    request.window = EventTimes{floor_divide(from_us + width_us - 1, width_us) * width_us,
                                floor_divide(to_us, width_us) * width_us};
    HIRESTREAM_ASSIGN(auto counted, kernel->kernel->counter().count_range(begin, end, request));
    *parts = new hs_parts{.parts = std::move(counted)};
    return {};
  });
}

hs_status hs_count_slices(hs_kernel* kernel, const int32_t* shards, const int64_t* buckets,
                          size_t count, int64_t begun_us, uint32_t flags, hs_parts** parts) {
  return guarded([&]() -> Result<void> {
    std::vector<SliceKey> keys;
    for (size_t i = 0; i < count; ++i) {
      keys.push_back({shards[i], buckets[i]});
    }
    HIRESTREAM_ASSIGN(auto counted,
                      kernel->kernel->counter().count_slices(keys, request_of(begun_us, flags)));
    *parts = new hs_parts{.parts = std::move(counted)};
    return {};
  });
}

hs_status hs_counter_new(hs_kernel* kernel, int64_t begun_us, uint32_t flags,
                         hs_counter** counter) {
  return guarded([&]() -> Result<void> {
    const SourceDescription& source = kernel->kernel->description();
    std::optional<int64_t> partitions;
    const CountRequest request = request_of(begun_us, flags);
    if (source.strategy == Strategy::kTail && !request.one_slice) {
      partitions = source.bucket_width.number();
    }
    *counter = new hs_counter{.counter = kernel->kernel->counter().slices(request),
                              .rules = kernel->kernel->rules(),
                              .with_payload = kernel->kernel->with_payload(),
                              .partitions = partitions,
                              .slice = request.one_slice ? std::optional(kOneSlice) : std::nullopt};
    return {};
  });
}

hs_status hs_counter_add(hs_counter* counter, ArrowSchema* schema, ArrowArray* batch) {
  return guarded([&]() -> Result<void> {
    const ArrowBatch rows(*schema, *batch);
    HIRESTREAM_TRY(check_usable(*counter));
    counter->failed = true;
    HIRESTREAM_TRY(rows.read(counter->rules, counter->with_payload, counter->partitions,
                             [&](const TrackingBatch& read, std::span<const SliceKey> slices) {
                               return counter->partitions
                                          ? counter->counter.add(read, slices)
                                          : counter->counter.add(read, counter->slice);
                             }));
    if (!counter->missing_columns) {
      counter->missing_columns = rows.missing_columns(counter->rules, counter->with_payload);
    }
    counter->failed = false;
    return {};
  });
}

hs_status hs_counter_finish(hs_counter* counter, hs_parts** parts) {
  return guarded([&]() -> Result<void> {
    HIRESTREAM_TRY(check_usable(*counter));
    HIRESTREAM_ASSIGN(auto counted, counter->counter.take());
    *parts = new hs_parts{.parts = std::move(counted),
                          .missing_columns = counter->missing_columns.value_or("")};
    return {};
  });
}

void hs_counter_free(hs_counter* counter) {
  delete counter;
}

hs_parts* hs_parts_new(void) {
  return guarded_pointer([] { return new hs_parts; });
}

void hs_parts_free(hs_parts* parts) {
  delete parts;
}

size_t hs_parts_count(const hs_parts* parts) {
  return parts->parts.size();
}

hs_status hs_parts_get(hs_parts* parts, size_t index, int32_t* shard, int64_t* bucket,
                       const uint8_t** bytes, size_t* size) {
  return guarded([&]() -> Result<void> {
    if (index >= parts->parts.size()) {
      return fail(ErrorKind::kBug, "get part", std::to_string(index),
                  "there are " + std::to_string(parts->parts.size()));
    }
    const SlicePart& part = parts->parts[index];
    parts->bytes = encode_part(part);
    *shard = part.key.shard;
    *bucket = part.key.bucket;
    *bytes = reinterpret_cast<const uint8_t*>(parts->bytes.data());
    *size = parts->bytes.size();
    return {};
  });
}

hs_status hs_parts_add(hs_parts* parts, const uint8_t* bytes, size_t size) {
  return guarded([&]() -> Result<void> {
    HIRESTREAM_ASSIGN(SlicePart part, decode_part({reinterpret_cast<const char*>(bytes), size}));
    parts->parts.push_back(std::move(part));
    return {};
  });
}

hs_status hs_parts_move(hs_parts* parts, hs_parts* from) {
  return guarded([&]() -> Result<void> {
    if (parts == from) {
      return {};
    }
    parts->parts.insert(parts->parts.end(), std::make_move_iterator(from->parts.begin()),
                        std::make_move_iterator(from->parts.end()));
    from->parts.clear();
    if (parts->missing_columns.empty()) {
      parts->missing_columns = from->missing_columns;
    }
    return {};
  });
}

const char* hs_parts_summary(hs_parts* parts) {
  return guarded_pointer([&] {
    parts->text = parts_summary(parts->parts, parts->missing_columns);
    return parts->text.c_str();
  });
}

hs_status hs_parts_cells(const hs_parts* parts, ArrowSchema* schema, ArrowArray* batch) {
  return guarded([&]() { return export_cells(parts->parts, *schema, *batch); });
}

hs_status hs_run_begin(hs_kernel* kernel, const char* run, uint32_t flags, int64_t* begun_us) {
  return guarded([&]() -> Result<void> {
    HIRESTREAM_ASSIGN(*begun_us, kernel->kernel->begin_run(run, (flags & HS_STRONGEST) != 0));
    return {};
  });
}

hs_status hs_run_stage(hs_kernel* kernel, const char* run, int64_t attempt, const hs_parts* parts) {
  return guarded([&]() { return kernel->kernel->stage(run, attempt, parts->parts); });
}

hs_status hs_run_accept(hs_kernel* kernel, const char* run, const int64_t* attempts, size_t count) {
  return guarded([&]() { return kernel->kernel->accept(run, {attempts, count}); });
}

hs_status hs_run_publish(hs_kernel* kernel, const char* run, int how, const char** report) {
  return guarded([&]() -> Result<void> {
    if (how == HS_REBUILD) {
      HIRESTREAM_ASSIGN(kernel->text, kernel->kernel->rebuild_run(run));
    } else {
      HIRESTREAM_ASSIGN(kernel->text, kernel->kernel->publish_run(run, how != HS_PUBLISH,
                                                                  how == HS_COMPARE_WHOLE));
    }
    *report = kernel->text.c_str();
    return {};
  });
}

hs_status hs_run_forget(hs_kernel* kernel, const char* run) {
  return guarded([&]() { return kernel->kernel->forget(run); });
}
