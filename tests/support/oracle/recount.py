"""Recounts raw rows by plain SQL in DuckDB and compares the result with `events`, cell by cell and digit by digit.

Shares no code with the engine: what is written here is the rules a second time, in another language. Input is a journal
(CSV or NDJSON with the columns of the tracking table): every row whose write was acknowledged. Of rows with the same
create_time the last one counts.

    python -m oracle.recount --journal acknowledged.csv --events sqlite:counts.db --jobs sqlite:jobs.db
    python -m oracle.recount --journal a.ndjson --events mysql://root@127.0.0.1:3306/etl_data  (password: HIRESTREAM_MYSQL_PASSWORD)

Exit code 0: equal; 1: different.
"""

import argparse
import csv
import datetime
import json
import os
import sys
import tempfile
import zoneinfo
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import unquote, urlsplit

import duckdb

USED = ["create_time", "ts", "job_id", "publisher_id", "campaign_id", "group_id", "bid", "custom_track", "ev", "ed"]
MEASURES = ["impressions", "clicks", "conversion", "qualified_application", "disqualified_application", "spend_micros"]
KEYS = ["dates", "hours", "job_id", "publisher_id", "campaign_id", "group_id"]
CLASSES = ["counted", "unattributed", "other", "rejected"]

NULL_WORDS = ["", "\\N", "NULL", "null", "None", "NaN", "nan"]
IDS = ["job_id", "publisher_id", "campaign_id", "group_id"]
UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
TIME = r"^\s*(\d{4}-\d\d-\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?\s*$"
INTEGER = r"^\s*[+-]?\d+(\.0*)?\s*$"
DECIMAL = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"


