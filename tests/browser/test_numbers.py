"""What the page shows equals SQL on the warehouse."""

import csv
import io

import pytest
from conftest import now_hour, text_of

COLUMNS = ["impressions", "clicks", "click_through_rate", "conversions", "conversion_rate", "qualified", "qualified_ratio", "spend",
           "average_bid", "cost_per_conversion", "cost_per_qualified"]
KEPT = {"24h": lambda now: (now - 23, now + 1), "7d": lambda now: ((now // 24 - 6) * 24, (now // 24 + 1) * 24)}


def same(shown, expected):
    """An exact value of the page against one of SQL."""
    if expected is None:
        return shown == ""
    return shown != "" and float(shown) == pytest.approx(float(expected), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("last", KEPT)
def test_key_figures_equal_sql(site, page, last):
    begin, end = KEPT[last](now_hour())
    expected = site.warehouse.figures(begin, end)
    assert expected.clicks > 1000
    page.open(f"{site.url}/?last={last}")
    assert page.figures(expected.texts()) == expected.texts()
    for name, value in expected.values().items():
        assert same(page.value(name), value), name


def test_previous_period_equals_sql(site, page):
    now = now_hour()
    before = site.warehouse.figures(now - 47, now - 23).values()
    page.open(f"{site.url}/?last=24h")
    page.tab.wait_for_selector("[data-figure=clicks] .change")
    for name in COLUMNS:
        assert same(page.tab.get_attribute(f"[data-figure={name}] .change", "data-previous"), before[name]), name


def test_key_figures_of_a_custom_range_with_filters_equal_sql(site, page):
    end = now_hour() - 3
    begin = end - 31
    companies = sorted(site.warehouse.by("company", begin, end))[2:5]
    publishers = sorted(site.warehouse.by("publisher", begin, end))[1:6]
    expected = site.warehouse.figures(begin, end, company=companies, publisher=publishers)
    assert 0 < expected.clicks < site.warehouse.figures(begin, end).clicks
    ids = [",".join(map(str, values)) for values in (companies, publishers)]
    page.open(f"{site.url}/?from={text_of(begin)}&to={text_of(end)}&company={ids[0]}&publisher={ids[1]}")
    assert page.figures(expected.texts()) == expected.texts()


def test_a_range_without_rows_shows_zeros_and_dashes_and_says_where_data_is(site, page):
    begin = now_hour() - 10_000
    expected = site.warehouse.figures(begin, begin + 24)
    assert expected.impressions == 0
    page.open(f"{site.url}/?from={text_of(begin)}&to={text_of(begin + 24)}")
    assert page.figures(expected.texts()) == expected.texts()
    assert page.figure("cost_per_conversion") == "–"
    page.tab.click("[data-test=empty-range] button")
    page.until(lambda: page.figure("clicks") not in ("0", ""))
    assert int(page.value("clicks")) > 0


@pytest.mark.parametrize("dimension", ["company", "campaign", "group", "publisher", "job"])
def test_breakdown_equals_sql(site, page, dimension):
    now = now_hour()
    expected = site.warehouse.by(dimension, now - 23, now + 1)
    page.open(f"{site.url}/?by={dimension}")
    page.tab.wait_for_selector(".breakdown tbody tr[data-id]")
    shown = page.table()
    while page.tab.locator(".pager button:text-is('Next')").is_enabled() if page.tab.locator(".pager").count() else False:
        first = page.tab.get_attribute(".breakdown tbody tr", "data-id")
        page.tab.click(".pager button:text-is('Next')")
        page.until(lambda first=first: page.tab.get_attribute(".breakdown tbody tr", "data-id") != first)
        shown |= page.table()
    assert shown.keys() == expected.keys()
    for key, figures in expected.items():
        for name, value in figures.values().items():
            assert same(shown[key][name], value), (key, name)


def test_export_equals_sql(site, page):
    now = now_hour()
    expected = site.warehouse.by("job", now - 23, now + 1)
    names = site.warehouse.names("job")
    page.open(f"{site.url}/?by=job&sort=clicks")
    page.tab.wait_for_selector(".breakdown tbody tr[data-id]")
    with page.tab.expect_download() as download:
        page.tab.click("button:text-is('CSV')")
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(io.StringIO(file.read())))
    assert {int(row["job_id"]) for row in rows} == expected.keys()
    assert [int(row["clicks"]) for row in rows] == sorted(figures.clicks for figures in expected.values())
    for row in rows:
        figures = expected[int(row["job_id"])]
        assert row["job_name"] == names.get(int(row["job_id"]), "")
        assert row["spend"] == f"{figures.micros // 10**6}.{figures.micros % 10**6:06d}"
        for name, value in figures.values().items():
            assert same(row[name], value), (row["job_id"], name)


def test_bars_equal_sql(site, page):
    now = now_hour()
    groups = sorted(site.warehouse.by("group", now - 23, now + 1).values(), key=lambda figures: -figures.micros)[:8]
    page.open(site.url)
    page.tab.wait_for_selector(".bars.tone-accent .bar")
    shown = page.tab.eval_on_selector_all(".bars.tone-accent .bar-value", "bars => bars.map(bar => bar.textContent)")
    assert shown == [figures.texts()["spend"] for figures in groups]


def test_classes_of_rows_equal_sql_and_add_up(site, page):
    [expected] = site.warehouse.query("SELECT rows_read, counted, unattributed, other_kinds, rejected, too_late FROM hirestream_accounting")
    assert expected[0] == sum(expected[1:]) and expected[4] > 0
    page.open(f"{site.url}/?view=quality")
    shown = [int(page.tab.get_attribute(f"[data-class={name}] [data-value]", "data-value"))
             for name in ("read", "counted", "unattributed", "other", "rejected", "too_late")]
    assert shown == list(expected)
    assert page.tab.inner_text("[data-test=adds-up]") == "✓ adds up"


def test_rejected_rows_are_listed_by_reason_with_a_sample(site, page):
    expected = dict(site.warehouse.query("SELECT reason, COUNT(*) FROM hirestream_rejects GROUP BY 1"))
    assert expected
    page.open(f"{site.url}/?view=quality")
    rows = page.tab.eval_on_selector_all("tr[data-reason]", "rows => rows.map(row => [row.dataset.reason, row.cells[3].textContent])")
    shown = {}
    for reason, kept in rows:
        shown[reason] = shown.get(reason, 0) + int(kept.replace(",", ""))
    assert shown == expected
    page.tab.click("tr[data-reason] button >> nth=0")
    assert "create_time" in page.tab.inner_text("tr.detail pre")


def test_slices_equal_sql(site, page):
    states = dict(site.warehouse.query("SELECT state, COUNT(*) FROM hirestream_slices WHERE NOT held GROUP BY 1"))
    page.open(f"{site.url}/?view=pipeline")
    count = page.tab.locator
    assert count(".slice-grid rect.slice-open").count() == states.get(0, 0)
    assert count(".slice-grid rect.slice-settled, .slice-grid rect.slice-audited").count() == states.get(1, 0)
    assert count(".slice-grid rect.slice-frozen").count() == states.get(2, 0)
