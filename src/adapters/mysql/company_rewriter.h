// Gives rows the company of their job.
#pragma once

#include <map>

#include "adapters/mysql/session.h"

namespace hirestream::mysql {

// Rows of `events` and of hirestream_days that have another one than their job (id → company) are
// found by the indexes of job and company, without locks, and rewritten in key order, as commits
// write them. Within a transaction. Returns rows of `events` rewritten.
Result<int64_t> rewrite_companies(Session& session, const std::map<int64_t, int64_t>& companies,
                                  int64_t now_us);

}  // namespace hirestream::mysql
