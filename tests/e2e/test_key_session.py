"""With nothing but a key, as people do it: from the door to a result and out again, also by keyboard or scriptless."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.processes import wait_for

from .test_journey import SHOWS_FOCUS, await_done, generate, tab_to
from .window import Window

pytestmark = pytest.mark.browser


def come_in(page: Page, secret: str) -> None:
    page.goto("/key/")
    page.get_by_label("API key", exact=True).fill(secret)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile(r"/key/create/image/$"))


def test_from_the_door_to_a_result_and_out_again(window, house):
    seen: Window = window()
    page = seen.page
    come_in(page, house.demo["api_key"])
    generate(page, "Image", "A ferry by key")
    await_done(page, "A ferry by key")
    page.get_by_role("link", name="Gallery", exact=True).first.click()
    page.locator("a.tile-link", has=page.get_by_alt_text("A ferry by key", exact=True)).click()
    expect(page.locator("img.output-media")).to_have_attribute("alt", "A ferry by key")
    page.get_by_role("link", name="Close", exact=True).click()
    page.get_by_role("link", name="Credits", exact=True).first.click()
    expect(page.locator("main")).to_contain_text("A ferry by key")
    page.locator(".rail").get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile(r"/key/$"))
    page.goto("/key/gallery/")
    page.wait_for_url(re.compile(r"/key/\?next=/key/gallery/$"))
    assert seen.said == []


def test_the_key_is_shown_on_request_and_hidden_when_it_is_sent(window):
    seen: Window = window()
    page = seen.go("/key/")
    field = page.get_by_label("API key", exact=True)
    page.get_by_role("button", name="Show the key").click()
    expect(field).to_have_attribute("type", "text")
    expect(field).to_be_focused()
    page.get_by_role("button", name="Show the key").click()
    expect(field).to_have_attribute("type", "password")


def test_keyboard_alone_comes_in_and_out(window, house):
    seen: Window = window()
    page, keys = seen.page, seen.page.keyboard
    page.goto("/key/")
    keys.type(house.demo["api_key"])
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/key/create/image/$"))
    keys.press("g")
    keys.press("j")
    page.wait_for_url(re.compile(r"/key/jobs/$"))
    tab_to(page, ".rail-foot button")
    assert page.evaluate(SHOWS_FOCUS)
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/key/$"))
    assert seen.said == []


def test_a_refused_key_is_told_at_the_field(window):
    seen: Window = window()
    page = seen.go("/key/")
    page.get_by_label("API key", exact=True).fill("sk_live_nothing")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".field-error")).to_contain_text("Nothing here opens with this key.")
    expect(page.get_by_label("API key", exact=True)).to_have_value("")
    assert seen.barriers() == []


def test_without_scripts_a_key_comes_in_and_generates(window, house):
    page = window(java_script_enabled=False).page
    come_in(page, house.demo["api_key"])
    page.locator("textarea[name=prompt]").fill("A quiet ferry")
    page.locator("#generate").click()
    expect(page.locator(".job-card", has_text="A quiet ferry")).to_have_count(1)

    def is_done() -> bool:
        page.reload()
        return page.locator(".job-card[data-state=done]", has_text="A quiet ferry").count() == 1

    wait_for(is_done, timeout_s=40, what="the job is done")
    page.get_by_role("link", name="Jobs", exact=True).first.click()
    expect(page.locator("main")).to_contain_text("A quiet ferry")
    page.locator(".rail").get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key", exact=True)).to_be_visible()
