"""The main job with an account: from a key to a picture and a clip in the gallery, and the same sum on both sides."""

import re

import pytest
from playwright.sync_api import Page, expect

from revidweb.providers.base import Kind
from tests.files.makers import a_picture, encoded

from . import upstream
from .test_journey import await_done, generate, pick_model, plays, sign_in
from .window import Window

pytestmark = pytest.mark.browser

PICTURE, CLIP = "A lantern on the pier", "A ferry that comes in"


def go_to_connections(page: Page) -> None:
    page.get_by_role("link", name="Connections", exact=True).first.click()
    page.wait_for_url(re.compile(r"/connections/$"))


def write(page: Page, *, base_url: str, key: str) -> None:
    page.get_by_label("Base URL").fill(base_url)
    page.get_by_label("API key").fill(key)


def check(page: Page) -> None:
    page.get_by_role("button", name="Check and connect").click()


@pytest.mark.journey
def test_from_a_key_to_a_picture_and_a_clip_that_both_sides_book_alike(window, house, stand_in):
    who, account = upstream.found(house, "Harbour"), stand_in.open_account(balance=500)
    seen: Window = window()
    page = seen.page
    sign_in(page, who)
    go_to_connections(page)
    assert seen.barriers() == []
    page.get_by_role("link", name="Connect RevidAPI").click()
    write(page, base_url=stand_in.url, key=account.key)
    assert seen.barriers() == []
    check(page)
    expect(page.get_by_text("RevidAPI is connected.")).to_be_visible()
    expect(page.locator("#health")).to_contain_text("500 credits")
    assert seen.barriers() == []
    go_to_connections(page)
    expect(page.locator("#preview")).to_contain_text("Previews are switched off because there is a real connection.")
    make_a_picture(page)
    make_a_clip(page)
    await_done(page, PICTURE)
    await_done(page, CLIP)
    assert seen.barriers() == []
    page.get_by_role("link", name="Gallery", exact=True).first.click()
    picture = page.get_by_alt_text(PICTURE, exact=True)
    page.wait_for_function("(image) => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    page.locator("a.tile-link", has=page.get_by_alt_text(CLIP, exact=True)).click()
    plays(page, CLIP, seconds=5)
    assert seen.said == []
    both_sides_book_alike(house, stand_in, account, who["tenant"])


def make_a_picture(page: Page) -> None:
    """From an input file, at 4 credits."""
    page.get_by_role("link", name="Create").first.click()
    page.get_by_role("link", name="Image", exact=True).click()
    pick_model(page, "nano-banana")
    file = {"name": "pier.png", "mimeType": "image/png", "buffer": encoded(a_picture(320, 200))}
    page.locator("input[name=input_image]").set_input_files(file)
    expect(page.locator(".filedrop")).to_contain_text("pier.png")
    generate(page, Kind.IMAGE, PICTURE)


def make_a_clip(page: Page) -> None:
    page.get_by_role("link", name="Video", exact=True).click()
    pick_model(page, "kling-2.6")
    generate(page, Kind.VIDEO, CLIP)


def both_sides_book_alike(house, stand_in, account, tenant) -> None:
    """One order each, the input brought there once, and every credit that was taken there captured here."""
    charged = [job.charge for job in stand_in.book.jobs if job.account is account]
    books = upstream.booked(house, tenant)
    assert [len(stand_in.book.jobs_of(prompt)) for prompt in (PICTURE, CLIP)] == [1, 1]
    (brought,) = stand_in.book.jobs_of(PICTURE)[0].inputs
    assert brought.startswith(f"{stand_in.origin}/")
    assert books == {"captured": sum(charged), "upstream": sum(charged), "uncertain": 0, "providers": ["revidapi"]}
    assert account.balance == 500 - sum(charged)
    assert "The book is sound" in house.manage("check_ledger")


def test_a_refused_key_says_so_at_its_field_and_a_double_click_connects_once(window, places, stand_in):
    account = stand_in.open_account()
    seen: Window = window("studio")
    page = seen.go(f"{places['studio']}/connections/add/")
    write(page, base_url=stand_in.url, key="sk_live_nobody_has_this_key_0000")
    check(page)
    expect(page.locator("#id_key_error")).to_contain_text("does not take this key")
    expect(page.get_by_label("API key")).to_have_value("")
    assert seen.barriers() == []
    write(page, base_url=stand_in.url, key=account.key)
    page.get_by_label("Name").fill("Third account")
    page.get_by_role("button", name="Check and connect").dblclick()
    page.wait_for_url(re.compile(r"/connections/con_\w+/$"))
    go_to_connections(page)
    expect(page.get_by_role("link", name="Third account")).to_have_count(1)


def test_dialogs_open_close_and_keep_what_is_refused(window, places):
    seen: Window = window("studio")
    page = seen.go(places["well"])
    page.get_by_role("link", name="Replace the key").last.click()
    dialog = page.locator("dialog#key")
    dialog.get_by_label("API key").fill("sk_live_nobody_has_this_key_0000")
    dialog.get_by_role("button", name="Check and use it").click()
    expect(dialog.locator(".field-error")).to_contain_text("does not take this key")
    assert seen.barriers() == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#connection-badge")).to_have_text("Paused")
    expect(page.get_by_role("button", name="Resume")).to_be_focused()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#connection-badge")).to_have_text("Connected")


def test_without_scripts_a_connection_is_added_renamed_and_removed(window, places, stand_in):
    page = window("studio", java_script_enabled=False).page
    page.goto(f"{places['studio']}/connections/add/")
    write(page, base_url=stand_in.url, key=stand_in.open_account().key)
    page.get_by_label("Name").fill("Quiet account")
    check(page)
    page.locator("summary[aria-label='More to do']").click()
    page.get_by_role("link", name="Rename").click()
    page.locator("#name").get_by_label("Name").fill("Silent account")
    page.locator("#name").get_by_role("button", name="Rename").click()
    expect(page.locator("h1")).to_have_text("Silent account")
    page.locator("summary[aria-label='More to do']").click()
    page.get_by_role("link", name="Remove").click()
    page.locator("#remove").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Silent account was removed.")).to_be_visible()
