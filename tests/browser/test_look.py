"""Both themes, a phone, accessibility, size and speed."""

import json
import urllib.error
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe

VIEWS = {"performance": "/", "quality": "/?view=quality", "pipeline": "/?view=pipeline"}
BYTES_MAX = 500_000
FIRST_PAINT_MS_MAX = 1000
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TARGET_MIN = 24


def serious(page):
    """axe's serious and critical findings, with the elements; WCAG 2.2 has the size of targets, which axe leaves out by itself."""
    found = Axe().run(page.tab, options={"runOnly": {"type": "tag", "values": TAGS}}).response["violations"]
    return [(finding["id"], [node["target"] for node in finding["nodes"]][:5]) for finding in found if finding["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(site, visit, view, scheme):
    page = visit(color_scheme=scheme, reduced_motion="reduce").open(site.url + VIEWS[view])
    page.tab.wait_for_timeout(500)
    assert serious(page) == []
    assert not page.complaints


@pytest.mark.parametrize("opener", ["text=+ Filter", "#range >> text=Custom", "[aria-label=Keys]"])
def test_axe_finds_nothing_serious_in_what_opens(site, visit, opener):
    page = visit(reduced_motion="reduce").open(site.url)
    page.tab.click(opener)
    page.tab.wait_for_timeout(500)
    assert serious(page) == []


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("width", [360, 768])
def test_nothing_is_wider_than_a_narrow_screen(site, visit, view, width):
    page = visit(width=width, height=740).open(site.url + VIEWS[view])
    page.tab.wait_for_timeout(500)
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(page) == []
    if view == "performance":
        page.tab.click("text=+ Filter")
        box = page.tab.locator(".popover").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_a_finger_hits_everything_on_a_phone(site, visit):
    page = visit(width=390, height=844, has_touch=True, is_mobile=True).open(f"{site.url}/?company=1,2")
    page.tab.wait_for_selector(".breakdown tbody tr[data-id]")
    page.tab.wait_for_selector(".chip button")
    assert serious(page) == []
    for view in VIEWS.values():
        page.open(site.url + view)
        small = page.tab.eval_on_selector_all(
            "main button, main input, header button, header a",
            f"all => all.filter(one => one.offsetParent).map(one => [one.textContent || one.type, one.getBoundingClientRect()])"
            f".filter(([, box]) => box.width < {TARGET_MIN} || box.height < {TARGET_MIN}).map(([name, box]) => [name, box.width, box.height])")
        assert small == []


def test_the_theme_is_remembered(site, page):
    page.open(site.url)
    light = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    page.tab.keyboard.press("t")
    page.tab.keyboard.press("t")
    page.tab.wait_for_selector("html[data-theme=dark]")
    dark = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    page.tab.reload()
    page.tab.wait_for_selector("html[data-theme=dark]")
    assert page.tab.evaluate("getComputedStyle(document.body).backgroundColor") == dark


DARK, LIGHT = "rgb(13, 17, 23)", "rgb(244, 246, 249)"


@pytest.mark.parametrize(("stored", "system", "expected"), [(None, "light", LIGHT), (None, "dark", DARK), ("auto", "dark", DARK),
                                                            ("dark", "light", DARK), ("light", "dark", LIGHT)])
def test_the_first_paint_has_the_theme_already(site, visit, stored, system, expected):
    """What is there while the page's program is still on its way: no flash of the other theme."""
    page = visit(color_scheme=system)
    if stored:
        page.tab.add_init_script(f"localStorage.setItem('hirestream.theme', '{stored}')")
    held = []
    page.tab.route("**/dashboard.js", lambda route: held.append(route))
    page.tab.goto(site.url, wait_until="commit")
    assert page.until(lambda: page.tab.evaluate("performance.getEntriesByName('first-contentful-paint').length"))
    assert page.tab.evaluate("getComputedStyle(document.body).backgroundColor") == expected
    assert page.tab.inner_text("body").startswith("hirestream is loading")
    held[0].continue_()
    page.tab.wait_for_selector("[data-figure=clicks] .number")
    assert page.tab.evaluate("getComputedStyle(document.body).backgroundColor") == expected


def test_the_page_turns_dark_with_the_system_unless_told_otherwise(site, page):
    page.open(site.url)
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.tab.evaluate(background) == LIGHT
    page.tab.emulate_media(color_scheme="dark")
    page.tab.wait_for_selector("html[data-theme=dark]")
    assert page.tab.evaluate(background) == DARK
    page.tab.keyboard.press("t")  # light
    page.tab.wait_for_selector("html[data-theme=light]")
    page.tab.emulate_media(color_scheme="light")
    page.tab.emulate_media(color_scheme="dark")
    page.tab.wait_for_timeout(200)
    assert page.tab.evaluate(background) == LIGHT


def test_the_page_is_small_paints_soon_and_asks_nobody_else(site, visit):
    paints = []
    for _ in range(3):
        page = visit()
        bodies, hosts = [], set()
        page.tab.on("response", lambda response, bodies=bodies: "/api/" not in response.url and bodies.append(len(response.body())))
        page.tab.on("request", lambda request, hosts=hosts: hosts.add(request.url.split("/")[2]))
        page.open(site.url)
        page.until(lambda page=page: page.tab.evaluate("performance.getEntriesByName('first-contentful-paint').length"))
        paints.append(page.tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        assert 0 < sum(bodies) < BYTES_MAX
        assert hosts == {site.url.split("/")[2]}
    print("first contentful paint, ms:", [round(paint) for paint in paints], "bytes:", sum(bodies))
    assert min(paints) < FIRST_PAINT_MS_MAX


def test_what_is_served_is_what_was_built(site, dist):
    manifest = json.loads((dist / "manifest.json").read_text())
    for file in manifest["files"]:
        with urllib.request.urlopen(f"{site.url}/{file['path']}") as answer:
            assert answer.read() == (dist / file["path"]).read_bytes()
            assert answer.headers["Content-Type"].split(";")[0] == file["type"].split(";")[0]
            assert "'self'" in answer.headers["Content-Security-Policy"]
            assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_numbers_do_not_glide_for_those_who_want_no_motion(site, visit):
    page = visit(reduced_motion="reduce").open(site.url)
    assert page.tab.evaluate("getComputedStyle(document.querySelector('.dot'), '::after').animationName") == "none"


def test_a_chart_without_a_figure_says_so(site, visit):
    """Rows that were counted long after they came say nothing of freshness: no axis of made-up numbers."""
    page = visit().open(f"{site.url}/?view=pipeline")
    page.tab.wait_for_selector(".card:has-text('Commit time') canvas")
    assert page.tab.locator(".card:has-text('from arrival to committed') canvas").count() == 0
    assert "No figures" in page.tab.inner_text(".card:has-text('from arrival to committed')")


def test_an_error_is_explained_in_the_server_s_words(site, visit):
    """An id of 19 digits that is no 64-bit integer: the page lets it pass, the server does not."""
    question = "company=9999999999999999999"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{site.url}/api/v1/kpis?{question}")
    page = visit()
    page.tab.goto(f"{site.url}/?{question}")
    page.tab.wait_for_selector("[role=alert]")
    assert json.load(refused.value)["detail"] in page.tab.inner_text("[role=alert]")
    asked = []
    page.tab.on("request", lambda request: "/api/v1/kpis" in request.url and asked.append(request.url))
    page.tab.wait_for_timeout(5000)
    assert asked == [], "the same is refused again and again"
    page.tab.click("[role=alert] a")
    page.tab.wait_for_selector("[data-figure=clicks] .number")
