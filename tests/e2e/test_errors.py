"""What goes wrong is said in a way that helps: what, where, what to do; with the documented exit code; never a password."""

import csv
import re
import resource
import signal
import time

import pytest

from conftest import assert_equal, content, sqlite_events, unique

WRONG_PASSWORD = "not-the-password-3141"


@pytest.fixture
def source(hirestream, tmp_path):
    hirestream("generate", "--to", f"csv:{tmp_path}/raw.csv", "--rows", 2000)
    return f"csv:{tmp_path}/raw.csv"


def run_once(hirestream, source, warehouse, *options, **keywords):
    return hirestream("run", "--once", "--source", source, "--warehouse", warehouse, "--give-up-after", "1s", *options, **keywords)


def test_unknown_mysql_host(hirestream, source):
    said = run_once(hirestream, source, "mysql://root@no-such-host.invalid:3306/etl_data", expect=3)
    assert "no-such-host.invalid" in said and "check the host's name" in said


def test_nobody_listens(hirestream, source):
    said = run_once(hirestream, source, "mysql://root@127.0.0.1:1/etl_data", expect=3)
    assert "127.0.0.1:1" in said


@pytest.mark.parametrize("once, code", [([], 0), (["--once"], 130)], ids=["for_good", "once"])
def test_stopped_during_an_outage(hirestream, source, once, code):
    """Whoever stops it has what was asked for, whether the warehouse answers or not."""
    engine = hirestream.start("run", *once, "--source", source, "--warehouse", "mysql://root@127.0.0.1:1/etl_data")
    try:
        said = ""
        while "again_in_ms" not in said:
            line = engine.stderr.readline()
            assert line, said
            said += line
    finally:
        engine.send_signal(signal.SIGTERM)
        out, errors = engine.communicate(timeout=30)
    assert engine.returncode == code, said + out + errors


def test_stopped_while_it_reads_a_large_file(hirestream, tmp_path):
    hirestream("generate", "--to", f"csv:{tmp_path}/large.csv", "--rows", 2_000_000)
    warehouse = f"sqlite:{tmp_path}/counts.db"
    engine = hirestream.start("run", "--source", f"csv:{tmp_path}/large.csv", "--warehouse", warehouse)
    time.sleep(0.5)
    asked = time.monotonic()
    engine.send_signal(signal.SIGTERM)
    out, errors = engine.communicate(timeout=60)
    assert time.monotonic() - asked < 1.5
    assert engine.returncode == 0, out + errors
    assert content(sqlite_events(warehouse)) == [], "nothing is half done"


def test_events_without_room_are_refused_and_mended(hirestream, source, mysql, mysql_database):
    warehouse = mysql.uri(mysql_database)
    hirestream("init", "--warehouse", warehouse)
    with mysql.connect(mysql_database) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events MODIFY job_id INT NOT NULL, MODIFY clicks INT UNSIGNED NOT NULL DEFAULT 0")
        said = run_once(hirestream, source, warehouse, expect=2)
        assert "job_id is int" in said and "clicks is int unsigned" in said, said
        cursor.execute(re.search("ALTER TABLE events .*", said)[0])
    run_once(hirestream, source, warehouse)


@pytest.mark.parametrize("once", [[], ["--once"]], ids=["for_good", "once"])
def test_a_commit_that_is_refused_ends_it(hirestream, tmp_path, mysql, mysql_database, once):
    """The server would refuse it for ever: it is not tried again and again."""
    source, warehouse = f"sqlite:{tmp_path}/raw.db", mysql.uri(mysql_database)
    hirestream("generate", "--to", source, "--rows", 2000)
    hirestream("init", "--warehouse", warehouse)
    with mysql.connect(mysql_database) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hirestream_days MODIFY job_id TINYINT NOT NULL")
    said = hirestream("run", *once, "--source", source, "--warehouse", warehouse, expect=2, timeout=60)
    assert "refuses what was counted" in said and "'job_id' at row" in said, said
    assert f"{mysql.host}:{mysql.port}" in said and "(1264)" in said, said


