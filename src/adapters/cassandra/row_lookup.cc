#include "adapters/cassandra/row_lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"

namespace hirestream {
namespace {

constexpr size_t kKeysPerRequest = 100;
constexpr size_t kMarkers = 3;

}  // namespace

struct RowLookup::Statement {
  struct Target {
    RawColumn column;
    CqlType type;
  };
  CqlStatement select;  // create_time; of each target the value and its write time
  CqlType bucket_type = CqlType::kBigint;
  CqlType shard_type = CqlType::kInt;
  CqlType key_type = CqlType::kTimeuuid;
  std::vector<Target> targets;
  BoundValues values;
};

struct RowLookup::Wanted {
  SliceKey slice;
  std::string key;  // serialized
  size_t row = 0;
  friend bool operator<(const Wanted& a, const Wanted& b) {
    return std::tie(a.slice.bucket, a.slice.shard, a.key) <
           std::tie(b.slice.bucket, b.slice.shard, b.key);
  }
};

// A create_time is in one partition alone.
struct RowLookup::Found {
  std::map<std::string, CqlRow> rows;  // by key
};

RowLookup::RowLookup(CassandraConnection& connection, TimeZone source_zone, LayoutHistory layouts)
    : connection_(connection),
      source_zone_(std::move(source_zone)),
      layouts_(std::move(layouts)),
      statement_(std::make_unique<Statement>()) {}

RowLookup::~RowLookup() = default;

Result<std::unique_ptr<RowLookup>> RowLookup::open(CassandraConnection& connection,
                                                   const TableShape& shape, TimeZone source_zone,
                                                   LayoutHistory layouts) {
  HIRESTREAM_CHECK(shape.strategy == Strategy::kTail);
  std::unique_ptr<RowLookup> lookup(
      new RowLookup(connection, std::move(source_zone), std::move(layouts)));
  HIRESTREAM_TRY(lookup->prepare(shape));
  return lookup;
}

Result<void> RowLookup::prepare(const TableShape& shape) {
  statement_->bucket_type = shape.find("bucket")->type;
  statement_->shard_type = shape.find("shard")->type;
  std::string columns = "create_time";
  for (size_t i = 0; i < kRawColumnNames.size(); ++i) {
    const TableColumn* column = shape.find(kRawColumnNames[i]);
    if (column == nullptr) {
      continue;
    }
    if (shape.is_key(column->name)) {
      statement_->key_type = column->type;
      continue;
    }
    statement_->targets.push_back({static_cast<RawColumn>(i), column->type});
    const std::string name = quote_identifier(column->name);
    columns += fmt::format(", {0}, WRITETIME({0})", name);
  }
  HIRESTREAM_ASSIGN(statement_->select,
                    connection_.session().prepare(fmt::format(
                        "SELECT {} FROM {}.{} WHERE bucket = ? AND shard = ? AND create_time IN ?",
                        columns, quote_identifier(shape.keyspace), quote_identifier(shape.table))));
  return {};
}

Result<std::vector<size_t>> RowLookup::find_lacking(std::span<const ChangedRow> rows) {
  std::vector<size_t> lacking;
  const std::vector<Wanted> wanted = place(rows, lacking);
  statement_->values.clear();
  for (auto begin = wanted.begin(); begin != wanted.end();) {
    auto end = begin;
    while (end != wanted.end() && end->slice == begin->slice &&
           end - begin < static_cast<ptrdiff_t>(kKeysPerRequest)) {
      ++end;
    }
    if (!bind({begin, end})) {
      std::ranges::transform(begin, end, std::back_inserter(lacking), &Wanted::row);
    }
    begin = end;
  }
  HIRESTREAM_ASSIGN(const Found found, read());
  for (const Wanted& one : wanted) {
    if (!has_values(rows[one.row], found, one)) {
      lacking.push_back(one.row);
    }
  }
  std::ranges::sort(lacking);
  const auto doubled = std::ranges::unique(lacking);
  lacking.erase(doubled.begin(), doubled.end());
  return lacking;
}

// By partition. Rows without a place go to `lacking`.
std::vector<RowLookup::Wanted> RowLookup::place(std::span<const ChangedRow> rows,
                                                std::vector<size_t>& lacking) {
  std::vector<Wanted> wanted;
  wanted.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto& create_time = rows[i].event[RawColumn::kCreateTime];
    const auto id = create_time ? parse_uuid(*create_time) : std::nullopt;
    const auto slice = id ? slice_of(*id, layouts_) : std::nullopt;
    std::string key;
    if (!slice ||
        append_from_text(statement_->key_type, *create_time, source_zone_, key).has_value()) {
      lacking.push_back(i);
      continue;
    }
    wanted.push_back({.slice = *slice, .key = std::move(key), .row = i});
  }
  std::ranges::sort(wanted, std::less<>());
  return wanted;
}

// False: the partition has no place in the table.
bool RowLookup::bind(std::span<const Wanted> partition) {
  BoundValues& values = statement_->values;
  const SliceKey& slice = partition.front().slice;
  if (!append_bucket(statement_->bucket_type, slice.bucket, layouts_.front().layout.bucket_width_s,
                     values.bytes())) {
    values.discard();
    return false;
  }
  values.commit();
  HIRESTREAM_CHECK(append_integer(statement_->shard_type, slice.shard, values.bytes()));
  values.commit();
  append_int32(static_cast<int32_t>(partition.size()), values.bytes());
  for (const Wanted& one : partition) {
    append_int32(static_cast<int32_t>(one.key.size()), values.bytes());
    values.bytes() += one.key;
  }
  values.commit();
  return true;
}

Result<RowLookup::Found> RowLookup::read() {
  Found found;
  if (statement_->values.size() == 0) {
    return found;
  }
  HIRESTREAM_ASSIGN(auto pages,
                    connection_.session().read(statement_->select, statement_->values, kMarkers,
                                               connection_.config().consistency));
  while (true) {
    HIRESTREAM_ASSIGN(const auto page, pages.next());
    if (!page) {
      return found;
    }
    HIRESTREAM_TRY(for_each_row(
        page->rows(), page->row_count(), statement_->select.columns.size(),
        [&](const CqlRow& row) { found.rows.insert_or_assign(row[0].value_or(""), row); }));
  }
}

bool RowLookup::has_values(const ChangedRow& row, const Found& found, const Wanted& wanted) {
  const auto there = found.rows.find(wanted.key);
  if (there == found.rows.end()) {
    return false;
  }
  size_t next = 1;
  for (const Statement::Target& target : statement_->targets) {
    const auto& value = row.event[target.column];
    const auto& stored = there->second[next];
    const auto& stored_time = there->second[next + 1];
    next += 2;
    if (!value || (value->empty() && !is_text(target.type))) {
      continue;
    }
    const auto stored_us = stored_time ? read_int64(bytes_of(*stored_time)) : std::nullopt;
    const int64_t written_us = row.written_us[static_cast<size_t>(target.column)];
    if (!stored_us || *stored_us < written_us) {
      return false;
    }
    std::string serialized;
    if (*stored_us == written_us &&
        (append_from_text(target.type, *value, source_zone_, serialized) || !stored ||
         *stored != serialized)) {
      return false;
    }
  }
  return true;
}

}  // namespace hirestream
