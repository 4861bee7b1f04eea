"""A key by keyboard alone: made, its line taken to a terminal, rotated, revoked."""

import re
import shlex
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

OPTIONS = {"permissions": ["clipboard-read", "clipboard-write"]}


def press(page: Page, role: str, name: str) -> None:
    """Reach the control and press Enter on it."""
    page.get_by_role(role, name=name, exact=True).focus()
    page.keyboard.press("Enter")


def copied(page: Page) -> str:
    return page.evaluate("() => navigator.clipboard.readText()")


def words(line: str) -> Iterator[str]:
    """The words of the line as a shell takes them."""
    return iter(shlex.split(line.replace("\\\n", " ")))


def run(line: str) -> requests.Response:
    """What curl would send."""
    left, headers, fields = words(line), {}, {}
    assert next(left) == "curl"
    url = next(left)
    for flag, value in zip(left, left, strict=True):
        name, _sign, rest = value.partition(": " if flag == "-H" else "=")
        (headers if flag == "-H" else fields)[name] = rest
    return requests.post(url, headers=headers, files={name: (None, text) for name, text in fields.items()}, timeout=10)


def test_a_key_is_made_used_rotated_and_revoked_by_keyboard(window, house):
    seen = window("owner", **OPTIONS)
    page = seen.go(f"/t/{house.demo['tenant']}/")
    page.keyboard.press("g")
    page.keyboard.press("k")
    page.wait_for_url(re.compile(r"/keys/$"))
    press(page, "link", "New key")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/keys/key_\w+/$"))
    first = page.locator("#secret").inner_text()
    page.locator("[data-copy-from=curl]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-copy-from=curl]")).to_have_text("Copied")
    line = copied(page)
    assert first in line
    assert run(line).json()["status"] == "pending"

    page.reload()
    expect(page.get_by_role("heading", name="By keyboard", level=1)).to_be_visible()
    assert first not in page.content()
    expect(page.get_by_role("link", name="A futuristic city")).to_be_visible()
    press(page, "link", "Rotate")
    page.get_by_label("At once").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("#secret")).to_be_visible()
    second = page.locator("#secret").inner_text()
    assert run(line).status_code == 401

    press(page, "link", "I have kept it")
    press(page, "link", "Revoke")
    press(page, "button", "Revoke")
    expect(page.get_by_text("By keyboard is revoked.")).to_be_visible()
    assert run(line.replace(first, second)).status_code == 401
    assert seen.said == []


def test_a_key_is_made_without_scripts(window, house):
    page = window("member", java_script_enabled=False).page
    page.goto(f"/t/{house.demo['tenant']}/keys/")
    page.get_by_role("link", name="New key").click()
    page.get_by_label("Name", exact=True).fill("Without scripts")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("#secret")).to_contain_text("sk_live_")
    page.get_by_role("link", name="I have kept it").click()
    expect(page.get_by_role("heading", name="Without scripts", level=1)).to_be_visible()