def test_one_source_that_ends_does_not_end_the_others(hirestream, source, tmp_path):
    warehouse = f"sqlite:{tmp_path}/counts.db"
    engine = hirestream.start("run", "--source", f"csv:{tmp_path}/absent.csv", "--source", source, "--warehouse", warehouse)
    try:
        deadline = time.monotonic() + 60
        while not counted(warehouse):
            assert engine.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        engine.send_signal(signal.SIGTERM)
        out, errors = engine.communicate(timeout=30)
    assert engine.returncode == 2, out + errors
    assert "has ended" in errors and "absent.csv" in errors


def counted(warehouse):
    try:
        return sqlite_events(warehouse).query("SELECT COUNT(*) FROM events")[0][0] > 0
    except Exception as error:  # the tables are not there yet
        assert "no such table" in str(error) or "unable to open" in str(error), error
        return False


def test_unknown_cassandra_host(hirestream, tmp_path):
    said = run_once(hirestream, "cassandra://no-such-host.invalid/logs/tracking", f"sqlite:{tmp_path}/counts.db", expect=3)
    assert "no-such-host.invalid" in said and "could not be resolved" in said


def test_wrong_mysql_password(hirestream, source, mysql, mysql_database):
    said = run_once(hirestream, source, mysql.uri(mysql_database), expect=2,
                    environment={"HIRESTREAM_MYSQL_PASSWORD": WRONG_PASSWORD})
    assert "Access denied" in said and "check the user" in said
    assert WRONG_PASSWORD not in said


def test_password_in_a_uri_is_refused_and_not_repeated(hirestream, source):
    said = run_once(hirestream, source, f"mysql://root:{WRONG_PASSWORD}@127.0.0.1/etl_data", expect=2)
    assert WRONG_PASSWORD not in said


def test_missing_cassandra_table(hirestream, cassandra, keyspace, tmp_path):
    said = run_once(hirestream, cassandra.uri(keyspace, "absent"), f"sqlite:{tmp_path}/counts.db", expect=2)
    assert f"{keyspace}.absent" in said or "absent" in said


def test_table_without_the_columns_that_tell_a_kind(hirestream, cassandra, keyspace, tmp_path):
    cassandra.execute(f"CREATE TABLE {keyspace}.tracking (job_id int, create_time timeuuid, ts timestamp, event_type text, "
                      "PRIMARY KEY (job_id, create_time))")
    said = run_once(hirestream, cassandra.uri(keyspace), f"sqlite:{tmp_path}/counts.db", expect=2)
    assert "no column custom_track" in said and "--columns custom_track=event_type" in said


def test_missing_privilege(hirestream, source, mysql, mysql_database):
    user = unique("u")[:30]
    mysql.execute(f"CREATE USER {user} IDENTIFIED BY 'reader-only'", f"GRANT SELECT ON {mysql_database}.* TO {user}")
    try:
        said = run_once(hirestream, source, f"mysql://{user}@{mysql.host}:{mysql.port}/{mysql_database}", expect=2,
                        environment={"HIRESTREAM_MYSQL_PASSWORD": "reader-only"})
        assert "hirestream init" in said and "--print" in said
    finally:
        mysql.execute(f"DROP USER {user}")


