// What every warehouse checks before a source may count into it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ports/warehouse.h"

namespace hirestream {

// Whether a known source is as given, but for what an older version did not store of it: the next
// engine brings that up to date.
bool is_of_older_version(const SourceRegistration& stored, const SourceRegistration& given);

// Each difference by its name, for people; empty: none.
std::string describe_differences(const Fingerprint& stored, const Fingerprint& given);

// Guard Fingerprint, of a name that is known: kConfig naming each difference.
Result<void> check_known_source(const SourceRegistration& stored, const SourceRegistration& given);

// Whether a known source may go on with the raw log as it is given: that is another table, or one
// with other columns, and nothing else differs. Says what does; empty: nothing. Else kConfig.
Result<std::string> check_adoption(const SourceRegistration& stored,
                                   const SourceRegistration& given);

// Of a new name: kConfig if one of the known sources is the same raw log, which would be counted
// twice. Of files and raw logs without id, whose identity is only a path, those named after their
// URI or path are the same if one path holds the other.
Result<void> check_new_source(std::span<const SourceRegistration> known,
                              const SourceRegistration& given);

// Of a new name, in a warehouse whose `events` was migrated: kConfig unless the source leaves the
// migrated hours alone, because it counts only events of later hours (ts_min_us) or, where each row
// has a time of arrival, only what arrived after them (start_at).
Result<void> check_hand_over(const MigratedHours& migrated, const SourceRegistration& given);

std::vector<SourceRegistration> registrations_of(std::span<const SourceStatus> sources);

// The check of a known name, or both of a new one. `known`: all sources of the warehouse.
Result<void> check_source(Warehouse& warehouse, std::span<const SourceRegistration> known,
                          const SourceRegistration& given);

// Of the first name of all, if `events` has rows but hirestream_frozen none: kConfig.
Result<void> refuse_rows_without_ledger(const SourceRegistration& given);

// Of a known name, if `events` has no row and the ledger has counted some: kConfig.
Result<void> refuse_ledger_without_rows(const SourceRegistration& given);

// Of a warehouse without `events`, before an empty one is made: kConfig that may pass if the ledger
// has counted rows. It is being replaced, perhaps, and comes back with them.
Result<void> check_new_events(const std::string& subject, bool ledger_has_rows);

}  // namespace hirestream
