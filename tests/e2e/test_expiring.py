"""A plain Cassandra table with a time to live: what a day gave stays when its rows expire, and nothing is held."""

import datetime
import json
import time

DAY = datetime.timedelta(days=1)
ROWS = 2_000
# Freezes what arrived three days ago, a day before its rows expire.
TIME_TO_LIVE_S = 4 * 86_400


def let_expire(cassandra, keyspace, seconds):
    """Writes every row once more, as it is, with so long to live."""
    texts = [row[0] for row in cassandra.session.execute(f"SELECT JSON * FROM {keyspace}.tracking")]
    insert = cassandra.session.prepare(f"INSERT INTO {keyspace}.tracking JSON ? USING TTL {seconds}")
    for future in [cassandra.session.execute_async(insert, (text,)) for text in texts]:
        future.result()


def count(cassandra, keyspace):
    return cassandra.session.execute(f"SELECT COUNT(*) FROM {keyspace}.tracking").one()[0]


def test_what_a_day_gave_stays_when_its_rows_expire(hirestream, cassandra, keyspace, mysql, mysql_database):
    both = ["--source", cassandra.uri(keyspace), "--warehouse", mysql.uri(mysql_database)]

    def generate(begin, rows, seed):
        hirestream("generate", "--to", cassandra.uri(keyspace), "--layout", "plain", "--rows", rows, "--span", "3h", "--seed", seed,
                   "--from", f"{begin:%Y-%m-%d %H:%M:%S}")

    def run():
        return json.loads(hirestream("--json", "--quiet", "run", "--once", *both))

    def slices():
        with mysql.connect(mysql_database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT CAST(slices_open + slices_settled AS SIGNED), CAST(slices_frozen AS SIGNED), CAST(slices_held AS SIGNED) "
                           "FROM hirestream_accounting")
            return cursor.fetchone()

    def figures():
        with mysql.connect(mysql_database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT * FROM events ORDER BY dates, hours, job_id, publisher_id, campaign_id, group_id")
            return [row[:-1] for row in cursor.fetchall()]  # without updated_at

    now = datetime.datetime.now(datetime.timezone.utc)
    generate(now - 5 * DAY, ROWS, 1)
    assert run()["rows"]["total"] == ROWS
    unfrozen, frozen, _ = slices()
    assert unfrozen > 100 and frozen == 0, "rows of a table without a time to live never freeze"
    before = figures()

    cassandra.execute(f"ALTER TABLE {keyspace}.tracking WITH default_time_to_live = {TIME_TO_LIVE_S}")
    let_expire(cassandra, keyspace, 20)
    run()
    assert slices() == (0, unfrozen, 0)
    deadline = time.monotonic() + 120
    while count(cassandra, keyspace) > 0 and time.monotonic() < deadline:
        time.sleep(1)
    assert count(cassandra, keyspace) == 0
    run()
    assert figures() == before

    generate(now - datetime.timedelta(hours=4), 500, 2)
    assert run()["rows"]["total"] == ROWS + 500
    now_unfrozen, now_frozen, held = slices()
    assert (now_unfrozen > 0, now_frozen, held) == (True, unfrozen, 0)
    report = json.loads(hirestream("--json", "--quiet", "verify", *both))[0]
    assert not report["difference_remains"] and report["rows_read"] == 500 and report["rows_too_late"] == 0
    # Not even by leave: it was paid for.
    counted = figures()
    hirestream("--quiet", "verify", "--repair", "--allow-shrink", *both)
    assert figures() == counted
