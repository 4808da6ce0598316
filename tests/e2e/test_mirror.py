"""`mirror`: the rows that writers put into a plain table are in the recommended one, whatever ends the mirror and whatever the server does with its log."""

import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import uuid

import pytest
import requests
from cassandra.util import uuid_from_time
from conftest import stop
from test_table_shapes import count, events_of, summary_of

SERVICES = pathlib.Path(__file__).resolve().parents[1] / "support" / "services"
COUNTED = ["ts", "job_id", "publisher_id", "campaign_id", "group_id", "custom_track", "ev", "bid"]
PLAIN = "create_time text PRIMARY KEY, ts text, job_id int, publisher_id int, campaign_id int, group_id int, custom_track text, ev int, bid int, ua text"


class Pair:
    """A plain table and its mirror, both empty."""

    def __init__(self, hirestream, cassandra, keyspace):
        self.hirestream, self.session = hirestream, cassandra.session
        self.name = f"plain_{uuid.uuid4().hex[:6]}"
        self.plain, self.mirrored = f"{keyspace}.{self.name}", f"{keyspace}.{self.name}_by_bucket"
        self.source, self.target = cassandra.uri(keyspace, self.name), cassandra.uri(keyspace, f"{self.name}_by_bucket")
        self.create()
        hirestream("init", "--source", self.target)
        self.rows = 0
        self.random = random.Random(7)

    def create(self):
        self.session.execute(f"CREATE TABLE {self.plain} ({PLAIN})")
        self.insert = self.session.prepare(f"INSERT INTO {self.plain} (create_time, {', '.join(COUNTED)}, ua) VALUES ({', '.join('?' * 10)})")

    def write(self, count):
        """As writers do that know of no mirror. The ids written."""
        ids = []
        for _ in range(count):
            self.rows += 1
            ids.append(str(uuid.uuid1()))
            values = [f"2026-11-0{1 + self.rows % 9} 10:{self.rows % 60:02}:00", *(self.random.choice([None, 1, 188]) for _ in range(4)),
                      self.random.choice([None, "click", "conversion"]), 1, self.random.choice([None, 0, 7])]
            self.session.execute(self.insert, [ids[-1], *values, "a browser"])
        return ids

    def content(self, table):
        """Counted values by create_time, as text."""
        found = self.session.execute(f"SELECT create_time, {', '.join(COUNTED)} FROM {table}")
        return {str(row.create_time): tuple(None if value is None else str(value).removesuffix("+00:00") for value in row[1:]) for row in found}

    def start(self, *options, environment=None):
        return self.hirestream.start("mirror", "--from", self.source, "--to", self.target, *options, environment=environment)

    def once(self, *options):
        return summary_of(self.hirestream("--json", "--quiet", "mirror", "--from", self.source, "--to", self.target, "--once", *options, timeout=120))

    @contextlib.contextmanager
    def running(self, *options):
        """It must end well."""
        process = self.start(*options)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            out, errors = process.communicate(timeout=30)
        assert process.returncode == 0, out + errors

    def wait_until_equal(self, seconds=20):
        deadline = time.monotonic() + seconds
        while True:
            plain, mirrored = self.content(self.plain), self.content(self.mirrored)
            if plain == mirrored or time.monotonic() > deadline:
                missing = {key: value for key, value in plain.items() if mirrored.get(key) != value}
                extra = {key: value for key, value in mirrored.items() if key not in plain}
                assert not missing and not extra, f"{len(missing)} missing or different, {len(extra)} too many: {list(missing.items())[:3]} {list(extra.items())[:3]}"
                return
            time.sleep(0.1)


@pytest.fixture
def pair(hirestream, cassandra, shared_keyspace):
    return Pair(hirestream, cassandra, shared_keyspace)