class Recount:
    """The journal's rows, classified; cells() and classes() are the result."""

    def __init__(self, journals, attribution="columns", timezone="UTC", source_timezone="UTC"):
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone='UTC'; SET preserve_insertion_order=true; SET threads=2")
        self._read(journals)
        self._read_payloads(attribution)
        self._parse(source_timezone)
        self._classify(timezone)

    def _read(self, journals):
        selects = []
        for number, path in enumerate(journals):
            if ".csv" in os.path.basename(path):
                reader = (f"read_csv({quote(path)}, header=true, all_varchar=true, quote='\"', escape='\"', "
                          "delim=',', strict_mode=true)")
            else:
                columns = ", ".join(f"{name}: 'VARCHAR'" for name in USED)
                reader = f"read_ndjson({quote(path)}, columns={{{columns}}})"
            names = ", ".join(f"{meaning(name)} AS {name}" for name in USED)
            selects.append(f"SELECT {number} AS file, row_number() OVER () AS line, {names} FROM {reader}")
        self.db.execute("CREATE TEMP TABLE journal AS " + " UNION ALL ".join(selects))
        # Same create_time, same row: the last write is the one that stays.
        self.db.execute("""
            CREATE TEMP TABLE raw AS SELECT row_number() OVER () AS number, * FROM (
              SELECT * FROM journal QUALIFY row_number() OVER (
                PARTITION BY lower(create_time) ORDER BY file DESC, line DESC) = 1)""")

    def _read_payloads(self, attribution):
        self.db.execute("CREATE TEMP TABLE payload (number BIGINT, job_id BIGINT, publisher_id BIGINT)")
        if attribution == "columns":
            return
        assert attribution == "payload", attribution
        found = self.db.execute(
            "SELECT number, ed FROM raw WHERE ed IS NOT NULL AND (job_id IS NULL OR publisher_id IS NULL)").fetchall()
        with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as file:
            writer = csv.writer(file)
            for number, text in found:
                job, publisher = payload_ids(text)
                if job is not None or publisher is not None:
                    writer.writerow([number, "" if job is None else job, "" if publisher is None else publisher])
            file.flush()
            self.db.execute(f"COPY payload FROM '{file.name}' (HEADER false, NULLSTR '')")

    def _parse(self, source_timezone):
        assert source_timezone == "UTC", "local source times are compared by the time zone tests"
        integers = ",\n".join(
            f"CASE WHEN regexp_matches({name}, '{INTEGER}') "
            f"THEN try_cast(regexp_replace({name}, '[.].*', '') AS BIGINT) END AS {name}_value"
            for name in IDS)
        # Bids: the text to 20 digits behind the point, then half to even at the sixth, all in integers.
        self.db.execute(f"""
            CREATE TEMP TABLE parsed AS
            WITH pieces AS (
              SELECT *, regexp_extract(ts, '{TIME}', ['day', 'h', 'm', 's', 'fraction', 'zone']) AS t,
                     {integers},
                     CASE WHEN regexp_matches(bid, '{DECIMAL}')
                          THEN try_cast(trim(bid) AS DECIMAL(38, 20)) END AS bid_value,
                     CASE WHEN regexp_matches(create_time, '{UUID}') THEN lower(create_time) END AS id
              FROM raw),
            fixed AS (
              SELECT *,
                     CASE WHEN bid_value BETWEEN 0 AND 1000000000
                          THEN split_part(CAST(bid_value AS VARCHAR), '.', 1) END AS bid_whole,
                     split_part(CAST(bid_value AS VARCHAR), '.', 2) AS bid_fraction
              FROM pieces)
            SELECT number, id, custom_track, ev, job_id, publisher_id, campaign_id, group_id, bid, ts,
                   job_id_value, publisher_id_value, campaign_id_value, group_id_value,
                   CASE WHEN id IS NOT NULL AND id[15] = '1' THEN
                     (CAST('0x' || id[16:18] || id[10:13] || id[1:8] AS BIGINT) - 122192928000000000) // 10 END AS arrival_us,
                   CASE WHEN t.day <> '' AND (t.h = '' OR (try_cast(t.h AS INT) < 24 AND try_cast(t.m AS INT) < 60 AND try_cast(t.s AS INT) < 60))
                     THEN epoch_us(try_cast(t.day || ' ' || coalesce(nullif(t.h, ''), '00') || ':' ||
                                   coalesce(nullif(t.m, ''), '00') || ':' || coalesce(nullif(t.s, ''), '00') AS TIMESTAMP))
                          + try_cast(rpad(t.fraction[1:6], 6, '0') AS BIGINT)
                          - CASE WHEN t.zone IN ('', 'Z') THEN 0 ELSE
                              (CASE WHEN t.zone[1] = '-' THEN -1 ELSE 1 END) *
                              (try_cast(t.zone[2:3] AS BIGINT) * 3600 +
                               try_cast(coalesce(nullif(replace(t.zone, ':', '')[4:5], ''), '0') AS BIGINT) * 60) * 1000000 END
                   END AS ts_us,
                   CAST(bid_whole AS BIGINT) * 1000000 + CAST(bid_fraction[1:6] AS BIGINT)
                     + CASE WHEN bid_fraction[7:] > '50000000000000'
                              OR (bid_fraction[7:] = '50000000000000' AND CAST(bid_fraction[6] AS INT) % 2 = 1)
                            THEN 1 ELSE 0 END AS bid_micros
            FROM fixed""")

    def _classify(self, timezone):
        self.db.execute("""
            CREATE TEMP TABLE kinds AS
            SELECT p.* EXCLUDE (job_id_value, publisher_id_value),
                   coalesce(p.job_id_value, CASE WHEN p.job_id IS NULL THEN l.job_id END) AS job,
                   coalesce(p.publisher_id_value, CASE WHEN p.publisher_id IS NULL THEN l.publisher_id END, 0) AS publisher,
                   job_id_value, publisher_id_value,
                   CASE WHEN lower(trim(custom_track)) IN ('click', 'conversion', 'qualified', 'unqualified') THEN lower(trim(custom_track))
                        WHEN custom_track IS NULL AND try_cast(ev AS DOUBLE) = 1 THEN 'impression' END AS kind
            FROM parsed p LEFT JOIN payload l USING (number)""")
        self.db.execute("""
            CREATE TEMP TABLE classified AS
            SELECT *, CASE
                WHEN id IS NULL THEN 'rejected'
                WHEN kind IS NULL THEN 'other'
                WHEN ts_us IS NULL OR ts_us < 946684800000000 OR ts_us > arrival_us + 86400000000
                  OR (bid IS NOT NULL AND bid_micros IS NULL)
                  OR (job_id IS NOT NULL AND job_id_value IS NULL)
                  OR (publisher_id IS NOT NULL AND publisher_id_value IS NULL)
                  OR (campaign_id IS NOT NULL AND campaign_id_value IS NULL)
                  OR (group_id IS NOT NULL AND group_id_value IS NULL) THEN 'rejected'
                WHEN job IS NULL THEN 'unattributed'
                ELSE 'counted' END AS class
            FROM kinds""")
        self._civil_hours(timezone)
        self.db.execute("""
            CREATE TEMP TABLE cells AS
            SELECT h.dates, h.hours, job AS job_id, publisher AS publisher_id,
                   coalesce(campaign_id_value, 0) AS campaign_id, coalesce(group_id_value, 0) AS group_id,
                   count(*) FILTER (kind = 'impression') AS impressions,
                   count(*) FILTER (kind = 'click') AS clicks,
                   count(*) FILTER (kind = 'conversion') AS conversion,
                   count(*) FILTER (kind = 'qualified') AS qualified_application,
                   count(*) FILTER (kind = 'unqualified') AS disqualified_application,
                   CAST(coalesce(sum(bid_micros) FILTER (kind = 'click'), 0) AS BIGINT) AS spend_micros
            FROM classified c JOIN civil_hours h ON h.quarter = c.ts_us // 900000000
            WHERE class = 'counted' GROUP BY ALL""")

    def _civil_hours(self, timezone):
        """Offsets of time zones change at quarters of an hour, so a quarter of UTC lies in one civil hour."""
        zone = zoneinfo.ZoneInfo(timezone)
        quarters = self.db.execute("SELECT DISTINCT ts_us // 900000000 FROM classified WHERE class = 'counted'").fetchall()
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            for (quarter,) in quarters:
                local = datetime.datetime.fromtimestamp(quarter * 900, zone)
                file.write(f"{quarter},{local:%Y-%m-%d},{local.hour}\n")
            file.flush()
            self.db.execute("CREATE TEMP TABLE civil_hours (quarter BIGINT, dates VARCHAR, hours BIGINT)")
            if quarters:
                self.db.execute(f"COPY civil_hours FROM '{file.name}' (HEADER false)")

    def cells(self):
        """{(dates, hours, job_id, publisher_id, campaign_id, group_id): (impressions, …, spend_micros)}"""
        rows = self.db.execute(f"SELECT {', '.join(KEYS + MEASURES)} FROM cells").fetchall()
        return {tuple(row[:6]): tuple(row[6:]) for row in rows}

    def classes(self):
        found = dict(self.db.execute("SELECT class, count(*) FROM classified GROUP BY class").fetchall())
        return {name: found.get(name, 0) for name in CLASSES}

    def rows(self):
        return self.db.execute("SELECT count(*) FROM raw").fetchone()[0]


