"""A browser in which somebody signed in with nothing but a key."""

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from revidweb.web import key_session

DOOR = "/key/"


def a_key_client(secret: str, client: Client | None = None, **headers: str) -> Client:
    """The browser, signed in at the door. headers: as WSGI names them, REMOTE_ADDR="203.0.113.7"."""
    client = client or Client(**headers)
    answer = client.post(DOOR, {"key": secret})
    assert answer.status_code == 302, answer.content.decode()
    return client


def page(client: Client, name: str, *args: object, **query: str) -> HttpResponse:
    """A page under `/key/` by its URL name."""
    return client.get(reverse(name, args=["", *args]), query)


def has_session(client: Client) -> bool:
    """Whether the browser still shows a session of a key."""
    kept = client.cookies.get(key_session.cookie())
    return bool(kept and kept.value)
