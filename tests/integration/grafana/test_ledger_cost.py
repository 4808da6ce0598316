"""Pipeline health and the alert rules on a large ledger: what is not about the whole ledger reads a few rows, the rest each slice once.

HIRESTREAM_GRAFANA_SLICES: slices in the ledger; 500000 gives the numbers of integrations/grafana/README.md. Times are printed only.
"""

import os

import pytest

import grafana
import large_ledger
from generator import alert_rules
from server_cost import rows_read, spent

SLICES = int(os.environ.get("HIRESTREAM_GRAFANA_SLICES", "16000"))
HOURS_ASKED = 6


@pytest.fixture(scope="module")
def ledger(server, hirestream, make_database):
    name = make_database()
    hirestream("init", "--warehouse", server.uri(name))
    connection = server.connect(name)
    connection.newest_minute = large_ledger.fill(connection, SLICES)
    yield connection
    connection.close()


@pytest.fixture
def statements(boards, ledger):
    """(name, sql, format) of every panel, rule and annotation over what engines note."""
    board = boards["pipeline_health"]
    source = grafana.variable(board, "source", grafana.ALL)
    source.options = tuple(map(str, large_ledger.SOURCES))
    time_range = grafana.TimeRange((ledger.newest_minute - HOURS_ASKED * 60) * 60, ledger.newest_minute * 60)
    (annotation,) = boards["campaign_performance"]["annotations"]["list"]
    return [
        *(
            (panel["title"], grafana.expand(target["rawSql"], [source], time_range, 60_000), target["format"])
            for panel, target in grafana.queries(board)
        ),
        ("annotation", grafana.expand(annotation["target"]["rawSql"], [], time_range, 60_000), "table"),
        *((f"rule {uid}", rule["data"][0]["model"]["rawSql"], "table") for uid, rule in alert_rules().items()),
    ]


def is_about_the_whole_ledger(sql):
    return "hirestream_accounting" in sql


def test_what_is_not_about_the_whole_ledger_reads_a_few_rows(ledger, statements):
    of_range = len(large_ledger.SOURCES) * (HOURS_ASKED * 60 + 10)
    others = [(name, sql) for name, sql, _ in statements if not is_about_the_whole_ledger(sql)]
    assert len(others) > 10
    for name, sql in others:
        read = rows_read(ledger, sql, scans=True)
        # A line's points, of which there are no more than minutes, are looked through again for gaps; that is counted, too.
        looks = 10 if "LEAD(" in sql else 4
        assert read <= looks * of_range, f"{name}: {read} rows read"
    (everything,) = {sql for name, sql, _ in statements if name == "rule hirestream-held"}
    assert rows_read(ledger, everything, scans=True) > 4 * of_range, "the count counts nothing"


def test_what_is_about_the_whole_ledger_reads_each_slice_once(ledger, statements):
    one, _ = spent(ledger, "SELECT SUM(rejected) AS rejected FROM hirestream_slices", "table", 3)
    times = [(*spent(ledger, sql, form, 3), name) for name, sql, form in statements]
    print(f"\n{ledger.kind}, {SLICES} slices: server's CPU, least wall time; the sum of one column {one:.0f} ms")
    for cpu, wall, name in sorted(times, reverse=True):
        print(f"  {cpu:6.1f} ms {wall:6.1f} ms  {name}")
    for name, sql, _ in statements:
        if is_about_the_whole_ledger(sql):
            # Each slice and the group of its source.
            assert rows_read(ledger, sql) <= 2 * SLICES + 200, name
