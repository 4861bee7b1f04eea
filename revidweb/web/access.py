"""Who may: the actor of a request, and every kind of row fetched together with the right to it.

Someone signed out goes to sign-in whatever they ask for, a stranger to the tenant or the row finds nothing (404), and
a member without the right is refused (403). Who was removed is a stranger, who is suspended is refused everything: each
request asks. Under `/key/` it is the key that acts, and one that does not let in leads to its door.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import BigIntegerField, CharField, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from revidweb.accounts import actors, members
from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Invitation, Member, MemberState
from revidweb.catalog.models import CatalogChange
from revidweb.connections.models import PREVIEW, Connection
from revidweb.files.models import StoredFile
from revidweb.jobs.models import Job, Output
from revidweb.keys import checking
from revidweb.keys import listing as keyring
from revidweb.keys.models import ApiKey
from revidweb.lib import ids, kept
from revidweb.lib.kept import Word
from revidweb.lib.refusal import Refusal
from revidweb.notices import bell
from revidweb.notices.models import Delivery, Notice
from revidweb.reports.models import Difference, Reconciliation
from revidweb.stats import usage
from revidweb.web import key_session

P = ParamSpec("P")
Row = TypeVar("Row", bound=Model)


class ActorRequest(HttpRequest):
    """A request of a member to their tenant's pages, or of a key to its own."""

    actor: Actor
    htmx: HtmxDetails


class Suspended(PermissionDenied):
    """The person is a member of this tenant, but is not let in for now."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self.member = member


View = Callable[Concatenate[ActorRequest, P], HttpResponseBase]


def actor_may(right: Right | None = None) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Let only the tenant's members in, and of them only those with the right; the view gets `request.actor`.

    For views under `/t/<slug:tenant_slug>/`, and with "" for a slug under `/key/`; it is used up here. One query finds
    tenant, member, person and how much the bell counts; a key's session, the key and its secret are three.
    """

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: Any, tenant_slug: str, **kwargs: Any) -> HttpResponseBase:
            acting = cast("ActorRequest", request)
            elsewhere = _let_in(acting, tenant_slug) if tenant_slug else _let_key_in(acting)
            if elsewhere is not None:
                return elsewhere
            if right is not None and not acting.actor.may(right):
                raise PermissionDenied
            return view(acting, *args, **kwargs)

        return guarded

    return decorate


def _let_in(request: ActorRequest, tenant_slug: str) -> HttpResponse | None:
    """Make the signed-in person the actor; somebody signed out is answered with the way to sign-in."""
    if not request.user.is_authenticated:
        return to_sign_in(request)
    request.actor = _actor(request, tenant_slug)
    return None


def _let_key_in(request: ActorRequest) -> HttpResponse | None:
    """Make the session's key the actor; one that does not let in is answered with the way to the door, which says why.

    A person who is signed in in the same browser is nobody here.
    """
    try:
        request.actor = checking.actor_of(key_session.of(request))
    except Refusal:
        return to_key_door(request)
    return None


