"""The main job as people do it: from a click to the gallery, by mouse, by keyboard alone, and without scripts."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.processes import wait_for

from .window import Window

pytestmark = pytest.mark.browser

SOON_MS = 60_000
# Whether the focused control, or the box that it stands in, looks otherwise than without the focus.
SHOWS_FOCUS = """
() => {
  const control = document.activeElement;
  const around = [control, control.parentElement, control.parentElement?.parentElement].filter(Boolean);
  const look = () => JSON.stringify(around.map((element) => {
    const style = getComputedStyle(element);
    return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow, style.borderColor];
  }));
  const focused = look();
  control.blur();
  const plain = look();
  control.focus();
  return focused !== plain;
}
"""


def sign_in(page: Page, who: dict[str, str]) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(who["email"])
    page.get_by_label("Password", exact=True).fill(who["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile(r"/t/[^/]+/$"))


def pick_model(page: Page, name: str) -> None:
    page.locator("summary.picker-head").click()
    page.locator("[data-picker-search]").fill(name)
    option = page.locator(f"label.picker-option:has(input[value='{name}'])")
    title = option.locator("b").inner_text()
    option.click()
    expect(page.locator("#picked b")).to_have_text(title)


def generate(page: Page, kind: str, prompt: str) -> float:
    """Write the prompt and press the button; when that was, in seconds."""
    field = page.locator("textarea[name=prompt]")
    field.clear()
    field.press_sequentially(prompt)  # by hand: what moves after somebody's typing is not counted
    page.get_by_role("button", name=re.compile("^Generate · ")).click()
    start = time.monotonic()
    # On a busy machine the answer itself takes seconds; a press that is lost never has one.
    expect(page.locator(".job-card", has_text=prompt)).to_have_count(1, timeout=SOON_MS)
    return start


def await_done(page: Page, prompt: str) -> None:
    expect(page.locator(".job-card[data-state=done]", has_text=prompt)).to_have_count(1, timeout=SOON_MS)


@pytest.mark.journey
def test_from_sign_in_to_a_picture_and_a_clip_that_play_in_the_gallery(window, house):
    seen: Window = window()
    page = seen.page
    sign_in(page, house.demo["member"])
    page.get_by_role("link", name="Create").first.click()
    page.get_by_role("link", name="Image", exact=True).click()
    pick_model(page, "image-4.0")
    asked = generate(page, "Image", "Three paper cranes")
    page.get_by_role("link", name="Video", exact=True).click()
    pick_model(page, "kling-2.6")
    clip_asked = generate(page, "Video", "A kite over dunes")
    await_done(page, "Three paper cranes")
    await_done(page, "A kite over dunes")
    page.get_by_role("link", name="Gallery", exact=True).first.click()
    picture = page.get_by_alt_text("Three paper cranes", exact=True)
    expect(picture).to_be_visible()
    page.wait_for_function("(image) => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    assert time.monotonic() - asked < 60
    page.locator("a.tile-link", has=page.get_by_alt_text("A kite over dunes", exact=True)).click()
    plays(page, "A kite over dunes", seconds=5)
    assert time.monotonic() - clip_asked < 60
    assert "The book is sound" in house.manage("check_ledger")
    assert seen.said == []


def plays(page: Page, prompt: str, *, seconds: int) -> None:
    """Play the clip of the detail until its picture moves."""
    clip = page.locator("video.output-media")
    expect(clip).to_have_attribute("aria-label", prompt)
    handle = clip.element_handle()
    page.wait_for_function("(clip) => clip.readyState >= 2", arg=handle, timeout=20_000)
    page.evaluate("(clip) => { clip.muted = true; return clip.play(); }", handle)
    page.wait_for_function("(clip) => clip.currentTime > 0.3 && clip.videoWidth > 0", arg=handle, timeout=20_000)
    assert abs(page.evaluate("(clip) => clip.duration", handle) - seconds) < 0.3


def test_keyboard_alone_does_the_main_job(window, house):
    seen: Window = window()
    page, keys = seen.page, seen.page.keyboard
    page.goto("/accounts/login/")
    keys.type(house.demo["member"]["email"])
    keys.press("Tab")
    keys.type(house.demo["member"]["password"])
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/t/[^/]+/$"))
    keys.press("c")
    page.wait_for_url(re.compile(r"/create/image/"))
    tab_to(page, "textarea[name=prompt]")
    keys.type("A harbour by keyboard")
    keys.press("Control+Enter")
    await_done(page, "A harbour by keyboard")
    blur(page)
    keys.press("g")
    keys.press("g")
    page.wait_for_url(re.compile(r"/gallery/"))
    tab_to(page, "a.tile-link")
    keys.press("Enter")
    expect(page.locator("img.output-media[alt='A harbour by keyboard']")).to_be_visible()
    keys.press("Escape")
    expect(page.locator(".output")).to_have_count(0)
    assert seen.said == []


def tab_to(page: Page, selector: str) -> None:
    """Go on with Tab until the focus is there, and see that it shows."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            assert page.evaluate(SHOWS_FOCUS), f"no focus to be seen at {selector}"
            return
    raise AssertionError(f"Tab never comes to {selector}.")


def blur(page: Page) -> None:
    """Leave the field by keyboard: letters are shortcuts only outside of one."""
    page.keyboard.press("Escape")
    if page.evaluate("() => document.activeElement.matches('textarea, input')"):
        tab_to(page, "a, button, summary")


def test_nothing_moves_while_a_job_runs(window, places):
    seen: Window = window("member")
    page = seen.go(f"{places['tenant']}/create/image/")
    generate(page, "Image", "A slow morning")
    await_done(page, "A slow morning")
    seen.settle()
    assert seen.shifts() == []
    assert seen.said == []


def test_a_refused_form_says_so_at_the_field_and_keeps_what_was_written(window, places):
    seen: Window = window("member")
    page = seen.go(f"{places['tenant']}/create/image/")
    page.get_by_role("button", name=re.compile("^Generate · ")).click()
    expect(page.locator(".field-error")).to_contain_text("Write what you want to see.")
    assert page.locator("textarea[name=prompt]").get_attribute("aria-invalid") == "true"
    assert seen.barriers() == []


def test_without_scripts_people_sign_in_submit_and_read(window, house, places, visitors):
    page = window(java_script_enabled=False).page
    sign_in(page, house.demo["member"])
    page.get_by_role("link", name="Create").first.click()
    page.locator("textarea[name=prompt]").fill("A quiet page")
    page.locator("#generate").click()
    expect(page.locator("textarea[name=prompt]")).to_have_value("A quiet page")
    expect(page.locator(".job-card", has_text="A quiet page")).to_have_count(1)
    done = f"{places['tenant']}/jobs/?state=done"
    wait_for(lambda: "A quiet page" in visitors["member"].get(done).text, timeout_s=40, what="the job is done")
    page.reload()
    expect(page.locator(".job-card[data-state=done]", has_text="A quiet page")).to_have_count(1)
    page.get_by_role("link", name="Gallery", exact=True).first.click()
    page.locator("a.tile-link", has=page.get_by_alt_text("A quiet page", exact=True)).click()
    expect(page.locator("img.output-media")).to_have_attribute("alt", "A quiet page")
    page.get_by_role("link", name="Credits").first.click()
    expect(page.locator("main")).to_contain_text("Demo credits")
