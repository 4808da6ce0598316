"""The page follows the warehouse, and finds back to a server that was away."""

import time

from conftest import now_hour

UPDATE_SECONDS_MAX = 2.0


def clicks(site):
    now = now_hour()
    return site.warehouse.figures(now - 23, now + 1)


def open_live(site, page):
    page.open(site.url)
    page.tab.wait_for_selector("[data-test=freshness][data-connection=live]")
    expected = clicks(site).texts()
    assert page.figures(expected) == expected
    page.tab.evaluate("window.sameDocument = true")


def test_a_click_shows_within_two_seconds_without_a_reload(live_site, page):
    open_live(live_site, page)
    delays = []
    for _ in range(5):
        before = int(page.value("clicks"))
        began = live_site.write_click(job=101, bid="1.25")
        assert page.until(lambda before=before: int(page.value("clicks")) == before + 1), "the click never showed"
        delays.append(time.monotonic() - began)
        time.sleep(0.7)
    print("seconds from write to page:", [round(delay, 2) for delay in delays])
    assert max(delays) < UPDATE_SECONDS_MAX
    expected = clicks(live_site).texts()
    assert page.figures(expected) == expected
    assert page.tab.evaluate("window.sameDocument") is True


def test_how_fresh_rows_are_is_said_of_an_engine_elsewhere_too(live_site, page):
    open_live(live_site, page)
    live_site.write_click(job=101, bid="1.25")
    page.tab.wait_for_timeout(2000)
    minute = int(time.time() // 60) * 60_000_000
    live_site.warehouse.execute(f"UPDATE hirestream_minutes SET freshness_us_p50 = 400000 WHERE minute_us >= {minute - 120_000_000}")
    assert page.until(lambda: page.tab.inner_text("[data-test=freshness]").strip().endswith("behind"), 20), page.tab.inner_text("[data-test=freshness]")


def test_an_engine_that_is_gone_is_said_after_five_minutes(live_site, visit):
    page = visit()
    open_live(live_site, page)
    assert page.tab.locator("[data-test=unread]").count() == 0
    live_site.stop("engine")
    live_site.warehouse.execute("UPDATE hirestream_minutes SET minute_us = minute_us - 420000000")
    live_site.stop("server")  # which has seen the engine read
    live_site.start_server()
    page.open(live_site.url)
    page.tab.wait_for_selector("[data-test=unread]")
    text = page.tab.inner_text("[data-test=unread]")
    assert "site" in text and "min" in text and "hirestream doctor" in text
    assert page.tab.inner_text("[data-test=freshness]").strip() == "engine not reading"
    live_site.start_engine()
    page.tab.wait_for_selector("[data-test=unread]", state="detached")


def test_the_table_follows_too(live_site, page):
    open_live(live_site, page)
    page.tab.goto(f"{live_site.url}/?by=job&job=101")
    page.tab.wait_for_selector("tr[data-id='101']")
    before = int(page.table()[101]["clicks"])
    live_site.write_click(job=101, bid="3")
    assert page.until(lambda: int(page.table()[101]["clicks"]) == before + 1)


def test_it_is_said_when_the_server_is_gone_and_it_comes_back_by_itself(live_site, visit):
    page = visit()
    open_live(live_site, page)
    live_site.stop("server")
    page.tab.wait_for_selector("[data-test=disconnected]")
    assert page.tab.inner_text("[data-test=freshness]").strip() == "disconnected"
    before = int(page.value("clicks"))
    live_site.write_click(job=101, bid="2")
    live_site.start_server()
    page.tab.wait_for_selector("[data-test=freshness][data-connection=live]")
    page.tab.wait_for_selector("[data-test=disconnected]", state="detached")
    assert page.until(lambda: int(page.value("clicks")) == before + 1)
    assert page.tab.evaluate("window.sameDocument") is True


def test_questions_are_few_and_mostly_unchanged_while_nothing_happens(site, page):
    asked = []
    page.tab.on("response", lambda response: "/api/v1/" in response.url and asked.append((response.url, response.status)))
    page.open(site.url)
    page.tab.wait_for_timeout(1500)
    asked.clear()
    page.tab.wait_for_timeout(4000)
    assert len(asked) <= 14, asked
    assert all(status in (200, 304) for _, status in asked), asked


def test_an_empty_warehouse_says_what_to_do_and_fills_without_a_reload(empty_site, page):
    page.open(empty_site.url)
    page.tab.wait_for_selector("[data-test=empty]")
    assert "hirestream run" in page.tab.inner_text("[data-test=empty]")
    page.tab.evaluate("window.sameDocument = true")
    empty_site.fill()
    page.tab.wait_for_selector("[data-figure=clicks] .number")
    expected = clicks(empty_site).texts()
    assert page.figures(expected) == expected
    assert page.tab.evaluate("window.sameDocument") is True


def test_a_warehouse_without_tables_is_waited_for_without_a_reload(bare_site, visit):
    # Its source never answers, so that this engine creates nothing.
    bare_site.start("server", "run", "--source", "cassandra://127.0.0.1:1/logs/tracking", "--warehouse", bare_site.warehouse.uri,
                    "--http", f"127.0.0.1:{bare_site.port}")
    bare_site.wait_until_served("server")
    page = visit()
    page.tab.goto(bare_site.url)
    page.tab.wait_for_selector("[data-test=waiting]")
    assert "Waiting for the first run" in page.tab.inner_text("main") and page.tab.locator("[role=alert]").count() == 0
    page.tab.click("nav >> text=Data quality")
    page.tab.wait_for_selector("[data-test=waiting]")
    page.tab.evaluate("window.sameDocument = true")
    bare_site.fill()
    page.tab.wait_for_selector("main .source")
    page.tab.click("nav >> text=Performance")
    page.tab.wait_for_selector("[data-figure=clicks] .number")
    expected = clicks(bare_site).texts()
    assert page.figures(expected) == expected
    assert page.tab.evaluate("window.sameDocument") is True


def test_an_id_beyond_what_a_number_holds_keeps_its_digits(live_site, page):
    job = 9007199254740993
    page.open(f"{live_site.url}/?by=job&search={job}")
    live_site.write_click(job=job, bid="2.5")
    page.tab.wait_for_selector(f"tr[data-id='{job}']")
    assert page.tab.inner_text(f"tr[data-id='{job}'] th").strip() == f"Job {job}"
    page.tab.click(f"tr[data-id='{job}'] [data-row]")
    assert page.until(lambda: page.value("clicks") == "1")
    assert f"job={job}" in page.query
    page.tab.wait_for_selector(f".chip >> text=Job {job}")


def test_a_view_that_gets_no_answer_says_so_and_fills_when_the_server_is_back(live_site, visit):
    page = visit()
    open_live(live_site, page)
    live_site.stop("server")
    page.tab.click("nav >> text=Data quality")
    page.tab.wait_for_selector("[role=alert]")
    assert "cannot be reached" in page.tab.inner_text("[role=alert]")
    live_site.start_server()
    page.tab.wait_for_selector("main .source")
    assert page.tab.locator("[role=alert]").count() == 0


def test_an_answer_that_still_holds_is_not_sent_again(site, page):
    answers = []
    page.open(site.url)
    page.tab.wait_for_selector(".u-over")
    page.tab.keyboard.press("c")
    page.tab.wait_for_selector(".legend.dashed", state="detached")
    page.tab.on("response", lambda response: "compare=previous" in response.url and answers.append(response.status))
    page.tab.keyboard.press("c")
    page.tab.wait_for_selector(".legend.dashed")
    assert page.until(lambda: answers) == [304]
