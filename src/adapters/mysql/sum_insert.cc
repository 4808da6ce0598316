#include "adapters/mysql/sum_insert.h"

#include <fmt/format.h>
#include <mysql.h>
#include <mysqld_error.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <utility>
#include <vector>

#include "model/decimal.h"
#include "model/timestamp.h"

namespace hirestream::mysql {
namespace {

constexpr size_t kRowsPerBlock = 250;
// To prepare the statement is worth while for so many blocks.
constexpr size_t kBlocksMin = 4;
// No block's statement or values take more, whatever the numbers are.
constexpr size_t kBlockBytesMax = 100'000;

// Calls one of the three for each value of the row, in the order of SumTable's columns.
template <typename Day, typename Number, typename Money>
void each_value(const SumTable& table, const CellChange& row, const Day& day, const Number& number,
                const Money& money) {
  day(row.key.days());
  if (table.has_hours) {
    number(row.key.hour());
  }
  number(row.key.job_id);
  number(row.key.publisher_id);
  number(row.key.campaign_id);
  number(row.key.group_id);
  number(row.delta.impressions);
  number(row.delta.clicks);
  number(row.delta.conversions);
  number(row.delta.qualified);
  number(row.delta.unqualified);
  money(row.delta.bid_micros);
  number(row.company_id);
}

void append_values(std::string& out, const SumTable& table, const CellChange& row) {
  each_value(
      table, row,
      [&](int32_t days) { fmt::format_to(std::back_inserter(out), "'{}'", format_date(days)); },
      [&](int64_t number) { fmt::format_to(std::back_inserter(out), ",{}", number); },
      [&](int64_t micros) {
        out += ',';
        out += format_micros(micros);
      });
  out += table.constants;
}

MYSQL_TIME date_of(int32_t days) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  MYSQL_TIME time{};
  time.year = static_cast<unsigned>(static_cast<int>(date.year()));
  time.month = static_cast<unsigned>(date.month());
  time.day = static_cast<unsigned>(date.day());
  time.time_type = MYSQL_TIMESTAMP_DATE;
  return time;
}

std::string statement_of(const SumTable& table) {
  std::string row = "(";
  const auto parameter = [&row](auto) { row += row.size() == 1 ? "?" : ",?"; };
  each_value(table, {}, parameter, parameter, parameter);
  row += table.constants + ")";
  std::string sql = table.insert;
  for (size_t i = 0; i < kRowsPerBlock; ++i) {
    sql += (i == 0 ? " " : ",") + row;
  }
  return sql + table.upsert;
}

}  // namespace

// So many rows, and the statement whose values they are.
class SumInsert::Block {
 public:
  Block(const SumTable& table, PreparedStatement statement)
      : table_(table), statement_(std::move(statement)) {
    for (Values& values : values_) {
      size_t at = 0;
      each_value(
          table_, {}, [&](int32_t) { bind(MYSQL_TYPE_DATE, &values.day); },
          [&](int64_t) { bind(MYSQL_TYPE_LONGLONG, &values.numbers[at++]); },
          [&](int64_t) {
            bind(MYSQL_TYPE_NEWDECIMAL, values.money.data()).length = &values.money_size;
          });
    }
    statement_.bind(binds_);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  void add(const CellChange& row) {
    if (rows_.empty() || rows_.back().key.days() != row.key.days()) {
      day_ = date_of(row.key.days());
    }
    Values& values = values_[rows_.size()];
    size_t at = 0;
    each_value(
        table_, row, [&](int32_t) { values.day = day_; },
        [&](int64_t number) { values.numbers[at++] = number; },
        [&](int64_t micros) {
          const std::string text = format_micros(micros);
          values.money_size = text.copy(values.money.data(), values.money.size());
        });
    rows_.push_back(row);
  }
  bool is_full() const { return rows_.size() == kRowsPerBlock; }
  const std::vector<CellChange>& rows() const { return rows_; }

  // After an error they are still there.
  Result<void> write(Session& session) {
    auto done = session.execute(statement_);
    if (done) {
      rows_.clear();
      return done;
    }
    if (const size_t number = sql::refused_row(done.error()); number > 0) {
      Error error = std::move(done).error();
      error.message += ": (";
      append_values(error.message, table_, rows_[std::min(number, rows_.size()) - 1]);
      error.message += ')';
      return forward(std::move(error));
    }
    return done;
  }

 private:
  struct Values {
    MYSQL_TIME day;
    std::array<int64_t, 11> numbers;
    std::array<char, 24> money;
    unsigned long money_size;
  };

  MYSQL_BIND& bind(enum_field_types type, void* value) {
    MYSQL_BIND& bound = binds_.emplace_back();
    bound.buffer_type = type;
    bound.buffer = value;
    return bound;
  }

  const SumTable& table_;
  PreparedStatement statement_;
  std::vector<Values> values_ = std::vector<Values>(kRowsPerBlock);
  std::vector<MYSQL_BIND> binds_;
  std::vector<CellChange> rows_;
  MYSQL_TIME day_{};
};

SumInsert::SumInsert(Session& session, SumTable table, size_t rows)
    : session_(session),
      table_(std::move(table)),
      blocks_left_(rows / kRowsPerBlock),
      text_(session, table_.insert, table_.upsert) {
  if (blocks_left_ < kBlocksMin || session.statement_bytes_max() < kBlockBytesMax) {
    blocks_left_ = 0;
  }
}

SumInsert::~SumInsert() = default;

// A server or a proxy that prepares no statements takes the same rows as text, or says what is
// wrong with them.
Result<void> SumInsert::prepare() {
  auto statement = session_.prepare(statement_of(table_));
  if (statement) {
    block_ = std::make_unique<Block>(table_, std::move(*statement));
  } else if (statement.error().kind == ErrorKind::kTransient) {
    return forward(std::move(statement).error());
  } else {
    blocks_left_ = 0;
  }
  return {};
}

Result<void> SumInsert::add(const CellChange& row) {
  if (blocks_left_ > 0 && !block_) {
    HIRESTREAM_TRY(prepare());
  }
  if (blocks_left_ == 0) {
    append_values(text_.row(), table_, row);
    return text_.end_row();
  }
  block_->add(row);
  if (!block_->is_full()) {
    return {};
  }
  --blocks_left_;
  auto written = block_->write(session_);
  return written || !is_of_the_way() ? written : go_on_as_text();
}

// It would have to be prepared again and again.
bool SumInsert::is_of_the_way() const {
  return session_.error_code() == ER_NEED_REPREPARE;
}

Result<void> SumInsert::go_on_as_text() {
  blocks_left_ = 0;
  for (const CellChange& row : block_->rows()) {
    append_values(text_.row(), table_, row);
    HIRESTREAM_TRY(text_.end_row());
  }
  return {};
}

Result<void> SumInsert::flush() {
  return text_.flush();
}

}  // namespace hirestream::mysql
