"""How somebody comes in from outside: by a link that an owner makes in the browser, to the tenant's overview."""

import re

import pytest
from playwright.sync_api import Page, expect

from .window import Window

pytestmark = pytest.mark.browser

LOOKS = [(width, theme) for width in (1440, 1024, 390) for theme in ("light", "dark")]


def a_link(page: Page, tenant: str, people: int) -> str:
    """Make a link for so many people, by keyboard from the segmented control on."""
    page.goto(f"{tenant}/members/invitations/")
    page.get_by_role("link", name="Invite", exact=True).click()
    page.locator("label.segment", has_text="By a link").click()
    page.get_by_label("For how many people").fill(str(people))
    page.keyboard.press("Enter")
    return page.locator("#invitation-link").inner_text()


def test_a_stranger_comes_in_by_a_link_and_makes_an_account_on_the_way(window, places):
    owner: Window = window("owner")
    link = a_link(owner.page, places["tenant"], people=2)
    stranger: Window = window()
    page = stranger.page
    page.goto(link)
    assert "/join/" in page.url
    assert link.rstrip("/").rpartition("/")[2] not in page.url
    page.get_by_role("link", name="Create an account").click()
    page.keyboard.type("Grace Hopper")
    page.keyboard.press("Tab")
    page.keyboard.type("grace@hopper.example")
    page.keyboard.press("Tab")
    page.keyboard.type("a compiler of my own")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"{places['tenant']}/$"))
    expect(page.get_by_role("link", name="Create").first).to_be_visible()
    assert stranger.said == []
    owner.page.goto(f"{places['tenant']}/members/invitations/")
    expect(owner.page.locator("tbody tr").first).to_contain_text("1 of 2")


def test_the_invite_dialog_begins_at_the_address(window, places):
    seen: Window = window("owner")
    page = seen.go(f"{places['tenant']}/members/invitations/")
    page.get_by_role("link", name="Invite", exact=True).click()
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.locator("#id_email_error")).to_be_visible()
    expect(page.get_by_label("E-mail address")).to_be_focused()
    assert [line for line in seen.said if not line.startswith("422") and "status of 422" not in line] == []


def test_a_refused_password_has_the_focus(window):
    seen: Window = window()
    page = seen.go("/accounts/signup/")
    expect(page.get_by_label("Your name")).to_be_focused()
    page.keyboard.type("Ada")
    page.get_by_label("E-mail address").fill("ada@lovelace.example")
    page.get_by_label("Password").fill("short")
    page.keyboard.press("Enter")
    expect(page.locator("#id_password1_error")).to_be_visible()
    expect(page.get_by_label("Password")).to_be_focused()
    assert seen.said == []


def test_every_page_at_the_door_is_sound(window, places):
    link = a_link(window("owner").page, places["tenant"], people=1)
    path = f"{places['tenant']}/join/"
    wrong = []
    for width, theme in LOOKS:
        seen: Window = window("", width=width, theme=theme)
        for address in (path, link, f"/accounts/signup/?next={path}", f"/accounts/login/?next={path}"):
            seen.go(address)
            found = [f"moved: {shift}" for shift in seen.shifts()]
            found += ["wider than the window"] * seen.is_wider_than_its_window()
            found += [f"axe: {one}" for one in seen.barriers()]
            found += [f"console: {one}" for one in seen.said]
            wrong += [f"{address.replace(link, 'link')} {width} {theme}: {one}" for one in found]
    assert wrong == []
