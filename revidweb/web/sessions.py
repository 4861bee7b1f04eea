"""A person's sessions: how they are kept, from which browser and address each is used, and since when it was not."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from revidweb.lib import sealing
from revidweb.web import hosts

SEEN_EVERY_S = 300
_MOST_NOTED = 10_000
_HOST = "host"  # where a session keeps at which host it began
_noted: dict[str, tuple[str, float]] = {}  # by session: its client, and when it was written down last


def note_sessions(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Write down where and when a session is used: at once from another client, else every five minutes.

    allauth's own middleware writes with every request. What this process sees for the first time is only remembered:
    signing in has just written it, and no page pays for a write because a process is new.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        key = request.session.session_key
        if key and request.user.is_authenticated and _is_due(key, _client_of(request)):
            UserSession.objects.create_from_request(request)
        return get_response(request)

    return middleware


def keep_to_host(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """End a session that comes by another host than the one it began at.

    No browser sends a cookie there. Whoever serves a tenant's own host can read its cookies, though, and must not get
    with them to the installation's pages or to another tenant's host.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        here = _host_of(request)
        if not request.session.is_empty() and request.session.get(_HOST, here) != here:
            request.session.flush()
        response = get_response(request)
        if request.session.modified and not request.session.is_empty():
            request.session[_HOST] = here
        return response

    return middleware


def _host_of(request: HttpRequest) -> str:
    """The tenant's own host by which the request came, "" for the installation's."""
    host = hosts.of(request)
    return host.name if host else ""


def _client_of(request: HttpRequest) -> str:
    return f"{get_adapter().get_client_ip(request)} {request.headers.get('User-Agent', '')}"


def _is_due(key: str, client: str) -> bool:
    """Whether it is time to write this session down; if so, it is noted as written."""
    now = time.monotonic()
    before = _noted.get(key)
    if before and before[0] == client and now - before[1] < SEEN_EVERY_S:
        return False
    if len(_noted) >= _MOST_NOTED:
        _noted.clear()
    _noted[key] = (client, now)
    return before is not None


class SealedJson:
    """How sessions lie in the database: a new app's secret and the key of a password's link wait there."""

    def dumps(self, session: dict[str, Any]) -> bytes:
        """The session, sealed."""
        return sealing.seal(json.dumps(session, separators=(",", ":"))).encode()

    def loads(self, sealed: bytes) -> Any:
        """The session again. Raises CannotOpen; Django then begins an empty one."""
        return json.loads(sealing.unseal(sealed.decode()))


# The first that fits. Browsers name those they descend from, so the youngest stand first.
_BROWSERS = (
    (r"Edg(?:e|A|iOS)?/", "Edge"),
    (r"OPR/|OPiOS/|Opera", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Vivaldi/", "Vivaldi"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chrom(?:e|ium)/|HeadlessChrome/|CriOS/", "Chrome"),
    (r"Version/[\d.]+ .*Safari/", "Safari"),
    (r"^curl/", "curl"),
    (r"^python-requests/", "python-requests"),
)
_SYSTEMS = (
    (r"iPhone", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"CrOS", "ChromeOS"),
    (r"Windows", "Windows"),
    (r"Mac OS X|Macintosh", "macOS"),
    (r"Linux", "Linux"),
)


def browser_of(agent: str) -> str:
    """The browser and the system that this User-Agent names, "Chrome on Linux"; what it is, when it names neither."""
    browser, system = _first(_BROWSERS, agent), _first(_SYSTEMS, agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")


def is_handheld(agent: str) -> bool:
    """Whether the User-Agent names a telephone or a tablet."""
    return re.search(r"iPhone|iPad|Android|Mobile", agent) is not None


def _first(known: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for pattern, name in known if re.search(pattern, agent)), "")
