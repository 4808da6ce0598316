#include "adapters/sql/staging.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <iterator>
#include <map>
#include <utility>

#include "adapters/sql/fingerprint_json.h"
#include "adapters/sql/multi_row_insert.h"
#include "aggregation/slice_part_codec.h"

namespace hirestream {

using sql::Row;

namespace {

constexpr std::array<const char*, 3> kTables = {
    "hirestream_staged_slices", "hirestream_staged_revisions", "hirestream_staged_attempts"};
// Parts of attempts whose receipt somebody has.
constexpr const char* kAccepted =
    "hirestream_staged_slices s JOIN hirestream_staged_attempts a ON a.run_id = s.run_id AND "
    "a.attempt = s.attempt AND a.accepted = 1";

tl::unexpected<Error> no_run(const sql::Session& session, const std::string& run) {
  return fail(ErrorKind::kConfig, "find run", session.subject(),
              fmt::format("there is no run '{}'", run),
              "it was never begun in this warehouse, or has expired");
}

SliceKey read_key(const Row& row) {
  return {static_cast<int32_t>(row.integer(0)), row.integer(1)};
}

}  // namespace

std::string SqlStaging::is(const std::string& run) const {
  return "run_id = " + session_->quoted(run);
}

Result<void> SqlStaging::begin(const StagedRun& run) {
  HIRESTREAM_CHECK(!run.id.empty() && run.id.size() <= kRunIdMax);
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session_->begin_write());
  HIRESTREAM_ASSIGN(const int64_t known,
                    session_->number(fmt::format(
                        "SELECT COUNT(*) FROM hirestream_staged_runs WHERE {}", is(run.id))));
  if (known != 0) {
    return fail(ErrorKind::kConfig, "begin run", session_->subject(),
                fmt::format("the run '{}' is there already", run.id),
                "give each run a name of its own");
  }
  HIRESTREAM_TRY(session_->execute(fmt::format(
      "INSERT INTO hirestream_staged_runs (run_id, source_name, kind, fingerprint, shard_count, "
      "lifetime_us, strongest, begun_us, published_us) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {})",
      session_->quoted(run.id), session_->quoted(run.source.name),
      session_->quoted(run.source.kind),
      session_->quoted(encode_fingerprint(run.source.fingerprint)), run.shard_count,
      run.lifetime_us ? std::to_string(*run.lifetime_us) : "NULL", run.strongest ? 1 : 0,
      run.begun_us, run.published_us)));
  HIRESTREAM_TRY(note_revisions(run));
  return transaction.commit();
}

Result<void> SqlStaging::note_revisions(const StagedRun& run) {
  return session_->execute(fmt::format(
      "INSERT INTO hirestream_staged_revisions (run_id, shard, bucket, revision) SELECT {}, shard, "
      "bucket, revision FROM hirestream_slices WHERE source_id IN (SELECT id FROM "
      "hirestream_sources WHERE name = {})",
      session_->quoted(run.id), session_->quoted(run.source.name)));
}

Result<StagedRun> SqlStaging::find(const std::string& run) {
  StagedRun found;
  HIRESTREAM_ASSIGN(
      const bool there,
      session_->first(
          fmt::format("SELECT source_name, kind, fingerprint, shard_count, lifetime_us, strongest, "
                      "begun_us, published_us FROM hirestream_staged_runs WHERE {}",
                      is(run)),
          [&](const Row& row) {
            found = {.id = run,
                     .source = {.name = std::string(row.text(0)),
                                .kind = std::string(row.text(1)),
                                .fingerprint = decode_fingerprint(row.text(2))},
                     .shard_count = static_cast<int32_t>(row.integer(3)),
                     .strongest = row.integer(5) != 0,
                     .begun_us = row.integer(6),
                     .published_us = row.integer(7)};
            if (!row.is_null(4)) {
              found.lifetime_us = row.integer(4);
            }
          }));
  if (!there) {
    return no_run(*session_, run);
  }
  return found;
}

// The same attempt again: whoever staged it did not hear that it went well.
Result<void> SqlStaging::note_attempt(const std::string& run, int64_t attempt) {
  const std::string mine = fmt::format("{} AND attempt = {}", is(run), attempt);
  HIRESTREAM_ASSIGN(
      const int64_t known,
      session_->number("SELECT COUNT(*) FROM hirestream_staged_attempts WHERE " + mine));
  if (known != 0) {
    return session_->execute("DELETE FROM hirestream_staged_slices WHERE " + mine);
  }
  return session_->execute(
      fmt::format("INSERT INTO hirestream_staged_attempts (run_id, attempt, accepted) VALUES ({}, "
                  "{}, 0)",
                  session_->quoted(run), attempt));
}

Result<void> SqlStaging::stage(const std::string& run, int64_t attempt,
                               std::span<const SlicePart> parts) {
  HIRESTREAM_ASSIGN(const StagedRun known, find(run));
  if (known.published_us != 0) {
    return fail(ErrorKind::kConfig, "stage", session_->subject(),
                fmt::format("the run '{}' is published already", run), "begin another one");
  }
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session_->begin_write());
  HIRESTREAM_TRY(note_attempt(run, attempt));
  sql::MultiRowInsert insert(
      *session_,
      "INSERT INTO hirestream_staged_slices (run_id, shard, bucket, attempt, part, contribution) "
      "VALUES",
      "");
  const std::string name = session_->quoted(run);
  for (size_t i = 0; i < parts.size(); ++i) {
    std::string& row = insert.row();
    fmt::format_to(std::back_inserter(row), "{},{},{},{},{},", name, parts[i].key.shard,
                   parts[i].key.bucket, attempt, i);
    sql::append_bytes(row, encode_part(parts[i]));
    HIRESTREAM_TRY(insert.end_row());
  }
  HIRESTREAM_TRY(insert.flush());
  return transaction.commit();
}

