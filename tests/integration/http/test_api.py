"""Every route of docs/api/openapi.yaml: answers fit their schemas, numbers equal SQL, pages are complete, wrong questions are named."""

import concurrent.futures
import datetime
import pathlib
import re
import time
import uuid

import pytest
import requests
import schemathesis
from conftest import CSV_HEADER, mysql_server, run, serving, sql, write_rows
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks

OPENAPI = pathlib.Path(__file__).parents[3] / "docs" / "api" / "openapi.yaml"
# A stream does not end; it has tests of its own.
schema = schemathesis.openapi.from_path(OPENAPI).exclude(path="/api/v1/stream")
WHOLE = "from=2026-06-01T00:00&to=2026-06-04T00:00"
CHECKS = (checks.status_code_conformance, checks.content_type_conformance, checks.response_headers_conformance,
          checks.response_schema_conformance, checks.negative_data_rejection, schemathesis.checks.not_a_server_error)


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_answers_keep_to_the_schema(case, server):
    # 30 February fits the schema of an hour and is refused all the same, so positive_data_acceptance is not asked for.
    case.call_and_validate(base_url=server.url, checks=CHECKS)


def figures(json):
    return [json[name] for name in ("impressions", "clicks", "conversions", "qualified", "unqualified", "spend")]


def test_kpis_equal_sql(server, warehouse):
    answer = server.json(f"/api/v1/kpis?{WHOLE}")
    current = answer["current"]
    assert figures(current) == warehouse.sums("dates BETWEEN '2026-06-01' AND '2026-06-03'")
    assert current["clicks"] > 300
    assert current["click_through_rate"] == pytest.approx(current["clicks"] / current["impressions"], rel=1e-15)
    assert current["average_bid"] == pytest.approx(float(current["spend"]) / current["clicks"], rel=1e-12)
    assert answer["previous_range"] == {"from": "2026-05-29T00:00", "to": "2026-06-01T00:00"}
    assert figures(answer["previous"]) == [0, 0, 0, 0, 0, "0.000000"]
    assert answer["previous"]["click_through_rate"] is None


def test_completed_hours_leave_out_the_running_one(server):
    over = server.json(f"/api/v1/kpis?{WHOLE}")
    assert over["completed"] == {name: over[name] for name in ("range", "current", "previous_range", "previous")}
    now = datetime.datetime.fromisoformat(server.json("/api/v1/meta")["now"])

    def hours(begin, end):
        return {"from": (now + datetime.timedelta(hours=begin)).strftime("%Y-%m-%dT%H:00"), "to": (now + datetime.timedelta(hours=end)).strftime("%Y-%m-%dT%H:00")}

    for last, current, before in (("1h", (-1, 0), (-2, -1)), ("24h", (-23, 0), (-47, -24))):
        completed = server.json(f"/api/v1/kpis?last={last}")["completed"]
        assert (completed["range"], completed["previous_range"]) == (hours(*current), hours(*before))
    answer = server.json(f"/api/v1/kpis?from=2026-06-01T00:00&to={hours(0, 1)['to']}")
    assert answer["completed"]["range"] == {"from": "2026-06-01T00:00", "to": hours(0, 0)["to"]}
    assert answer["completed"]["current"] == answer["current"]


def test_filters_and_ranges_equal_sql(server, warehouse):
    answer = server.json("/api/v1/kpis?from=2026-06-01T05:00&to=2026-06-02T13:00&campaign=1,3&publisher=0,2&company=2")
    where = ("((dates = '2026-06-01' AND hours >= 5) OR (dates = '2026-06-02' AND hours < 13)) AND campaign_id IN (1, 3) "
             "AND publisher_id IN (0, 2) AND company_id = 2")
    assert figures(answer["current"]) == warehouse.sums(where)
    assert answer["current"]["impressions"] + answer["current"]["clicks"] > 0


def test_series_has_every_step_and_adds_up_to_the_kpis(server):
    whole = figures(server.json(f"/api/v1/kpis?{WHOLE}")["current"])
    for step, count in (("hour", 72), ("day", 3), ("auto", 72)):
        answer = server.json(f"/api/v1/series?{WHOLE}&step={step}&compare=previous")
        assert len(answer["points"]) == len(answer["previous"]) == count
        assert answer["step"] == ("day" if step == "day" else "hour")
        for place, total in enumerate(whole[:5]):
            assert sum(figures(point)[place] for point in answer["points"]) == total
    assert answer["points"][0]["time"] == "2026-06-01T00:00"


@pytest.mark.parametrize("dimension,column", [("company", "company_id"), ("campaign", "campaign_id"), ("group", "group_id"),
                                              ("publisher", "publisher_id"), ("job", "job_id")])
