"""The expansion itself, against cases written after those of Grafana's own macros_test.go and formatRegistry tests."""

import pytest

import grafana
from grafana import ALL, Variable

RANGE = grafana.TimeRange(1523578200, 1523578500)  # 2018-04-13 00:10 to 00:15 UTC


@pytest.mark.parametrize(
    ("macro", "wanted"),
    [
        ("select $__time(time_column)", "select UNIX_TIMESTAMP(time_column) as time_sec"),
        ("WHERE $__timeFilter(time_column)", "WHERE time_column BETWEEN FROM_UNIXTIME(1523578200) AND FROM_UNIXTIME(1523578500)"),
        ("select $__timeFrom()", "select FROM_UNIXTIME(1523578200)"),
        ("select $__timeTo()", "select FROM_UNIXTIME(1523578500)"),
        ("GROUP BY $__timeGroup(time_column,'5m')", "GROUP BY UNIX_TIMESTAMP(time_column) DIV 300 * 300"),
        ("GROUP BY $__timeGroup(time_column , '5m', 0)", "GROUP BY UNIX_TIMESTAMP(time_column) DIV 300 * 300"),
        ("select $__timeGroupAlias(time_column, '1h')", 'select UNIX_TIMESTAMP(time_column) DIV 3600 * 3600 AS "time"'),
        ("$__unixEpochGroupAlias(t,'1d')", 't DIV 86400 * 86400 AS "time"'),
        ("select $__unixEpochFilter(t)", "select t >= 1523578200 AND t <= 1523578500"),
        ("$__unixEpochNanoFilter(t)", "t >= 1523578200000000000 AND t <= 1523578500000000000"),
        ("$__unixEpochFrom() DIV 3600", "1523578200 DIV 3600"),
        ("$__timeGroup(t, $__interval), $__interval_ms", "UNIX_TIMESTAMP(t) DIV 60 * 60, 60000"),
    ],
)
def test_macros(macro, wanted):
    assert grafana.expand(macro, [], RANGE, 60_000) == wanted


@pytest.mark.parametrize(
    ("text", "variable", "wanted"),
    [
        ("x IN ($v)", Variable("v", "a'b", True, True), "x IN ('a''b')"),
        ("x IN ($v)", Variable("v", ["1", "2"], True, True), "x IN ('1','2')"),
        ("x IN ([[v]])", Variable("v", ["1"], True), "x IN ('1')"),
        ("x = '$v'", Variable("v", "a'b"), "x = 'a''b'"),
        ("${v:csv}", Variable("v", ["1", "2"], True), "1,2"),
        ("${v:sqlstring}", Variable("v", "a'b"), "'a''b'"),
        ("[[v:sqlstring]]", Variable("v", ["a", "b"], True), "'a','b'"),
        ("${v:raw}", Variable("v", "a'b"), "a'b"),
        ("${v:doublequote}", Variable("v", ["a"], True), '"a"'),
        ("x IN ($v)", Variable("v", ALL, True, True, "e.x"), "x IN (e.x)"),
        ("${v:csv}", Variable("v", [ALL], True, True, "e.x"), "e.x"),
        ("x IN ($v)", Variable("v", ALL, True, True, "", ("1", "2")), "x IN ('1','2')"),
    ],
)
def test_variables(text, variable, wanted):
    assert grafana.expand(text, [variable], RANGE, 60_000) == wanted


@pytest.mark.parametrize("sql", ["$unknown", "${unknown:csv}", "$__nothing(t)", "SHOW GRANTS", "SELECT 1, user()"])
def test_what_grafana_would_not_run_is_refused(sql):
    with pytest.raises(AssertionError):
        grafana.expand(sql, [], RANGE, 60_000)


@pytest.mark.parametrize(
    ("value", "wanted"), [(1780370523, 1780370523000), (1780370523000, 1780370523000), (1780370523000000000, 1780370523000)]
)
def test_seconds_are_told_from_milliseconds(value, wanted):
    assert grafana.to_milliseconds(value) == wanted
