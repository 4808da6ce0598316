"""Every panel over `events` and every variable, against a recount in Python of all rows of the table."""

import pytest

import expected
import grafana
from grafana import ALL

HOUR = 3600
# In the midst of the data, at no full hour, over the end of a day.
RANGE = grafana.TimeRange(1780370523, 1780464721)  # 2026-06-02 03:22:03 to 2026-06-03 05:32:01 UTC
FIRST, LAST = RANGE.begin // HOUR, RANGE.end // HOUR
DIMENSIONS = ("company", "campaign", "group", "publisher", "job")


def key_figures(**_):
    return lambda data, selection, step: expected.key_figures(data.events, FIRST, LAST, selection)


def series(*names):
    return lambda data, selection, step: expected.series(data.events, FIRST, LAST, selection, list(names), step)


def line(*names):
    return lambda data, selection, step: expected.broken_at_gaps(series(*names)(data, selection, step), step * HOUR)


def top(dimension, names, limit, ids):
    return lambda data, selection, step: expected.top(data.events, data.jobs, FIRST, LAST, selection, dimension, names, limit, ids)


def job_facts(data, selection, step):
    return [
        {
            "Title": job["title"],
            "Company": job["company_name"],
            "Campaign": job["campaign_name"],
            "Group": job["group_name"],
            "Job id": job["job_id"],
            "Company id": job["company_id"],
        }
        for job in data.jobs.values()
        if job["job_id"] in selection["job"]
    ]


def cells(data, selection, step):
    return expected.cells(data.events, FIRST, LAST, selection, 1000)


PANELS = {
    ("campaign_performance", "Impressions"): key_figures(),
    ("campaign_performance", "Click-Through Rate"): line("Click-Through Rate"),
    ("campaign_performance", "Conversions over Time"): series("Conversions"),
    ("campaign_performance", "Qualified Ratio per Campaign"): top("campaign", ["Qualified ratio"], 20, False),
    ("campaign_performance", "Spend by Group"): top("group", ["Spend"], 20, False),
    ("campaign_performance", "Spend over Time"): series("Spend"),
    ("campaign_performance", "Applications by Outcome"): series("Qualified", "Unqualified"),
    ("campaign_performance", "Top jobs"): top("job", expected.TABLE_FIGURES, 50, True),
    ("campaign_performance", "Top campaigns"): top("campaign", expected.TABLE_FIGURES, 50, True),
    ("campaign_performance", "Top companies"): top("company", expected.TABLE_FIGURES, 50, True),
    ("campaign_performance", "Top publishers"): top("publisher", expected.TABLE_FIGURES, 50, True),
    ("job_detail", "Job"): job_facts,
    ("job_detail", "Impressions"): key_figures(),
    ("job_detail", "Impressions and clicks"): series("Impressions", "Clicks"),
    ("job_detail", "Applications"): series("Conversions", "Qualified", "Unqualified"),
    ("job_detail", "Rates"): line("Click-Through Rate", "Conversion rate", "Qualified ratio"),
    ("job_detail", "Spend"): series("Spend"),
    ("job_detail", "Publishers"): top("publisher", expected.TABLE_FIGURES, 50, True),
    ("job_detail", "Cells"): cells,
}


def busiest(data, dimension, count):
    clicks = {}
    for row in expected.rows_between(data.events, FIRST, LAST, {}):
        clicks[row[f"{dimension}_id"]] = clicks.get(row[f"{dimension}_id"], 0) + row["clicks"]
    return sorted(clicks, key=lambda identity: (-clicks[identity], identity))[:count]


# dimension: how many of the busiest are chosen; what is not named is "All". One chosen value is a text for Grafana, several are a list.
SELECTIONS = {
    "all": {},
    "one company": {"company": 1},
    "several campaigns": {"campaign": 3},
    "publishers and groups": {"publisher": 2, "group": 4},
    "several jobs": {"job": 5},
    "nothing": {"company": -1},
}


def chosen(data, counts, dimensions):
    selection = {dimension: None for dimension in dimensions}
    for dimension, count in counts.items():
        if dimension in dimensions:
            selection[dimension] = [999_999_999] if count < 0 else busiest(data, dimension, count)
    return selection


def variables(board, selection, step):
    def value(ids):
        return ALL if ids is None else str(ids[0]) if len(ids) == 1 else [str(identity) for identity in ids]

    names = {model["name"] for model in board["templating"]["list"]}
    return [
        grafana.variable(board, "one_job" if dimension == "job" and "one_job" in names else dimension, value(ids))
        for dimension, ids in selection.items()
    ] + [grafana.variable(board, "step", step)]


def test_every_panel_over_events_is_recounted_here(boards):
    names = [(board, panel["title"]) for board in ("campaign_performance", "job_detail") for panel, _ in grafana.queries(boards[board])]
    assert sorted(names) == sorted(PANELS)


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize(("board", "title"), PANELS, ids=[f"{board}-{title}" for board, title in PANELS])
def test_panel_shows_what_a_recount_gives(boards, warehouse, reader, board, title, selection):
    if board == "job_detail":
        counts = {key: value for key, value in SELECTIONS[selection].items() if key == "publisher"} | {"job": 1}
        picked = chosen(warehouse, counts, ("job", "publisher"))
    else:
        picked = chosen(warehouse, SELECTIONS[selection], DIMENSIONS)
    _, target = grafana.query_of(boards[board], title)
    for step, interval_ms, hours in (("auto", 60_000, 1), ("auto", 10_800_000, 3), ("hour", 86_400_000, 1), ("day", 60_000, 24)):
        if "$__interval_ms" not in target["rawSql"] and step != "auto":
            continue
        sql = grafana.expand(target["rawSql"], variables(boards[board], picked, step), RANGE, interval_ms)
        answer = grafana.run(reader, sql, target["format"])
        wanted = PANELS[board, title](warehouse, picked, hours)
        difference = expected.difference(answer.records(), wanted)
        assert difference is None, f"{difference}\n{sql}"
        if selection != "nothing":
            assert answer.rows, "a comparison of nothing with nothing"


