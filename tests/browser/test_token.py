"""A server with a token shows nothing without it."""

import pytest
from conftest import Site, binary, now_hour

TOKEN = "a-token-of-this-test"


@pytest.fixture
def closed_site(tmp_path):
    made = Site(binary(), tmp_path)
    try:
        made.fill()
        made.environment["HIRESTREAM_HTTP_TOKEN"] = TOKEN
        made.start_server()
        yield made
    finally:
        made.close()


def test_the_token_is_asked_for_and_no_other_is_taken(closed_site, visit):
    page = visit()
    page.tab.goto(closed_site.url)
    page.tab.wait_for_selector("dialog[open]")
    assert page.tab.locator("[data-figure] .number").count() == 0
    page.tab.fill("dialog input", "another")
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_selector("dialog:has-text('not accepted')")
    page.tab.fill("dialog input", TOKEN)
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_selector("[data-figure=clicks] .number")
    expected = closed_site.warehouse.figures(now_hour() - 23, now_hour() + 1).texts()
    assert page.figures(expected) == expected
    page.tab.wait_for_selector("[data-test=freshness][data-connection=live]")
    assert TOKEN not in page.tab.url
    page.tab.reload()
    page.tab.wait_for_selector("[data-figure=clicks] .number")
    assert page.tab.locator("dialog").count() == 0


def test_a_token_that_no_header_can_carry_is_refused_in_the_dialog(closed_site, visit):
    page = visit()
    page.tab.goto(closed_site.url)
    page.tab.wait_for_selector("dialog[open]")
    page.tab.fill("dialog input", TOKEN[:4] + "\u200b" + TOKEN[4:])
    page.tab.wait_for_selector("dialog [role=alert]:has-text('invisible character')")
    assert page.tab.is_disabled("dialog button[type=submit]")
    page.tab.fill("dialog input", TOKEN)
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_selector("[data-figure=clicks] .number")


def test_another_tab_asks_again(closed_site, visit):
    for _ in range(2):
        page = visit()
        page.tab.goto(closed_site.url)
        page.tab.wait_for_selector("dialog[open]")


BLOCKED = {
    "refused": "get() { throw new DOMException('blocked', 'SecurityError'); }",
    "null": "get() { return null; }",
}


@pytest.mark.parametrize("storage", BLOCKED)
def test_a_browser_that_keeps_nothing_needs_the_token_once_a_page(closed_site, visit, storage):
    page = visit(color_scheme="light")
    for name in ("sessionStorage", "localStorage"):
        page.tab.add_init_script(f"Object.defineProperty(window, '{name}', {{ {BLOCKED[storage]} }})")
    page.tab.goto(closed_site.url)
    page.tab.wait_for_selector("dialog[open]")
    page.tab.fill("dialog input", TOKEN)
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_selector("[data-figure=clicks] .number")
    page.tab.wait_for_selector("[data-test=freshness][data-connection=live]")
    page.tab.click("nav >> text=Pipeline")
    page.tab.wait_for_selector("main .slice-grid")
    page.tab.keyboard.press("t")
    page.tab.keyboard.press("t")
    page.tab.wait_for_selector("html[data-theme=dark]")
    assert page.tab.locator("dialog").count() == 0
