"""Connections: a tenant's accounts at providers, how they stand, and what their owners may do with them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import reswap, retarget, trigger_client_event

from revidweb.accounts.actors import Actor, Right
from revidweb.catalog import changes, connecting
from revidweb.catalog import sync as syncing
from revidweb.catalog.changes import Tally
from revidweb.connections import budget, switching
from revidweb.connections import preview as previews
from revidweb.connections.models import Connection
from revidweb.jobs import disconnecting, load
from revidweb.jobs.load import Load
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.web import access, parts, standing, wording
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms import connections as forms
from revidweb.web.forms.connections import ConnectForm, KeyForm, NameForm
from revidweb.web.standing import Standing

LOOKS_MOST = 30  # a page that is left open stops asking by itself
HELD_MOST = 200  # prices to decide on at a time
_PER_PAGE = 50


@dataclass(frozen=True)
class Slots:
    """Jobs at once of one sort. ours and foreign: those that run there now."""

    label: str | Promise
    ours: int
    foreign: int
    total: int

    @property
    def used(self) -> int:
        """All that run there, whoever sent them."""
        return self.ours + self.foreign


@dataclass(frozen=True)
class Card:
    """A connection as its card and its page show it."""

    connection: Connection
    standing: Standing
    load: Load
    tally: Tally

    @property
    def provider(self) -> str:
        """The provider's title."""
        return registry.provider(self.connection.provider).title

    @property
    def host(self) -> str:
        """Where the account is."""
        credential = self.connection.credential
        return urlsplit(credential.base_url).netloc if credential else ""

    @property
    def slots(self) -> list[Slots]:
        """All, and by what they make."""
        row, now = self.connection, self.load
        return [
            Slots(gettext_lazy("All"), self.running, row.foreign_total, row.total_slots),
            Slots(gettext_lazy("Images"), now.images, row.foreign_image, row.image_slots),
            Slots(gettext_lazy("Videos"), now.others, row.foreign_video, row.video_slots),
        ]

    @property
    def running(self) -> int:
        """Jobs of ours that hold a slot there."""
        return self.load.images + self.load.others

    @property
    def ready(self) -> int:
        """Requests that may be made at this moment."""
        return budget.ready(self.connection.credential)

    @property
    def per_minute(self) -> int:
        """Requests that the provider takes with one key."""
        return int(settings.REVIDAPI_PER_MINUTE)

    @property
    def is_pending(self) -> bool:
        """Whether it may stand otherwise in a few seconds, without anybody doing anything."""
        row = self.connection
        return row.is_enabled and bool(row.trouble or row.failing_since or row.last_contact_at is None)


# -- the list and one of it


@require_safe
@actor_may(Right.MANAGE_CONNECTIONS)
def connections(request: ActorRequest) -> HttpResponse:
    """A card per connection, or the way to the first one."""
    return render(request, "connections/page.html", _listed(request.actor))


@require_http_methods(["GET", "HEAD", "POST"])
@actor_may(Right.MANAGE_CONNECTIONS)
def connection(request: ActorRequest, connection_id: str) -> HttpResponse:
    """One connection; a POST renames it."""
    row = access.connection(request, connection_id)
    if request.method == "POST":
        return _rename(request, row)
    if request.htmx and "look" in request.GET:
        return _look(request, row)
    return _page(request, row)


def _look(request: ActorRequest, row: Connection) -> HttpResponse:
    """How it stands, anew: its card in the list, or the head of its page; and when to look again."""
    look = request.GET["look"]
    shown = {"card": _card(row), "look": int(look) + 1 if look.isdecimal() and len(look) < 4 else LOOKS_MOST}
    part = "page.html#card" if request.GET.get("part") == "card" else "connection.html#looked"
    return render(request, f"connections/{part}", shown | {"looks_most": LOOKS_MOST})


def _listed(actor: Actor) -> dict[str, Any]:
    """Three queries."""
    rows = list(Connection.objects.visible_to(actor).select_related("credential").order_by("pk"))
    real = [row for row in rows if not row.is_preview]
    loads, tallies = load.of(rows), changes.tally(real)
    return {
        "cards": [_as_card(row, loads, tallies) for row in real],
        "preview": next((_as_card(row, loads, {}) for row in rows if row.is_preview), None),
        "look": 0,
        "looks_most": LOOKS_MOST,
    }


def _card(row: Connection) -> Card:
    """Two queries."""
    return _as_card(row, load.of([row]), changes.tally([row]))