def test_lines_are_broken_where_a_job_has_no_hours(boards, warehouse, reader):
    """Of the jobs, the one with the fewest rows, but some."""
    rows = {}
    for row in expected.rows_between(warehouse.events, FIRST, LAST, {}):
        rows.setdefault(row["job_id"], set()).add(expected.hour_of(row))
    job = min((job for job, hours in rows.items() if len(hours) > 3), key=lambda job: (len(rows[job]), job))
    picked = {"job": [job], "publisher": None}
    _, target = grafana.query_of(boards["job_detail"], "Rates")
    sql = grafana.expand(target["rawSql"], variables(boards["job_detail"], picked, "hour"), RANGE, 60_000)
    got = grafana.run(reader, sql, target["format"]).records()
    assert expected.difference(got, PANELS["job_detail", "Rates"](warehouse, picked, 1)) is None
    assert len(got) > len(rows[job]), "no gap in it"


def test_division_by_zero_is_null(boards, warehouse, reader):
    nothing = chosen(warehouse, {"company": -1}, DIMENSIONS)
    panel, target = grafana.query_of(boards["campaign_performance"], "Impressions")
    row = grafana.run(
        reader,
        grafana.expand(target["rawSql"], variables(boards["campaign_performance"], nothing, "auto"), RANGE, 60_000),
        target["format"],
    ).records()[0]
    assert all(row[name] == 0 for name in expected.MEASURES)
    assert all(row[name] is None for name in ("CPC", "CPA", "CPQA", "Average bid", "Clicks change"))


def named(data, dimension, ids):
    return sorted((expected.name_of(data.jobs, dimension, identity), identity) for identity in ids)


@pytest.mark.parametrize("board", ["campaign_performance", "job_detail"])
def test_variables_offer_every_id_with_its_name(boards, warehouse, reader, board):
    for model in boards[board]["templating"]["list"]:
        if model["type"] != "query":
            continue
        dimension = model["name"].removeprefix("one_")
        rows = warehouse.events if dimension not in ("group", "publisher") else expected.rows_between(warehouse.events, FIRST, LAST, {})
        sql = grafana.expand(
            model["query"], [grafana.variable(boards[board], "company", ALL)] if "$company" in model["query"] else [], RANGE, 1
        )
        answer = grafana.run(reader, sql, "table")
        assert answer.columns == ["__text", "__value"]
        wanted = named(warehouse, dimension, {row[f"{dimension}_id"] for row in rows})
        assert sorted(map(tuple, answer.rows)) == wanted and len(wanted) > 1


def test_jobs_offered_are_those_of_the_chosen_company(boards, warehouse, reader):
    board = boards["campaign_performance"]
    model = next(model for model in board["templating"]["list"] if model["name"] == "job")
    companies = busiest(warehouse, "company", 2)
    sql = grafana.expand(model["query"], [grafana.variable(board, "company", [str(company) for company in companies])], RANGE, 1)
    wanted = {row["job_id"] for row in warehouse.events if row["company_id"] in companies}
    assert {row[1] for row in grafana.run(reader, sql, "table").rows} == wanted
    assert wanted < {row["job_id"] for row in warehouse.events}


JOBS_OF_THE_LINK = {"all": lambda data: ALL, "two": lambda data: [str(job) for job in busiest(data, "job", 2)]}


@pytest.mark.parametrize("jobs", JOBS_OF_THE_LINK)
def test_links_between_boards_carry_no_variable_that_the_other_cannot_hold(boards, warehouse, reader, jobs):
    """A link with variables gives the other board, by name, what is chosen here: everything but one job must fit."""
    given = {dimension: ALL for dimension in DIMENSIONS} | {"job": JOBS_OF_THE_LINK[jobs](warehouse), "step": "auto"}
    job = busiest(warehouse, "job", 1)
    board = boards["job_detail"]
    for model in board["templating"]["list"]:
        if model["name"] in given and given[model["name"]] != "auto":
            assert model["multi"] and model["includeAll"], f"{model['name']} holds one value"
    shown = [grafana.variable(board, model["name"], given.get(model["name"], str(job[0]))) for model in board["templating"]["list"]]
    for panel, target in grafana.queries(board):
        answer = grafana.run(reader, grafana.expand(target["rawSql"], shown, RANGE, 60_000), target["format"])
        wanted = PANELS["job_detail", panel["title"]](warehouse, {"job": job, "publisher": None}, 1)
        assert expected.difference(answer.records(), wanted) is None, panel["title"]
        assert answer.rows, panel["title"]


def test_a_quoted_variable_cannot_leave_its_quotes(boards, warehouse, reader):
    board = boards["campaign_performance"]
    attack = [grafana.Variable(name, "0') OR 1=1 -- ", True, True) for name in DIMENSIONS] + [grafana.Variable("step", "auto' OR '1")]
    _, target = grafana.query_of(board, "Impressions")
    row = grafana.run(reader, grafana.expand(target["rawSql"], attack, RANGE, 60_000), "table").records()[0]
    assert row["Impressions"] == 0
    _, target = grafana.query_of(board, "Conversions over Time")
    assert grafana.run(reader, grafana.expand(target["rawSql"], attack, RANGE, 60_000), "time_series").rows == []
