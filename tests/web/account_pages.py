"""What the tests of an upstream account's pages share."""

from django.http import HttpResponse
from django.urls import reverse

from revidweb.accounts.actors import Actor
from revidweb.connections import mirror
from revidweb.connections.models import Connection
from revidweb.providers.account_pages import Endpoint, Question
from tests.makers import a_client

from .connections_pages import HTMX


def path(owner: Actor, connection: Connection, endpoint: str = "me") -> str:
    return reverse("connection_account", args=[owner.tenant.slug, connection.public_id, endpoint])


def see(owner: Actor, connection: Connection, endpoint: str = "me", **query: str) -> HttpResponse:
    """The page as it is."""
    return a_client(owner.member).get(path(owner, connection, endpoint), query)


def read(owner: Actor, connection: Connection, endpoint: str = "me", query: str = "", **sent: str) -> HttpResponse:
    """The page's content after its provider was asked, as htmx gets it."""
    return a_client(owner.member).post(path(owner, connection, endpoint) + query, sent, headers=HTMX)


def kept(connection: Connection, endpoint: Endpoint = Endpoint.ME, **parts: object) -> mirror.Seen:
    now = Connection.objects.select_related("credential", "tenant").get(pk=connection.pk)
    return mirror.kept(now, Question(endpoint, **parts))
