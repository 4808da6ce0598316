// What `run` says of the rows that it met for the first time: which kinds were not counted, and
// whether the numbers can be what is wanted.
#pragma once

#include <string>
#include <vector>

#include "ports/observer.h"

namespace hirestream {

inline constexpr size_t kKindsShown = 20;

// One line for each reason; empty: every row was counted or rejected.
std::string not_counted_text(const FreshRows& rows);
// The most frequent kinds that were not counted: most_frequent of kKindsShown.
std::vector<NotCounted> shown_kinds(const FreshRows& rows);
// Sentences that name the likely reason and the setting that mends it: no click, no impression, or
// less than half of the rows counted.
std::vector<std::string> fresh_warnings(const FreshRows& rows);

}  // namespace hirestream
