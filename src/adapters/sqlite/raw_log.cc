#include "adapters/sqlite/raw_log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "adapters/sql/dialect.h"
#include "model/text.h"

namespace hirestream {
namespace {

constexpr size_t kBatchRows = 8192;
constexpr size_t kBatchBytes = 16 << 20;

// Columns of the read statement: seq, those of Column in its order, the time of day.
constexpr int kSeq = 0;
constexpr int kTimeOfDay = 1 + static_cast<int>(kColumnCount);
int place_of(Column column) {
  return 1 + static_cast<int>(column);
}

// SQLite's names of columns know no case: as the rules write it, if they have it.
std::string usual_case(std::string_view name, const ReadingRules& rules) {
  for (const std::string& known : rules.names) {
    if (equal_without_case(name, known)) return known;
  }
  if (equal_without_case(name, rules.time_of_day)) return rules.time_of_day;
  return equal_without_case(name, "seq") ? "seq" : std::string(name);
}

// Columns that the table lacks are read as null.
std::string read_sql(const ReadingRules& rules, std::span<const std::string> found) {
  std::string sql = "SELECT seq";
  const auto add = [&](std::string_view name) {
    const bool known = std::ranges::find(found, name) != found.end();
    sql += known ? fmt::format(", {}", sql::quote_identifier(name, '"')) : ", NULL";
  };
  for (const Column column : kAllColumns) add(rules.name(column));
  add(rules.time_of_day);
  return sql + " FROM tracking WHERE seq >= ? AND seq < ? ORDER BY seq";
}

}  // namespace

Result<SqliteRawLog::FileIdentity> SqliteRawLog::identify_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return fail(ErrorKind::kConfig, "open raw log", path, std::strerror(errno),
                "make one with `hirestream generate` or `hirestream import`");
  }
  return FileIdentity{status.st_dev, status.st_ino};
}

Result<std::unique_ptr<SqliteRawLog>> SqliteRawLog::open(const SqliteRawLogOptions& options) {
  if (options.block_rows < 1) {
    return fail(ErrorKind::kConfig, "open raw log", options.path,
                fmt::format("block_rows is {}, at least 1 is needed", options.block_rows));
  }
  HIRESTREAM_ASSIGN(const FileIdentity file, identify_file(options.path));
  HIRESTREAM_ASSIGN(
      sqlite::Database database,
      sqlite::Database::open({.path = options.path, .mode = sqlite::OpenMode::kReadOnly}));
  std::unique_ptr<SqliteRawLog> log(new SqliteRawLog(std::move(database), options));
  log->file_ = file;
  HIRESTREAM_TRY(log->read_columns());
  HIRESTREAM_TRY(log->read_identity());
  HIRESTREAM_TRY(log->check_same_file());
  return log;
}

SqliteRawLog::SqliteRawLog(sqlite::Database database, const SqliteRawLogOptions& options)
    : database_(std::move(database)),
      block_rows_(options.block_rows),
      rules_(options.rules),
      batch_(options.rules) {
  std::error_code ignored;
  path_ = std::filesystem::absolute(options.path, ignored).lexically_normal().string();
  description_.strategy = Strategy::kFollow;
  description_.kind = "sqlite";
  description_.shard_count = 1;
  description_.bucket_width = BucketWidth::rows(options.block_rows);
  description_.replicas = false;
  description_.range_reads = true;
}

Result<void> SqliteRawLog::read_columns() {
  HIRESTREAM_ASSIGN(sqlite::Statement * columns,
                    database_.cached("SELECT name FROM pragma_table_info('tracking')"));
  for (;;) {
    HIRESTREAM_ASSIGN(const bool some, columns->step());
    if (!some) break;
    columns_.push_back(usual_case(columns->text(0), rules_));
  }
  if (columns_.empty()) {
    return fail(ErrorKind::kConfig, "open raw log", path_, "it has no table `tracking`",
                "make a raw log with `hirestream generate` or `hirestream import`");
  }
  if (std::ranges::find(columns_, "seq") == columns_.end()) {
    return fail(ErrorKind::kConfig, "open raw log", path_,
                fmt::format("table `tracking` lacks seq; it has {}", fmt::join(columns_, ", ")),
                "import the rows into a raw log with `hirestream import`");
  }
  HIRESTREAM_TRY(check_columns(rules_, path_, columns_, Columns::kDeclared));
  read_sql_ = read_sql(rules_, columns_);
  description_.columns = read_columns_text();
  return {};
}

std::string SqliteRawLog::read_columns_text() const {
  return fmt::format("{}", fmt::join(columns_read(rules_, columns_, true), ","));
}

Result<void> SqliteRawLog::read_identity() {
  description_.identity = path_ + " (without id)";
  HIRESTREAM_ASSIGN(sqlite::Statement * table,
                    database_.cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = "
                                     "'raw_log_meta'"));
  HIRESTREAM_ASSIGN(const bool has_table, table->step());
  table->reset();
  if (has_table) {
    HIRESTREAM_ASSIGN(sqlite::Statement * value,
                      database_.cached("SELECT value FROM raw_log_meta WHERE key = 'raw_log_id'"));
    HIRESTREAM_ASSIGN(const bool has_value, value->step());
    if (has_value) description_.identity = "raw log " + std::string(value->text(0));
    value->reset();
  }
  return {};
}

Result<void> SqliteRawLog::check_same_file() const {
  HIRESTREAM_ASSIGN(const FileIdentity now, identify_file(path_));
  if (now == file_) return {};
  return fail(ErrorKind::kConfig, "read raw log", path_, "another file stands there now",
              "start again; if the raw log was replaced on purpose, give it a new source name");
}

