"""A RevidAPI key of a visitor's own: sealed in a cookie of theirs for one tenant's pages, and nowhere else.

Whoever has the cookie without `SEALING_KEYS` reads nothing in it. It is good for twelve hours, for the tenant and the
base URL at which the key was tried; the database, the cache and the log never see the key.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from revidweb.accounts.models import Tenant
from revidweb.keys import visiting
from revidweb.keys.visiting import Place
from revidweb.lib import clock, sealing

MOST_S = 12 * 3600
_PURPOSE = "own key"  # nothing else that is sealed here passes for it
_COOKIE_MAX_CHARS = 4000


@dataclass(frozen=True)
class OwnKey:
    """A key that was tried and found good. until: when its owner has to enter it again."""

    key: str = field(repr=False)
    until: datetime


def place(request: HttpRequest, tenant_slug: str) -> Place:
    """Where this tenant's visitors try keys. Raises Http404 where there is no such tenant, or none may."""
    tenant = Tenant.objects.filter(slug=tenant_slug).first()
    found = visiting.place_of(tenant) if tenant else None
    if found is None:
        raise Http404
    request.__dict__["_own_key_of"] = found.tenant
    return found


def visited(request: HttpRequest) -> Tenant | None:
    """The tenant at whose pages for keys of one's own the visitor is; None elsewhere."""
    tenant: Tenant | None = request.__dict__.get("_own_key_of")
    return tenant


def put(answer: HttpResponseBase, place: Place, key: str) -> None:
    """Give the browser the key back, sealed, for this tenant's pages alone."""
    told = {
        "for": _PURPOSE,
        "tenant": place.tenant.public_id,
        "base_url": place.base_url,
        "key": key,
        "until": (clock.now() + timedelta(seconds=MOST_S)).timestamp(),
    }
    answer.set_cookie(
        cookie(),
        sealing.seal(json.dumps(told)),
        max_age=MOST_S,
        path=_path(place),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def of(request: HttpRequest, place: Place) -> OwnKey | None:
    """The key that the browser shows, if it is good here and now."""
    sealed = request.COOKIES.get(cookie(), "")
    if not sealed or len(sealed) > _COOKIE_MAX_CHARS:
        return None
    try:
        told = json.loads(sealing.unseal(sealed))
    except (sealing.CannotOpen, ValueError):
        return None
    here = {"for": _PURPOSE, "tenant": place.tenant.public_id, "base_url": place.base_url}
    if not isinstance(told, dict) or any(told.get(name) != word for name, word in here.items()):
        return None
    until = datetime.fromtimestamp(told["until"], UTC)
    return OwnKey(told["key"], until) if until > clock.now() else None


def is_named(request: HttpRequest) -> bool:
    """Whether the browser shows one at all, good or not."""
    return cookie() in request.COOKIES


def forget(answer: HttpResponseBase, place: Place) -> None:
    """Let the browser drop it."""
    answer.delete_cookie(cookie(), path=_path(place), samesite="Lax")


def cookie() -> str:
    """Its name: with TLS one that no page without it can set. `__Host-` would be sent to every path."""
    return "__Secure-ownkey" if settings.SESSION_COOKIE_SECURE else "ownkey"


def _path(place: Place) -> str:
    return reverse("own_key", args=[place.tenant.slug])