def meaning(name):
    """A column's text, or null where that is what it means: words for null, and 0 in a column of ids."""
    if name == "ed":
        return "nullif(ed, '')"
    null = f"trim({name}) IN ({', '.join(quote(word) for word in NULL_WORDS)})"
    if name in IDS:
        null += f" OR regexp_matches({name}, '^\\s*[+-]?0+(\\.0*)?\\s*$')"
    return f"CASE WHEN {null} THEN NULL ELSE {name} END"


def quote(path):
    return "'" + str(path).replace("'", "''") + "'"


def no_json(word):
    raise ValueError(word)  # NaN, Infinity


def payload_ids(text):
    """jobId and publisherId of a JSON object, keys compared without case, the first match counts; 0 is no id."""
    try:
        pairs = json.loads(text, object_pairs_hook=lambda pairs: pairs, parse_constant=no_json,
                           parse_int=lambda digits: int(digits) if len(digits) <= len(str(-2**63)) else None)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(pairs, list) or not text.lstrip().startswith("{"):
        return None, None

    def value_of(wanted):
        for key, value in pairs:
            if key.lower() == wanted:
                if isinstance(value, bool):
                    return None
                if isinstance(value, str) and value.isascii() and value.isdigit():
                    value = int(value.lstrip("0")[:20] or "0")
                return value if isinstance(value, int) and -2**63 <= value < 2**63 and value != 0 else None
        return None

    return value_of("jobid"), value_of("publisherid")


# --- what the warehouse holds


class MysqlEvents:
    def __init__(self, url):
        import pymysql

        parts = urlsplit(url)
        self.connection = pymysql.connect(
            host=parts.hostname, port=parts.port or 3306, user=unquote(parts.username or "root"),
            password=unquote(parts.password) if parts.password else os.environ.get("HIRESTREAM_MYSQL_PASSWORD", ""),
            database=parts.path.strip("/"), autocommit=True)

    def query(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()


class SqliteEvents:
    def __init__(self, path):
        import sqlite3

        self.connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)

    def query(self, sql):
        return self.connection.execute(sql).fetchall()


def open_warehouse(uri):
    return SqliteEvents(uri.removeprefix("sqlite:")) if uri.startswith("sqlite:") else MysqlEvents(uri)