def _as_card(row: Connection, loads: dict[int, Load], tallies: dict[int, Tally]) -> Card:
    return Card(row, standing.of(row), loads.get(row.pk, Load()), tallies.get(row.pk, Tally()))


def _page(
    request: ActorRequest, row: Connection, *, status: int = 200, opened: str = "", **asked: NameForm | KeyForm
) -> HttpResponse:
    """opened: the dialog that stands open, over a form that came back refused."""
    shown = _shown(request, row) | {"opened": opened} | asked
    return render(request, "connections/connection.html", shown, status=status)


def _shown(request: ActorRequest, row: Connection) -> dict[str, Any]:
    """Five queries, six while nothing runs there."""
    page = Paginator(changes.of(row), _PER_PAGE).get_page(request.GET.get("page"))
    card = _card(row)
    return {
        "card": card,
        "held": list(changes.waiting(row)[:HELD_MOST]),
        "page": page,
        **parts.neighbours(page),
        "is_unused": not card.load.moving and not card.standing.title and load.is_unused(row),
        "name_form": forms.name_of(row),
        "key_form": forms.key_of(row),
        "look": 0,
        "looks_most": LOOKS_MOST,
    }


# -- add


@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
@actor_may(Right.MANAGE_CONNECTIONS)
def add(request: ActorRequest) -> HttpResponse:
    """Ask for an account; it is kept once its provider has answered to the key."""
    if request.method == "POST":
        return _connect(request, ConnectForm(request.POST))
    taken = Connection.objects.visible_to(request.actor).values_list("name", flat=True)
    return render(request, "connections/add.html", {"form": forms.fresh(list(taken))})


def _connect(request: ActorRequest, form: ConnectForm) -> HttpResponse:
    if form.is_valid():
        try:
            row = connecting.connect(request.actor, provider=forms.PROVIDER, **form.cleaned_data)
            return _go(request, row, _("%(name)s is connected.") % {"name": row.name})
        except Refusal as refusal:
            _put_on(request, form, refusal)
    part = "#form" if request.htmx else ""
    return render(request, f"connections/add.html{part}", {"form": form}, status=422)


def _put_on(request: ActorRequest, form: KeyForm, refusal: Refusal) -> None:
    """The refusal at its field; of a private address also how whoever runs the installation can let it be dialled."""
    base_url = form.cleaned_data["base_url"]
    wording.put_on(form, refusal)
    if refusal.code == "private_address" and (settings.IS_EMBEDDED or request.user.is_staff):
        form.private_host = _dialled(base_url)


def _dialled(base_url: str) -> str:
    """Host and port as PRIVATE_HOSTS names them."""
    parts = urlsplit(base_url if "://" in base_url else f"https://{base_url}")
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return f"{host}:{parts.port or (80 if parts.scheme == 'http' else 443)}"


# -- deeds


@require_POST
@actor_may(Right.MANAGE_CONNECTIONS)
def pause(request: ActorRequest, connection_id: str) -> HttpResponse:
    """Send nothing new there."""
    row = access.connection(request, connection_id)
    switching.pause(request.actor, row)
    return _done(request, row, _("%(name)s is paused.") % {"name": row.name})


@require_POST
@actor_may(Right.MANAGE_CONNECTIONS)
def resume(request: ActorRequest, connection_id: str) -> HttpResponse:
    """Send there again."""
    row = access.connection(request, connection_id)
    switching.resume(request.actor, row)
    return _done(request, row, _("%(name)s takes jobs again.") % {"name": row.name})


@require_POST
@actor_may(Right.MANAGE_CONNECTIONS)
def sync(request: ActorRequest, connection_id: str) -> HttpResponse:
    """Read its models and prices now."""
    row = access.connection(request, connection_id)
    try:
        if connecting.read_now(request.actor, row):
            return _done(request, row, _("Models and prices were read."))
    except Refusal as refusal:
        return _done(request, row, wording.of(refusal), level="error")
    return _done(request, row, _("Models and prices could not be read."), level="error")


@sensitive_post_parameters("key")
@require_POST
@actor_may(Right.MANAGE_CONNECTIONS)
def key(request: ActorRequest, connection_id: str) -> HttpResponse:
    """Replace its key, and its address if it moved; both are checked before they are kept."""
    row = access.connection(request, connection_id)
    form = KeyForm(request.POST)
    if form.is_valid():
        try:
            row = connecting.replace_key(request.actor, row, **form.cleaned_data)
            return _done(request, row, _("The new key is in use."))
        except Refusal as refusal:
            _put_on(request, form, refusal)
    return _refused(request, row, "key", key_form=form)


