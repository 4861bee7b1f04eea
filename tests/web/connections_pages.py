"""What the tests of the connection pages share: accounts that stand in every way, and jobs there."""

from django.http import HttpResponse
from django.urls import reverse

from revidweb.accounts.actors import Actor
from revidweb.catalog.models import CatalogChange
from revidweb.connections.models import Connection
from revidweb.jobs.models import Job
from tests.connections.makers import an_account
from tests.library.makers import a_job
from tests.makers import a_client

KEY = "sk_live_a_secret_that_no_page_shows_9Kd2"
HTMX = {"HX-Request": "true"}


def a_connection(owner: Actor, **fields: object) -> Connection:
    """RevidAPI, well and connected; fields: what is otherwise."""
    key = fields.pop("key", KEY)
    connection = an_account(owner.tenant, name="RevidAPI", key=key, balance=12_480)
    Connection.objects.filter(pk=connection.pk).update(**{"name": connection.name} | fields)
    return connection


def a_job_there(connection: Connection, owner: Actor, **fields: object) -> Job:
    job = a_job(owner.member, **{"state": "working"} | fields)
    Job.objects.filter(pk=job.pk).update(connection=connection)
    return job


def a_change(connection: Connection, what: str = "moved", **fields: object) -> CatalogChange:
    row = {"model": "kling-2.6", "server": "vip1", "key": "1080p-10s-fast", "old": 90, "new": 110}
    return CatalogChange.objects.create(connection=connection, what=what, **row | fields)


def path(owner: Actor, name: str = "connections", connection: Connection | None = None) -> str:
    return reverse(name, args=[owner.tenant.slug, *([connection.public_id] if connection else [])])


def get(owner: Actor, name: str = "connections", connection: Connection | None = None, **options) -> HttpResponse:
    return a_client(owner.member).get(path(owner, name, connection), **options)


def post(
    owner: Actor, where: str, connection: Connection | None = None, /, *, htmx: bool = False, **sent: str
) -> HttpResponse:
    """A form, sent by htmx or by the browser itself."""
    return a_client(owner.member).post(path(owner, where, connection), sent, headers=HTMX if htmx else {})
