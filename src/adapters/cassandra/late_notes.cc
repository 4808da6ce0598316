#include "adapters/cassandra/late_notes.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/cassandra/companion_table.h"
#include "adapters/cassandra/cql_session_internal.h"
#include "model/floor_divide.h"
#include "ports/clock.h"

namespace hirestream {
namespace {

constexpr int64_t kHourUs = 3'600'000'000;
constexpr int64_t kLookForTableUs = 60'000'000;
// Notes may carry the time of another machine, and may become visible late.
constexpr int64_t kOverlapUs = 600'000'000;
constexpr int64_t kLifeS = 9 * 86'400;
constexpr uint32_t kBatchRows = 50;

std::string qualified(const CassandraConfig& config) {
  return quote_identifier(config.keyspace) + "." + quote_identifier(late_table_name(config.table));
}

std::string int64_cell(int64_t value) {
  std::string cell;
  append_int64(value, cell);
  return cell;
}

void take_notes(const CqlAnswer& answer, std::vector<LateNote>& notes) {
  for (const CqlRow& row : answer.rows) {
    const auto noted_us = row[0] ? read_int64(bytes_of(*row[0])) : std::nullopt;
    const auto bucket = row[1] ? read_int64(bytes_of(*row[1])) : std::nullopt;
    const auto shard = row[2] ? read_int32(bytes_of(*row[2])) : std::nullopt;
    if (noted_us && bucket && shard) {
      notes.push_back({.key = {.shard = *shard, .bucket = *bucket}, .noted_us = *noted_us});
    }
  }
}

}  // namespace

std::string late_table_name(const std::string& table) {
  return table + "_late";
}

struct LateNoteReader::Statements {
  CqlStatement all;
  CqlStatement hour;
};

LateNoteReader::LateNoteReader(CassandraConnection& connection) : connection_(connection) {}
LateNoteReader::~LateNoteReader() = default;

Result<std::vector<LateNote>> LateNoteReader::read(int64_t now_us) {
  std::vector<LateNote> notes;
  HIRESTREAM_ASSIGN(const bool there, prepare(now_us));
  if (!there) {
    return notes;
  }
  const auto read = read_us_ ? read_hours(now_us, notes) : read_all(notes);
  if (!read && read.error().kind == ErrorKind::kConfig) {
    return forget_table(now_us);
  }
  HIRESTREAM_TRY(read);
  read_us_ = now_us;
  std::erase_if(notes, [this](const LateNote& note) {
    return !seen_.emplace(note.noted_us, note.key).second;
  });
  seen_.erase(seen_.begin(),
              seen_.lower_bound({now_us - 2 * kOverlapUs, SliceKey{INT32_MIN, INT64_MIN}}));
  return notes;
}

// It went, or this role may not read it: nothing that counting could wait for.
std::vector<LateNote> LateNoteReader::forget_table(int64_t now_us) {
  statements_.reset();
  missed_us_ = now_us;
  return {};
}

Result<bool> LateNoteReader::prepare(int64_t now_us) {
  if (statements_ != nullptr) {
    return true;
  }
  if (missed_us_ && !has_passed(kLookForTableUs, *missed_us_, now_us)) {
    return false;
  }
  HIRESTREAM_ASSIGN(const bool there,
                    connection_.has_table(late_table_name(connection_.config().table)));
  if (!there) {
    missed_us_ = now_us;
    return false;
  }
  const std::string name = qualified(connection_.config());
  auto statements = std::make_unique<Statements>();
  CqlSession& session = connection_.session();
  HIRESTREAM_ASSIGN(statements->all,
                    session.prepare("SELECT noted_us, bucket, shard FROM " + name));
  HIRESTREAM_ASSIGN(statements->hour,
                    session.prepare(fmt::format("SELECT noted_us, bucket, shard FROM {} WHERE "
                                                "hour = ? AND noted_us >= ?",
                                                name)));
  statements_ = std::move(statements);
  return true;
}

Result<void> LateNoteReader::read_all(std::vector<LateNote>& notes) {
  HIRESTREAM_ASSIGN(const auto answer, connection_.session().query(
                                           statements_->all, {}, connection_.config().consistency));
  take_notes(answer, notes);
  return {};
}

Result<void> LateNoteReader::read_hours(int64_t now_us, std::vector<LateNote>& notes) {
  const int64_t from_us = std::min(*read_us_, now_us) - kOverlapUs;
  const int64_t last = floor_divide(now_us + kOverlapUs, kHourUs);
  for (int64_t hour = floor_divide(from_us, kHourUs); hour <= last; ++hour) {
    HIRESTREAM_ASSIGN(
        const auto answer,
        connection_.session().query(statements_->hour, {int64_cell(hour), int64_cell(from_us)},
                                    connection_.config().consistency));
    take_notes(answer, notes);
  }
  return {};
}

struct LateNoteWriter::Statements {
  CqlStatement insert;
};

LateNoteWriter::LateNoteWriter(CassandraConnection& connection)
    : connection_(connection), statements_(std::make_unique<Statements>()) {}
LateNoteWriter::~LateNoteWriter() = default;

Result<std::unique_ptr<LateNoteWriter>> LateNoteWriter::open(CassandraConnection& connection,
                                                             std::string_view table_id) {
  const CassandraConfig& config = connection.config();
  HIRESTREAM_TRY(make_companion_table(connection, late_table_name(config.table),
                                      "hour bigint, noted_us bigint, bucket bigint, shard int, "
                                      "PRIMARY KEY (hour, noted_us, bucket, shard)",
                                      fmt::format("AND default_time_to_live = {}", kLifeS),
                                      table_id));
  std::unique_ptr<LateNoteWriter> writer(new LateNoteWriter(connection));
  HIRESTREAM_ASSIGN(writer->statements_->insert,
                    connection.session().prepare(fmt::format(
                        "INSERT INTO {} (hour, noted_us, bucket, shard) VALUES (?, ?, ?, ?)",
                        qualified(config))));
  return writer;
}

Result<void> LateNoteWriter::write(std::span<const SliceKey> slices, int64_t now_us) {
  BoundValues values;
  std::vector<uint32_t> groups;
  for (const SliceKey& slice : slices) {
    append_int64(floor_divide(now_us, kHourUs), values.bytes());
    values.commit();
    append_int64(now_us, values.bytes());
    values.commit();
    append_int64(slice.bucket, values.bytes());
    values.commit();
    append_int32(slice.shard, values.bytes());
    values.commit();
    if (groups.empty() || groups.back() == kBatchRows) {
      groups.push_back(0);
    }
    ++groups.back();
  }
  return groups.empty() ? Result<void>()
                        : connection_.session().write(statements_->insert, values, 4, groups);
}

}  // namespace hirestream
