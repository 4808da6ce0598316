"""What the page shows when a question fails: never the figures of one filter under another, and what is older is said to be older."""

import json
import re

import pytest
from conftest import now_hour

PROBLEM = {"title": "Too busy", "detail": "The warehouse took too long."}
FILTERED = re.compile(r"/api/v1/.*company=1(&|$)")


def refuse(route):
    route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(PROBLEM))


def shown(page):
    """How many figures, bars and rows stand on the page."""
    return page.tab.locator("[data-figure] .number, .bar, .breakdown tr[data-id]").count()


def filter_by_company(page):
    page.tab.click(".breakdown tr[data-id='1'] [data-row]")
    page.tab.wait_for_selector(".chip[data-dimension=company]")


def test_figures_of_one_filter_never_stand_under_another(site, visit):
    page = visit().open(site.url)
    page.tab.wait_for_selector(".breakdown tr[data-id='1']")
    page.tab.route(FILTERED, refuse)
    filter_by_company(page)
    page.tab.wait_for_selector("[role=alert]")
    assert page.until(lambda: shown(page) == 0), page.tab.inner_text("main")
    assert PROBLEM["detail"] in page.tab.inner_text("[role=alert]")
    page.tab.unroute(FILTERED)
    page.tab.click("[role=alert] >> text=Try now")
    page.tab.wait_for_selector("[data-figure=clicks] .number")
    expected = site.warehouse.figures(now_hour() - 23, now_hour() + 1, company=[1]).texts()
    assert page.figures(expected) == expected
    assert page.tab.locator("[role=alert]").count() == 0


@pytest.mark.parametrize(("question", "part"), [("series", ".charts .card:has-text('Spend over Time')"),
                                                ("top/group", ".card:has-text('Spend by Group')"),
                                                ("top/campaign", ".card:has-text('Qualified Ratio per Campaign')"),
                                                ("top/job", ".breakdown")])
def test_one_part_that_fails_says_so_in_its_place(site, visit, question, part):
    page = visit().open(f"{site.url}/?by=job&sort=clicks")
    page.tab.wait_for_selector(".breakdown tr[data-id]")
    refused = re.compile(rf"/api/v1/{question}\?.*company=")
    page.tab.route(refused, refuse)
    page.tab.click("text=+ Filter")
    page.tab.click(".choices label >> nth=0")
    page.tab.wait_for_selector(f"{part} >> [role=alert]")
    assert page.tab.locator(f"{part} >> css=canvas, .bar, tr[data-id]").count() == 0
    assert page.tab.locator("[data-figure=clicks] .number").count() == 1
    assert page.tab.locator("main .banner.warn").count() == 0, "nothing here is older"


def test_figures_that_could_not_be_asked_for_again_stay_and_are_said_to_be_older(live_site, visit):
    page = visit().open(live_site.url)
    page.tab.wait_for_selector("[data-test=freshness][data-connection=live]")
    expected = live_site.warehouse.figures(now_hour() - 23, now_hour() + 1).texts()
    assert page.figures(expected) == expected
    page.tab.route("**/api/v1/kpis*", refuse)
    live_site.write_click(job=101, bid="1.25")
    page.tab.wait_for_selector("main .banner.warn")
    banner = page.tab.inner_text("main .banner.warn")
    assert PROBLEM["detail"] in banner and "older" in banner
    assert page.figures(expected) == expected
    page.tab.unroute("**/api/v1/kpis*")
    page.tab.click("main .banner.warn >> text=Try now")
    page.tab.wait_for_selector("main .banner.warn", state="detached")
    assert int(page.value("clicks")) > int(expected["clicks"].replace(",", ""))


def test_figures_of_the_question_before_are_marked_until_the_new_ones_come(site, visit):
    page = visit().open(site.url)
    page.tab.wait_for_selector(".breakdown tr[data-id='1']")
    held = []
    page.tab.route(FILTERED, lambda route: held.append(route))
    filter_by_company(page)
    page.tab.wait_for_selector(".outdated [data-figure=clicks] .number")
    unmarked = page.tab.eval_on_selector_all("[data-figure] .number, .bar, .breakdown tr[data-id], main canvas",
                                             "all => all.filter(one => !one.closest('.outdated[aria-busy=true]')).length")
    assert unmarked == 0
    assert page.tab.is_disabled(".breakdown >> text=CSV"), "an export would mix the rows of two filters"
    for route in held:
        route.continue_()
    page.tab.unroute(FILTERED)
    page.tab.wait_for_selector(".outdated", state="detached")
    expected = site.warehouse.figures(now_hour() - 23, now_hour() + 1, company=[1]).texts()
    assert page.figures(expected) == expected
