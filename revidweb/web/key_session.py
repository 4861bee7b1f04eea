"""The session of somebody who has nothing but a key: under `/key/` alone, beside a person's own and independent of it.

The cookie names a session that lies in the database, sealed as all are: which key it is, which of its secrets opened it
and when, never the secret itself. Each request asks whether all of that still holds.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import rotate_token

from revidweb.keys import checking, minting
from revidweb.keys.models import ApiKey, KeySecret
from revidweb.lib import addresses, clock
from revidweb.lib.refusal import Refusal
from revidweb.web import hosts

PATH = "/key/"
IDLE_S = 12 * 3600
MOST_S = 7 * 86_400
_SEEN_EVERY_S = 300
_KEY, _SECRET, _OPENED, _SEEN, _HOST = "api_key", "api_key_secret", "opened_at", "seen_at", "host"


def sign_in(request: HttpRequest, secret: str) -> tuple[SessionStore, ApiKey]:
    """Open a fresh session with this secret; the one that the browser had is over. The caller puts it on its answer.

    Raises Refusal: what `checking.by_secret` raises; on a tenant's own host, "key_unknown" for a key of another tenant.
    """
    key = checking.by_secret(secret, address=addresses.of(request.META))
    _refuse_elsewhere(request, key)
    opened_by = KeySecret.objects.only("pk").get(key=key, sha256=minting.digest(secret))
    now = clock.now().timestamp()
    session = SessionStore()
    session.update({_KEY: key.pk, _SECRET: opened_by.pk, _OPENED: now, _SEEN: now, _HOST: _host_of(request)})
    session.set_expiry(IDLE_S)
    session.create()
    end(request)
    rotate_token(request)
    return session, key


def put(answer: HttpResponseBase, session: SessionStore) -> None:
    """Give the browser the session's cookie, for the pages under `/key/` alone."""
    answer.set_cookie(
        cookie(),
        session.session_key or "",
        max_age=MOST_S,
        path=PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def of(request: HttpRequest) -> ApiKey:
    """The key by which the request comes, as it is now, with its tenant, member and wallet.

    Raises Refusal: "key_session_over" without a session, or with one that is too old, was idle for too long, began at
    another host, or was opened by a secret that is no longer good; else what `checking.by_id` raises.
    """
    session = SessionStore(_named(request))
    if not _is_good(session, request):
        raise Refusal("key_session_over")
    key = checking.by_id(session[_KEY], address=addresses.of(request.META))
    _refuse_elsewhere(request, key)
    _refuse_retired(key, session[_SECRET])
    _note(session)
    return key


def is_named(request: HttpRequest) -> bool:
    """Whether the browser shows a session at all, good or not."""
    return bool(_named(request))


def end(request: HttpRequest) -> None:
    """End the browser's session, if it has one: a cookie that somebody copied opens nothing any more."""
    if is_named(request):
        SessionStore().delete(_named(request))


def forget(answer: HttpResponseBase) -> None:
    """Let the browser drop the cookie."""
    answer.delete_cookie(cookie(), path=PATH, samesite="Lax")


def cookie() -> str:
    """Its name: with TLS one that no page without it can set. `__Host-` would be sent to every path."""
    return "__Secure-keysession" if settings.SESSION_COOKIE_SECURE else "keysession"


def _named(request: HttpRequest) -> str:
    return request.COOKIES.get(cookie(), "")


def _host_of(request: HttpRequest) -> str:
    host = hosts.of(request)
    return host.name if host else ""


def _is_good(session: SessionStore, request: HttpRequest) -> bool:
    """Whether it is a key's, of this host, and neither too old nor left alone for too long."""
    if _KEY not in session or session[_HOST] != _host_of(request):
        return False
    return _since(session, _OPENED) < timedelta(seconds=MOST_S) and _since(session, _SEEN) < timedelta(seconds=IDLE_S)


def _since(session: SessionStore, moment: str) -> timedelta:
    return clock.now() - datetime.fromtimestamp(session[moment], UTC)


def _refuse_elsewhere(request: HttpRequest, key: ApiKey) -> None:
    """A tenant's own host knows the tenant's keys alone."""
    host = hosts.of(request)
    if host is not None and host.tenant_id != key.tenant_id:
        raise Refusal("key_unknown")


def _refuse_retired(key: ApiKey, secret_id: int) -> None:
    """A session ends with the secret that opened it, after a rotation's time of grace."""
    still_good = Q(expires_at__isnull=True) | Q(expires_at__gt=clock.now())
    if not KeySecret.objects.filter(still_good, pk=secret_id, key=key).exists():
        raise Refusal("key_session_over")


def _note(session: SessionStore) -> None:
    """Write down that it is in use, every five minutes. One that was signed out meanwhile stays so."""
    if _since(session, _SEEN) < timedelta(seconds=_SEEN_EVERY_S):
        return
    session[_SEEN] = clock.now().timestamp()
    try:
        session.save()
    except UpdateError:
        raise Refusal("key_session_over") from None
