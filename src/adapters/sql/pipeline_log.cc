#include "adapters/sql/pipeline_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "adapters/sql/change_count.h"
#include "adapters/sql/mirror_entry.h"
#include "adapters/sql/multi_row_insert.h"

namespace hirestream {

using sql::Row;

namespace {

std::string add_up(const sql::Dialect& dialect) {
  std::string assignments;
  for (const char* column :
       {"new_rows", "rows_read", "requests", "commits", "commit_us_sum", "slices_settled",
        "slices_corrected", "slices_audited", "conflicts", "retries", "rejected"}) {
    assignments += fmt::format("{0} = hirestream_minutes.{0} + new.{0}, ", column);
  }
  for (const char* column :
       {"commit_us_max", "freshness_us_p50", "freshness_us_p95", "freshness_us_max"}) {
    assignments +=
        fmt::format("{0} = {1}(hirestream_minutes.{0}, new.{0}), ", column, dialect.greatest);
  }
  assignments.resize(assignments.size() - 2);
  return dialect.upsert("minute_us, source_id", assignments);
}

}  // namespace

Result<void> SqlPipelineLog::record(std::span<const PipelineMinute> minutes,
                                    int64_t expire_before_us) {
  HIRESTREAM_ASSIGN(const auto ids, source_ids());
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session_->begin_write());
  sql::MultiRowInsert add(
      *session_,
      "INSERT INTO hirestream_minutes (minute_us, source_id, new_rows, rows_read, requests, "
      "commits, commit_us_sum, commit_us_max, freshness_us_p50, freshness_us_p95, "
      "freshness_us_max, slices_settled, slices_corrected, slices_audited, conflicts, retries, "
      "rejected) VALUES",
      add_up(session_->dialect()));
  for (const PipelineMinute& m : minutes) {
    const auto id = ids.find(m.source);
    if (id == ids.end()) {
      continue;
    }
    fmt::format_to(std::back_inserter(add.row()),
                   "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}", m.minute_us, id->second,
                   m.new_rows, m.rows_read, m.requests, m.commits, m.commit_us_sum, m.commit_us_max,
                   m.freshness_us_p50, m.freshness_us_p95, m.freshness_us_max, m.slices_settled,
                   m.slices_corrected, m.slices_audited, m.conflicts, m.retries, m.rejected);
    HIRESTREAM_TRY(add.end_row());
  }
  HIRESTREAM_TRY(add.flush());
  HIRESTREAM_TRY(session_->execute(
      fmt::format("DELETE FROM hirestream_minutes WHERE minute_us < {}", expire_before_us)));
  return transaction.commit();
}

Result<std::map<std::string, int64_t, std::less<>>> SqlPipelineLog::source_ids() {
  std::map<std::string, int64_t, std::less<>> ids;
  HIRESTREAM_TRY(session_->each("SELECT id, name FROM hirestream_sources",
                                [&](const Row& row) { ids.emplace(row.text(1), row.integer(0)); }));
  return ids;
}

Result<void> SqlPipelineLog::record_mirrors(const std::string& source,
                                            std::span<const MirrorProgress> mirrors) {
  HIRESTREAM_ASSIGN(const auto ids, source_ids());
  const auto id = ids.find(source);
  if (id == ids.end()) {
    return {};
  }
  std::vector<std::string> gone;
  HIRESTREAM_TRY(
      session_->each(fmt::format("SELECT name FROM hirestream_meta WHERE name LIKE '{}%'",
                                 sql::mirror_entry_name(id->second, "")),
                     [&](const Row& row) {
                       const auto is_it = [&](const MirrorProgress& mirror) {
                         return sql::mirror_entry_name(id->second, mirror.node) == row.text(0);
                       };
                       if (std::ranges::none_of(mirrors, is_it)) {
                         gone.push_back(session_->quoted(row.text(0)));
                       }
                     }));
  for (const std::string& name : gone) {
    HIRESTREAM_TRY(
        session_->execute(fmt::format("DELETE FROM hirestream_meta WHERE name = {}", name)));
  }
  sql::MultiRowInsert store(*session_, "INSERT INTO hirestream_meta (name, value) VALUES",
                            session_->dialect().upsert("name", "value = new.value"));
  for (const MirrorProgress& mirror : mirrors) {
    std::string& row = store.row();
    session_->append_text(row, sql::mirror_entry_name(id->second, mirror.node));
    row += ',';
    session_->append_text(row, sql::mirror_entry_value(mirror));
    HIRESTREAM_TRY(store.end_row());
  }
  return store.flush();
}

Result<void> SqlPipelineLog::record_verification(const Verification& v) {
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session_->begin_write());
  const std::string source_condition =
      fmt::format("source_id IN (SELECT id FROM hirestream_sources WHERE name = {})",
                  session_->quoted(v.source));
  HIRESTREAM_TRY(session_->execute(fmt::format(
      "{} INTO hirestream_verifications (source_id, at_us, rows_read, slices_checked, "
      "slices_different, slices_repaired, slices_held, slices_damaged, cells_checked, "
      "cells_different) SELECT id, {}, {}, {}, {}, {}, {}, {}, {}, {} FROM hirestream_sources "
      "WHERE name = {}",
      session_->dialect().insert_or_ignore, v.at_us, v.rows_read, v.slices_checked,
      v.slices_different, v.slices_repaired, v.slices_held, v.slices_damaged, v.cells_checked,
      v.cells_different, session_->quoted(v.source))));
  // The oldest that stays; 0: there are fewer.
  HIRESTREAM_ASSIGN(
      const int64_t oldest,
      session_->number(fmt::format("SELECT at_us FROM hirestream_verifications WHERE {} ORDER BY "
                                   "at_us DESC LIMIT 1 OFFSET {}",
                                   source_condition, kVerificationsKept - 1)));
  HIRESTREAM_TRY(session_->execute(fmt::format(
      "DELETE FROM hirestream_verifications WHERE {} AND at_us < {}", source_condition, oldest)));
  HIRESTREAM_TRY(sql::note_change(*session_));
  return transaction.commit();
}

}  // namespace hirestream
