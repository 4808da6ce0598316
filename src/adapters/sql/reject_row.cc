#include "adapters/sql/reject_row.h"

namespace hirestream::sql {

RejectedRow read_reject(const Row& row, int first) {
  RejectedRow reject;
  const std::string_view id = row.text(first);
  if (id.size() == 16) {
    reject.id = row_id_from_bytes(
        std::span<const uint8_t, 16>(reinterpret_cast<const uint8_t*>(id.data()), 16));
  }
  reject.reason = row.text(first + 1);
  reject.column = row.text(first + 2);
  reject.value = row.text(first + 3);
  reject.row = row.text(first + 4);
  return reject;
}

}  // namespace hirestream::sql
