// The job and publisher inside `ed`, a JSON text such as
// {"customEvent":"click","jobId":"188","publisherId":"1"}. Keys are compared without case, the
// first match counts; a value is taken when it is an integer or a string of digits, everything else
// is nothing. Not thread-safe; keeps its buffers between calls.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace hirestream {

struct PayloadIds {
  std::optional<int64_t> job_id;
  std::optional<int64_t> publisher_id;
};

class PayloadParser {
 public:
  PayloadParser();
  PayloadParser(PayloadParser&&) noexcept;
  PayloadParser& operator=(PayloadParser&&) noexcept;
  ~PayloadParser();
  // Malformed JSON, or JSON that is no object: nothing.
  PayloadIds parse(std::string_view json);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hirestream
