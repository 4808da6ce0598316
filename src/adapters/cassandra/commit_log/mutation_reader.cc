#include "adapters/cassandra/commit_log/mutation_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/result.h"

namespace hirestream {
namespace {

// org.apache.cassandra.db.rows.EncodingStats: times are relative to 2015-09-22.
constexpr uint64_t kTimestampEpochUs = 1'442'880'000'000'000;

// UnfilteredRowIteratorSerializer.
constexpr uint8_t kIsEmpty = 0x01;
constexpr uint8_t kHasPartitionDeletion = 0x04;
constexpr uint8_t kHasStaticRow = 0x08;
constexpr uint8_t kHasRowEstimate = 0x10;
constexpr uint8_t kPartitionFlags =
    kIsEmpty | kHasPartitionDeletion | kHasStaticRow | kHasRowEstimate;

// UnfilteredSerializer.
constexpr uint8_t kEndOfPartition = 0x01;
constexpr uint8_t kIsMarker = 0x02;
constexpr uint8_t kHasTimestamp = 0x04;
constexpr uint8_t kHasTtl = 0x08;
constexpr uint8_t kHasDeletion = 0x10;
constexpr uint8_t kHasAllColumns = 0x20;
constexpr uint8_t kHasComplexDeletion = 0x40;
constexpr uint8_t kExtension = 0x80;
constexpr uint8_t kExtendedIsStatic = 0x01;
constexpr uint8_t kExtendedShadowable = 0x02;

// ClusteringPrefix.Kind.
constexpr uint8_t kExclusiveEndInclusiveStart = 2;
constexpr uint8_t kInclusiveEndExclusiveStart = 5;
constexpr uint8_t kLastBound = 7;

// Cell.Serializer.
constexpr uint8_t kCellDeleted = 0x01;
constexpr uint8_t kCellExpiring = 0x02;
constexpr uint8_t kCellEmpty = 0x04;
constexpr uint8_t kCellRowTimestamp = 0x08;
constexpr uint8_t kCellRowTtl = 0x10;
constexpr uint8_t kCellFlags = 0x1f;

constexpr size_t kBitmapColumns = 64;

std::string_view text_of(LogBytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What cannot be met: each thing counted takes a byte at least.
bool plausible(const ByteCursor& cursor, uint64_t count) {
  return !cursor.failed() && count <= cursor.left();
}

}  // namespace

MutationOutcome MutationReader::read(LogBytes entry, const Visit& visit) {
  ByteCursor cursor(entry);
  const uint64_t updates = cursor.vint();
  if (!plausible(cursor, updates) || cursor.left() < 16) {
    malformed(cursor, "no update");
    return MutationOutcome::kMalformed;
  }
  if (updates == 1) {
    const LogTable* table = schema_.find(entry.subspan(cursor.position()).first<16>());
    if (table != nullptr && table != &followed_) {
      return MutationOutcome::kOfOthers;
    }
  } else if (text_of(entry).find(text_of(followed_.id)) == std::string_view::npos) {
    return MutationOutcome::kOfOthers;
  }
  visit_ = nullptr;
  const MutationOutcome outcome = read_updates(cursor, updates);
  if (outcome == MutationOutcome::kRead) {
    visit_ = &visit;
    HIRESTREAM_CHECK(read_updates(cursor, updates) == outcome);
  }
  return outcome;
}

MutationOutcome MutationReader::read_updates(ByteCursor cursor, uint64_t updates) {
  for (uint64_t i = 0; i < updates; ++i) {
    const LogBytes id = cursor.take(16);
    if (id.size() != 16) {
      malformed(cursor, "no table id");
      return MutationOutcome::kMalformed;
    }
    const LogTable* table = schema_.find(id.first<16>());
    if (table == nullptr) {
      std::ranges::copy(id, unknown_table_.begin());
      problem_ = fmt::format("no table has the id {:02x}", fmt::join(unknown_table_, ""));
      return MutationOutcome::kUnknownTable;
    }
    if (const auto outcome = read_update(cursor, *table); outcome != MutationOutcome::kRead) {
      return outcome;
    }
  }
  if (!cursor.at_end()) {
    malformed(cursor, "bytes are left over");
    return MutationOutcome::kMalformed;
  }
  return MutationOutcome::kRead;
}

MutationOutcome MutationReader::read_update(ByteCursor& cursor, const LogTable& table) {
  wanted_ = visit_ != nullptr && &table == &followed_;
  unknown_column_ = false;
  const LogBytes key = cursor.sized();
  if (&table == &followed_ && !read_key(key, table)) {
    malformed(cursor, "the partition key");
    return MutationOutcome::kMalformed;
  }
  const uint8_t flags = cursor.byte();
  if (cursor.failed() || (flags & ~kPartitionFlags) != 0) {
    malformed(cursor, "flags of an update");
    return MutationOutcome::kMalformed;
  }
  if ((flags & kIsEmpty) != 0) {
    return MutationOutcome::kRead;
  }
  header_.timestamp_us = static_cast<int64_t>(cursor.vint() + kTimestampEpochUs);
  cursor.vint();  // least local deletion time
  header_.ttl_s = static_cast<int64_t>(cursor.vint());
  header_.statics.clear();
  bool fine = (flags & kHasStaticRow) == 0 || read_columns(cursor, table, header_.statics);
  fine = fine && read_columns(cursor, table, header_.regulars);
  if (fine && (flags & kHasPartitionDeletion) != 0) {
    visit_deletion(LogRow::Kind::kPartitionDeletion, read_deletion(cursor));
  }
  if (fine && (flags & kHasStaticRow) != 0) {
    row_.clustering.clear();
    fine = read_row(cursor, table, cursor.byte(), LogRow::Kind::kStatic);
  }
  if (fine && (flags & kHasRowEstimate) != 0) {
    cursor.vint();
  }
  fine = fine && read_rows(cursor, table);
  if (fine) {
    return MutationOutcome::kRead;
  }
  return unknown_column_ ? MutationOutcome::kUnknownColumn : MutationOutcome::kMalformed;
}

// One column's bytes are the key; several are each a length of two bytes, the bytes, a zero.
bool MutationReader::read_key(LogBytes key, const LogTable& table) {
  row_.table = &table;
  row_.partition_key.clear();
  if (table.partition_key.size() == 1) {
    row_.partition_key.push_back(key);
    return true;
  }
  ByteCursor cursor(key);
  for (size_t i = 0; i < table.partition_key.size(); ++i) {
    row_.partition_key.push_back(cursor.take(cursor.integer(2)));
    cursor.byte();
  }
  return !cursor.failed() && cursor.at_end();
}

bool MutationReader::read_columns(ByteCursor& cursor, const LogTable& table,
                                  std::vector<HeaderColumn>& columns) {
  const uint64_t count = cursor.vint();
  if (!plausible(cursor, count)) {
    return malformed(cursor, "the number of columns");
  }
  columns.clear();
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view name = text_of(cursor.sized());
    const auto known = table.columns.find(name);
    if (cursor.failed()) {
      return malformed(cursor, "a column's name");
    }
    if (known == table.columns.end()) {
      problem_ = fmt::format("{}.{} has no column '{}'", table.keyspace, table.name, name);
      unknown_column_ = true;
      return false;
    }
    columns.push_back({known->first, known->second.layout});
  }
  return true;
}

bool MutationReader::read_rows(ByteCursor& cursor, const LogTable& table) {
  for (;;) {
    const uint8_t flags = cursor.byte();
    if (cursor.failed()) {
      return malformed(cursor, "the end of the rows");
    }
    if ((flags & kEndOfPartition) != 0) {
      return true;
    }
    const bool fine = (flags & kIsMarker) != 0 ? read_range_bound(cursor, table)
                                               : read_row(cursor, table, flags, LogRow::Kind::kRow);
    if (!fine) {
      return false;
    }
  }
}

bool MutationReader::read_range_bound(ByteCursor& cursor, const LogTable& table) {
  const uint8_t kind = cursor.byte();
  const uint64_t count = cursor.integer(2);
  if (cursor.failed() || kind > kLastBound || count > table.clustering.size() ||
      !read_clustering(cursor, table, static_cast<size_t>(count))) {
    return malformed(cursor, "the bound of a range");
  }
  const int64_t deleted_us = read_deletion(cursor);
  if (kind == kExclusiveEndInclusiveStart || kind == kInclusiveEndExclusiveStart) {
    read_deletion(cursor);
  }
  if (cursor.failed()) {
    return malformed(cursor, "the deletion of a range");
  }
  visit_deletion(LogRow::Kind::kRangeDeletion, deleted_us);
  return true;
}

// A vint for each 32 values, two bits a value: 1 empty, 2 null.
bool MutationReader::read_clustering(ByteCursor& cursor, const LogTable& table, size_t count) {
  row_.clustering.clear();
  uint64_t bits = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i % 32 == 0) {
      bits = cursor.vint();
    }
    const auto of_this = static_cast<unsigned>(bits >> (i % 32 * 2) & 3);
    const auto& size = table.clustering[i].fixed_size;
    if ((of_this & 2) != 0) {
      row_.clustering.emplace_back();
    } else if (of_this == 1) {
      row_.clustering.emplace_back(LogBytes());
    } else {
      row_.clustering.emplace_back(size ? cursor.take(*size) : cursor.sized());
    }
  }
  return !cursor.failed();
}

