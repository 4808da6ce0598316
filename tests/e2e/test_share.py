"""Engines that share the shards of one source: balanced, and the shards of one that was killed or stopped are taken by the others."""

import os
import random
import signal
import time
import uuid

import pytest

from conftest import assert_equal
from oracle.recount import Recount, read_companies
from test_restore import wait_until_accounted
from test_standby import Unit, wait_for

SEED = int(os.environ.get("HIRESTREAM_E2E_SEED", "1"))
LEASE_S = 2
SHARDS = 8


class Shares:
    """Who has which shards, as the warehouse knows it."""

    def __init__(self, server, database):
        self.server, self.database = server, database

    def of_processes(self):
        with self.server.connect(self.database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT owner, shard FROM hirestream_leases WHERE shard >= 0 AND until_us > "
                           "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))")
            shares = {}
            for owner, shard in cursor.fetchall():
                shares.setdefault(int(owner.split(":")[1]), set()).add(shard)
            return shares

    def are_balanced(self, units):
        shares = self.of_processes()
        sizes = [len(shares.get(unit.process.pid, ())) for unit in units]
        return set(shares) <= {unit.process.pid for unit in units} and sum(sizes) == SHARDS and max(sizes) - min(sizes) <= 1


@pytest.fixture(params=["mysql", "mariadb"])
def server(request):
    return request.getfixturevalue(request.param), request.getfixturevalue(f"{request.param}_database")


def test_a_late_row_that_was_noted_for_the_shards_of_a_dead_engine_is_counted(hirestream, cassandra, keyspace, mysql, mysql_database, tmp_path):
    """The engine that lives reads the note of a shard that is not its own; it is told of it again when it has taken the shard. Costs about 30 s."""
    lease_s = 14  # notes are read every 5 s
    source, warehouse = cassandra.uri(keyspace), mysql.uri(mysql_database)
    begin_s = int(time.time()) - 3 * 86_400  # all its audits are over
    begin = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(begin_s))
    hirestream("generate", "--to", source, "--rows", 2000, "--from", begin, "--span", "1h", "--journal", tmp_path / "history.csv")
    session, table = cassandra.session, f"{keyspace}.tracking"
    session.execute(f"CREATE TABLE {table}_late (hour bigint, noted_us bigint, shard int, bucket bigint, PRIMARY KEY (hour, noted_us, shard, bucket))")
    hirestream("init", "--warehouse", warehouse)
    share = ["run", "--source", source, "--warehouse", warehouse, "--share", "--lease", f"{lease_s}s"]
    units = [Unit(hirestream, share) for _ in range(2)]
    shares = Shares(mysql, mysql_database)
    events = mysql.events(mysql_database)

    def clicks_of(job):
        return int(events.query(f"SELECT COALESCE(SUM(clicks), 0) FROM events WHERE job_id = {job}")[0][0])

    try:
        wait_for(lambda: shares.are_balanced(units))
        wait_until_accounted(events, 2000)
        dead, alive = units
        dead.send(signal.SIGSTOP)
        shard = min(shares.of_processes()[dead.process.pid])
        bucket = session.execute(f"SELECT bucket FROM {table} WHERE shard = {shard} LIMIT 1 ALLOW FILTERING").one().bucket
        ticks = (bucket * 60 + 30) * 10_000_000 + 0x01B21DD213814000
        late = uuid.UUID(fields=(ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 | 0x1000, 0x80, 1, 7))
        session.execute(f"INSERT INTO {table} (bucket, shard, create_time, ts, job_id, custom_track) VALUES ({bucket}, {shard}, {late}, "
                        f"'{begin}', 987654, 'click')")
        now_us = int(time.time() * 1_000_000)
        session.execute(f"INSERT INTO {table}_late (hour, noted_us, shard, bucket) VALUES ({now_us // 3_600_000_000}, {now_us}, {shard}, {bucket})")
        wait_for(lambda: shares.are_balanced([alive]))
        dead.process.kill()
        wait_for(lambda: clicks_of(987654) == 1)
    finally:
        for unit in units:
            unit.end()


def test_three_engines_share_the_shards_whatever_happens_to_one_of_them(hirestream, cassandra, keyspace, server, tmp_path):
    choose = random.Random(SEED)
    sql, database = server
    source, jobs, warehouse = cassandra.uri(keyspace), f"csv:{tmp_path}/jobs.csv", sql.uri(database)
    journals = [tmp_path / "history.csv", tmp_path / "live.csv"]
    hirestream("generate", "--to", source, "--rows", 20_000, "--span", "1h", "--journal", journals[0], "--jobs-to", jobs)
    run = ["run", "--source", source, "--warehouse", warehouse, "--jobs", jobs]
    hirestream("init", "--warehouse", warehouse)
    share = [*run, "--share", "--lease", f"{LEASE_S}s"]
    units = [Unit(hirestream, share) for _ in range(3)]
    shares = Shares(sql, database)
    writer = hirestream.start("generate", "--to", source, "--rate", 300, "--seconds", 30, "--seed", 2, "--journal", journals[1])
    delays = []
    try:
        wait_for(lambda: shares.are_balanced(units))
        for _ in range(4):
            unit = choose.choice(units)
            others = [other for other in units if other is not unit]
            which = choose.choice([signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
            began = time.monotonic()
            unit.send(which)
            if which != signal.SIGSTOP:
                unit.process.wait(timeout=60)
            wait_for(lambda others=others: shares.are_balanced(others))
            delays.append(time.monotonic() - began)
            if which == signal.SIGSTOP:
                time.sleep(choose.uniform(0, 1))
                unit.send(signal.SIGCONT)
            time.sleep(choose.uniform(0, 0.5))
            assert which != signal.SIGSTOP or unit.process.poll() is None
            unit.ensure_running()
            wait_for(lambda: shares.are_balanced(units))
        out, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, out + errors
        right = Recount([str(journal) for journal in journals])
        wait_until_accounted(sql.events(database), sum(right.classes().values()))
    finally:
        writer.kill()
        for unit in units:
            unit.end()
    print(f"SEED={SEED}: the others had its shards after", " ".join(f"{delay:.1f}" for delay in delays), "s")
    assert max(delays) < LEASE_S + 10
    hirestream(*run, "--once")
    assert_equal(right, sql.events(database), read_companies(jobs))
    hirestream("verify", "--source", source, "--warehouse", warehouse)