def test_top_equals_sql_and_pages_hold_each_entry_once(server, warehouse, dimension, column):
    rows = warehouse.query(f"SELECT {column}, SUM(clicks) FROM events GROUP BY {column} ORDER BY SUM(clicks) DESC, {column}")
    entries, offset = [], 0
    while True:
        page = server.json(f"/api/v1/top/{dimension}?{WHOLE}&order=clicks&limit=2&offset={offset}")
        assert page["total"] == len(rows)
        if not page["entries"]:
            break
        entries += page["entries"]
        offset += 2
    assert [(entry["id"], entry["clicks"]) for entry in entries] == [(str(key), int(clicks)) for key, clicks in rows]
    if dimension == "company":
        assert {entry["name"] for entry in entries} >= {"Company 1", "Company 2", "Company 3"}


def test_names_are_found_by_text_and_by_id(server):
    found = server.json("/api/v1/names/job?search=job%201")["names"]
    assert [name["name"] for name in found] == ["Job 1", "Job 10", "Job 11"]
    assert server.json("/api/v1/names/company?id=2,77")["names"] == [{"id": "2", "name": "Company 2"}, {"id": "77", "name": ""}]
    assert {name["id"] for name in server.json("/api/v1/names/publisher")["names"]} == {"0", "1", "2", "3"}


def test_cells_page_by_page_are_the_table(server, warehouse):
    cells, after = [], ""
    while after is not None:
        page = server.json(f"/api/v1/cells?{WHOLE}&limit=97" + (f"&after={after}" if after else ""))
        cells += page["cells"]
        after = page["next"]
    rows = warehouse.query("SELECT dates, hours, job_id, publisher_id, campaign_id, group_id, company_id, clicks, impressions FROM events "
                           "ORDER BY dates, hours, job_id, publisher_id, campaign_id, group_id")
    assert len(cells) > 300
    assert [(cell["hour"], cell["job_id"], cell["publisher_id"], cell["campaign_id"], cell["group_id"], cell["company_id"], cell["clicks"],
             cell["impressions"]) for cell in cells] == [(f"{row[0]}T{row[1]:02}:00", *map(str, row[2:7]), *map(int, row[7:]))
                                                               for row in rows]


def test_ids_beyond_what_doubles_hold_keep_their_digits(bare, tmp_path):
    ids = [9007199254740993, 9007199254740995, 9223372036854775807, -9007199254740993]
    (tmp_path / "in").mkdir()
    with open(tmp_path / "in" / "rows.csv", "w", encoding="utf-8") as file:
        file.write(CSV_HEADER)
        for shift in range(4):
            job, publisher, campaign, group = (ids * 2)[shift:shift + 4]
            file.write(f"{uuid.uuid5(uuid.NAMESPACE_OID, str(shift))},{job},{publisher},{campaign},{group},click,,1.5,2026-06-01 10:00:00\n")
    run("run", "--once", "--source", f"csv:{tmp_path / 'in'}", "--warehouse", bare.uri)
    expected = {str(value) for value in ids if value > 0}
    with serving(bare.uri, "--http", "127.0.0.1:0") as server:
        for dimension in ("job", "publisher", "campaign", "group"):
            found = {entry["id"] for entry in server.json(f"/api/v1/top/{dimension}?{WHOLE}")["entries"]}
            assert found >= expected, dimension
            assert {name["id"] for name in server.json(f"/api/v1/names/{dimension}")["names"]} >= expected
            one = server.json(f"/api/v1/cells?{WHOLE}&{dimension}=9007199254740993")["cells"]
            assert [cell[f"{dimension}_id"] for cell in one] == ["9007199254740993"]
        page = server.json(f"/api/v1/cells?{WHOLE}&limit=1")
        assert server.json(f"/api/v1/cells?{WHOLE}&limit=9&after={page['next']}")["cells"]


