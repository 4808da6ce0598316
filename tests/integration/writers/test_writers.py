"""The writers of docs/writers.md: the same events from each language stand in the same partitions and count the same."""

import datetime
import json
import os
import sqlite3
import subprocess
import uuid

import pytest
from cassandra.cluster import Cluster

from toolchains import LANGUAGES, WRITERS, command_of

ADDRESS = os.environ.get("HIRESTREAM_TEST_CASSANDRA", "cassandra://127.0.0.1:9042").removeprefix("cassandra://")
EPOCH = datetime.datetime(1582, 10, 15, tzinfo=datetime.timezone.utc)
DAY = datetime.datetime(2024, 3, 5, tzinfo=datetime.timezone.utc)
KINDS = [(None, 1), ("click", 2), ("conversion", 2), ("qualified", 2), ("unqualified", 2), ("alive", 2)]


def events():
    """400 of them in ten minutes; the layout has more shards from the fifth minute on."""
    for number in range(400):
        arrival = DAY + datetime.timedelta(hours=10, seconds=number * 1.5)
        ticks = (arrival - EPOCH) // datetime.timedelta(microseconds=1) * 10 + number % 10
        create_time = uuid.UUID(fields=(ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, 0x1000 | ticks >> 48, 0x80 | number % 64, number % 256,
                                        0x0242AC120002 + number))
        track, ev = KINDS[number % len(KINDS)]
        event = dict(create_time=str(create_time), ts=(arrival - datetime.timedelta(minutes=30)).isoformat(timespec="milliseconds")
                     .replace("+00:00", "Z"), custom_track=track, ev=ev, job_id=number % 7 or None, publisher_id=number % 3 + 1,
                     campaign_id=None, group_id=2**40 + number % 2, bid=1.25 if track == "click" else None,
                     ed=json.dumps({"note": 'said "é", left\\'}) if track else None)
        yield {name: value for name, value in event.items() if value is not None}


EVENTS = list(events())
LINES = "".join(json.dumps(event) + "\n" for event in EVENTS)


def hirestream(*arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRESTREAM_")}
    done = subprocess.run([os.environ["HIRESTREAM_BINARY"], *map(str, arguments)], env=environment, capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode in (0, 1), f"{arguments}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def read_cells(database):
    with sqlite3.connect(database) as connection:
        return connection.execute(
            "SELECT job_id, dates, hours, publisher_id, campaign_id, group_id, impressions, clicks, conversion, qualified_application, "
            "disqualified_application, spend_hour FROM events ORDER BY 1, 2, 3, 4, 5, 6").fetchall()


@pytest.fixture(scope="module")
def session():
    host, _, port = ADDRESS.partition(":")
    with Cluster([host], port=int(port or 9042), protocol_version=4, connect_timeout=20) as cluster:
        yield cluster.connect()


@pytest.fixture(scope="module")
def keyspace(session):
    name = f"writers_{uuid.uuid4().hex[:10]}"
    yield name
    session.execute(f"DROP KEYSPACE IF EXISTS {name}")


def create_table(session, keyspace, table, folder):
    uri = f"cassandra://{ADDRESS}/{keyspace}/{table}?consistency=ONE"
    hirestream("init", "--source", uri, "--warehouse", f"sqlite:{folder}/init.db", "--shard-count", 3)
    session.execute(f"INSERT INTO {keyspace}.{table}_layout (from_bucket_time, bucket_width_s, shard_count) "
                    "VALUES ('2024-03-05 10:05:00+0000', 60, 8)")
    return uri


def places(session, keyspace, table):
    return sorted(session.execute(f"SELECT bucket, shard, create_time, ts, bid, ev, ed, group_id FROM {keyspace}.{table}"),
                  key=lambda row: row.create_time.bytes)


@pytest.fixture(scope="module")
def imported(session, keyspace, tmp_path_factory):
    """The same events by hirestream's own writer, and what is counted of them as a file."""
    folder = tmp_path_factory.mktemp("imported")
    (folder / "events.ndjson").write_text(LINES)
    create_table(session, keyspace, "imported", folder)
    hirestream("import", folder / "events.ndjson", "--to", f"cassandra://{ADDRESS}/{keyspace}/imported")
    hirestream("run", "--once", "--source", f"ndjson:{folder}/events.ndjson", "--warehouse", f"sqlite:{folder}/w.db")
    return places(session, keyspace, "imported"), read_cells(folder / "w.db")


@pytest.mark.parametrize("language", LANGUAGES)
def test_writer(language, session, keyspace, imported, tmp_path):
    rows, cells = imported
    assert len(cells) > 20
    uri = create_table(session, keyspace, language, tmp_path)
    done = subprocess.run([*command_of(language), ADDRESS, keyspace, language], input=LINES, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert places(session, keyspace, language) == rows
    hirestream("run", "--once", "--source", uri, "--warehouse", f"sqlite:{tmp_path}/w.db")
    assert read_cells(tmp_path / "w.db") == cells
    doctor = hirestream("doctor", "--source", uri, "--warehouse", f"sqlite:{tmp_path}/w.db")
    assert "400 rows looked at stand where they belong" in doctor

    # An event without an id gets one of now.
    done = subprocess.run([*command_of(language), ADDRESS, keyspace, language], input=json.dumps({"custom_track": "click"}) + "\n",
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(places(session, keyspace, language)) == 401


def test_doctor_finds_rows_in_wrong_places(session, keyspace, tmp_path):
    uri = create_table(session, keyspace, "misplaced", tmp_path)
    for shard in (0, 1):
        session.execute(f"INSERT INTO {keyspace}.misplaced (bucket, shard, create_time) VALUES (1, {shard}, {EVENTS[0]['create_time']})")
    doctor = hirestream("doctor", "--source", uri, "--warehouse", f"sqlite:{tmp_path}/w.db")
    assert "stand in two shards and count twice" in doctor
    assert "stand in another bucket than the time in their create_time says" in doctor


def test_page_names_each_writer():
    page = (WRITERS.parent / "writers.md").read_text()
    for language in LANGUAGES:
        assert f"writers/{language}/" in page
