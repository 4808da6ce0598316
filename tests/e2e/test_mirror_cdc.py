"""`mirror --cdc-raw`: with CDC on, segments wait for a mirror that is down, and are deleted once it has mirrored them whole."""

import os
import pathlib
import subprocess
import time
import types

import pytest
from cassandra.cluster import Cluster
from test_mirror import PLAIN, Pair

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "support" / "services" / "cassandra.sh"
PORT = 19242


def script(*arguments):
    environment = os.environ | {"HIRESTREAM_TEST_CASSANDRA_PORT": str(PORT), "HIRESTREAM_TEST_CASSANDRA_HEAP": "512m",
                                "HIRESTREAM_TEST_CASSANDRA_SEGMENT": "1MiB", "HIRESTREAM_TEST_CASSANDRA_SETTINGS": "cdc_enabled: true"}
    done = subprocess.run([SCRIPT, *arguments], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def server():
    """A Cassandra of its own, with CDC and small segments."""
    script("wipe")
    script("start")
    cluster = Cluster(["127.0.0.1"], port=PORT, protocol_version=4, connect_timeout=20)
    session = cluster.connect()
    session.execute("CREATE KEYSPACE logs WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    yield types.SimpleNamespace(session=session, uri=lambda keyspace, table: f"cassandra://127.0.0.1:{PORT}/{keyspace}/{table}?consistency=ONE")
    cluster.shutdown()
    script("wipe")


class CdcPair(Pair):
    def __init__(self, hirestream, server):
        super().__init__(hirestream, server, "logs")
        cache = os.environ.get("HIRESTREAM_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "hirestream")
        (self.folder,) = pathlib.Path(cache, "services").glob(f"cassandra-*-{PORT}/data/cdc_raw")
        self.session.execute(f"CREATE TABLE {self.plain}_filler (k int PRIMARY KEY, v blob) WITH cdc = true")

    def create(self):
        super().create()
        self.session.execute(f"ALTER TABLE {self.plain} WITH cdc = true")

    def fill(self, segments):
        """So many segments are complete, and Cassandra needs them no more."""
        for _ in range(segments * 4):
            self.session.execute(f"INSERT INTO {self.plain}_filler (k, v) VALUES (1, %s)", (os.urandom(300_000),))
        script("nodetool", "--", "flush")

    def segments(self):
        return {path.name for path in self.folder.glob("CommitLog-*.log")}

    def indexes(self):
        return {path.name.replace("_cdc.idx", ".log") for path in self.folder.glob("CommitLog-*_cdc.idx")}

    def wait_until_deleted(self, segments):
        deadline = time.monotonic() + 60
        while segments & self.segments():
            assert time.monotonic() < deadline, segments & self.segments()
            time.sleep(0.2)


@pytest.fixture
def pair(hirestream, server):
    return CdcPair(hirestream, server)


def test_segments_are_deleted_once_they_are_mirrored(pair):
    with pair.running("--cdc-raw", pair.folder):
        old = set()
        for _ in range(3):
            pair.write(100)
            old |= pair.segments()
            pair.fill(6)
        pair.wait_until_equal(60)
        pair.write(10)
        # All but the one that is written may go; Cassandra completes those that it had begun.
        pair.wait_until_deleted(old)
    assert pair.indexes() <= pair.segments(), "no index without its segment"


def test_segments_wait_while_the_mirror_is_down_and_nothing_has_to_be_copied(pair):
    pair.write(50)
    first = pair.once("--cdc-raw", pair.folder)
    assert first["copies"] == 1 and first["gaps"] == 0
    pair.write(200)
    waiting = pair.segments()
    pair.fill(8)
    assert waiting <= pair.segments()
    second = pair.once("--cdc-raw", pair.folder)
    assert (second["gaps"], second["copies"]) == (0, 0) and second["rows_followed"] >= 200, second
    pair.wait_until_equal(seconds=0)


def test_killed_at_any_time_it_loses_nothing_and_copies_nothing(pair):
    pair.write(50)
    pair.once("--cdc-raw", pair.folder)
    process = pair.start("--cdc-raw", pair.folder)
    for _ in range(6):
        pair.write(100)
        pair.fill(2)
        time.sleep(pair.random.uniform(0.1, 1.5))
        process.kill()
        process.communicate()
        pair.write(20)
        process = pair.start("--cdc-raw", pair.folder)
    process.kill()
    process.communicate()
    summary = pair.once("--cdc-raw", pair.folder)
    assert (summary["gaps"], summary["copies"]) == (0, 0), summary
    pair.wait_until_equal(seconds=0)


def test_says_what_is_missing(pair, tmp_path):
    def said(*options):
        return pair.hirestream("mirror", "--from", pair.source, "--to", pair.target, "--once", *options, expect=2)

    assert "--commit-log" in said("--cdc-raw", pair.folder, "--commit-log", pair.folder)
    assert "No such file" in said("--cdc-raw", tmp_path / "nowhere")
    assert "cdc_enabled" in said("--cdc-raw", tmp_path)
    pair.session.execute(f"CREATE TABLE {pair.plain}_off ({PLAIN})")
    assert "CDC is off" in pair.hirestream("mirror", "--from", pair.source.replace(pair.name, pair.name + "_off"), "--to", pair.target, "--cdc-raw",
                                           pair.folder, "--once", expect=2)