Result<void> SqlStaging::accept(const std::string& run, std::span<const int64_t> attempts) {
  if (attempts.empty()) {
    return {};
  }
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session_->begin_write());
  const std::string these =
      fmt::format("{} AND attempt IN ({})", is(run), fmt::join(attempts, ","));
  HIRESTREAM_ASSIGN(
      const int64_t known,
      session_->number("SELECT COUNT(*) FROM hirestream_staged_attempts WHERE " + these));
  if (known != static_cast<int64_t>(attempts.size())) {
    return fail(ErrorKind::kConfig, "accept attempts", session_->subject(),
                fmt::format("of {} attempts of run '{}' {} have staged something", attempts.size(),
                            run, known),
                "receipts are of another run, or of another warehouse");
  }
  HIRESTREAM_TRY(
      session_->execute("UPDATE hirestream_staged_attempts SET accepted = 1 WHERE " + these));
  return transaction.commit();
}

Result<StagedCounts> SqlStaging::counts(const std::string& run) {
  StagedCounts counts;
  HIRESTREAM_ASSIGN(
      counts.slices,
      session_->number(fmt::format("SELECT COUNT(*) FROM (SELECT DISTINCT s.shard, s.bucket FROM "
                                   "{} WHERE s.{}) d",
                                   kAccepted, is(run))));
  HIRESTREAM_TRY(session_->each(
      fmt::format("SELECT accepted, COUNT(*) FROM hirestream_staged_attempts WHERE {} GROUP BY "
                  "accepted",
                  is(run)),
      [&](const Row& row) {
        (row.integer(0) != 0 ? counts.attempts_accepted : counts.attempts_discarded) =
            row.integer(1);
      }));
  return counts;
}

Result<std::vector<SliceKey>> SqlStaging::slices(const std::string& run,
                                                 const std::optional<SliceKey>& after,
                                                 size_t limit) {
  const std::string behind =
      after ? fmt::format(" AND (s.shard > {0} OR (s.shard = {0} AND s.bucket > {1}))",
                          after->shard, after->bucket)
            : "";
  std::vector<SliceKey> keys;
  HIRESTREAM_TRY(session_->each(
      fmt::format("SELECT DISTINCT s.shard, s.bucket FROM {} WHERE s.{}{} ORDER BY s.shard, "
                  "s.bucket LIMIT {}",
                  kAccepted, is(run), behind, limit),
      [&](const Row& row) { keys.push_back(read_key(row)); }));
  return keys;
}

Result<std::vector<StagedSlice>> SqlStaging::load(const std::string& run,
                                                  std::span<const SliceKey> keys) {
  std::map<SliceKey, StagedSlice> found;
  for (const std::string& condition : sql::slice_conditions("s." + is(run), keys)) {
    HIRESTREAM_TRY(session_->each(
        fmt::format("SELECT s.shard, s.bucket, s.contribution FROM {} WHERE {} ORDER BY s.shard, "
                    "s.bucket, s.attempt, s.part",
                    kAccepted, condition),
        [&](const Row& row) -> Result<void> {
          HIRESTREAM_ASSIGN(SlicePart part, decode_part(row.text(2)));
          found[read_key(row)].parts.push_back(std::move(part));
          return {};
        }));
  }
  for (const std::string& condition : sql::slice_conditions(is(run), keys)) {
    HIRESTREAM_TRY(session_->each(
        "SELECT shard, bucket, revision FROM hirestream_staged_revisions WHERE " + condition,
        [&](const Row& row) { found[read_key(row)].revision = row.integer(2); }));
  }
  std::vector<StagedSlice> slices;
  slices.reserve(keys.size());
  for (const SliceKey& key : keys) {
    slices.push_back(std::move(found[key]));
    slices.back().key = key;
  }
  return slices;
}

Result<void> SqlStaging::drop(const std::string& run, std::span<const SliceKey> keys) {
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session_->begin_write());
  for (const std::string& condition : sql::slice_conditions(is(run), keys)) {
    HIRESTREAM_TRY(session_->execute("DELETE FROM hirestream_staged_slices WHERE " + condition));
  }
  return transaction.commit();
}

Result<void> SqlStaging::empty(const std::string& run) {
  for (const char* table : kTables) {
    HIRESTREAM_TRY(session_->execute(fmt::format("DELETE FROM {} WHERE {}", table, is(run))));
  }
  return {};
}

Result<void> SqlStaging::finish(const std::string& run, int64_t published_us) {
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session_->begin_write());
  HIRESTREAM_TRY(empty(run));
  HIRESTREAM_TRY(session_->execute(fmt::format(
      "UPDATE hirestream_staged_runs SET published_us = {} WHERE {}", published_us, is(run))));
  return transaction.commit();
}

Result<void> SqlStaging::forget(const std::string& run) {
  HIRESTREAM_ASSIGN(sql::Transaction transaction, session_->begin_write());
  HIRESTREAM_TRY(empty(run));
  HIRESTREAM_TRY(session_->execute("DELETE FROM hirestream_staged_runs WHERE " + is(run)));
  return transaction.commit();
}

Result<void> SqlStaging::expire(int64_t before_us) {
  std::vector<std::string> runs;
  HIRESTREAM_TRY(session_->each(
      fmt::format("SELECT run_id FROM hirestream_staged_runs WHERE begun_us < {}", before_us),
      [&](const Row& row) { runs.emplace_back(row.text(0)); }));
  for (const std::string& run : runs) {
    HIRESTREAM_TRY(forget(run));
  }
  return {};
}

}  // namespace hirestream
