"""Words that no page of ours would send. They are refused or ignored; nothing breaks, on any database."""

from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from revidweb.accounts.actors import Actor
from revidweb.lib import clock
from revidweb.web.handler import Handler, Utf8Request
from tests.files.makers import an_upload
from tests.library.makers import a_job
from tests.makers import a_client

from .create_page import IMAGE, address

pytestmark = pytest.mark.django_db

NUL = "\x00abcdefgh"
ASKED = [
    *[
        "create?remix",
        "create?input",
        "create?input_file",
        "create?model",
        "create?img_url",
        "create?prompt",
        "create?server",
    ],
    *["create_options?input_file", "create_options?model", "create_options?resolution", "create_options?img_url"],
    *["credits?member", "credits?before", "credits?after", "credits?kind", "credits?from", "credits?to"],
    *["gallery?before", "gallery?search", "gallery?model", "gallery?member", "gallery?since", "gallery?kind"],
    *["jobs?before", "jobs?after", "jobs?search", "jobs?model", "jobs?member", "jobs?state", "jobs?kind"],
    *["live?v", "live?at", "live?job", "live?shown", "members?page", "models?search", "models?kind"],
]


def asked(actor: Actor, where: str, value: str) -> HttpResponse:
    name, word = where.split("?")
    args = [actor.tenant.slug, "image"] if name.startswith("create") else [actor.tenant.slug]
    return unbroken(actor).get(reverse(name, args=args), {word: value})


def unbroken(actor: Actor) -> Client:
    """A browser that gets a 500 where the others let the error through."""
    client = a_client(actor.member)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("where", ASKED)
def test_no_query_breaks_on_a_nul(owner, where):
    assert asked(owner, where, NUL).status_code < 500


@pytest.mark.parametrize(
    "field", ["model", "prompt", "input_file", "img_url", "token", "shown", "count", "server", "resolution"]
)
def test_no_field_of_create_breaks_on_a_nul(user, field):
    client = unbroken(user)
    assert client.post(address(user), IMAGE | {"model": "nano-banana", field: NUL}).status_code < 500


@pytest.mark.parametrize("field", ["token", "shown"])
def test_retry_takes_no_nul(user, field):
    job = a_job(user.member, state="failed", ended_at=clock.now())
    answer = unbroken(user).post(reverse("job_retry", args=[user.tenant.slug, job.public_id]), {field: NUL})
    assert answer.status_code < 500


def test_a_session_cookie_of_nuls_is_no_session(owner):
    client = unbroken(owner)
    client.cookies["sessionid"] = NUL
    assert client.get(f"/t/{owner.tenant.slug}/").status_code == 302


@pytest.mark.parametrize("version", ["x.-62135596800.y.z", "1.-62135596799.a.b", "9" * 40, "-1.-1.-1.-1", "1e9.2.3.4"])
@pytest.mark.parametrize("at", ["create", "overview", "jobs", "job", "frame"])
def test_a_made_up_version_is_only_an_old_one(owner, at, version):
    answer = unbroken(owner).get(reverse("live", args=[owner.tenant.slug]), {"v": version, "at": at})
    assert answer.status_code == 200


CHARSETS = ["hex", "utf-7", "utf-16", "unicode_escape", "idna", "punycode", "no-such"]


@pytest.mark.parametrize("charset", CHARSETS)
def test_every_request_is_read_as_utf_8(charset):
    query = {"QUERY_STRING": "search=%2B2AA-%5Cud800%c3%a9", "CONTENT_TYPE": f"text/plain; charset={charset}"}
    assert Utf8Request(an_environ(query)).GET["search"] == "+2AA-\\ud800é"


@pytest.mark.parametrize("charset", CHARSETS)
def test_no_charset_breaks_the_way_in(charset):
    statuses = []
    environ = an_environ({"PATH_INFO": "/healthz", "CONTENT_TYPE": f"text/plain; charset={charset}"})
    list(Handler()(environ, lambda status, headers: statuses.append(status)))
    assert statuses == ["200 OK"]


def an_environ(more: dict[str, str]) -> dict[str, Any]:
    """What a web server hands over."""
    environ: dict[str, Any] = {"HTTP_HOST": "localhost", "QUERY_STRING": "a=%2B2AA-%5Cud800"} | more
    setup_testing_defaults(environ)
    return environ


def test_a_heap_of_files_is_not_taken(user):
    files = {f"file{number}": an_upload(b"x") for number in range(5)}
    answer = unbroken(user).post(address(user), IMAGE | files)
    assert answer.status_code == 400
    assert "Not understood" in answer.content.decode()
