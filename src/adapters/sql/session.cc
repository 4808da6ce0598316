#include "adapters/sql/session.h"

#include <fmt/format.h>

namespace hirestream::sql {

int64_t Row::checked(int column, std::optional<int64_t> value) const {
  if (is_null(column)) {
    return 0;
  }
  if (!value && fault_.empty()) {
    fault_ =
        fmt::format("{} is {}, which is no integer of 64 bits", column_name(column), text(column));
  }
  return value.value_or(0);
}

Result<void> Transaction::commit() {
  HIRESTREAM_CHECK(session_ != nullptr);
  auto done = session_->send_commit();
  if (!done) {
    rollback();
    return done;
  }
  std::exchange(session_, nullptr)->in_transaction_ = false;
  return {};
}

void Transaction::rollback() {
  if (session_ != nullptr) {
    session_->send_rollback();
    std::exchange(session_, nullptr)->in_transaction_ = false;
  }
}

Result<void> Session::visit_row(const Row& row, const Visit& visit) const {
  HIRESTREAM_TRY(visit(row));
  if (!row.fault().empty()) {
    return fail(ErrorKind::kRejected, "read", subject(), row.fault());
  }
  return {};
}

Result<int64_t> Session::number(std::string_view sql) {
  int64_t value = 0;
  HIRESTREAM_TRY(first(sql, [&](const Row& row) { value = row.integer(0); }));
  return value;
}

Result<bool> Session::readable(std::string_view sql) {
  const auto done = each(sql, [](const Row&) {});
  if (!done && done.error().kind != ErrorKind::kConfig) {
    return forward(done.error());
  }
  return done.has_value();
}

std::string Session::quoted(std::string_view text) const {
  std::string out;
  append_text(out, text);
  return out;
}

Result<Transaction> Session::begin_write() {
  HIRESTREAM_CHECK(!in_transaction_);
  HIRESTREAM_TRY(start_write());
  in_transaction_ = true;
  return Transaction(*this);
}

Result<Transaction> Session::begin_snapshot() {
  HIRESTREAM_CHECK(!in_transaction_);
  HIRESTREAM_TRY(start_snapshot());
  in_transaction_ = true;
  return Transaction(*this);
}

Result<std::optional<Transaction>> Session::begin_read() {
  if (in_transaction_) {
    return std::optional<Transaction>();
  }
  HIRESTREAM_ASSIGN(Transaction snapshot, begin_snapshot());
  return std::optional<Transaction>(std::move(snapshot));
}

}  // namespace hirestream::sql
