#include "ports/commit_check.h"

namespace hirestream {

void check_commit(const Commit& commit) {
  for (size_t i = 0; i < commit.slices.size(); ++i) {
    HIRESTREAM_CHECK(i == 0 || commit.slices[i - 1].entry.key < commit.slices[i].entry.key);
    HIRESTREAM_CHECK(is_canonical(commit.slices[i].contribution));
  }
  for (size_t i = 0; i < commit.cells.size(); ++i) {
    HIRESTREAM_CHECK(i == 0 || commit.cells[i - 1].key < commit.cells[i].key);
    HIRESTREAM_CHECK(!commit.cells[i].delta.is_zero());
  }
  HIRESTREAM_CHECK(is_canonical(commit.frozen_hours));
  for (size_t i = 1; i < commit.frozen_days.size(); ++i) {
    const FrozenDay& before = commit.frozen_days[i - 1];
    const FrozenDay& after = commit.frozen_days[i];
    HIRESTREAM_CHECK(std::pair(before.shard, before.day) < std::pair(after.shard, after.day));
  }
}

}  // namespace hirestream
