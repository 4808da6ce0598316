#include "adapters/cassandra/cassandra_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/cassandra/cql_session_internal.h"
#include "adapters/cassandra/token_range.h"

namespace hirestream {
namespace {

constexpr uint32_t kRangesOfPart = 16;

bool is_wanted(RawColumn raw, CopiedColumns wanted) {
  const auto column = counted_column(raw);
  return wanted == CopiedColumns::kAll ||
         (column && (*column != Column::kEd || wanted == CopiedColumns::kCountedWithPayload));
}

}  // namespace

struct CassandraHistory::Statement {
  CqlStatement ring;  // token from, token to
};

CassandraHistory::CassandraHistory(std::unique_ptr<CassandraConnection> connection)
    : connection_(std::move(connection)), statement_(std::make_unique<Statement>()) {}

CassandraHistory::~CassandraHistory() = default;

Result<std::unique_ptr<CassandraHistory>> CassandraHistory::open(const CassandraConfig& config,
                                                                 ReadingRules rules,
                                                                 CopiedColumns wanted) {
  HIRESTREAM_ASSIGN(auto connection, CassandraConnection::open(config));
  HIRESTREAM_ASSIGN(TableShape shape, introspect_table(*connection, std::move(rules)));
  std::unique_ptr<CassandraHistory> history(new CassandraHistory(std::move(connection)));
  history->shape_ = std::move(shape);
  HIRESTREAM_TRY(history->choose_columns(wanted));
  HIRESTREAM_TRY(history->prepare());
  return history;
}

Result<void> CassandraHistory::choose_columns(CopiedColumns copied_columns) {
  for (const NamedRawColumn& wanted : raw_columns(shape_.rules)) {
    const TableColumn* column = shape_.find(wanted.name);
    if (column == nullptr && wanted.renamed) {
      return fail(ErrorKind::kConfig, "copy", connection_->config().table_text(),
                  fmt::format("it has no column {}, which stands for {}", wanted.name,
                              kRawColumnNames[static_cast<size_t>(wanted.column)]),
                  "--columns names columns of the table that is copied");
    }
    if (column != nullptr && column->type != CqlType::kOther &&
        is_wanted(wanted.column, copied_columns)) {
      columns_.push_back({wanted, column->type, column->kind, std::nullopt});
    }
  }
  for (const TableColumn& column : shape_.columns) {
    const bool copied = std::ranges::any_of(
        columns_, [&](const Column& other) { return other.raw.name == column.name; });
    const bool placed = column.name == "bucket" || column.name == "shard";
    const bool replaced = shape_.rules.arrival_is_event_time &&
                          column.name == shape_.rules.name(hirestream::Column::kTs);
    if (!copied && !placed && !replaced) {
      left_out_.push_back(column.name);
    }
  }
  return {};
}

Result<void> CassandraHistory::prepare() {
  std::vector<std::string> values;
  std::vector<std::string> told;
  for (Column& column : columns_) {
    const std::string name = quote_identifier(column.raw.name);
    values.push_back(name);
    if (column.kind == ColumnKind::kRegular) {
      column.written = told.size();
      told.push_back(fmt::format("WRITETIME({})", name));
      told.push_back(fmt::format("TTL({})", name));
    }
  }
  for (Column& column : columns_) {
    column.written =
        column.written ? std::optional(*column.written + columns_.size()) : std::nullopt;
  }
  values.insert(values.end(), told.begin(), told.end());
  std::vector<std::string> key;
  for (const std::string& name : shape_.key(ColumnKind::kPartitionKey)) {
    key.push_back(quote_identifier(name));
  }
  const std::string token = fmt::format("token({})", fmt::join(key, ", "));
  HIRESTREAM_ASSIGN(
      statement_->ring,
      connection_->session().prepare(fmt::format(
          "SELECT {} FROM {}.{} WHERE {} > ? AND {} <= ?", fmt::join(values, ", "),
          quote_identifier(shape_.keyspace), quote_identifier(shape_.table), token, token)));
  return {};
}

Result<void> CassandraHistory::read(uint64_t begin_place, uint64_t end_place, const Take& take) {
  CqlSession& session = connection_->session();
  HIRESTREAM_ASSIGN(CqlRead pages,
                    session.scan(statement_->ring, token_range(begin_place, end_place),
                                 kRangesOfPart, BoundValues(), connection_->config().consistency));
  const size_t width = statement_->ring.columns.size();
  std::vector<StoredEvent> events;
  for (;;) {
    HIRESTREAM_ASSIGN(const auto page, pages.next());
    if (!page) {
      return {};
    }
    events.clear();
    std::optional<Error> problem;
    HIRESTREAM_TRY(for_each_row(page->rows(), page->row_count(), width, [&](const CqlRow& row) {
      auto event = event_of(row);
      if (!event) {
        problem = event.error();
      } else if (event->event[RawColumn::kCreateTime]) {
        events.push_back(std::move(*event));
      }
    }));
    if (problem) {
      return forward(*std::move(problem));
    }
    HIRESTREAM_TRY(take(events));
  }
}

Result<StoredEvent> CassandraHistory::event_of(const CqlRow& row) const {
  StoredEvent stored;
  bool expires = true;
  std::optional<int64_t> newest;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    if (!row[i]) {
      set_value(column.raw, std::nullopt, stored.event);
      continue;
    }
    auto text = cell_text(column.type, bytes_of(*row[i]));
    if (!text && !row[i]->empty()) {
      return fail(ErrorKind::kRejected, "copy", connection_->config().table_text(),
                  fmt::format("row with create_time '{}', column {}: {} cannot be written as text",
                              stored.event[RawColumn::kCreateTime].value_or("?"), column.raw.name,
                              shown_integer(bytes_of(*row[i]))));
    }
    set_value(column.raw, std::move(text), stored.event);
    if (!column.written) {
      continue;
    }
    const auto& written = row[*column.written];
    const auto& ttl = row[*column.written + 1];
    const int64_t written_us =
        written ? read_int64(bytes_of(*written)).value_or(INT64_MIN) : INT64_MIN;
    stored.values_written_us[static_cast<size_t>(column.raw.column)] = written_us;
    newest = std::max(newest.value_or(INT64_MIN), written_us);
    expires = expires && ttl;
    if (ttl) {
      stored.ttl_s = std::max(stored.ttl_s.value_or(1), read_int32(bytes_of(*ttl)).value_or(1));
    }
  }
  apply_rules(shape_.rules, stored.event);
  stored.written_us = newest.value_or(arrival_of(stored.event).value_or(0));
  for (const Column& column : columns_) {
    if (!column.written) {
      stored.values_written_us[static_cast<size_t>(column.raw.column)] = stored.written_us;
    }
  }
  if (shape_.rules.arrival_is_event_time) {
    stored.values_written_us[static_cast<size_t>(RawColumn::kTs)] = stored.written_us;
  }
  if (!expires) {
    stored.ttl_s.reset();
  }
  return stored;
}

}  // namespace hirestream
