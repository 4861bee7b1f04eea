"""Charts by keyboard, by pointer, by touch, on paper, and without JavaScript."""

from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser
LAST, FIRST = "Monday, 30 September 2024", "Sunday, 1 September 2024"


def stacked(page: Page) -> Locator:
    """The first chart: 30 days of four models and the rest."""
    return page.locator("[data-chart]").first


def is_said(chart: Locator, words: str) -> None:
    expect(chart.locator(".chart-tip strong")).to_have_text(words)
    expect(chart.locator(".chart-tip")).to_be_visible()


def into(page: Page) -> Locator:
    """The chart, with the focus on the last control before it, its legend."""
    chart = stacked(page)
    chart.locator(".legend a").last.focus()
    return chart


def test_a_chart_is_one_stop_and_arrows_walk_its_buckets(window):
    page = window("owner").go("/styleguide/")
    chart = into(page)
    page.keyboard.press("Tab")
    is_said(chart, LAST)
    page.keyboard.press("ArrowLeft")
    is_said(chart, "Sunday, 29 September 2024")
    page.keyboard.press("Home")
    is_said(chart, FIRST)
    page.keyboard.press("ArrowLeft")
    is_said(chart, FIRST)
    page.keyboard.press("End")
    is_said(chart, LAST)
    page.keyboard.press("Escape")
    expect(chart.locator(".chart-tip")).to_be_hidden()
    page.keyboard.press("Tab")
    expect(chart.locator("summary")).to_be_focused()


def test_a_tooltip_says_what_the_table_says(window):
    page = window("owner").go("/styleguide/")
    chart = stacked(page)
    chart.locator(".bucket").nth(4).hover()
    chart.locator("summary").click()
    chart.locator(".bucket").nth(4).hover()
    told = chart.locator(".chart-tip p span").all_inner_texts()
    heads = chart.locator("thead th").all_inner_texts()[1:]
    cells = chart.locator("tbody tr").nth(4).locator("td").all_inner_texts()
    assert told == [text for pair in zip(heads, cells, strict=True) for text in pair]
    page.mouse.move(0, 0)
    expect(chart.locator(".chart-tip")).to_be_hidden()


def test_enter_and_a_click_follow_a_bucket(window):
    page = window("owner").go("/styleguide/")
    into(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#day-2024-09-30")
    stacked(page).locator(".bucket").first.click()
    assert page.url.endswith("#day-2024-09-01")


def test_a_first_tap_tells_and_a_second_follows(window):
    page = window("owner", width=390, has_touch=True).go("/styleguide/")
    chart = stacked(page)
    chart.locator(".bucket").first.tap()
    is_said(chart, FIRST)
    assert "#" not in page.url
    chart.locator(".bucket").first.tap()
    assert page.url.endswith("#day-2024-09-01")


@pytest.mark.parametrize("width", [1440, 390])
def test_tooltips_stay_in_the_plot_and_labels_apart(window, width):
    page = window("owner", width=width).go("/styleguide/")
    for chart in page.locator("[data-chart]").all():
        labels = [label.bounding_box() for label in chart.locator(".tick:visible").all()]
        edges = [(box["x"], box["x"] + box["width"]) for box in labels if box]
        assert all(right + 4 < left for (_, right), (left, _) in pairwise(edges))
        for bucket in (chart.locator(".bucket").first, chart.locator(".bucket").last) if edges else ():
            bucket.focus()
            tip, room = chart.locator(".chart-tip").bounding_box(), chart.locator(".plot-room").bounding_box()
            assert tip["x"] >= room["x"] - 1
            assert tip["x"] + tip["width"] <= room["x"] + room["width"] + 1


def test_without_scripts_every_bucket_has_its_title_and_its_link(window):
    page = window("owner", java_script_enabled=False).page
    page.goto("/styleguide/")
    bucket = stacked(page).locator(".bucket").first
    assert bucket.get_attribute("title").startswith(f"{FIRST}\nnano-banana-pro: ")
    assert bucket.get_attribute("href") == "#day-2024-09-01"
    stacked(page).locator("summary").click()
    expect(stacked(page).locator("tbody tr").first).to_be_visible()


def test_paper_shows_the_chart_and_its_numbers_without_the_tooltip(window):
    page = window("owner", theme="dark").go("/styleguide/")
    chart = stacked(page)
    chart.locator(".bucket").first.focus()
    page.emulate_media(media="print")
    expect(chart.locator(".chart-tip")).to_be_hidden()
    expect(chart.locator("rect").first).to_be_visible()
    assert chart.evaluate("(one) => getComputedStyle(one).colorScheme") == "light"