bool MutationReader::read_row(ByteCursor& cursor, const LogTable& table, uint8_t flags,
                              LogRow::Kind kind) {
  const uint8_t extended = (flags & kExtension) != 0 ? cursor.byte() : uint8_t{0};
  const bool is_static = (extended & kExtendedIsStatic) != 0;
  if ((extended & ~(kExtendedIsStatic | kExtendedShadowable)) != 0 ||
      is_static != (kind == LogRow::Kind::kStatic)) {
    return malformed(cursor, "flags of a row");
  }
  if (!is_static && !read_clustering(cursor, table, table.clustering.size())) {
    return malformed(cursor, "clustering columns");
  }
  RowMarker marker;
  begin_row(kind);
  if ((flags & kHasTimestamp) != 0) {
    marker.written_us = read_timestamp(cursor);
    row_.inserted_us = marker.written_us;
  }
  if ((flags & kHasTtl) != 0) {
    marker.ttl_s = static_cast<int64_t>(cursor.vint() + static_cast<uint64_t>(header_.ttl_s));
    cursor.vint();  // when it expires
    row_.ttl_s = marker.ttl_s;
  }
  if ((flags & kHasDeletion) != 0) {
    row_.deleted_us = read_deletion(cursor);
  }
  const bool all_columns = (flags & kHasAllColumns) != 0;
  if (!choose_columns(cursor, is_static ? header_.statics : header_.regulars, all_columns) ||
      !read_cells(cursor, flags, marker)) {
    return false;
  }
  if (wanted_) {
    (*visit_)(row_);
  }
  return true;
}

