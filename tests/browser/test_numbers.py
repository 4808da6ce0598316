"""What the page shows equals SQL on the warehouse."""

import csv
import io

import pytest
from conftest import now_hour, rounded, text_of

COLUMNS = ["impressions", "clicks", "click_through_rate", "conversions", "conversion_rate", "qualified", "qualified_ratio", "spend",
           "average_bid", "cost_per_conversion", "cost_per_qualified"]
KEPT = {"24h": lambda now: (now - 23, now + 1), "7d": lambda now: ((now // 24 - 6) * 24, (now // 24 + 1) * 24)}


def same(shown, expected):
    """An exact value of the page against one of SQL."""
    if expected is None:
        return shown == ""
    return shown != "" and float(shown) == pytest.approx(float(expected), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("last", KEPT)
def test_key_figures_equal_sql(any_site, page, last):
    begin, end = KEPT[last](now_hour())
    expected = any_site.warehouse.figures(begin, end)
    assert expected.clicks > 1000
    page.open(f"{any_site.url}/?last={last}")
    assert page.figures(expected.texts()) == expected.texts()
    for name, value in expected.values().items():
        assert same(page.value(name), value), name


# The completed hours of the range, and the same hours one range earlier.
COMPLETED = {"1h": lambda now: ((now - 1, now), (now - 2, now - 1)),
             "24h": lambda now: ((now - 23, now), (now - 47, now - 24)),
             "2d": lambda now: ((now // 24 * 24 - 24, now), (now // 24 * 24 - 72, now - 48))}


@pytest.mark.parametrize("last", COMPLETED)
def test_change_is_of_completed_hours_and_equals_sql(any_site, page, last):
    current, before = (any_site.warehouse.figures(*hours) for hours in COMPLETED[last](now_hour()))
    page.open(f"{any_site.url}/?last={last}")
    page.tab.wait_for_selector("[data-figure=clicks] .change")
    for name in COLUMNS:
        assert same(page.tab.get_attribute(f"[data-figure={name}] .change", "data-previous"), before.values()[name]), name
    percent = (current.clicks - before.clicks) / before.clicks * 100 if before.clicks else None
    if percent is not None:
        shown = page.tab.inner_text("[data-figure=clicks] .change").replace("\u202f", " ").replace("−", "-").replace("+", "")
        change = rounded(percent, 1)
        assert (f"{change} %" if change else "±0 %") in shown
    assert "not whole yet" in page.tab.inner_text(".tiles-note")


def test_key_figures_of_a_custom_range_with_filters_equal_sql(any_site, page):
    end = now_hour() - 3
    begin = end - 31
    companies = sorted(any_site.warehouse.by("company", begin, end))[2:5]
    publishers = sorted(any_site.warehouse.by("publisher", begin, end))[1:6]
    expected = any_site.warehouse.figures(begin, end, company=companies, publisher=publishers)
    assert 0 < expected.clicks < any_site.warehouse.figures(begin, end).clicks
    ids = [",".join(map(str, values)) for values in (companies, publishers)]
    page.open(f"{any_site.url}/?from={text_of(begin)}&to={text_of(end)}&company={ids[0]}&publisher={ids[1]}")
    assert page.figures(expected.texts()) == expected.texts()


def test_a_range_without_rows_shows_zeros_and_dashes_and_says_where_data_is(any_site, page):
    begin = now_hour() - 10_000
    expected = any_site.warehouse.figures(begin, begin + 24)
    assert expected.impressions == 0
    page.open(f"{any_site.url}/?from={text_of(begin)}&to={text_of(begin + 24)}")
    assert page.figures(expected.texts()) == expected.texts()
    assert page.figure("cost_per_conversion") == "–"
    page.tab.click("[data-test=empty-range] button")
    page.until(lambda: page.figure("clicks") not in ("0", ""))
    assert int(page.value("clicks")) > 0


def test_filters_that_leave_nothing_can_be_cleared_at_once(any_site, page):
    page.open(f"{any_site.url}/?company=987654321")
    page.tab.wait_for_selector("[data-test=empty-range]")
    assert "Show its last day" not in page.tab.inner_text("[data-test=empty-range]")
    page.tab.click("[data-test=empty-range] button:text-is('Clear filters')")
    assert page.until(lambda: page.figure("clicks") not in ("0", ""))
    assert page.query == ""


@pytest.mark.parametrize("dimension", ["company", "campaign", "group", "publisher", "job"])
def test_breakdown_equals_sql(any_site, page, dimension):
    now = now_hour()
    expected = any_site.warehouse.by(dimension, now - 23, now + 1)
    page.open(f"{any_site.url}/?by={dimension}")
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


def test_export_equals_sql(any_site, page):
    now = now_hour()
    expected = any_site.warehouse.by("job", now - 23, now + 1)
    names = any_site.warehouse.names("job")
    page.open(f"{any_site.url}/?by=job&sort=clicks")
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


def test_bars_equal_sql(any_site, page):
    now = now_hour()
    groups = sorted(any_site.warehouse.by("group", now - 23, now + 1).values(), key=lambda figures: -figures.micros)[:8]
    page.open(any_site.url)
    page.tab.wait_for_selector(".bars.tone-accent .bar")
    shown = page.tab.eval_on_selector_all(".bars.tone-accent .bar-value", "bars => bars.map(bar => bar.textContent)")
    assert shown == [figures.texts()["spend"] for figures in groups]


def test_classes_of_rows_equal_sql_and_add_up(any_site, page):
    [expected] = any_site.warehouse.query("SELECT rows_read, counted, unattributed, other_kinds, rejected, too_late FROM hirestream_accounting")
    assert expected[0] == sum(expected[1:]) and expected[4] > 0
    page.open(f"{any_site.url}/?view=quality")
    expected = tuple(map(int, expected))
    shown = [int(page.tab.get_attribute(f"[data-class={name}] [data-value]", "data-value"))
             for name in ("read", "counted", "unattributed", "other", "rejected", "too_late")]
    assert shown == list(expected)
    assert page.tab.inner_text("[data-test=adds-up]") == "✓ adds up"


def test_kinds_that_are_not_counted_equal_sql(any_site, page):
    expected = {(kind, why): int(rows) for kind, why, rows in
                any_site.warehouse.query("SELECT kind, class, SUM(row_count) FROM hirestream_kinds GROUP BY 1, 2")}
    assert expected
    page.open(f"{any_site.url}/?view=quality")
    rows = page.tab.eval_on_selector_all("tr[data-kind]", "rows => rows.map(row => [row.dataset.kind, row.dataset.why, row.cells[3].dataset.value])")
    assert {(kind, why): int(count) for kind, why, count in rows} == expected
    assert [int(count) for _, _, count in rows] == sorted(expected.values(), reverse=True)


def test_rejected_rows_are_listed_by_reason_with_a_sample(any_site, page):
    expected = dict(any_site.warehouse.query("SELECT reason, COUNT(*) FROM hirestream_rejects GROUP BY 1"))
    assert expected
    page.open(f"{any_site.url}/?view=quality")
    rows = page.tab.eval_on_selector_all("tr[data-reason]", "rows => rows.map(row => [row.dataset.reason, row.cells[3].textContent])")
    shown = {}
    for reason, kept in rows:
        shown[reason] = shown.get(reason, 0) + int(kept.replace(",", ""))
    assert shown == expected
    page.tab.click("tr[data-reason] button >> nth=0")
    assert "create_time" in page.tab.inner_text("tr.detail pre")


def test_what_verify_found_is_shown_and_appears_without_a_reload(any_site, page):
    page.open(f"{any_site.url}/?view=quality")
    if "Never" in page.tab.inner_text("[data-test=verified]"):
        any_site.run("verify", *any_site.sources())
    page.tab.wait_for_selector("[data-test=verified].ink-good")
    [(read,)] = any_site.warehouse.query("SELECT rows_read FROM hirestream_accounting")
    assert f"no difference in {int(read):,} rows" in page.tab.inner_text("[data-test=verified]").replace("\u202f", " ")
    any_site.warehouse.execute("INSERT INTO hirestream_verifications SELECT source_id, at_us + 1, rows_read, slices_checked, 2, 3, 0, 1, cells_checked, 40 "
                               "FROM hirestream_verifications")
    any_site.warehouse.execute("UPDATE hirestream_meta SET value = value + 1 WHERE name = 'changes'")
    page.tab.wait_for_selector("[data-test=verified].ink-bad")
    assert page.tab.inner_text("[data-test=repaired] dd") == "3"
    assert "43 differences" in page.tab.inner_text("[data-test=verified]").replace("\u202f", " ")
    any_site.warehouse.execute("DELETE FROM hirestream_verifications WHERE slices_different = 2")
    any_site.warehouse.execute("UPDATE hirestream_meta SET value = value + 1 WHERE name = 'changes'")


def test_corrected_slices_of_a_day_equal_sql(any_site, page):
    [(corrected,)] = any_site.warehouse.query("SELECT COALESCE(SUM(slices_corrected), 0) FROM hirestream_minutes")
    any_site.warehouse.execute("UPDATE hirestream_minutes SET slices_corrected = slices_corrected + 4")
    any_site.warehouse.execute("UPDATE hirestream_meta SET value = value + 1 WHERE name = 'changes'")
    [(minutes,)] = any_site.warehouse.query("SELECT COUNT(*) FROM hirestream_minutes")
    page.open(f"{any_site.url}/?view=quality")
    assert page.tab.inner_text("[data-test=corrected] dd") == str(int(corrected) + 4 * minutes)


def test_slices_equal_sql(any_site, page):
    states = dict(any_site.warehouse.query("SELECT state, COUNT(*) FROM hirestream_slices WHERE NOT held GROUP BY 1"))
    page.open(f"{any_site.url}/?view=pipeline")
    count = page.tab.locator
    assert count(".slice-grid rect.slice-open").count() == states.get(0, 0)
    assert count(".slice-grid rect.slice-settled, .slice-grid rect.slice-audited").count() == states.get(1, 0)
    assert count(".slice-grid rect.slice-frozen").count() == states.get(2, 0)
