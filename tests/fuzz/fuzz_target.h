// Fuzz targets: one function for each parser of outside bytes. A target feeds any bytes to its
// parser and checks what must hold for every input; a violated property stops the process, as a
// crash does. libFuzzer finds inputs (fuzzer_main.cc), corpus_test.cc replays those that are kept
// in corpus/<name>/. Targets keep nothing between calls that could change a result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hirestream {

using Bytes = std::span<const uint8_t>;

void fuzz_bid(Bytes input);
void fuzz_commit_log(Bytes input);
void fuzz_compressed(Bytes input);
void fuzz_contribution_blob(Bytes input);
void fuzz_cql_page(Bytes input);
void fuzz_csv(Bytes input);
void fuzz_http_head(Bytes input);
void fuzz_http_request(Bytes input);
void fuzz_ndjson(Bytes input);
void fuzz_payload(Bytes input);
void fuzz_rows(Bytes input);
void fuzz_setting_value(Bytes input);
void fuzz_settings(Bytes input);
void fuzz_timestamp(Bytes input);
void fuzz_uri(Bytes input);
void fuzz_uuid(Bytes input);

struct FuzzTarget {
  std::string_view name;  // also of its folder in corpus/
  void (*run)(Bytes);
};

inline constexpr FuzzTarget kFuzzTargets[] = {
    {"bid", fuzz_bid},
    {"commit_log", fuzz_commit_log},
    {"compressed", fuzz_compressed},
    {"contribution_blob", fuzz_contribution_blob},
    {"cql_page", fuzz_cql_page},
    {"csv", fuzz_csv},
    {"http_head", fuzz_http_head},
    {"http_request", fuzz_http_request},
    {"ndjson", fuzz_ndjson},
    {"payload", fuzz_payload},
    {"rows", fuzz_rows},
    {"setting_value", fuzz_setting_value},
    {"settings", fuzz_settings},
    {"timestamp", fuzz_timestamp},
    {"uri", fuzz_uri},
    {"uuid", fuzz_uuid},
};

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Takes choices and pieces off the front of an input.
class InputReader {
 public:
  explicit InputReader(Bytes bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  // 0 at the end.
  uint8_t byte() {
    const Bytes one = take(1);
    return one.empty() ? uint8_t{0} : one[0];
  }
  // Big-endian; missing bytes are 0.
  template <typename Integer>
  Integer integer() {
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(Integer); ++i) value = value << 8 | byte();
    return static_cast<Integer>(value);
  }
  // At most `size`.
  Bytes take(size_t size) {
    const Bytes taken = bytes_.first(size < bytes_.size() ? size : bytes_.size());
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  // Up to the separator, which is dropped.
  std::string_view text_until(char separator) {
    const std::string_view text = as_text(bytes_);
    const size_t end = text.find(separator);
    const Bytes taken = take(end == text.npos ? text.size() : end);
    take(1);
    return as_text(taken);
  }
  Bytes rest() { return take(bytes_.size()); }

 private:
  Bytes bytes_;
};

[[noreturn]] void property_violated(const char* property, const char* file, int line);

}  // namespace hirestream

#define FUZZ_REQUIRE(property)                                        \
  do {                                                                \
    if (!(property)) [[unlikely]] {                                   \
      ::hirestream::property_violated(#property, __FILE__, __LINE__); \
    }                                                                 \
  } while (false)