def _rename(request: ActorRequest, row: Connection) -> HttpResponse:
    form = NameForm(request.POST, auto_id="rename-%s")
    if form.is_valid():
        try:
            row = connecting.rename(request.actor, row, **form.cleaned_data)
            return _go(request, row, _("It is called %(name)s now.") % {"name": row.name})
        except Refusal as refusal:
            wording.put_on(form, refusal)
    return _refused(request, row, "name", name_form=form)


@require_POST
@actor_may(Right.MANAGE_CONNECTIONS)
def remove(request: ActorRequest, connection_id: str) -> HttpResponse:
    """Take it off for good, unless something still runs there."""
    row = access.connection(request, connection_id)
    try:
        disconnecting.disconnect(request.actor, row)
    except Refusal as refusal:
        return _done(request, row, wording.of(refusal), level="error")
    where, said = reverse("connections", args=[request.actor.place]), _("%(name)s was removed.")
    if previews.is_alone(request.actor) and not previews.is_on(request.actor):
        where += "#preview"
        said = _("%(name)s was removed. Nothing can be made now, until you switch previews on or connect an account.")
    messages.success(request, said % {"name": row.name})
    return parts.lead_to(request, where)


@require_POST
@actor_may(Right.MANAGE_CONNECTIONS)
def change(request: ActorRequest, connection_id: str, change_id: int) -> HttpResponse:
    """Accept a price that waits, or keep its row off sale."""
    row = access.connection(request, connection_id)
    held = access.catalog_change(row, change_id)
    is_accepted = request.POST.get("accept") == "yes"
    if not syncing.decide(request.actor, held, accept=is_accepted):
        return _done(request, row, _("This price was decided already."), level="error")
    said = _("The new price of %(model)s is on sale.") if is_accepted else _("That price of %(model)s stays off sale.")
    return _done(request, row, said % {"model": changes.title_of(held)})


@require_POST
@actor_may(Right.MANAGE_CONNECTIONS)
def accept(request: ActorRequest, connection_id: str) -> HttpResponse:
    """Accept all prices that wait and that the form names: those that its reader has seen."""
    row = access.connection(request, connection_id)
    seen = [pk for pk in request.POST.getlist("change") if pk.isdecimal()][:HELD_MOST]
    named = [held for held in changes.waiting(row) if str(held.pk) in seen]
    accepted = sum(syncing.decide(request.actor, held, accept=True) for held in named)
    said = ngettext("%(count)s new price is on sale.", "%(count)s new prices are on sale.", accepted)
    return _done(request, row, said % {"count": accepted})


@require_POST
@actor_may(Right.MANAGE_CONNECTIONS)
def preview(request: ActorRequest) -> HttpResponse:
    """Switch previews on or off."""
    is_on = request.POST.get("on") == "yes"
    switching.show_preview(request.actor, is_on)
    said = _("Previews are on.") if is_on else _("Previews are off.")
    if not request.htmx:
        messages.success(request, said)
        return redirect("connections", request.actor.place)
    answer = render(request, "connections/page.html#preview", _listed(request.actor))
    return trigger_client_event(answer, "toast", {"text": said, "level": "success"})


# -- answers


def _done(request: ActorRequest, row: Connection, said: str, *, level: str = "success") -> HttpResponse:
    """The page's content as it is now, and a toast."""
    if not request.htmx:
        messages.add_message(request, messages.SUCCESS if level == "success" else messages.ERROR, said)
        return redirect("connection", request.actor.place, row.public_id)
    row = access.connection(request, row.public_id)
    answer = render(request, "connections/connection.html#body", _shown(request, row))
    trigger_client_event(answer, "toast", {"text": said, "level": level})
    return reswap(retarget(answer, "#connection"), "outerHTML")


def _refused(request: ActorRequest, row: Connection, part: str, **asked: NameForm | KeyForm) -> HttpResponse:
    """The form with what is wrong; on a whole page its dialog stands open."""
    if not request.htmx:
        return _page(request, row, status=422, opened=part, **asked)
    return render(request, f"connections/connection.html#{part}-form", {"card": _card(row), **asked}, status=422)


def _go(request: ActorRequest, row: Connection, said: str) -> HttpResponse:
    messages.success(request, said)
    return parts.lead_to(request, reverse("connection", args=[request.actor.place, row.public_id]))
