"""Webhooks of a key: what was sent, what came back, and whether a receiver hears."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from revidweb.keys import issuing
from revidweb.keys.models import ApiKey
from revidweb.lib import sealing
from revidweb.lib.refusal import Refusal
from revidweb.notices import deliveries
from revidweb.notices.models import Delivery, DeliveryState, DeliveryTry
from revidweb.web import access, parts, wording
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms.webhooks import TestForm

_PER_PAGE = 50
_MOST_TRIES_SHOWN = 100
LOOKS_MOST = 60  # a page that is left open stops asking by itself
_ERRORS: dict[str, str | Promise] = {
    "timeout": gettext_lazy("No answer in time"),
    "unreachable": gettext_lazy("Not reached"),
    "private_address": gettext_lazy("A private address"),
    "bad_address": gettext_lazy("Not an address"),
    "no_secret": gettext_lazy("The signing secret cannot be read"),
}


@dataclass(frozen=True)
class Row:
    """A delivery as the table shows it. tone and word: of its badge; answer: to the last try."""

    delivery: Delivery
    tone: str
    word: str | Promise
    answer: str


# -- the list


@require_safe
@actor_may()
def webhooks(request: ActorRequest, key_id: str) -> HttpResponse:
    """The key's deliveries, newest first; beside them its secret and a test."""
    return _page(request, access.key(request, key_id))


@require_POST
@actor_may()
def secret(request: ActorRequest, key_id: str) -> HttpResponse:
    """Show the signing secret in the answer to this request alone; with `rotate`, a new one."""
    key = access.key(request, key_id)
    try:
        shown = _secret(request, key)
    except Refusal as refusal:
        return _sorry(request, key, refusal)
    return _page(request, key, secret=shown)


def _sorry(request: ActorRequest, key: ApiKey, refusal: Refusal) -> HttpResponse:
    messages.error(request, wording.of(refusal))
    return redirect("key_webhooks", request.actor.place, key.public_id)


def _secret(request: ActorRequest, key: ApiKey) -> str:
    if request.POST.get("rotate") == "yes":
        shown = issuing.rotate_signing_secret(request.actor, key)
        messages.success(request, _("What is sent from now on is signed with the new secret."))
        return shown
    if not issuing.may_rotate(request.actor, key):
        raise Refusal("not_allowed")
    try:
        return issuing.signing_secret(key)
    except sealing.CannotOpen:
        raise Refusal("secret_unreadable") from None


@require_POST
@actor_may()
def test(request: ActorRequest, key_id: str) -> HttpResponse:
    """Send a test, and show what comes of it; or the form with what is wrong (422)."""
    key = access.key(request, key_id)
    form = TestForm(request.POST)
    if form.is_valid():
        try:
            return _lead_to(request, deliveries.test(request.actor, key, **form.cleaned_data))
        except Refusal as refusal:
            if not refusal.field:  # nothing to be mended in the form
                return _sorry(request, key, refusal)
            wording.put_on(form, refusal)
    return _page(request, key, form=form, status=422)


def _page(
    request: ActorRequest, key: ApiKey, *, form: TestForm | None = None, secret: str = "", status: int = 200
) -> HttpResponse:
    """Five queries beside the frame's. secret: to be shown; form: one that came back refused."""
    page = Paginator(deliveries.listed(key), _PER_PAGE).get_page(request.GET.get("page"))
    shown = {
        "key": key,
        "page": page,
        "rows": [_row(one) for one in page],
        "form": form or TestForm(),
        "secret": secret,
        "may_send": deliveries.may_send(request.actor, key),
        "may_see_secret": issuing.may_rotate(request.actor, key),
        **parts.neighbours(page),
    }
    return render(request, "webhooks/page.html", shown, status=status)


def _row(delivery: Any) -> Row:
    """delivery: as `deliveries.listed` gives it."""
    return Row(delivery, *_badge(delivery), answer=_answer(delivery.last_status, delivery.last_error or ""))


def _badge(delivery: Delivery) -> tuple[str, str | Promise]:
    if delivery.state == DeliveryState.DELIVERED:
        return "ok", _("Delivered")
    if delivery.state == DeliveryState.FAILED:
        return "bad", _("Failed")
    return ("warn", _("Tried again")) if delivery.tries else ("idle", _("On its way"))


def _answer(status: int | None, error: str) -> str:
    """What came back, in a word: the status, or why there is none; nothing before the first try."""
    if status is None:
        return str(_ERRORS.get(error, error))
    return _("%(status)s, a redirect") % {"status": status} if 300 <= status < 400 else str(status)


# -- one


@require_safe
@actor_may()
def delivery(request: ActorRequest, key_id: str, delivery_id: str) -> HttpResponse:
    """One delivery: each try and its answer, and what was sent. While it is on its way, htmx asks for it again."""
    row = access.delivery(request, key_id, delivery_id)
    part = "#delivery" if request.htmx else ""
    return render(request, f"webhooks/delivery.html{part}", _shown(request, row))


@require_POST
@actor_may()
def resend(request: ActorRequest, key_id: str, delivery_id: str) -> HttpResponse:
    """Send it once more."""
    row = access.delivery(request, key_id, delivery_id)
    try:
        deliveries.send_again(request.actor, row)
        messages.success(request, _("It is sent again."))
    except Refusal as refusal:
        messages.error(request, wording.of(refusal))
    return redirect("delivery", request.actor.place, row.key.public_id, row.public_id)


def _shown(request: ActorRequest, row: Delivery) -> dict[str, Any]:
    log: list[DeliveryTry] = list(row.log.order_by("-id")[:_MOST_TRIES_SHOWN])
    tone, word = _badge(row)
    look = request.GET.get("look", "0")
    return {
        "delivery": row,
        "key": row.key,
        "tone": tone,
        "word": word,
        "tries": [(one, _answer(one.status, one.error)) for one in log],
        "body": _readable(row.body),
        "may_send": deliveries.may_send(request.actor, row.key),
        "look": int(look) + 1 if look.isdecimal() and len(look) < 4 else LOOKS_MOST,
        "looks_most": LOOKS_MOST,
    }


def _readable(body: str) -> str:
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False) if body else ""


def _lead_to(request: ActorRequest, row: Delivery) -> HttpResponse:
    return parts.lead_to(request, reverse("delivery", args=[request.actor.place, row.key.public_id, row.public_id]))
