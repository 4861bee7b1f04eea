"""The overview on a screen: one glance, and still while jobs run and end."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("who", ["owner", "member"])
def test_a_large_screen_shows_it_without_scrolling(window, places, who):
    page = window(who).go(f"{places['tenant']}/")
    assert page.evaluate("() => document.documentElement.scrollHeight <= window.innerHeight")


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_nothing_moves_while_a_job_runs_and_ends(window, visitors, places, width):
    order = {"model": "image-4.0", "prompt": f"A slow river, {width} wide"}
    assert visitors["member"].create("image", token=f"river-{width}", **order | {"prompt": f"{order['prompt']} slow"})
    seen = window("member", width=width)
    page = seen.go(f"{places['tenant']}/")
    card = page.locator("#now .job-card", has_text=order["prompt"])
    expect(card).to_have_attribute("data-state", "done", timeout=30_000)
    expect(page.locator("#latest .tile-media").first).to_have_attribute("alt", f"{order['prompt']} slow")
    seen.settle()
    assert seen.shifts() == []
    assert seen.said == []


def test_the_chart_that_came_with_an_update_is_one_stop_like_the_first(window, visitors, places):
    assert visitors["member"].create("image", token="stop", model="image-4.0", prompt="A slow stop").status_code == 302
    page = window("member").go(f"{places['tenant']}/")
    first = page.locator("#usage .chart").element_handle()
    expect(page.locator("#now .job-card", has_text="A slow stop")).to_have_attribute(
        "data-state", "done", timeout=30_000
    )
    assert not first.evaluate("chart => chart.isConnected")
    assert page.locator("#usage .bucket[tabindex='0']").count() == 1