int64_t SqliteRawLog::bucket_of(int64_t seq) const {
  const int64_t bucket = seq / block_rows_;
  return seq % block_rows_ < 0 ? bucket - 1 : bucket;
}

Result<std::unique_ptr<Discovery>> SqliteRawLog::begin_discovery(
    std::span<const int32_t> /*shards*/) {
  HIRESTREAM_TRY(check_same_file());
  HIRESTREAM_ASSIGN(
      sqlite::Statement * next,
      database_.cached("SELECT seq FROM tracking WHERE seq >= ? ORDER BY seq LIMIT 1"));
  std::vector<SliceListing> listings;
  int64_t from = INT64_MIN;
  for (;;) {
    next->bind(1, from);
    HIRESTREAM_ASSIGN(const bool some, next->step());
    if (!some) break;
    const int64_t bucket = bucket_of(next->integer(0));
    next->reset();
    listings.push_back({{0, bucket}, {}, {}});
    if (__builtin_mul_overflow(bucket + 1, block_rows_, &from)) break;
  }
  return discovery_of(std::move(listings));
}

Result<int64_t> SqliteRawLog::newest_bucket(int64_t /*now_us*/) {
  HIRESTREAM_TRY(check_same_file());
  HIRESTREAM_ASSIGN(sqlite::Statement * newest,
                    database_.cached("SELECT coalesce(max(seq), 0) FROM tracking"));
  HIRESTREAM_ASSIGN(const bool some, newest->step());
  const int64_t seq = some ? newest->integer(0) : 0;
  newest->reset();
  return bucket_of(seq);
}

// Block after block, in the snapshot that the transaction holds.
class SqliteRawLog::BlockSweep : public Sweep {
 public:
  BlockSweep(SqliteRawLog& log, std::vector<SliceRead> reads, sqlite::Transaction snapshot)
      : log_(log), reads_(std::move(reads)), snapshot_(std::move(snapshot)) {}
  BlockSweep(const BlockSweep&) = delete;
  BlockSweep& operator=(const BlockSweep&) = delete;
  ~BlockSweep() override {
    // The statement lives on: it must not be found in the middle of its rows.
    if (rows_ != nullptr) rows_->reset();
  }

  Result<std::optional<SweepPage>> next() override {
    for (;;) {
      if (rows_ == nullptr) {
        if (begun_ == reads_.size()) {
          snapshot_.reset();
          return std::optional<SweepPage>();
        }
        HIRESTREAM_TRY(begin_block(reads_[begun_]));
        ++begun_;
      } else {
        HIRESTREAM_TRY(fill_page());
        if (log_.batch_.empty()) continue;
        log_.statistics_.rows += static_cast<int64_t>(log_.batch_.rows());
        log_.statistics_.null_words += log_.batch_.null_words();
        return std::optional(SweepPage{reads_[begun_ - 1].slice, log_.batch_});
      }
    }
  }

 private:
  // rows_ stays empty when no row can have such a sequence number.
  Result<void> begin_block(const SliceRead& read) {
    int64_t from = 0;
    int64_t to = 0;
    if (read.slice.shard != 0 ||
        __builtin_mul_overflow(read.slice.bucket, log_.block_rows_, &from)) {
      return {};
    }
    if (__builtin_add_overflow(from, log_.block_rows_, &to)) to = INT64_MAX;
    if (read.from_position) from = std::max(from, read.from_position->value);
    HIRESTREAM_ASSIGN(rows_, log_.database_.cached(log_.read_sql_.c_str()));
    rows_->bind(1, from);
    rows_->bind(2, to);
    ++log_.statistics_.requests;
    return {};
  }

  Result<void> fill_page() {
    const int64_t bytes_before = log_.statistics_.bytes;
    log_.batch_.clear();
    while (log_.batch_.rows() < kBatchRows &&
           log_.statistics_.bytes - bytes_before < static_cast<int64_t>(kBatchBytes)) {
      HIRESTREAM_ASSIGN(const bool some, rows_->step());
      if (!some) {
        rows_ = nullptr;
        return {};
      }
      log_.add_row(*rows_);
    }
    return {};
  }

  SqliteRawLog& log_;
  std::vector<SliceRead> reads_;
  // Nothing: everything was delivered.
  std::optional<sqlite::Transaction> snapshot_;
  size_t begun_ = 0;
  // Of the block begun last; null: it was delivered.
  sqlite::Statement* rows_ = nullptr;
};

Result<std::unique_ptr<Sweep>> SqliteRawLog::sweep(SweepRequest request) {
  auto* reads = std::get_if<std::vector<SliceRead>>(&request.what);
  HIRESTREAM_CHECK(reads != nullptr);
  HIRESTREAM_ASSIGN(sqlite::Transaction snapshot,
                    sqlite::Transaction::begin(database_, sqlite::TransactionMode::kRead));
  return std::make_unique<BlockSweep>(*this, std::move(*reads), std::move(snapshot));
}

void SqliteRawLog::add_row(const sqlite::Statement& row) {
  batch_.add_row();
  const auto text = [&](int place) {
    const std::string_view bytes = row.text(place);
    statistics_.bytes += static_cast<int64_t>(bytes.size());
    return bytes;
  };
  batch_.set_texts([&](Column column) { return text(place_of(column)); }, text(kTimeOfDay));
  const int64_t number = row.integer(kSeq);
  if (batch_.status(Column::kCreateTime, batch_.rows() - 1) == CellStatus::kNull) {
    batch_.set_id_of_none(row_id_of_number(static_cast<uint64_t>(number)));
  }
  batch_.set_position(Position{number});
}

}  // namespace hirestream