def nodetool(*arguments):
    done = subprocess.run([SERVICES / "cassandra.sh", "nodetool", "--", *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout


def test_rows_show_within_a_second_and_count_the_same(pair, hirestream, tmp_path):
    before = pair.write(300)
    with pair.running():
        pair.wait_until_equal()
        latest = []
        for _ in range(10):
            (written,) = pair.write(1)
            begin = time.monotonic()
            while not any(written == key for key in pair.content(pair.mirrored)):
                assert time.monotonic() - begin < 5
            latest.append(time.monotonic() - begin)
        assert sorted(latest)[len(latest) // 2] < 1, latest
        pair.session.execute(f"UPDATE {pair.plain} SET bid = 9 WHERE create_time = %s", (before[0],))
        pair.session.execute(f"UPDATE {pair.plain} SET job_id = 77, ua = 'x' WHERE create_time = %s", (before[1],))
        pair.session.execute(f"UPDATE {pair.plain} SET custom_track = 'click', ts = '2026-11-01 10:00:00' WHERE create_time = %s", (str(uuid.uuid1()),))
        pair.session.execute(f"INSERT INTO {pair.plain} (create_time, ts, custom_track, job_id) VALUES (%s, '2026-11-01 11:00:00', 'click', 5) "
                             "USING TTL 86400", (str(uuid.uuid1()),))
        pair.session.execute("BEGIN UNLOGGED BATCH " + " ".join(
            f"INSERT INTO {pair.plain} (create_time, ts, custom_track, job_id) VALUES ('{uuid.uuid1()}', '2026-11-01 12:00:00', 'click', {i});"
            for i in range(20)) + " APPLY BATCH")
        # An older write of a value that is there changes nothing.
        pair.session.execute(f"UPDATE {pair.plain} USING TIMESTAMP 1000 SET bid = 1 WHERE create_time = %s", (before[0],))
        pair.wait_until_equal()
    left = [row.left for row in pair.session.execute(f"SELECT TTL(ts) AS left FROM {pair.mirrored}") if row.left is not None]
    assert left and 8 * 86400 < min(left) <= max(left) <= 9 * 86400, "every mirrored row lives nine days"
    assert count(hirestream, pair.target, tmp_path / "mirror.db")["rows"]["total"] == len(pair.content(pair.plain))
    count(hirestream, pair.source, tmp_path / "plain.db")
    assert events_of(tmp_path / "mirror.db") == events_of(tmp_path / "plain.db") != {}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(port, path, **options):
    """Status and text; 0 while nobody listens."""
    try:
        answer = requests.get(f"http://127.0.0.1:{port}{path}", timeout=10, **options)
    except requests.exceptions.ConnectionError:
        return 0, ""
    return answer.status_code, answer.text


def metrics_of(port, **options):
    """By name and labels but for the table's, as the exposition format has them."""
    status, text = ask(port, "/metrics", **options)
    assert status == 200, text
    lines = (line.rpartition(" ") for line in text.splitlines() if line.startswith("hirestream_"))
    return {re.sub(r'(,?)table="[^"]*"', "", name).replace("{}", ""): float(value) for name, _, value in lines}


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_metrics_tell_what_it_does(pair):
    pair.write(40)
    port = free_port()
    with pair.running("--listen", f"127.0.0.1:{port}"):
        wait_for(lambda: ask(port, "/readyz")[0] == 200)
        before = metrics_of(port)
        assert before["hirestream_mirror_up"] == 1 and before["hirestream_mirror_may_lack_rows"] == 0
        assert before['hirestream_mirror_rows_total{from="table"}'] == 40 and before["hirestream_mirror_copies_total"] == 1
        assert before["hirestream_mirror_late_notes_total"] >= 1 and before["hirestream_mirror_gaps_total"] == 0
        assert ask(port, "/livez") == (200, "alive\n") and ask(port, "/api/v1/kpis")[0] == 404
        pair.write(30)
        pair.session.execute(f"INSERT INTO {pair.plain} (create_time, ts) VALUES ('row 17', '2026-01-01 00:00:00')")
        wait_for(lambda: metrics_of(port)["hirestream_mirror_rows_rejected_total"] == 1)
        after = metrics_of(port)
        rows = 'hirestream_mirror_rows_total{from="log"}'
        assert after[rows] - before[rows] == 30
        read = {name: after[name] - before[name] for name in ("hirestream_mirror_entries_read_total", "hirestream_mirror_read_bytes_total")}
        assert read["hirestream_mirror_entries_read_total"] >= 31 and read["hirestream_mirror_read_bytes_total"] >= 31 * 100, read
        assert 0 <= after["hirestream_mirror_lag_seconds"] < 2 and 0 <= after["hirestream_mirror_lag_bytes"] < 1 << 20
        assert time.time() - 5 < after["hirestream_mirror_last_success_timestamp_seconds"] < time.time() + 1
        assert after["hirestream_mirror_last_copy_timestamp_seconds"] > time.time() - 60
        assert all(after[f'hirestream_mirror_errors_total{{kind="{kind}"}}'] == 0 for kind in ("transient", "config", "bug"))


def test_metrics_for_other_machines_want_a_token(pair):
    token, port = "a-token-of-the-test", free_port()
    said = pair.hirestream("mirror", "--from", pair.source, "--to", pair.target, "--listen", f"0.0.0.0:{port}", expect=2)
    assert "HIRESTREAM_HTTP_TOKEN" in said
    process = pair.start("--listen", f"0.0.0.0:{port}", environment={"HIRESTREAM_HTTP_TOKEN": token})
    try:
        wait_for(lambda: ask(port, "/readyz")[0] == 200)
        assert ask(port, "/metrics")[0] == 401
        assert metrics_of(port, headers={"Authorization": f"Bearer {token}"})["hirestream_mirror_up"] == 1
        pair.hirestream("healthcheck", "--http", f"127.0.0.1:{port}")
    finally:
        stop(process)


def test_what_is_deleted_stays(pair):
    kept = pair.write(3)
    with pair.running():
        pair.wait_until_equal()
        content = pair.content(pair.plain)
        pair.session.execute(f"DELETE FROM {pair.plain} WHERE create_time = %s", (kept[0],))
        pair.session.execute(f"DELETE ev FROM {pair.plain} WHERE create_time = %s", (kept[1],))
        pair.session.execute(f"UPDATE {pair.plain} SET ts = null WHERE create_time = %s", (kept[2],))
        (last,) = pair.write(1)
        deadline = time.monotonic() + 10
        while last not in pair.content(pair.mirrored):
            assert time.monotonic() < deadline
    found = pair.content(pair.mirrored)
    assert {key: found[key] for key in kept} == content


def test_killed_at_any_time_it_loses_nothing(pair):
    pair.write(200)
    process = pair.start()
    for _ in range(8):
        pair.write(150)
        time.sleep(pair.random.uniform(0.05, 0.7))
        process.kill()
        process.communicate()
        pair.write(20)  # while it is down
        process = pair.start()
    process.kill()
    process.communicate()
    summary = pair.once()
    assert summary["rows_rejected"] == 0 and not summary["copying"]
    pair.wait_until_equal(seconds=0)


def test_goes_on_behind_what_it_has_written(pair):
    pair.write(100)
    first = pair.once()
    assert (first["rows_copied"], first["copies"]) == (100, 1)
    pair.write(50)
    second = pair.once()
    assert (second["copies"], second["gaps"]) == (0, 0) and 50 <= second["rows_followed"] < 150, second
    assert pair.once()["rows_followed"] < 50
    pair.wait_until_equal(seconds=0)


def test_a_segment_that_went_while_it_was_down_is_copied(pair):
    pair.write(50)
    pair.once()
    pair.write(50)
    fill_segments(pair)
    nodetool("flush")  # all rows are in the tables' own files: the segments may go
    pair.write(10)
    summary = pair.once()
    assert (summary["gaps"], summary["copies"], summary["rows_copied"]) == (1, 1, 110), summary
    pair.wait_until_equal(seconds=0)


def fill_segments(pair, megabytes=100):
    pair.session.execute(f"CREATE TABLE IF NOT EXISTS {pair.plain}_filler (k int PRIMARY KEY, v blob)")
    fill = pair.session.prepare(f"INSERT INTO {pair.plain}_filler (k, v) VALUES (?, ?)")
    for _ in range(megabytes // 4):
        pair.session.execute(fill, (1, os.urandom(4 << 20)))


def test_follows_through_switches_of_segments(pair):
    with pair.running():
        for _ in range(3):
            pair.write(100)
            fill_segments(pair, 40)
            nodetool("flush")
        pair.wait_until_equal()


def test_follows_a_changing_table(pair):
    with pair.running():
        pair.write(20)
        pair.session.execute(f"ALTER TABLE {pair.plain} ADD note text")
        pair.session.execute(f"UPDATE {pair.plain} SET note = 'n', ev = 3 WHERE create_time = %s", (str(uuid.uuid1()),))
        pair.session.execute(f"ALTER TABLE {pair.plain} DROP note")
        pair.write(20)
        pair.wait_until_equal()
        pair.session.execute(f"DROP TABLE {pair.plain}")
        kept = pair.content(pair.mirrored)
        time.sleep(1)
        pair.create()
        pair.write(30)
        deadline = time.monotonic() + 30
        while pair.content(pair.mirrored) != kept | pair.content(pair.plain):
            assert time.monotonic() < deadline
            time.sleep(0.2)


@pytest.mark.parametrize("options", [["--visibility", "tail"], ["--commit-log", "none", "--reconcile-every", "1s"]])
def test_other_ways(pair, options):
    pair.write(50)
    with pair.running(*options):
        pair.wait_until_equal()
        pair.write(50)
        pair.wait_until_equal()


def test_reconcile_copies_the_partitions_that_differ_alone(pair):
    hour_ago = time.time() - 3600
    def write(begin, count):
        for i in range(count):
            pair.session.execute(pair.insert, [str(uuid_from_time(begin + 30 * i)), "2026-11-01 10:00:00.1234", 188, 1, 1, 1, "click", 1, 7, "a browser"])

    write(hour_ago, 100)
    copies = ["--commit-log", "none", "--reconcile-every", "1s"]
    first = pair.once(*copies)
    assert first["rows_copied"] == 100 and first["partitions_differed"] == 0
    time.sleep(1)
    same = pair.once(*copies)
    assert same["rows_copied"] == 0 and same["partitions_differed"] == 0 and same["copies"] == 1, same
    write(hour_ago + 7, 3)
    pair.session.execute(f"UPDATE {pair.plain} SET bid = 8 WHERE create_time = %s", (next(iter(pair.content(pair.plain))),))
    time.sleep(1)
    mended = pair.once(*copies)
    assert 1 <= mended["partitions_differed"] <= 4 and mended["partitions_differed"] <= mended["rows_copied"] < 20, mended
    assert len(pair.content(pair.mirrored)) == 103
    assert {key: value[7] for key, value in pair.content(pair.mirrored).items()} == {key: value[7] for key, value in pair.content(pair.plain).items()}


def test_rows_that_nodetool_imports_are_found(pair, tmp_path):
    """They are in no log: files of another table of the same columns are put into the plain one."""
    pair.write(50)
    with pair.running("--reconcile-every", "2s"):
        pair.wait_until_equal()
        elsewhere = pair.plain + "_elsewhere"
        pair.session.execute(f"CREATE TABLE {elsewhere} ({PLAIN})")
        # Older than ten minutes: the log vouches for younger ones.
        ids = [str(uuid_from_time(time.time() - 3600 + i)) for i in range(40)]
        for key in ids:
            pair.session.execute(f"INSERT INTO {elsewhere} (create_time, ts, job_id, custom_track, bid) VALUES (%s, '2026-11-01 10:00:00', 3, 'click', 2)", (key,))
        keyspace, table = elsewhere.split(".")
        nodetool("flush", keyspace, table)
        data = pair.session.execute("SELECT value FROM system_views.settings WHERE name = 'data_file_directories'").one().value.strip("[]")
        (folder,) = pathlib.Path(data, keyspace).glob(f"{table}-*")
        given = tmp_path / keyspace / pair.name
        shutil.copytree(folder, given, ignore=shutil.ignore_patterns("backups", "snapshots"))
        nodetool("import", "--copy-data", keyspace, pair.name, str(given))
        assert set(ids) <= set(pair.content(pair.plain)), "nodetool has imported nothing"
        pair.wait_until_equal(30)
    assert pair.once()["partitions_differed"] == 0


def test_rows_that_do_not_fit_are_named_and_the_others_mirrored(pair):
    ids = pair.write(20)
    pair.session.execute(f"INSERT INTO {pair.plain} (create_time, ts) VALUES ('row 17', '2026-01-01 00:00:00')")
    said = pair.hirestream("--json", "mirror", "--from", pair.source, "--to", pair.target, "--once")
    assert "row 17" in said and "is no version-1 UUID" in said, said
    assert set(pair.content(pair.mirrored)) == set(ids)


def test_says_what_is_wrong(pair, hirestream, tmp_path):
    def said(*options, source=pair.source, target=pair.target):
        return hirestream("mirror", "--from", source, "--to", target, "--once", *options, expect=2)

    assert "commitlog_directory" in said("--commit-log", tmp_path / "nowhere")
    pair.session.execute(f"CREATE TABLE {pair.plain}_too ({PLAIN})")
    assert "cannot be followed by the engine" in said(target=pair.source.replace(pair.name, pair.name + "_too"))
    assert "is --from and --to" in said(source=pair.target)
    assert "is no Cassandra table" in said(source=f"sqlite:{tmp_path}/raw.db")
    assert "'x' is not allowed" in said("--ttl", "x")


def test_a_folder_that_the_node_does_not_write_is_found_out(pair, hirestream, tmp_path):
    """A copy of its log: what the mirror itself writes never comes."""
    folder = re.search(r"(/\S+/commitlog) can be followed", hirestream("doctor", "--source", pair.source))[1]
    copy, port = tmp_path / "commitlog", free_port()
    copy.mkdir()
    for segment in pathlib.Path(folder).iterdir():
        with contextlib.suppress(FileNotFoundError):  # Cassandra deletes what it needs no more
            shutil.copy(segment, copy)
    pair.write(10)
    with pair.running("--commit-log", copy, "--listen", f"127.0.0.1:{port}"):
        wait_for(lambda: ask(port, "/metrics")[0] == 200 and metrics_of(port)["hirestream_mirror_copies_total"] == 1)
        status, text = ask(port, "/readyz")
        assert status == 503 and "may be missing" in text
    said = hirestream("mirror", "--from", pair.source, "--to", pair.target, "--once", "--commit-log", copy, expect=2)
    assert f"{copy}: nothing of what the mirror stored since" in said and "no copy" in said


def test_doctor_says_whether_the_log_can_be_followed(pair, hirestream):
    said = hirestream("doctor", "--source", pair.source)
    assert re.search(r"✓ source .* commit log.*/commitlog can be followed from here", said), said
    assert "commit log" not in hirestream("doctor", "--source", pair.target), "it needs no mirror"


def test_what_comes_to_settled_minutes_is_counted_at_once(pair, hirestream, tmp_path):
    """Rows of an hour ago, as a writer replays them: the engine does not wait for the next audit."""
    def replay(count):
        for i in range(count):
            pair.session.execute(pair.insert, [str(uuid_from_time(begin + i)), "2026-11-01 10:00:00", 188, 1, 1, 1, "click", 1, 7, "a browser"])

    begin = time.time() - 3600
    replay(20)
    warehouse = tmp_path / "w.db"
    with pair.running():
        pair.wait_until_equal()
        count(hirestream, pair.target, warehouse)
        engine = hirestream.start("--quiet", "run", "--source", pair.target, "--warehouse", f"sqlite:{warehouse}")
        try:
            time.sleep(7)  # notes of before are read
            begin += 600
            replay(30)
            deadline = time.monotonic() + 25
            while sum(cell.get("clicks", 0) for cell in events_of(warehouse).values()) != 50:
                assert time.monotonic() < deadline, events_of(warehouse)
                time.sleep(0.2)
            said = json.loads(hirestream("--json", "status", "--warehouse", f"sqlite:{warehouse}"))
            node = pair.session.execute("SELECT host_id FROM system.local").one().host_id
            assert [mirror["node"] for mirror in said[0]["mirrors"]] == [str(node)]
            assert re.search(rf"{node} +(follows|copies) +", hirestream("status", "--warehouse", f"sqlite:{warehouse}"))
        finally:
            stop(engine)