def to_key_door(request: HttpRequest) -> HttpResponse:
    """Go to where a key signs in and come back afterwards; the whole page goes, even when only a part was asked for."""
    page = _page_of(request)
    answer = redirect_to_login(page if page.startswith(key_session.PATH) else "", resolve_url("key_door"))
    return HttpResponseClientRedirect(answer.url) if _is_for_part(request) else answer


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Go to sign-in and come back afterwards; the whole page goes, even when only a part was asked for."""
    answer = redirect_to_login(_page_of(request), resolve_url("account_login"))
    return HttpResponseClientRedirect(answer.url) if _is_for_part(request) else answer


def _is_for_part(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _page_of(request: HttpRequest) -> str:
    """The page to come back to: a part or the address that a form was sent to is none, the page around it is."""
    if request.method in ("GET", "HEAD") and not _is_for_part(request):
        return request.get_full_path()
    page = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure()):
        return reverse("home")
    return urlsplit(page)._replace(scheme="", netloc="", fragment="").geturl()


def _actor(request: HttpRequest, tenant_slug: str) -> Actor:
    """The signed-in person as a member of this tenant; 404 says nothing about whether the tenant exists."""
    member = _MEMBER.first(slug=tenant_slug, person=request.user.pk)
    if member is None:
        raise Http404
    if member.state == MemberState.SUSPENDED:
        raise Suspended(member)
    return actors.of(member)


def _membership() -> QuerySet[Member]:
    slug, person = Word("slug", CharField()), Word("person", BigIntegerField())
    mine = Member.objects.present().filter(tenant__slug=slug, person=person).select_related("tenant", "person")
    return members.with_tenants(usage.with_zone(bell.with_unread(mine)))


_MEMBER = kept.Rows(_membership, is_planned_once=True)  # of every page


def _row(rows: QuerySet[Row], public_id: str) -> Row:
    return get_object_or_404(rows if ids.is_possible(public_id) else rows.none(), public_id=public_id)


def job(request: ActorRequest, public_id: str) -> Job:
    """A job that the actor may see, with its member, connection, hold and origin, or 404."""
    rows = Job.objects.visible_to(request.actor)
    return _row(
        rows.select_related(
            "media_model", "member__person", "key", "connection", "hold__wallet", "retry_of", "settlement"
        ),
        public_id,
    )


def output(request: ActorRequest, public_id: str) -> Output:
    """A result that the actor may see and that was not deleted, or 404."""
    rows = Output.objects.visible_to(request.actor).present()
    return _row(
        rows.select_related("file", "job__media_model", "job__member__person", "job__key", "job__hold"), public_id
    )


def file(request: ActorRequest, public_id: str) -> StoredFile:
    """A stored file that the actor may see and that was not deleted, or 404."""
    return _row(StoredFile.objects.visible_to(request.actor).present(), public_id)


def member(request: ActorRequest, public_id: str) -> Member:
    """A member whom the actor may see, or 404."""
    return _row(Member.objects.visible_to(request.actor).select_related("tenant", "person"), public_id)


def invitation(request: ActorRequest, public_id: str) -> Invitation:
    """An invitation that the actor may see, or 404."""
    return _row(Invitation.objects.visible_to(request.actor).select_related("tenant"), public_id)


def connection(request: ActorRequest, public_id: str) -> Connection:
    """A connection to a real account that the actor may see, with its credential, or 404."""
    rows = Connection.objects.visible_to(request.actor).exclude(provider=PREVIEW)
    return _row(rows.select_related("credential", "tenant"), public_id)


def key(request: ActorRequest, public_id: str) -> ApiKey:
    """An API key that the actor may see, with its member, and its wallet and that wallet's origin, or 404."""
    return _row(keyring.with_payer(ApiKey.objects.visible_to(request.actor)), public_id)


def catalog_change(connection: Connection, pk: int) -> CatalogChange:
    """A difference that a sync of this connection found, or 404."""
    return get_object_or_404(CatalogChange.objects.filter(connection=connection), pk=pk)


def reconciliation(request: ActorRequest, connection: Connection, public_id: str) -> Reconciliation:
    """A reconciliation of this connection, or 404."""
    rows = Reconciliation.objects.visible_to(request.actor).filter(connection=connection)
    return _row(rows.select_related("connection"), public_id)


def difference(connection: Connection, pk: int) -> Difference:
    """A difference that a reconciliation of this connection found, with its job, or 404."""
    rows = Difference.objects.filter(reconciliation__connection=connection)
    return get_object_or_404(rows.select_related("reconciliation__connection", "job"), pk=pk)


def delivery(request: ActorRequest, key_id: str, public_id: str) -> Delivery:
    """A webhook of a key that the actor may see, with that key and its job, or 404."""
    rows = Delivery.objects.visible_to(request.actor).filter(key__public_id=key_id)
    return _row(rows.select_related("key", "job"), public_id)


def notice(request: ActorRequest, public_id: str) -> Notice:
    """A notice of the actor's own, or 404."""
    return _row(Notice.objects.visible_to(request.actor), public_id)
