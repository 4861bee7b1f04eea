"""The whole product at work, and Chromium windows that look at it.

Its processes are started once for all tests here (tests/conftest.py keeps these on one worker) and stopped after
the last of them.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from tests.processes import Processes, a_house, wait_for
from tests.upstreams.revidapi import StandIn
from tests.visitor import Visitor

from . import upstream
from .window import OBSERVE, Window

QUICK = {"PREVIEW_IMAGE_S": 1, "PREVIEW_VIDEO_S": 2, "PREVIEW_SLOW_S": 4, "REVIDAPI_LOOK_S": 0.5}
IMAGE = {"model": "image-4.0", "prompt": "Paper boats at dusk"}
CLIP = {"model": "kling-2.6", "duration": "5", "prompt": "A lighthouse in the rain"}
JOB, RESULT, KEY = r"/jobs/job_\w+/", r"/gallery/out_\w+/", r"/keys/key_\w+/"
FAILING = {"model": "image-4.0", "prompt": "A bridge that is to fail"}


@pytest.fixture(scope="package")
def stand_in() -> Iterator[StandIn]:
    """RevidAPI on a loopback port, for tenants that connect to it."""
    with StandIn() as upstream:
        yield upstream


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory, stand_in: StandIn) -> Iterator[Processes]:
    """The installation, prepared as `make run` does and running; it may dial the stand-in."""
    with a_house(tmp_path_factory.mktemp("house"), **QUICK, PRIVATE_HOSTS=stand_in.host) as processes:
        yield processes


@pytest.fixture(scope="package")
def visitors(house: Processes) -> dict[str, Visitor]:
    """The demo's owner and member, the owner of a studio, who has nothing but a key, and nobody yet, signed in once.

    Sign-ins are limited.
    """
    people = {who: house.demo[who] | {"tenant": house.demo["tenant"]} for who in ("owner", "member")}
    people["studio"] = upstream.found(house, "Studio")
    visitors = {who: Visitor(house.url, person["tenant"]) for who, person in people.items()}
    for who, visitor in visitors.items():
        visitor.sign_in(people[who])
    visitors["key"] = Visitor(house.url, house.demo["tenant"])
    visitors["key"].sign_in_with_key(house.demo["budgeted_key"])
    visitors["guest"] = Visitor(house.url, visitors["studio"].tenant)
    return visitors


@pytest.fixture(scope="package")
def places(house: Processes, visitors: dict[str, Visitor], stand_in: StandIn) -> dict[str, str]:
    """Where the pages are that tell of one thing: the member has made a picture, a clip, and one that failed.

    The studio works with connections.
    """
    member, connected = visitors["member"], upstream.places(visitors["studio"], stand_in)
    upstream.let_in(visitors["guest"], stand_in, by=visitors["studio"])
    for number, (kind, order) in enumerate((("image", IMAGE), ("video", CLIP), ("image", FAILING))):
        assert member.create(kind, token=f"seed-{number}", **order).status_code == 302
    assert visitors["key"].post("/key/create/image/", token="seed-key", count="1", **IMAGE).status_code == 302
    tenant = f"/t/{house.demo['tenant']}"

    def found(path: str, where: str) -> list[str]:
        return member.links(f"{tenant}/{path}", where)

    def result_of(order: dict[str, str]) -> str:
        return found(f"gallery/?{urlencode({'search': order['prompt']})}", RESULT)[0]

    wait_for(
        lambda: bool(found("jobs/?state=failed", JOB)) and not found("jobs/?state=moving", JOB),
        timeout_s=60,
        what="all verdicts",
    )
    picture, clip = result_of(IMAGE), result_of(CLIP)
    failed = found("jobs/?state=failed", JOB)[0]
    job = member.links(clip, JOB)[0]
    wait_for(lambda: bool(visitors["key"].links("/key/gallery/", RESULT)), timeout_s=60, what="the key's picture")
    key_picture = visitors["key"].links("/key/gallery/", RESULT)[0]
    key_job = visitors["key"].links(key_picture, JOB)[0]
    connected |= {"key_picture": key_picture, "key_job": key_job}
    key = found("keys/", KEY)[0]
    return {"tenant": tenant, "picture": picture, "clip": clip, "job": job, "failed": failed, "key": key} | connected


Opener = Callable[..., Window]


@pytest.fixture
def window(opener: Opener) -> Iterator[Opener]:
    """Open a window as somebody ("" for nobody), of some width, in a theme; it is closed after the test."""
    opened: list[Window] = []

    def open_window(*args: Any, **options: Any) -> Window:
        opened.append(opener(*args, **options))
        return opened[-1]

    yield open_window
    for one in opened:
        one.page.context.close()


@pytest.fixture(scope="package")
def kept_window(opener: Opener) -> Opener:
    """As `window`, but the same one each time: a second page loads faster in it."""
    return cache(opener)


@pytest.fixture(scope="package")
def opener(browser: Browser, house: Processes, visitors: dict[str, Visitor]) -> Opener:
    def open_window(who: str = "", *, width: int = 1440, theme: str = "light", **options: Any) -> Window:
        size = {"width": width, "height": 900 if width > 720 else 844}
        context = browser.new_context(base_url=house.url, viewport=size, reduced_motion="reduce", **options)
        cookies = [{"name": "theme", "value": theme, "url": house.url}]
        if who:
            cookies += [{"name": c.name, "value": c.value, "url": house.url} for c in visitors[who].session.cookies]
        context.add_cookies(cookies)
        context.add_init_script(OBSERVE)
        return Window(context.new_page())

    return open_window