def test_quality_tells_what_verify_found(bare, tmp_path):
    (tmp_path / "in").mkdir()
    write_rows(tmp_path / "in" / "first.csv", 0, 200)
    source = ("--source", f"csv:{tmp_path / 'in'}", "--warehouse", bare.uri)
    run("run", "--once", *source)
    events = "events_micros" if bare.uri.startswith("sqlite") else "events"
    with serving(bare.uri, "--http", "127.0.0.1:0") as server:
        before = server.get("/api/v1/quality")
        assert before.json()["sources"][0]["verification"] is None
        assert "hirestream_verify_differences{" not in server.get("/metrics").text
        began = time.time()
        assert "not stored" not in run("verify", *source)
        after = server.get("/api/v1/quality", headers={"If-None-Match": before.headers["ETag"]})
        found = after.json()["sources"][0]["verification"]
        assert found["rows_read"] == 200 and found["slices_checked"] > 0 and found["cells_checked"] > 0 and found["differences"] == 0
        at = datetime.datetime.fromisoformat(found["at"]).timestamp()
        assert began - 1 < at < time.time() + 1
        name = before.json()["sources"][0]["name"]
        metrics = dict(line.rsplit(" ", 1) for line in server.get("/metrics").text.splitlines() if line.startswith("hirestream_verify"))
        assert float(metrics[f'hirestream_verify_last_timestamp_seconds{{source="{name}"}}']) == pytest.approx(at, abs=1e-3)
        assert metrics[f'hirestream_verify_differences{{source="{name}"}}'] == "0"
        bare.execute(f"UPDATE {events} SET clicks = clicks + 1 WHERE clicks > 0")
        run("verify", *source, expect=1)
        found = server.json("/api/v1/quality")["sources"][0]["verification"]
        assert found["differences"] == found["cells_different"] > 0
        assert f'hirestream_verify_differences{{source="{name}"}} {found["differences"]}\n' in server.get("/metrics").text


def test_who_may_only_read_verifies_with_a_warning(tmp_path):
    database = f"http_test_{uuid.uuid4().hex[:10]}"
    at = mysql_server()
    (tmp_path / "in").mkdir()
    write_rows(tmp_path / "in" / "first.csv", 0, 60)
    source = f"csv:{tmp_path / 'in'}"
    try:
        run("run", "--once", "--source", source, "--warehouse", f"mysql://{at['user']}@{at['host']}:{at['port']}/{database}")
        sql(f"CREATE USER '{database}'@'%' IDENTIFIED BY 'pw-1'")
        sql(f"GRANT SELECT ON {database}.* TO '{database}'@'%'")
        said = run("verify", "--source", source, "--warehouse", f"mysql://{database}@{at['host']}:{at['port']}/{database}",
                   HIRESTREAM_MYSQL_PASSWORD="pw-1")
        assert "no difference" in said and "the result of verify is not stored" in said and "INSERT command denied" in said
        assert sql("SELECT COUNT(*) FROM hirestream_verifications", database=database) == ((0,),)
        # A warehouse of a version that did not know the table, too.
        sql("DROP TABLE hirestream_verifications", database=database)
        said = run("verify", "--source", source, "--warehouse", f"mysql://{at['user']}@{at['host']}:{at['port']}/{database}")
        assert "no difference" in said and "not stored" in said and "`hirestream init`" in said
    finally:
        sql(f"DROP DATABASE IF EXISTS {database}")
        sql(f"DROP USER IF EXISTS '{database}'@'%'")


def test_quality_accounts_for_every_row(server):
    answer = server.json("/api/v1/quality")
    classes = answer["sources"][0]["classes"]
    assert classes["read"] >= 3000
    assert classes["read"] == sum(count for name, count in classes.items() if name != "read")
    assert classes["unattributed"] > 0 and classes["other"] > 0 and classes["rejected"] > 0
    assert sum(group["kept"] for group in answer["rejects"]) == classes["rejected"]
    assert answer["rejects"][0]["sample"]["value"] == "abc"
    for name in ("other", "unattributed"):
        assert sum(kind["rows"] for kind in answer["not_counted"] if kind["class"] == name) == classes[name]
    alive = next(kind for kind in answer["not_counted"] if kind["kind"] == "alive")
    assert alive["class"] == "other" and alive["source"] == answer["sources"][0]["name"]


def test_meta_and_health(server):
    meta = server.json("/api/v1/meta")
    assert (meta["first_hour"], meta["last_hour"], meta["timezone"]) == ("2026-06-01T00:00", "2026-06-03T23:00", "UTC")
    health = server.json("/api/v1/health")
    assert health["status"] == "ok" and health["behind_ms"] >= 0
    assert health["last_read"] is None and health["unread_source"] is None, "files do not move by themselves"


def test_pipeline_has_slices_and_the_engines_minutes(server):
    answer = server.json("/api/v1/pipeline")
    assert answer["slices"] and answer["slices"][0]["rows"] >= 3000
    assert sum(minute["new_rows"] for minute in answer["minutes"]) >= 3000


@pytest.mark.parametrize("path,parameter", [
    ("/api/v1/kpis?last=5x", "last"), ("/api/v1/kpis?from=2026-06-01T00:00", "to"), ("/api/v1/kpis?compny=1", "compny"),
    ("/api/v1/kpis?job=1,x", "job"), ("/api/v1/kpis?last=1h&last=2h", "last"), ("/api/v1/series?step=week", "step"),
    ("/api/v1/series?from=1990-01-01T00:00&to=2020-01-01T00:00&step=hour", "step"), ("/api/v1/top/job?limit=0", "limit"),
    ("/api/v1/top/job?order=bids", "order"), ("/api/v1/cells?after=zzz", "after"), ("/api/v1/names/job?search=%FF", "search"),
    ("/api/v1/health?last=1h", "last"), ("/api/v1/stream?from=1", "from")])