// Columns.Serializer.deserializeSubset: of fewer than 64 columns a bitmap of those that are
// missing; else how many are, then the positions of the present or of the missing, the fewer.
bool MutationReader::choose_columns(ByteCursor& cursor, const std::vector<HeaderColumn>& columns,
                                    bool all) {
  present_.clear();
  const size_t count = columns.size();
  const uint64_t missing = all ? 0 : cursor.vint();
  const bool bitmap = count < kBitmapColumns;
  if (cursor.failed() || (bitmap ? (missing >> count) != 0 : missing > count)) {
    return malformed(cursor, "which columns a row has");
  }
  std::vector<bool> listed;
  const bool lists_present = !bitmap && count - missing < count / 2;
  if (!bitmap && missing != 0) {
    listed.resize(count);
    for (uint64_t left = lists_present ? count - missing : missing; left > 0; --left) {
      const uint64_t position = cursor.vint();
      if (position >= count) {
        return malformed(cursor, "which columns a row has");
      }
      listed[static_cast<size_t>(position)] = true;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    const bool present =
        missing == 0 || (bitmap ? (missing >> i & 1) == 0 : listed[i] == lists_present);
    if (present) {
      present_.push_back(&columns[i]);
    }
  }
  return !cursor.failed() || malformed(cursor, "which columns a row has");
}

bool MutationReader::read_cells(ByteCursor& cursor, uint8_t flags, const RowMarker& marker) {
  for (const HeaderColumn* column : present_) {
    uint64_t count = 1;
    if (column->layout.is_complex) {
      if ((flags & kHasComplexDeletion) != 0) {
        read_deletion(cursor);
      }
      count = cursor.vint();
    }
    if (!plausible(cursor, count)) {
      return malformed(cursor, "the number of cells");
    }
    for (uint64_t i = 0; i < count; ++i) {
      if (!read_cell(cursor, *column, marker)) {
        return malformed(cursor, fmt::format("a cell of {}", column->name));
      }
    }
  }
  return true;
}

bool MutationReader::read_cell(ByteCursor& cursor, const HeaderColumn& column,
                               const RowMarker& marker) {
  LogCell cell;
  cell.column = column.name;
  const uint8_t flags = cursor.byte();
  if ((flags & ~kCellFlags) != 0) {
    return false;
  }
  cell.deleted = (flags & kCellDeleted) != 0;
  const bool expiring = (flags & kCellExpiring) != 0;
  const bool rows_ttl = (flags & kCellRowTtl) != 0;
  cell.written_us = (flags & kCellRowTimestamp) != 0 ? marker.written_us : read_timestamp(cursor);
  if ((cell.deleted || expiring) && !rows_ttl) {
    cursor.vint();  // when it expires, or was deleted
  }
  if (rows_ttl) {
    cell.ttl_s = marker.ttl_s;
  } else if (expiring) {
    cell.ttl_s = static_cast<int64_t>(cursor.vint() + static_cast<uint64_t>(header_.ttl_s));
  }
  if (column.layout.is_complex) {
    cursor.sized();  // its path
  }
  if ((flags & kCellEmpty) == 0) {
    const bool fixed = column.layout.fixed_size && !column.layout.is_complex;
    cell.value = fixed ? cursor.take(*column.layout.fixed_size) : cursor.sized();
  }
  if (wanted_ && !column.layout.is_complex) {
    row_.cells.push_back(cell);
  }
  return !cursor.failed();
}

// Differences wrap: a time before 2015, or any that somebody chose.
int64_t MutationReader::read_timestamp(ByteCursor& cursor) const {
  return static_cast<int64_t>(cursor.vint() + static_cast<uint64_t>(header_.timestamp_us));
}

int64_t MutationReader::read_deletion(ByteCursor& cursor) const {
  const int64_t deleted_us = read_timestamp(cursor);
  cursor.vint();  // local deletion time
  return deleted_us;
}

void MutationReader::begin_row(LogRow::Kind kind) {
  row_.kind = kind;
  row_.inserted_us.reset();
  row_.deleted_us.reset();
  row_.ttl_s = 0;
  row_.cells.clear();
}

void MutationReader::visit_deletion(LogRow::Kind kind, int64_t deleted_us) {
  if (!wanted_) {
    return;
  }
  begin_row(kind);
  row_.clustering.clear();
  row_.deleted_us = deleted_us;
  (*visit_)(row_);
}

bool MutationReader::malformed(const ByteCursor& cursor, std::string_view what) {
  if (!unknown_column_) {
    problem_ = fmt::format("not understood at byte {}: {}", cursor.position(), what);
  }
  return false;
}

}  // namespace hirestream
