"""A large `events`, made by SQL: 180 days, as many cells in every hour."""

import datetime

DAYS = 180
FIRST_DAY = datetime.date(2026, 1, 1)
PUBLISHERS_OF_A_JOB, CAMPAIGNS, GROUPS, COMPANIES = 4, 60, 25, 80

# Which publishers a job has changes from hour to hour; the numbers are small and irregular, as real ones are.
FILL = """
INSERT INTO events (job_id, dates, hours, publisher_id, company_id, campaign_id, group_id, disqualified_application,
  qualified_application, conversion, clicks, impressions, spend_hour, sources, updated_at)
SELECT n.job, %s, n.hour, n.publisher, 1 + n.job %% {companies}, 1 + n.job %% {campaigns}, 1 + n.job %% {groups},
  n.dice %% 17 = 0, n.dice %% 23 = 0, n.dice %% 7 = 0, n.dice %% 5, n.dice %% 5 + n.dice %% 3, (n.dice %% 5) * (1 + n.dice %% 9 / 4),
  'cassandra', '2026-07-01 00:00:00'
FROM (
  SELECT h.n AS hour, 1 + c.n DIV {publishers} AS job, 1 + (c.n %% {publishers} + h.n) %% 12 AS publisher,
    CRC32(CONCAT(c.n, '/', h.n, '/', %s)) AS dice
  FROM numbers h CROSS JOIN numbers c
  WHERE h.n < 24 AND c.n < %s) n
""".format(companies=COMPANIES, campaigns=CAMPAIGNS, groups=GROUPS, publishers=PUBLISHERS_OF_A_JOB)

DAYS_OF_EVENTS = """
INSERT INTO hirestream_days (dates, job_id, publisher_id, campaign_id, group_id, company_id, impressions, clicks, conversion,
  qualified_application, disqualified_application, spend)
SELECT dates, job_id, publisher_id, campaign_id, group_id, MAX(company_id), SUM(impressions), SUM(clicks), SUM(conversion),
  SUM(qualified_application), SUM(disqualified_application), SUM(spend_hour)
FROM events
GROUP BY dates, job_id, publisher_id, campaign_id, group_id
"""


def fill(connection, rows, schema_of=None):
    """Fills `events`, its roll-up and `hirestream_jobs`, made like those of another database if it is named; returns the rows of a day by hour
    and by day."""
    cells = max(1, rows // (DAYS * 24))
    with connection.cursor() as cursor:
        for table in ("events", "hirestream_days", "hirestream_jobs", "hirestream_publishers") if schema_of else ():
            cursor.execute(f"CREATE TABLE {table} LIKE {schema_of}.{table}")
        cursor.execute("CREATE TABLE numbers (n INT PRIMARY KEY)")
        cursor.executemany("INSERT INTO numbers VALUES (%s)", [(n,) for n in range(max(24, cells))])
        cursor.execute("SET unique_checks = 0")
        for day in range(DAYS):
            date = FIRST_DAY + datetime.timedelta(days=day)
            cursor.execute(FILL, (date, str(date), cells))
        jobs = 1 + (cells - 1) // PUBLISHERS_OF_A_JOB
        cursor.executemany(
            "INSERT INTO hirestream_jobs VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '2026-07-01')",
            [
                (
                    job,
                    1 + job % COMPANIES,
                    1 + job % GROUPS,
                    1 + job % CAMPAIGNS,
                    f"Job title {job}",
                    f"Company name {job % COMPANIES}",
                    f"Campaign name {job % CAMPAIGNS}",
                    f"Group name {job % GROUPS}",
                )
                for job in range(1, jobs + 1)
            ],
        )
        cursor.execute(DAYS_OF_EVENTS)
        cursor.execute("ANALYZE TABLE events, hirestream_days, hirestream_jobs")
        cursor.execute("SELECT COUNT(*) FROM hirestream_days")
        (by_day,) = cursor.fetchone()
    return cells * 24, by_day // DAYS
