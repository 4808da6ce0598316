"""company_id: rows counted before their job was known get it later, and a job that moves takes its rows along."""

import csv
import signal
import time

import pytest

from conftest import assert_equal, sqlite_events
from oracle.recount import read_accounting


@pytest.fixture
def source(dataset, tmp_path):
    return dataset.write(f"sqlite:{tmp_path}/raw.db")


def make_jobs(mysql, database, companies):
    with mysql.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE jobs (id BIGINT PRIMARY KEY, company_id BIGINT, group_id BIGINT, campaign_id BIGINT)")
        cursor.executemany("INSERT INTO jobs VALUES (%s, %s, NULL, NULL)", list(companies.items()))


def test_late_and_moved_jobs_with_once(hirestream, dataset, source, mysql, mysql_database):
    companies = dataset.companies()
    known = dict(list(companies.items())[: len(companies) // 2])
    make_jobs(mysql, mysql_database, known)
    uri = mysql.uri(mysql_database)
    arguments = ["run", "--once", "--source", source, "--warehouse", uri, "--jobs", uri]
    hirestream(*arguments)
    assert_equal(dataset.recount(), mysql.events(mysql_database), known)

    with mysql.connect(mysql_database) as connection, connection.cursor() as cursor:
        late = [job for job in companies.items() if job[0] not in known]
        cursor.executemany("INSERT INTO jobs VALUES (%s, %s, NULL, NULL)", late)
    hirestream(*arguments)
    assert_equal(dataset.recount(), mysql.events(mysql_database), companies)

    moved = companies | {next(iter(companies)): 777}
    with mysql.connect(mysql_database) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE jobs SET company_id = 777 WHERE id = %s", [next(iter(companies))])
    hirestream(*arguments)
    assert_equal(dataset.recount(), mysql.events(mysql_database), moved)


def test_names_of_publishers_come_along(hirestream, dataset, source, mysql, mysql_database):
    """With the jobs that `generate` writes: in the reports there are names, not only ids."""
    uri = mysql.uri(mysql_database)
    hirestream("run", "--once", "--source", source, "--warehouse", uri, "--jobs", dataset.jobs)
    with open(dataset.directory / "publishers.csv", newline="", encoding="utf-8") as file:
        written = {int(row["id"]): row["name"] for row in csv.DictReader(file)}
    assert len(written) > 5 and all(written.values())
    stored = dict(mysql.events(mysql_database).query("SELECT publisher_id, name FROM hirestream_publishers"))
    assert stored == written


def test_late_job_while_running(hirestream, dataset, source, mysql, mysql_database):
    companies = dataset.companies()
    make_jobs(mysql, mysql_database, {})
    uri = mysql.uri(mysql_database)
    engine = hirestream.start("run", "--source", source, "--warehouse", uri, "--jobs", uri, "--jobs-refresh-interval", "1s",
                              "--log-level", "warning")
    try:
        events = mysql.events(mysql_database)
        deadline = time.time() + 120
        while time.time() < deadline and not read_rows(events):
            time.sleep(0.2)
        with mysql.connect(mysql_database) as connection, connection.cursor() as cursor:
            cursor.executemany("INSERT INTO jobs VALUES (%s, %s, NULL, NULL)", list(companies.items()))
        while time.time() < deadline:
            ((unknown,),) = events.query("SELECT COUNT(*) FROM events WHERE company_id = 0")
            if unknown == 0 and read_rows(events) >= dataset.recount().rows():
                break
            time.sleep(0.2)
    finally:
        engine.send_signal(signal.SIGTERM)
        out, errors = engine.communicate(timeout=60)
    assert engine.returncode == 0, out + errors
    assert_equal(dataset.recount(), mysql.events(mysql_database), companies)


def test_jobs_that_are_replaced_while_running(hirestream, tmp_path, mysql, mysql_database):
    """As a nightly DROP and CREATE does: the last known companies stay in use, and the engine goes on."""
    source, uri = f"sqlite:{tmp_path}/raw.db", mysql.uri(mysql_database)
    hirestream("generate", "--to", source, "--rows", 500, "--jobs", 5, "--jobs-to", f"csv:{tmp_path}/jobs.csv")
    with open(tmp_path / "jobs.csv", newline="", encoding="utf-8") as file:
        jobs = [int(row["id"]) for row in csv.DictReader(file)]
    make_jobs(mysql, mysql_database, {job: 1 for job in jobs})
    engine = hirestream.start("run", "--source", source, "--warehouse", uri, "--jobs", uri, "--jobs-refresh-interval", "1s")
    events = mysql.events(mysql_database)

    def wait_for_company(company):
        deadline = time.monotonic() + 30
        while True:
            assert engine.poll() is None, engine.communicate()
            assert time.monotonic() < deadline
            if read_rows(events) and events.query("SELECT DISTINCT company_id FROM events WHERE job_id <> 0") == ((company,),):
                return
            time.sleep(0.2)

    try:
        wait_for_company(1)
        mysql.execute(f"DROP TABLE {mysql_database}.jobs")
        time.sleep(2.5)
        wait_for_company(1)
        make_jobs(mysql, mysql_database, {job: 2 for job in jobs})
        wait_for_company(2)
    finally:
        engine.send_signal(signal.SIGTERM)
        out, errors = engine.communicate(timeout=60)
    assert engine.returncode == 0, out + errors
    assert "no table jobs" in errors, "it is said"


def read_rows(events):
    try:
        return sum(read_accounting(events).values())
    except Exception as error:  # the tables are not there yet
        assert "doesn't exist" in str(error), error
        return 0


def test_jobs_generated_into_each_kind_of_directory_are_the_same(hirestream, dataset, source, mysql, mysql_database, tmp_path):
    for jobs in (mysql.uri(mysql_database), f"sqlite:{tmp_path}/jobs.db", f"csv:{tmp_path}/jobs.csv"):
        hirestream("generate", "--to", f"csv:{tmp_path}/unused.csv", "--replace", "--rows", 1, "--jobs-to", jobs, "--seed", 7)
        warehouse = f"sqlite:{tmp_path}/counts_{jobs.split(':')[0]}.db"
        hirestream("run", "--once", "--source", source, "--warehouse", warehouse, "--jobs", jobs)
        assert_equal(dataset.recount(), sqlite_events(warehouse), dataset.companies())
