// Operating errors as values. A function that can fail for a reason outside the program returns
// Result<T>; a bug hits HIRESTREAM_CHECK and stops the process. Retry policy depends on
// Error::kind, and of kConfig on may_pass, alone.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace hirestream {

enum class ErrorKind {
  kTransient,  // try again later: lost connection, time-out, deadlock, overloaded server
  kRejected,   // this input cannot be used: malformed file, impossible value
  kConfig,     // somebody must change something: wrong password, missing table, bad option
  kBug,        // the program is wrong
};

struct Error {
  ErrorKind kind = ErrorKind::kBug;
  std::string operation;  // what was being done: "connect", "read slice", "commit"
  std::string subject;    // to what: a host, table, file, option
  std::string message;    // what went wrong, with the offending value and what is allowed
  std::string hint;       // what to do about it; may be empty
  // Of kConfig: the answer is no proof that somebody must change something, for it is also what a
  // failover, a table that is being replaced or a replica that is down looks like. Where everything
  // has worked before in this process, it is tried again as if it were kTransient.
  bool may_pass = false;

  // One line for a person: "operation subject: message (hint)".
  std::string text() const;
};

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

inline tl::unexpected<Error> fail(ErrorKind kind, std::string operation, std::string subject,
                                  std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(
      Error{kind, std::move(operation), std::move(subject), std::move(message), std::move(hint)});
}

// kConfig that may pass.
inline tl::unexpected<Error> fail_for_now(std::string operation, std::string subject,
                                          std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{ErrorKind::kConfig, std::move(operation), std::move(subject),
                                     std::move(message), std::move(hint), true});
}

// Operation of the error of work that has ended because it was asked to, not because it could not
// go on.
inline constexpr const char* kInterrupt = "interrupt";

inline tl::unexpected<Error> interrupted(std::string subject,
                                         std::string message = "asked to end") {
  return fail(ErrorKind::kTransient, kInterrupt, std::move(subject), std::move(message));
}

inline tl::unexpected<Error> forward(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace hirestream

// Always on, in every build: a violated invariant must not write to somebody's database.
#define HIRESTREAM_CHECK(expression)                               \
  do {                                                             \
    if (!(expression)) [[unlikely]] {                              \
      ::hirestream::check_failed(#expression, __FILE__, __LINE__); \
    }                                                              \
  } while (false)

// Returns the error of a Result<...> expression from the enclosing function.
#define HIRESTREAM_TRY(expression)                                    \
  do {                                                                \
    if (auto try_result_ = (expression); !try_result_) [[unlikely]] { \
      return ::hirestream::forward(std::move(try_result_).error());   \
    }                                                                 \
  } while (false)

#define HIRESTREAM_CONCAT_INNER(a, b) a##b
#define HIRESTREAM_CONCAT(a, b) HIRESTREAM_CONCAT_INNER(a, b)
// HIRESTREAM_ASSIGN(auto x, f()): x is f()'s value, or the enclosing function returns f()'s error.
#define HIRESTREAM_ASSIGN(declaration, expression)                                                \
  auto HIRESTREAM_CONCAT(assign_result_, __LINE__) = (expression);                                \
  if (!HIRESTREAM_CONCAT(assign_result_, __LINE__)) [[unlikely]] {                                \
    return ::hirestream::forward(std::move(HIRESTREAM_CONCAT(assign_result_, __LINE__)).error()); \
  }                                                                                               \
  declaration = std::move(*HIRESTREAM_CONCAT(assign_result_, __LINE__))