def test_doctor_names_the_privileges_that_counting_lacks(hirestream, source, mysql, mysql_database):
    user = unique("u")[:30]
    hirestream("init", "--warehouse", mysql.uri(mysql_database))
    mysql.execute(f"CREATE USER {user} IDENTIFIED BY 'secret-2'", f"GRANT SELECT, INSERT ON {mysql_database}.* TO {user}")
    try:
        warehouse = f"mysql://{user}@{mysql.host}:{mysql.port}/{mysql_database}"
        said = hirestream("doctor", "--source", source, "--warehouse", warehouse, expect=1,
                          environment={"HIRESTREAM_MYSQL_PASSWORD": "secret-2"})
        assert "lacks UPDATE on hirestream_slices" in said and "DELETE on events" in said
        mysql.execute(f"GRANT UPDATE, DELETE ON {mysql_database}.* TO {user}")
        said = hirestream("doctor", "--source", source, "--warehouse", warehouse,
                          environment={"HIRESTREAM_MYSQL_PASSWORD": "secret-2"})
        assert "privileges: enough to count" in said
    finally:
        mysql.execute(f"DROP USER {user}")


@pytest.mark.parametrize("layout", ["bucketed", "plain"])
def test_once_gives_up_when_lost_rows_cannot_be_confirmed(hirestream, cassandra, tmp_path, layout):
    """Two replicas of which one is gone for good: reads at ONE answer, the strongest read cannot."""
    keyspace = unique("ks")
    replicas = "ALTER KEYSPACE {} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': {}}}"
    cassandra.execute(replicas.replace("ALTER", "CREATE").format(keyspace, 1))
    try:
        uri, warehouse = cassandra.uri(keyspace), f"sqlite:{tmp_path}/counts.db"
        hirestream("generate", "--to", uri, "--rows", 300, "--layout", layout, "--span", "2min")
        run_once(hirestream, uri, warehouse)
        before = content(sqlite_events(warehouse))
        key = "bucket, shard, create_time" if layout == "bucketed" else "create_time"
        row = cassandra.session.execute(f"SELECT {key} FROM {keyspace}.tracking LIMIT 1").one()
        cassandra.session.execute(f"DELETE FROM {keyspace}.tracking WHERE " + " AND ".join(f"{name} = %s" for name in key.split(", ")), list(row))
        cassandra.execute(replicas.format(keyspace, 2))
        said = run_once(hirestream, uri, warehouse, expect=3, timeout=60)
        assert "ALL" in said or "replica" in said, said
        assert content(sqlite_events(warehouse)) == before, "nothing is taken away on suspicion"
    finally:
        cassandra.execute(f"DROP KEYSPACE {keyspace}")


def test_append_only_events_table_is_not_written_to(hirestream, source, mysql, mysql_database):
    mysql.execute(f"""CREATE TABLE {mysql_database}.events (
        id BIGINT AUTO_INCREMENT PRIMARY KEY, job_id INT, dates TEXT, hours INT, disqualified_application INT, qualified_application INT,
        conversion INT, company_id INT, group_id INT, campaign_id INT, publisher_id INT, bid_set DOUBLE, clicks INT, impressions INT,
        spend_hour DOUBLE, sources TEXT, updated_at TIMESTAMP NULL)""",
                  f"INSERT INTO {mysql_database}.events (job_id, dates, hours, clicks) VALUES (1, '2026-06-01', 3, 5)")
    said = run_once(hirestream, source, mysql.uri(mysql_database), expect=2)
    assert "hirestream migrate" in said
    with mysql.connect(mysql_database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), SUM(clicks) FROM events")
        assert [int(value) for value in cursor.fetchone()] == [1, 5]


