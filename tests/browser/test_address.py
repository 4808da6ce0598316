"""Filters, drill-down, sorting and ranges live in the address; back and reload lead where they should."""

from conftest import now_hour, text_of


def test_a_filter_is_chosen_by_name_and_stands_in_the_address(site, page):
    now = now_hour()
    names = {name: key for key, name in site.warehouse.names("company").items()}
    name = sorted(names)[3]
    page.open(site.url)
    page.tab.click("text=+ Filter")
    page.tab.fill(".filter-panel input[type=search]", name[:5].lower())
    page.tab.click(f".choices label:has-text('{name}')")
    expected = site.warehouse.figures(now - 23, now + 1, company=[names[name]]).texts()
    assert page.figures(expected) == expected
    assert page.query == f"?company={names[name]}"
    assert name in page.tab.inner_text(".chips")
    page.tab.keyboard.press("Escape")
    page.tab.click(".chip button")
    everything = site.warehouse.figures(now - 23, now + 1).texts()
    assert page.figures(everything) == everything
    assert page.query == ""


def test_rows_lead_from_company_to_campaign_to_job_and_back(site, page):
    now = now_hour()
    page.open(site.url)
    page.tab.wait_for_selector(".breakdown tbody tr[data-id]")
    company = int(page.tab.get_attribute(".breakdown tbody tr", "data-id"))
    page.tab.click(".breakdown tbody tr >> nth=0 >> td >> nth=2")
    page.tab.wait_for_selector("[aria-label='Figures by campaign'] tbody tr[data-id]")
    campaigns = site.warehouse.by("campaign", now - 23, now + 1, company=[company])
    assert page.until(lambda: page.table().keys() == campaigns.keys())
    campaign = int(page.tab.get_attribute(".breakdown tbody tr", "data-id"))
    page.tab.focus(".breakdown tbody [data-row]")
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_selector("[aria-label='Figures by job'] tbody tr[data-id]")
    assert page.query == f"?company={company}&campaign={campaign}&by=job"
    expected = site.warehouse.figures(now - 23, now + 1, company=[company], campaign=[campaign]).texts()
    assert page.figures(expected) == expected
    page.tab.go_back()
    assert page.until(lambda: page.query == f"?company={company}&by=campaign")
    assert page.until(lambda: page.table().keys() == campaigns.keys())
    page.tab.go_back()
    everything = site.warehouse.figures(now - 23, now + 1).texts()
    assert page.figures(everything) == everything


def test_a_reload_brings_everything_back(site, page):
    page.open(f"{site.url}/?last=7d&compare=none&by=campaign&sort=name&search=hiring")
    page.tab.wait_for_selector(".breakdown tbody tr[data-id]")
    before = page.tab.eval_on_selector_all(".breakdown tbody th", "cells => cells.map(cell => cell.textContent)")
    assert before == sorted(before) and all("hiring" in name.lower() for name in before)
    assert page.tab.locator(".change").count() == 0
    page.tab.reload()
    page.tab.wait_for_selector(".breakdown tbody tr[data-id]")
    assert page.tab.eval_on_selector_all(".breakdown tbody th", "cells => cells.map(cell => cell.textContent)") == before
    assert page.tab.get_attribute("[aria-label='last 7 days']", "aria-pressed") == "true"


def test_columns_sort_both_ways(site, page):
    page.open(site.url)
    page.tab.wait_for_selector(".breakdown tbody tr[data-id]")

    def column():
        values = page.tab.eval_on_selector_all("td[data-column=cost_per_conversion]", "cells => cells.map(cell => cell.dataset.value)")
        return [float(value) for value in values if value]

    page.tab.click("th button:has-text('CPA')")
    assert page.until(lambda: column() == sorted(column(), reverse=True))
    assert page.query == "?sort=-cost_per_conversion"
    page.tab.click("th button:has-text('CPA')")
    assert page.until(lambda: column() == sorted(column()))
    assert page.tab.get_attribute("th:has-text('CPA')", "aria-sort") == "ascending"


def test_a_custom_range_is_set_by_hand(site, page):
    end = now_hour() - 5
    begin = end - 10
    from_text, to_text = text_of(begin), text_of(end)
    page.open(site.url)
    page.tab.click("#range >> text=Custom")
    page.tab.fill(".range-form input >> nth=0", from_text)
    page.tab.fill(".range-form input >> nth=1", to_text)
    page.tab.click(".range-form button")
    expected = site.warehouse.figures(begin, end).texts()
    assert page.figures(expected) == expected
    assert page.query == f"?from={from_text}&to={to_text}"


def test_dragging_over_a_chart_zooms(site, page):
    page.open(f"{site.url}/?last=24h")
    box = page.tab.locator(".u-over").first.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.tab.mouse.move(box["x"] + box["width"] * 0.25, middle)
    page.tab.mouse.down()
    page.tab.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=8)
    page.tab.mouse.up()
    assert page.until(lambda: page.query.startswith("?from="))
    assert page.tab.locator(".tile .skeleton").count() == 0


def test_keys(site, page):
    page.open(site.url)
    page.tab.wait_for_selector("#search")
    page.tab.keyboard.press("/")
    assert page.tab.evaluate("document.activeElement.id") == "search"
    page.tab.keyboard.type("t?")
    assert page.tab.input_value("#search") == "t?"
    page.tab.fill("#search", "")
    page.tab.keyboard.press("Escape")
    page.tab.keyboard.press("r")
    assert page.tab.evaluate("document.activeElement.closest('#range') !== null")
    page.tab.keyboard.press("?")
    page.tab.wait_for_selector("dialog[open]")
    page.tab.keyboard.press("Escape")
    page.tab.wait_for_selector("dialog", state="detached")
    page.tab.keyboard.press("2")
    page.tab.wait_for_selector("main .source")
    page.tab.keyboard.press("1")
    page.tab.wait_for_selector(".breakdown [data-row]")
    page.tab.focus(".breakdown [data-row] >> nth=0")
    page.tab.keyboard.press("ArrowDown")
    assert page.tab.evaluate("document.activeElement.closest('tr').rowIndex") == 2
    page.tab.focus(".time-chart >> nth=0")
    page.tab.keyboard.press("End")
    assert "Conversions" in page.tab.inner_text(".time-chart .read-out >> nth=0")


def test_nonsense_in_the_address_is_answered_with_the_start(site, page):
    page.open(f"{site.url}/?view=nothing&last=soon&company=x&sort=%22&page=-3")
    expected = site.warehouse.figures(now_hour() - 23, now_hour() + 1).texts()
    assert page.figures(expected) == expected