def test_wrong_questions_are_named_with_what_is_allowed(server, path, parameter):
    answer = server.get(path)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["parameter"] == parameter and problem["allowed"]


def test_other_paths_and_methods_are_refused(server):
    for path in ("/api/v1/nothing", "/api/v1/top/country", "/api/v2/kpis", "/../etc/passwd", "/index.php"):
        answer = server.get(path)
        assert answer.status_code == 404 and answer.headers["Content-Type"] == "application/problem+json"
    answer = requests.post(server.url + "/api/v1/kpis", data="x=1", timeout=20)
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD"


def test_head_has_the_headers_without_a_body(server):
    answer = requests.head(server.url + "/api/v1/kpis", timeout=20)
    assert answer.status_code == 200 and answer.content == b"" and answer.headers["ETag"]


@pytest.mark.parametrize("path", ["meta", f"kpis?{WHOLE}", f"series?{WHOLE}", f"top/job?{WHOLE}", "names/job", f"cells?{WHOLE}", "quality",
                                  "pipeline?minutes=1"])
def test_same_data_is_not_sent_again(server, path):
    first = server.get(f"/api/v1/{path}")
    again = server.get(f"/api/v1/{path}", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and again.content == b"" and again.headers["ETag"] == first.headers["ETag"]
    other = server.get(f"/api/v1/{path}", headers={"If-None-Match": '"something else"'})
    assert other.status_code == 200 and other.json() == first.json()


PANELS = [f"kpis?{WHOLE}", f"series?{WHOLE}", f"top/job?{WHOLE}", f"top/campaign?{WHOLE}&order=clicks", "quality", "meta"]


def rows_fetched(database):
    """How many rows of the figures the server has read in this database, as it counts itself."""
    found = sql("SELECT COALESCE(SUM(count_fetch), 0) FROM performance_schema.table_io_waits_summary_by_table "
                f"WHERE object_schema = '{database}' AND object_name IN ('events', 'hirestream_days', 'hirestream_slices', 'hirestream_rejects')")
    return int(found[0][0])


# SQLite does not count what is read.
@pytest.mark.parametrize("warehouse", ["mysql"], indirect=True)
def test_many_who_ask_the_same_cost_the_warehouse_one_answer(warehouse):
    database = warehouse.uri.rsplit("/", 1)[1]

    def fetched_by(server, paths):
        before = rows_fetched(database)
        with concurrent.futures.ThreadPoolExecutor(24) as threads:
            answers = list(threads.map(lambda path: server.json(f"/api/v1/{path}"), paths))
        assert answers == answers[:len(set(paths))] * (len(paths) // len(set(paths)))
        return rows_fetched(database) - before

    with serving(warehouse.uri, "--http", "127.0.0.1:0") as server:
        alone = fetched_by(server, PANELS)
        assert alone > 1000
        assert fetched_by(server, PANELS * 12) == 0
        # Written otherwise, it is the same question.
        begin, end = WHOLE.split("&")
        assert fetched_by(server, [f"kpis?{end}&{begin.replace(':', '%3A')}"]) == 0
    with serving(warehouse.uri, "--http", "127.0.0.1:0") as server:
        assert fetched_by(server, PANELS * 12) == alone


def test_an_answer_is_computed_anew_when_the_data_changed(bare, tmp_path):
    (tmp_path / "in").mkdir()
    source = ("--source", f"csv:{tmp_path / 'in'}", "--warehouse", bare.uri)
    clicks = []
    run("init", "--warehouse", bare.uri)
    with serving(bare.uri, "--http", "127.0.0.1:0") as server:
        for i in range(3):
            write_rows(tmp_path / "in" / f"{i}.csv", 1000 * i, 60)
            run("run", "--once", *source)
            clicks.append(server.json(f"/api/v1/kpis?{WHOLE}")["current"]["clicks"])
            assert server.json(f"/api/v1/kpis?{WHOLE}")["current"]["clicks"] == clicks[-1]
    assert 0 < clicks[0] < clicks[1] < clicks[2]


def test_metrics_are_prometheus_text(server):
    answer = server.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'hirestream_rows{class="counted",source="' in answer.text
    assert re.search(r'^hirestream_build_info\{commit="[^"]+",version="[^"]+"\} 1$', answer.text, re.MULTILINE)
