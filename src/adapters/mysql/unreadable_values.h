// Says which column of an append-only `events` holds text that `migrate` cannot read, after the
// copy failed over it.
#pragma once

#include "adapters/mysql/session.h"
#include "model/result.h"

namespace hirestream::mysql {

// The same error with the column, how many rows there are and a SELECT that shows them. As it was,
// with a hint, when no column of text is at fault or looking fails. Blocking: reads the table once
// for each column of text.
Error explain_unreadable_values(Session& session, Error error);

}  // namespace hirestream::mysql
