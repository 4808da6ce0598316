#include "adapters/sqlite/raw_log_recount.h"

#include "adapters/sqlite/database.h"

namespace hirestream {
namespace {

constexpr const char* kRecount = R"(
WITH bids AS (
  SELECT *,
    CASE WHEN bid IS NULL THEN '0.' WHEN instr(bid, '.') = 0 THEN bid || '.' ELSE bid END AS amount
  FROM tracking
), digits AS (
  SELECT *,
    CAST(substr(amount, 1, instr(amount, '.') - 1) AS INTEGER) AS whole,
    CAST(substr(substr(amount, instr(amount, '.') + 1) || '000000', 1, 6) AS INTEGER) AS millionths,
    rtrim(substr(amount, instr(amount, '.') + 7), '0') AS rest
  FROM bids
)
SELECT
  CAST(strftime('%s', substr(ts, 1, 19)) AS INTEGER) / 3600 AS hour,
  job_id,
  COALESCE(publisher_id, 0) AS publisher,
  COALESCE(campaign_id, 0) AS campaign,
  COALESCE(group_id, 0) AS team,
  SUM(custom_track IS NULL),
  SUM(custom_track IS 'click'),
  SUM(custom_track IS 'conversion'),
  SUM(custom_track IS 'qualified'),
  SUM(custom_track IS 'unqualified'),
  SUM(CASE WHEN custom_track IS 'click' THEN whole * 1000000 + millionths
        + (rest > '5' OR (rest = '5' AND millionths % 2 = 1)) ELSE 0 END)
FROM digits
WHERE job_id IS NOT NULL AND ts IS NOT NULL
  AND (custom_track IN ('click', 'conversion', 'qualified', 'unqualified')
       OR (custom_track IS NULL AND ev = '1'))
GROUP BY hour, job_id, publisher, campaign, team)";

}  // namespace

Result<RawLogRecount> recount_sqlite_raw_log(const std::string& path) {
  HIRESTREAM_ASSIGN(sqlite::Database database,
                    sqlite::Database::open({.path = path, .mode = sqlite::OpenMode::kReadOnly}));
  HIRESTREAM_ASSIGN(const sqlite::Transaction snapshot,
                    sqlite::Transaction::begin(database, sqlite::TransactionMode::kRead));
  RawLogRecount recount;
  HIRESTREAM_ASSIGN(sqlite::Statement count, database.prepare("SELECT COUNT(*) FROM tracking"));
  HIRESTREAM_TRY(count.step());
  recount.rows = count.integer(0);
  HIRESTREAM_ASSIGN(sqlite::Statement cells, database.prepare(kRecount));
  while (true) {
    HIRESTREAM_ASSIGN(const bool more, cells.step());
    if (!more) {
      break;
    }
    Cell cell;
    cell.key.local_hour = static_cast<int32_t>(cells.integer(0));
    cell.key.job_id = cells.integer(1);
    cell.key.publisher_id = cells.integer(2);
    cell.key.campaign_id = cells.integer(3);
    cell.key.group_id = cells.integer(4);
    cell.measures.impressions = cells.integer(5);
    cell.measures.clicks = cells.integer(6);
    cell.measures.conversions = cells.integer(7);
    cell.measures.qualified = cells.integer(8);
    cell.measures.unqualified = cells.integer(9);
    cell.measures.bid_micros = cells.integer(10);
    recount.cells.push_back(cell);
  }
  canonicalize(recount.cells);
  return recount;
}

}  // namespace hirestream