def limited_files():
    """As a full disk: no file may grow beyond that; the write fails instead of ending the process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))


def test_full_disk_under_a_sqlite_warehouse(hirestream, dataset, tmp_path):
    source, warehouse = dataset.write(f"sqlite:{tmp_path}/raw.db"), f"sqlite:{tmp_path}/counts.db"
    said = run_once(hirestream, source, warehouse, expect=3, preexec_fn=limited_files)
    assert "counts.db" in said
    run_once(hirestream, source, warehouse)
    assert_equal(dataset.recount(), sqlite_events(warehouse))


def test_full_disk_while_generating(hirestream, tmp_path):
    said = hirestream("generate", "--to", f"csv:{tmp_path}/raw.csv", "--rows", 100_000, "--give-up-after", "1s",
                      preexec_fn=limited_files, expect=3)
    assert "raw.csv" in said
    assert not (tmp_path / "raw.csv").exists(), "half a file must never be seen"


def test_full_disk_while_importing(hirestream, dataset, tmp_path):
    dataset.write(f"csv:{tmp_path}/raw.csv")
    said = hirestream("import", f"{tmp_path}/raw.csv", "--to", f"sqlite:{tmp_path}/raw.db", "--give-up-after", "300ms",
                      preexec_fn=limited_files, expect=3)
    assert "again_in_ms" in said and "raw.db" in said


def test_another_attribution_is_refused_for_a_known_source(hirestream, source, tmp_path):
    warehouse = f"sqlite:{tmp_path}/counts.db"
    run_once(hirestream, source, warehouse)
    said = run_once(hirestream, source, warehouse, "--attribution", "payload", expect=2)
    assert "attribution" in said


@pytest.mark.parametrize("arguments, word", [
    (["--source", "csv:/no/such/file.csv"], "/no/such/file.csv"),
    (["--source", "ftp://x"], "ftp"),
    (["--poll-interval", "5"], "poll"),
    (["--pol-interval", "5s"], "poll-interval"),
    (["--timezone", "Europe/Atlantis"], "Europe/Atlantis")])
def test_bad_command_lines(hirestream, source, tmp_path, arguments, word):
    said = run_once(hirestream, source, f"sqlite:{tmp_path}/counts.db", *arguments, expect=2)
    assert word in said


def test_generate_names_the_option_that_is_wrong(hirestream, tmp_path):
    target = f"csv:{tmp_path}/raw.csv"
    assert "--jobs" in hirestream("generate", "--to", target, "--jobs", 0, expect=2)
    assert "--dirty" in hirestream("generate", "--to", target, "--dirty", 2, expect=2)
    assert "--from" in hirestream("generate", "--to", target, "--from", "soon", expect=2)
    assert "--threads" in hirestream("generate", "--to", target, "--threads", 4, expect=2)


def write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["create_time", "ts", "job_id", "bid", "custom_track"])
        writer.writerows(rows)


def row(number, **values):
    fields = {"create_time": f"b54adc00-6207-11ef-8000-{number:012x}", "ts": "2024-08-24 10:00:00", "job_id": "1", "bid": "1.5",
              "custom_track": "click"} | values
    return list(fields.values())


def test_import_names_file_line_and_reason_of_a_bad_row(hirestream, tmp_path, cassandra, keyspace):
    path = tmp_path / "rows.csv"
    write_csv(path, [row(1), row(2), row(3, job_id="n/a"), row(4, create_time="nonsense"), row(5)])
    uri = cassandra.uri(keyspace)
    hirestream("generate", "--to", uri, "--rows", 1)  # makes the table: job_id is a number there
    said = hirestream("import", path, "--to", uri, expect=2)
    assert f"{path}:4" in said and "n/a" in said
    said = hirestream("import", path, "--to", uri, "--on-bad-row", "skip")
    assert f"{path}:4" in said and f"{path}:5" in said
    assert "3 written" in said and "2 bad" in said
    found = cassandra.session.execute(f"SELECT create_time FROM {keyspace}.tracking")
    assert sum(1 for found_row in found if str(found_row.create_time).startswith("b54adc00")) == 3


def test_import_of_a_missing_file_and_of_damaged_data(hirestream, tmp_path):
    target = f"sqlite:{tmp_path}/raw.db"
    assert "absent.csv" in hirestream("import", tmp_path / "absent.csv", "--to", target, expect=2)
    (tmp_path / "damaged.csv.gz").write_bytes(b"\x1f\x8bnot gzip at all")
    assert "damaged.csv.gz" in hirestream("import", tmp_path / "damaged.csv.gz", "--to", target, expect=2)
