"""Generate, pressed while something of the form is still on its way: no press is lost, none costs more than shown."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.files.makers import a_picture, encoded
from tests.processes import wait_for

from .test_journey import SOON_MS
from .window import Window

pytestmark = pytest.mark.browser

PIER = {"name": "pier.png", "mimeType": "image/png", "buffer": encoded(a_picture(320, 200))}
OPTIONS, UPLOADS, LIVE = (re.compile(f"/{path}/") for path in ("options", "uploads", "live"))


class Held:
    """Requests of a page that are kept from the server until they are let go."""

    def __init__(self, page: Page, pattern: "re.Pattern[str]") -> None:
        self.page, self.pattern = page, pattern
        self.kept: list[Route] = []
        self.is_open = False
        page.route(pattern, self._meet)

    def _meet(self, route: Route) -> None:
        if self.is_open:
            route.continue_()
        else:
            self.kept.append(route)

    def await_one(self) -> None:
        """Until one was asked."""
        for _ in range(500):
            if self.kept:
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"nothing asked {self.pattern.pattern}")

    def let_go(self) -> None:
        """Those that wait, and the rest as they come."""
        self.is_open = True
        for route in self.kept:
            route.continue_()


@pytest.fixture
def form(window: Callable[..., Window], places: dict[str, str]) -> Callable[..., Page]:
    """Open Create as the studio's owner, with a model picked and a prompt written."""

    def open_form(prompt: str, *, model: str = "nano-banana") -> Page:
        page = window("studio").go(f"{places['studio']}/create/image/?model={model}")
        page.locator("textarea[name=prompt]").fill(prompt)
        return page

    return open_form


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f"label:has(input[name={name}][value='{value}']), input[name={name}][value='{value}'] + label").click()


def button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Generate · "))


def cards(page: Page, prompt: str) -> Locator:
    return page.locator(".job-card", has_text=prompt)


def made(page: Page, prompt: str, *, count: int = 1) -> None:
    expect(cards(page, prompt)).to_have_count(count, timeout=SOON_MS)


def test_a_press_while_the_price_is_on_its_way_is_an_order_once_it_is_there(form):
    page = form("A pier in a hurry")
    price = Held(page, OPTIONS)
    choose(page, "count", "2")
    price.await_one()
    button(page).click()
    expect(page.locator("#generate")).to_have_attribute("aria-busy", "true")
    price.let_go()
    made(page, "A pier in a hurry", count=2)


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_a_press_counts_although_the_price_arrives_before_the_release(form, by):
    page = form(f"A slow finger on the {by}")
    price = Held(page, OPTIONS)
    choose(page, "count", "2")
    price.await_one()
    button(page).focus()
    button(page).hover()
    page.mouse.down() if by == "mouse" else page.keyboard.down("Space")
    price.let_go()
    expect(button(page)).to_contain_text("2 credits")
    expect(button(page)).to_be_focused()
    page.mouse.up() if by == "mouse" else page.keyboard.up("Space")
    made(page, f"A slow finger on the {by}", count=2)


def test_a_press_at_a_price_that_is_outdated_is_refused_and_says_so(form):
    page = form("A dear pier")
    price = Held(page, OPTIONS)
    page.locator("select[name=server]").select_option("vip1")
    price.await_one()
    button(page).click()
    price.let_go()
    refusal = page.get_by_text("One job costs 10 credits, and 1 were shown. Nothing was ordered: press again to agree.")
    expect(refusal).to_be_visible()
    expect(cards(page, "A dear pier")).to_have_count(0)
    button(page).click()
    made(page, "A dear pier")


def test_a_press_while_the_picture_is_on_its_way_waits_for_it(form, stand_in):
    page = form("A pier from a picture")
    upload, price = Held(page, UPLOADS), Held(page, OPTIONS)
    page.locator("input[name=input_image]").set_input_files(PIER)
    upload.await_one()
    button(page).click()
    upload.let_go()
    price.await_one()
    price.let_go()
    made(page, "A pier from a picture")
    wait_for(lambda: bool(stand_in.book.jobs_of("A pier from a picture")), timeout_s=30, what="the order there")
    assert len(stand_in.book.jobs_of("A pier from a picture")[0].inputs) == 1


def test_a_press_ends_with_a_picture_that_does_not_arrive(form):
    page = form("A pier without a picture")
    upload = Held(page, UPLOADS)
    page.locator("input[name=input_image]").set_input_files(PIER)
    upload.await_one()
    button(page).click()
    upload.kept.pop().abort()
    expect(page.get_by_text("The picture did not arrive. Try it again.")).to_be_visible()
    expect(page.locator("#generate[aria-busy]")).to_have_count(0)
    expect(cards(page, "A pier without a picture")).to_have_count(0)


def test_a_picture_that_is_picked_while_the_model_changes_is_kept(form):
    page = form("A pier for another model", model="nano-banana-pro")
    price = Held(page, OPTIONS)
    page.locator("summary.picker-head").click()
    page.locator("label.picker-option:has(input[value='nano-banana'])").click()
    price.await_one()
    upload = Held(page, UPLOADS)
    page.locator("input[name=input_image]").set_input_files(PIER)
    upload.await_one()
    price.let_go()
    expect(page.locator("#picked b")).to_have_text("Nano Banana")
    upload.let_go()
    expect(page.locator("input[name=input_file]")).to_have_value(re.compile("^fil_"))
    expect(page.locator(".filedrop")).to_contain_text("pier.png")


def test_an_order_waits_for_no_news_and_older_news_take_nothing_from_it(form):
    page = form("A first pier")
    button(page).click()
    made(page, "A first pier")
    news = Held(page, LIVE)
    news.await_one()
    page.wait_for_timeout(1500)  # the next one is due
    page.locator("textarea[name=prompt]").fill("A second pier")
    button(page).click()
    made(page, "A second pier")
    version = page.locator("#live").get_attribute("hx-get")
    with page.expect_response(LIVE):
        news.kept[0].continue_()
    page.wait_for_timeout(100)
    assert page.locator("#live").get_attribute("hx-get") == version
    made(page, "A second pier")
