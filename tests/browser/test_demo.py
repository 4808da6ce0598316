"""The first thing that anybody runs: `hirestream demo` prints an address, and what is there moves."""

import re
import subprocess
import time

import pytest
from conftest import binary, free_port

MOVES_WITHIN_SECONDS = 5.0
PICTURES = """() => [...document.querySelectorAll("main canvas")].map((canvas) => {
  const blank = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const picture = canvas.toDataURL();
  return picture === blank.toDataURL() ? null : picture;
})"""


@pytest.fixture
def demo(tmp_path):
    process = subprocess.Popen([binary(), "demo", "--dir", str(tmp_path / "demo"), "--seconds", "60", "--http", f"127.0.0.1:{free_port()}"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    yield process
    process.terminate()
    process.communicate(timeout=60)


def printed_address(process):
    for line in process.stdout:
        found = re.search(r"[Ll]ive page: (http://\S+)", line)
        if found:
            return found.group(1)
    raise AssertionError(f"the demo ended ({process.wait()}) and printed no address")


def test_the_address_that_it_prints_shows_moving_charts_within_seconds(demo, page):
    address = printed_address(demo)
    began = time.monotonic()
    page.open(address)
    page.tab.wait_for_selector("main canvas")
    page.until(lambda: all(page.tab.evaluate(PICTURES)))
    charts = page.tab.evaluate(PICTURES)
    impressions = page.value("impressions")
    assert charts and all(charts) and int(impressions) > 0
    numbers_moved = charts_moved = None
    while time.monotonic() - began < MOVES_WITHIN_SECONDS and not (numbers_moved and charts_moved):
        if not numbers_moved and page.value("impressions") != impressions:
            numbers_moved = time.monotonic() - began
        if not charts_moved and page.tab.evaluate(PICTURES) != charts:
            charts_moved = time.monotonic() - began
        page.tab.wait_for_timeout(50)
    print(f"after opening, numbers moved within {numbers_moved} s, charts within {charts_moved} s")
    assert numbers_moved, "no number moved"
    assert charts_moved, "no chart moved"
