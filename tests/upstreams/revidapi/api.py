"""Which request is for what."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import account, files, generating, tenant
from .http import Answer
from .records import Kind
from .script import Call

if TYPE_CHECKING:
    from .stand_in import StandIn

Deed = Callable[["StandIn", Call], Answer]


@dataclass(frozen=True)
class Route:
    """One endpoint: its method, its path (one group at most), what it is for, and its deed."""

    method: str
    path: re.Pattern[str]
    endpoint: str
    deed: Deed


def find(method: str, path: str) -> tuple[Route | None, str, bool]:
    """The route of a request, the text of its group, and whether the path is known under another method."""
    hits = [(route, hit) for route in ROUTES if (hit := route.path.fullmatch(path))]
    for route, hit in hits:
        if route.method == ("GET" if method == "HEAD" else method):
            return route, hit[1] if hit.re.groups else "", True
    return None, "", bool(hits)


def _route(method: str, path: str, endpoint: str, deed: Deed) -> Route:
    return Route(method, re.compile(path), endpoint, deed)


KIND_OF: dict[str, Kind] = {"/v1/image/generate": "image", "/v1/video/generate": "video"}
ROUTES = (
    _route("POST", "/v1/(image|video)/generate", "create", generating.create),
    _route("GET", "/v1/jobs/([^/]+)", "poll", generating.poll),
    _route("POST", "/v1/jobs/([^/]+)/cancel", "cancel", generating.cancel),
    _route("GET", "/v1/models", "models", account.models),
    _route("GET", "/v1/models/pricing", "pricing", account.pricing),
    _route("GET", "/v1/limits", "limits", account.limits),
    _route("GET", "/v1/balance", "balance", account.balance),
    _route("GET", "/v1/dashboard/me", "me", account.me),
    _route("GET", "/v1/dashboard/jobs", "jobs", account.jobs),
    _route("GET", "/v1/dashboard/credits", "credits", account.credits),
    _route("GET", "/v1/dashboard/stats", "stats", account.stats),
    _route("GET", "/v1/dashboard/stats/export", "export", account.export),
    _route("GET", "/v1/dashboard/tenant/users", "users", tenant.users),
    _route("GET", "/v1/dashboard/tenant/subs", "subs", tenant.subs),
    _route("GET", "/v1/dashboard/tenant/revenue", "revenue", tenant.revenue),
    _route("POST", "/v1/files/upload/image", "upload", files.upload),
    _route("POST", "/v1/files/upload/presign", "presign", files.presign),
    _route("POST", "/v1/files/upload/confirm", "confirm", files.confirm),
    _route("POST", "/v1/files/upload-url", "upload_url", files.upload_url),
    _route("GET", "/v1/files/upload/([^/]+)/status", "upload_status", files.upload_status),
    _route("PUT", "/put/([^/]+)", "put", files.put),
    _route("GET", "/outputs/../([0-9a-f]+)[.](?:png|mp4)", "result", files.output),
    _route("GET", "/inputs/([^/]+)", "result", files.input_file),
)