def read_events(warehouse):
    """{key: (measures, company_id, bid_set)} as read_events of the recount; spend in micros, exact."""
    names = KEYS + MEASURES[:5] + ["spend_hour", "company_id", "bid_set"]
    events = {}
    for row in warehouse.query(f"SELECT {', '.join(names)} FROM events"):
        key = (str(row[0]), *(int(value) for value in row[1:6]))
        assert key not in events, f"two rows of events have the key {key}"
        spend = exact(row[11]) * 1_000_000
        assert spend == int(spend), f"spend_hour {row[11]} has more than six digits"
        measures = (*(int(value) for value in row[6:11]), int(spend))
        events[key] = (measures, None if row[12] is None else int(row[12]), row[13])
    return events


def exact(value):
    # SQLite hands out binary floating point; six digits are all there are.
    return Decimal(repr(value)).quantize(Decimal("0.000001")) if isinstance(value, float) else Decimal(value)


def average_bid(measures):
    """What bid_set must be: spend / clicks, at six digits; nothing without clicks."""
    clicks, spend = measures[1], measures[5]
    if clicks == 0:
        return None
    return (Decimal(spend) / Decimal(clicks) / 1_000_000).quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)


def compare(recount, warehouse, companies=None):
    """Differences as lines of text; empty: equal. `companies`: {job_id: company_id}, or nothing to leave company_id out."""
    expected = recount.cells()
    found = read_events(warehouse)
    differences = []
    for key in sorted(expected.keys() | found.keys()):
        label = dict(zip(KEYS, key))
        if key not in found:
            differences.append(f"missing  {label}: expected {named(expected[key])}")
            continue
        measures, company, bid_set = found[key]
        if key not in expected:
            differences.append(f"surplus  {label}: found {named(measures)}")
            continue
        if measures != expected[key]:
            differences.append(f"differs  {label}: expected {named(expected[key])}, found {named(measures)}")
        average = average_bid(expected[key])
        if not same_average(average, bid_set):
            differences.append(f"bid_set  {label}: expected {average}, found {bid_set}")
        if companies is not None and (company or 0) != companies.get(key[2], 0):
            differences.append(f"company  {label}: expected {companies.get(key[2], 0)}, found {company}")
    return differences


def same_average(expected, found):
    if expected is None or found is None:
        return expected is None and found is None
    return expected == exact(found).quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)


def named(measures):
    return {name: value for name, value in zip(MEASURES, measures) if value}


def read_accounting(warehouse):
    rows = warehouse.query("SELECT SUM(counted), SUM(unattributed), SUM(other_kinds), SUM(rejected), SUM(too_late) "
                           "FROM hirestream_accounting")
    return dict(zip(CLASSES + ["too_late"], (int(value or 0) for value in rows[0])))


def read_companies(uri):
    if uri.startswith("csv:"):
        with open(uri.removeprefix("csv:"), newline="", encoding="utf-8") as file:
            return {int(row["id"]): int(row["company_id"] or 0) for row in csv.DictReader(file)}
    return {int(job): int(company or 0) for job, company in open_warehouse(uri).query("SELECT id, company_id FROM jobs")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--journal", action="append", required=True, help="acknowledged rows, CSV or NDJSON; may be given again")
    parser.add_argument("--events", required=True, help="mysql://user[:password]@host:port/database or sqlite:PATH")
    parser.add_argument("--jobs", help="where the jobs table is: csv:PATH, or as --events; checks company_id")
    parser.add_argument("--attribution", choices=["columns", "payload"], default="columns")
    parser.add_argument("--timezone", default="UTC")
    parser.add_argument("--accounting", action="store_true", help="compare the classes of rows as well")
    parser.add_argument("--show", type=int, default=20, help="differences to print")
    options = parser.parse_args()

    recount = Recount(options.journal, options.attribution, options.timezone)
    warehouse = open_warehouse(options.events)
    differences = compare(recount, warehouse, read_companies(options.jobs) if options.jobs else None)
    if options.accounting:
        expected = recount.classes() | {"too_late": 0}
        found = read_accounting(warehouse)
        differences += [f"class    {name}: expected {expected[name]}, found {found[name]}"
                        for name in expected if expected[name] != found[name]]
    for line in differences[: options.show]:
        print(line)
    print(f"{recount.rows()} rows, {len(recount.cells())} cells, {len(differences)} differences; {recount.classes()}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
